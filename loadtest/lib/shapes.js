// The scenarios. A user is a client with a connection of its own that asks so many times a second, whether
// or not the service keeps up: a closed loop would slow down with the service and hide what a user sees.
// Requests that come due while all users wait for an answer are not sent, and a threshold counts them.
const perUser = Number(__ENV.RATE || 4);

// stages are [share of the duration, users at its end].
const shapes = {
  smoke: { users: 2, duration: 30, quick: 5, stages: [[1, 2]], perUser: 20 },
  normal: { users: 50, duration: 300, quick: 35, stages: [[1, 50]] },
  stress: { users: 200, from: 50, duration: 300, quick: 40, stages: [[0.2, 200], [0.7, 200], [0.1, 50]] },
  spike: { users: 500, from: 50, duration: 180, quick: 40, stages: [[0.3, 50], [0.02, 500], [0.36, 500], [0.02, 50], [0.3, 50]] },
  soak: { users: 100, duration: 3600, quick: 60, stages: [[1, 100]] },
  // A user of large batches asks for the next one every ten seconds.
  batch: { users: 100, duration: 300, quick: 35, stages: [[1, 100]], perUser: 0.1, only: ['batch'], sizes: [100, Number(__ENV.MAX_BATCH || 100)] },
  breakpoint: { users: 500, duration: 20 * 20, quick: 20 * 5, steps: 20 },
};

export function shapeOf(name) {
  const shape = shapes[name];
  if (!shape) throw new Error(`there is no scenario "${name}"; known are ${Object.keys(shapes).join(', ')}`);
  return { sizes: [10, 50], ...shape };
}

// due is how many requests come due in a scenario.
export function due({ startRate, stages }) {
  let from = startRate;
  let sum = 0;
  for (const { duration, target } of stages) {
    sum += ((from + target) / 2 / 10) * parseInt(duration, 10);
    from = target;
  }
  return sum;
}

const rounded = (perSecond) => Math.max(1, Math.round(perSecond * 10));

// executor returns k6's scenario and, for a breakpoint, the rate of each step.
export function executor(name, quick, seconds) {
  const shape = shapeOf(name);
  const duration = seconds || (quick ? shape.quick : shape.duration);
  const rate = shape.perUser || perUser;
  const common = {
    executor: 'ramping-arrival-rate', timeUnit: '10s', preAllocatedVUs: shape.users, maxVUs: shape.users, gracefulStop: '10s',
  };
  if (!shape.steps) {
    return {
      ...common, startRate: rounded(rate * (shape.from || shape.users)),
      stages: shape.stages.map(([share, users]) => ({ duration: `${Math.max(1, Math.round(share * duration))}s`, target: rounded(rate * users) })),
    };
  }
  const step = Number(__ENV.STEP || 500);
  const stages = [];
  for (let k = 1; k <= shape.steps; k++) {
    stages.push({ duration: '1s', target: rounded(k * step) }, { duration: `${duration / shape.steps - 1}s`, target: rounded(k * step) });
  }
  return { ...common, startRate: 1, stages, step: { rate: step, seconds: duration / shape.steps, count: shape.steps } };
}
