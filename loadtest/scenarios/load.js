// The load test. What it does is told by the environment, see ../README.md; ../cmd/load sets it.
import http from 'k6/http';
import exec from 'k6/execution';
import { check } from 'k6';
import { Rate, Trend } from 'k6/metrics';
import { endpoints } from '../lib/endpoints.js';
import { unlisted } from '../lib/fields.js';
import { chance, chooser } from '../lib/random.js';
import { due, executor, shapeOf } from '../lib/shapes.js';
import { limitsOf, thresholds } from '../lib/thresholds.js';

const name = __ENV.SCENARIO || 'smoke';
const transport = __ENV.TRANSPORT || 'http';
const urls = { http: __ENV.HTTP_URL || 'http://127.0.0.1:8000', connect: __ENV.CONNECT_URL || 'http://127.0.0.1:8081' };
const shape = shapeOf(name);
const { step, ...scenario } = executor(name, __ENV.QUICK === '1', Number(__ENV.SECONDS || 0));

const success = new Rate('success'); // answered, and every field is right
const cacheHits = new Trend('cache_hits'); // of each answer, the share that came from the cache

export const options = {
  scenarios: { [name]: scenario },
  thresholds: { ...(step ? stepThresholds() : thresholds(name, due(scenario), __ENV.BEHAVIOUR === '1')), ...perEndpoint() },
  summaryTrendStats: ['avg', 'med', 'p(95)', 'p(99)', 'max', 'count'],
  noConnectionReuse: false,
  discardResponseBodies: false,
  userAgent: 'guardy-loadtest',
};

// k6 keeps figures of a part of the requests only where a threshold, be it an empty one, names the part.
function perEndpoint() {
  const out = {};
  for (const e of Object.keys(endpoints)) {
    for (const metric of ['http_req_duration', 'success', 'cache_hits']) out[`${metric}{endpoint:${e}}`] = [];
  }
  return out;
}

// A breakpoint ends at the first step that breaks a limit, judged by the requests of that step.
function stepThresholds() {
  const limits = limitsOf(name);
  const out = {};
  for (let k = 1; k <= step.count; k++) {
    // A step is judged once half of it is over, or its first slow request would end the test.
    const judge = (threshold) => [{ threshold, abortOnFail: true, delayAbortEval: `${(k - 0.5) * step.seconds}s` }];
    out[`http_req_duration{step:${k}}`] = judge(`p(99)<${limits.p99_ms}`);
    out[`success{step:${k}}`] = judge(`rate>${limits.success}`);
  }
  return out;
}

// setup asks the service what it serves: what it does not serve is no part of the traffic, and the summary
// says so.
export function setup() {
  const paths = __ENV.SERVED ? null : Object.keys(http.get(`${urls.http}/openapi.json`).json('paths'));
  const wanted = shape.only || Object.keys(endpoints);
  const served = wanted.filter((e) => (paths ? paths.includes(endpoints[e].http) : __ENV.SERVED.split(',').includes(e)));
  if (served.length === 0) exec.test.abort('the service serves none of the operations');
  return { served, left: wanted.filter((e) => !served.includes(e)) };
}

const headers = { 'Content-Type': 'application/json' };
let choose;

export default function (data) {
  choose = choose || chooser(data.served.map((e) => endpoints[e].weight));
  const e = data.served[choose(chance())];
  const endpoint = endpoints[e];
  const asked = endpoint.ask(shape.sizes);
  const tags = { endpoint: e, name: e };
  if (step) tags.step = String(Math.min(step.count, Math.floor((Date.now() - exec.scenario.startTime) / 1000 / step.seconds) + 1));

  const res = transport === 'http' && endpoint.get
    ? http.get(urls.http + endpoint.http, { tags })
    : http.post(urls[transport] + endpoint[transport], asked.body || '{}', { headers, tags });

  const wrong = judged(res, endpoint, asked);
  success.add(wrong === '', tags);
  if (wrong !== '') check(res, { [`${e}: ${wrong}`]: () => false }, tags);
  if (endpoint.cached && wrong === '') cacheHits.add(hitShare(res.headers['Cache-Status']), tags);
}

// Where only behaviour is judged, every field of every answer is held to the list.
const everyField = __ENV.BEHAVIOUR === '1';

function judged(res, endpoint, asked) {
  if (res.status !== 200) return `status ${res.status} ${res.error_code || ''}`.trim();
  try {
    const wrong = endpoint.wrong(endpoint.raw ? res : JSON.parse(res.body), asked);
    if (wrong !== '' || !everyField || (transport === 'http' && endpoint.get)) return wrong;
    return unlisted(endpoint.connect.split('/').pop(), JSON.parse(res.body));
  } catch (e) {
    return `the answer cannot be read: ${e}`;
  }
}

// hitShare reads Cache-Status (RFC 9211): `guardy; hit; ttl=212`, or of a batch `detail="7 of 9 hit"`.
function hitShare(status) {
  if (!status) return 0;
  if (status.includes('; hit')) return 1;
  const part = /"(\d+) of (\d+) hit"/.exec(status);
  return part ? part[1] / part[2] : 0;
}

export function handleSummary(data) {
  return { [__ENV.SUMMARY || 'results/summary.json']: JSON.stringify({ ...data, scenario: name, transport, shape, step }), stdout: '' };
}
