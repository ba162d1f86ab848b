// More than the service can do: what it answers then, what it sheds, and how soon it is itself again. Each phase asks
// at a multiple of the rate that saturates the service (RATE, requests a second of all classes together), single : bulk :
// plans by rate 20 : 2 : 1. No question is asked twice, so that no cache answers. ../cmd/load reads the summary.
import http from 'k6/http';
import { Counter, Trend } from 'k6/metrics';

const url = __ENV.HTTP_URL || 'http://127.0.0.1:8000';
const saturation = Number(__ENV.RATE || 400);
const quick = __ENV.QUICK === '1';
const seconds = Number(__ENV.SECONDS || 0) || (quick ? 5 : 20); // of each phase
const classes = { single: 20, bulk: 2, plan: 1 };
// The last phase begins two seconds after the overload ends: the service has to have recovered by then.
const phases = [['0.5', 0.5], ['1', 1], ['1.5', 1.5], ['2', 2], ['3', 3], ['after', 0.5]];
const pause = 2;

const asked = new Counter('asked');
const answered = new Counter('answered');
const shed = new Counter('shed');
const failed = new Counter('failed'); // neither answered nor shed
const took = new Trend('took', true); // of what was answered

const scenarios = {};
const thresholds = {};
let start = 0;
for (const [phase, times] of phases) {
  if (phase === 'after') start += pause;
  for (const [name, part] of Object.entries(classes)) {
    const rate = Math.max(1, Math.round((saturation * times * part * 10) / 23));
    const users = Math.ceil(Math.min(600, Math.max(10, rate / 10)));
    scenarios[`${name}_${phase.replace('.', '_')}`] = {
      executor: 'constant-arrival-rate', rate, timeUnit: '10s', duration: `${seconds}s`, startTime: `${start}s`, gracefulStop: '6s',
      preAllocatedVUs: users, maxVUs: 2 * users, exec: name, env: { PHASE: phase }, tags: { phase, class: name },
    };
    for (const metric of ['asked', 'answered', 'shed', 'failed', 'took']) thresholds[`${metric}{phase:${phase},class:${name}}`] = [];
    thresholds[`dropped_iterations{scenario:${name}_${phase.replace('.', '_')}}`] = [];
  }
  start += seconds;
}

export const options = {
  scenarios, thresholds, discardResponseBodies: true, userAgent: 'guardy-loadtest',
  summaryTrendStats: ['avg', 'med', 'p(95)', 'p(99)', 'max', 'count'],
};

const headers = { 'Content-Type': 'application/json' };
const u = Math.random;

const place = (explain) => `{"latitude":${(40 + 8 * u()).toFixed(4)},"longitude":${(-100 + 20 * u()).toFixed(4)},"rainfall_mm":${(u() * 120).toFixed(1)},`
  + `"temperature":${(u() * 25).toFixed(1)},"humidity":${(50 + u() * 50).toFixed(0)},"rainfall_7d_mean":${(u() * 20).toFixed(1)},"rainfall_30d_mean":${(u() * 9).toFixed(1)},"explain":${explain}}`;

function ask(name, path, body) {
  const tags = { phase: __ENV.PHASE, class: name };
  const res = http.post(url + path, body, { headers, tags, timeout: '10s' });
  asked.add(1, tags);
  if (res.status === 200) {
    answered.add(1, tags);
    took.add(res.timings.duration, tags);
  } else if (res.status === 503 && Number(res.headers['Retry-After']) >= 1) {
    shed.add(1, tags);
  } else {
    failed.add(1, tags);
  }
}

export function single() { ask('single', '/api/v1/predict/flood-risk', place(true)); }

export function bulk() {
  const locations = [];
  for (let i = 0; i < 100; i++) locations.push(place(false));
  ask('bulk', '/api/v1/predict/batch', `{"locations":[${locations.join(',')}]}`);
}

// The town of the fixture, unless PLAN_AT ("latitude,longitude") is in a region that the caller loaded; each time around
// another point and with another chance. PLAN is a JSON object of further fields.
const [latitude, longitude] = (__ENV.PLAN_AT || '44,-30').split(',').map(Number);
const further = JSON.parse(__ENV.PLAN || '{}');
export function plan() {
  ask('plan', '/api/v1/predict/evacuation-zones', JSON.stringify({
    latitude: latitude + 0.01 * (u() - 0.5), longitude: longitude + 0.01 * (u() - 0.5), flood_probability: u(), risk_level: 'extreme', zone_radii: [500, 1000, 2000], ...further,
  }));
}

export function handleSummary(data) {
  return {
    [__ENV.SUMMARY || 'results/summary.json']: JSON.stringify({
      metrics: data.metrics, state: data.state, overload: { rate: saturation, seconds, pause, phases: phases.map(([name, times]) => ({ name, times })) },
    }),
    stdout: '',
  };
}
