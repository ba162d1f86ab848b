// thresholds.json in k6's words. A limit that is null there does not apply to that scenario, and the file
// says why.
const file = JSON.parse(open('../thresholds.json'));

const expressions = {
  average_ms: (v) => ['http_req_duration', `avg<${v}`],
  p95_ms: (v) => ['http_req_duration', `p(95)<${v}`],
  p99_ms: (v) => ['http_req_duration', `p(99)<${v}`],
  success: (v) => ['success', `rate>${v}`],
  hit_rate: (v) => ['cache_hits', `avg>${v}`],
  sent: (v, due) => ['dropped_iterations', `count<=${Math.floor(due * (1 - v))}`],
};

// Those that do not depend on how fast the machine is.
const behaviour = ['success'];

export function limitsOf(scenario) {
  return { ...file.default, ...(file.scenarios || {})[scenario] };
}

// thresholds returns those of a scenario in which so many requests come due.
export function thresholds(scenario, due, behaviourOnly) {
  const out = {};
  for (const [name, value] of Object.entries(limitsOf(scenario))) {
    if (!expressions[name] || value === null || (behaviourOnly && !behaviour.includes(name))) continue;
    const [metric, expression] = expressions[name](value, due);
    out[metric] = [...(out[metric] || []), expression];
  }
  return out;
}
