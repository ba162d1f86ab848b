// What is expected of an answer. Each function returns what is wrong with it, or '' when nothing is: under
// load a wrong answer must not pass as a fast one.
import { chance } from './random.js';
import { horizons, radii } from './requests.js';

const levels = ['very_low', 'low', 'moderate', 'high', 'extreme'];
const levelOf = (score) => levels[Math.min(4, Math.floor(score / 20))];
const flags = [1, 2, 3, 4, 9];

const between = (v, low, high) => typeof v === 'number' && v >= low && v <= high;
const text = (v) => typeof v === 'string' && v !== '';

// first returns the first complaint whose condition does not hold.
function first(...expectations) {
  for (const [holds, complaint] of expectations) if (!holds) return complaint;
  return '';
}

function assessment(a, id) {
  const i = a.probability_interval || {};
  return first(
    [between(a.flood_probability, 0, 1), 'flood_probability is not within 0 and 1'],
    [between(a.risk_score, 0, 100), 'risk_score is not within 0 and 100'],
    [levelOf(a.risk_score) === a.risk_level, 'risk_level is not that of risk_score'],
    [between(a.confidence, 0, 1), 'confidence is not within 0 and 1'],
    [between(i.lower, 0, a.flood_probability) && between(i.upper, a.flood_probability, 1), 'the interval does not hold the probability'],
    [text(a.recommended_action) && text(a.model_version) && text(a.predicted_at), 'a field is missing'],
    [a.location_id === id, 'it answers another location'],
  );
}

// Equal questions to one model have equal answers, whichever came from the cache.
const answered = {};
export function floodRisk(a, asked) {
  const wrong = assessment(a, asked.id) || first([(a.top_contributing_factors || []).length > 0, 'the factors are missing']);
  if (wrong || asked.key === undefined) return wrong;
  const key = `${asked.key} ${a.model_digest}`;
  if (answered[key] === undefined) answered[key] = a.flood_probability;
  return first([answered[key] === a.flood_probability, 'the answer to an equal question differs']);
}

// batch checks the sums of every batch and, of one in four, every location: to read them all takes k6 several
// times as long as the service takes to make them. Where only behaviour is judged, every batch is read whole.
const wholeBatches = __ENV.BEHAVIOUR ? 1 : 0.25;
export function batch(res, asked) {
  const n = asked.ids.length;
  const body = res.body;
  const sums = JSON.parse(`{${body.slice(body.lastIndexOf('"total_locations"'))}`); // they come last
  const wrong = first(
    [sums.total_locations === n, 'the locations do not add up'],
    [sums.successful === n && sums.failed === 0, 'a location failed'],
    [text(sums.model_version) && between(sums.processing_time_ms, 0, 60000), 'a field is missing'],
    [between(sums.high_risk_count, 0, n), 'high_risk_count is not a count'],
  );
  return wrong || (chance() < wholeBatches ? locations(res, asked.ids, sums.high_risk_count) : '');
}

// locations reads the columns that it needs by k6's own selectors, which is cheaper than parsing the answer in
// JavaScript.
function locations(res, ids, highRiskCount) {
  const n = ids.length;
  const column = (name) => res.json(`predictions.#.${name}`);
  const level = column('risk_level');
  const score = column('risk_score');
  const columns = {
    index: column('index'), status: column('status'), id: column('location_id'), probability: column('flood_probability'),
    lower: column('probability_interval.lower'), upper: column('probability_interval.upper'), confidence: column('confidence'),
  };
  if (!Object.values(columns).every((c) => c.length === n)) return 'the locations do not add up';
  if (level.length !== n || score.length !== n) return 'a level is missing';
  const { index, status, id, probability, lower, upper, confidence } = columns;
  let high = 0;
  for (let k = 0; k < n; k++) {
    if (index[k] !== k || status[k] !== 'ok' || id[k] !== ids[k]) return `location ${k} is out of order or failed`;
    const p = probability[k];
    if (!(p >= 0 && p <= 1 && lower[k] >= 0 && lower[k] <= p && upper[k] >= p && upper[k] <= 1)) return `location ${k}: the interval does not hold the probability`;
    if (levelOf(score[k]) !== level[k] || !between(confidence[k], 0, 1)) return `location ${k}: the level is not that of the score`;
    if (score[k] >= 60) high++;
  }
  return first([highRiskCount === high, 'high_risk_count is not the count']);
}

export function nowcast(a, asked) {
  const items = a.predictions || [];
  const wrong = first(
    [items.length === horizons.length, 'a horizon is missing'],
    [a.sequence_length === asked.readings, 'sequence_length is not that of the question'],
    [['rising', 'falling', 'steady'].includes(a.trend), 'the trend is none'],
    [typeof a.early_warning === 'boolean' && text(a.model_version) && text(a.predicted_at), 'a field is missing'],
  );
  if (wrong) return wrong;
  let most = 0;
  for (let k = 0; k < items.length; k++) {
    const p = items[k];
    const q = p.quantiles || {};
    const bad = first(
      [p.hours_ahead === horizons[k], 'it is another horizon'],
      [between(p.flood_probability, 0, 1) && between(p.confidence, 0, 1), 'a probability is not within 0 and 1'],
      [q.p10 <= q.p25 && q.p25 <= q.p50 && q.p50 <= q.p75 && q.p75 <= q.p90, 'the quantiles are out of order'],
    );
    if (bad) return `horizon ${k}: ${bad}`;
    most = Math.max(most, p.flood_probability);
  }
  return first([a.max_risk_probability === most, 'max_risk_probability is not the largest']);
}

export function anomaly(a) {
  const features = Object.values(a.flags || {});
  return first(
    [typeof a.is_anomaly === 'boolean' && between(a.anomaly_score, 0, 1), 'anomaly_score is not within 0 and 1'],
    [['normal', 'low', 'medium', 'high'].includes(a.severity), 'the severity is none'],
    [['none', 'new', 'ongoing', 'cleared'].includes(a.alarm), 'the alarm is none'],
    [between(a.confidence, 0, 1) && text(a.model_version) && text(a.detected_at), 'a field is missing'],
    [features.length > 0 && features.every((f) => Object.values(f).every((v) => flags.includes(v))), 'the flags are not those of QARTOD'],
  );
}

export function evacuation(a) {
  const zones = a.zones || [];
  return first(
    [zones.length === radii.length, 'a zone is missing'],
    [zones.every((z, k) => z.radius_meters === radii[k] && between(z.estimated_affected, 0, 1e9)), 'a zone is not the one that was asked for'],
    [text((a.plan || {}).status) && text(a.generated_at), 'a field is missing'],
    [(a.geojson || {}).type === 'FeatureCollection', 'the GeoJSON is none'],
  );
}

export function status(a) {
  return first([(a.models || []).length > 0 && a.models.every((m) => m.loaded && text(m.version)), 'a model is not loaded']);
}

export function metrics(a) {
  const cache = a.cache_metrics || (a.stats || {}).cache || {};
  return first([between(cache.hit_rate, 0, 1) && cache.hits >= 0 && cache.misses >= 0, 'the hit rate is not within 0 and 1']);
}
