// chance is even on [0, 1), by a small generator (mulberry32) of each virtual user's own. Math.random
// cannot be seeded, and a run should be repeatable: the seed and the user's number tell what is asked.
let state;
export function chance() {
  if (state === undefined) state = Math.imul(Number(__ENV.SEED || 1) + 0x9e3779b9, __VU);
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), state | 1);
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
}

// chooser picks an index with the given weights.
export function chooser(weights) {
  let sum = 0;
  const upTo = weights.map((w) => (sum += w));
  return function (u) {
    const at = u * sum;
    let low = 0;
    let high = upTo.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (upTo[middle] > at) high = middle;
      else low = middle + 1;
    }
    return low;
  };
}

// zipf picks among n places of which the k-th most popular is asked for 1/k as often as the first.
export function zipf(n) {
  return chooser(Array.from({ length: n }, (_, i) => 1 / (i + 1)));
}
