/** A function of many numbers, and its gradient there. */
export type Objective = (
  x: Float64Array,
) => Promise<{ readonly value: number; readonly gradient: Float64Array }>;

/** When `minimize` ends. */
export interface MinimizeOptions {
  /** Steps at most. */
  readonly maxIter: number;
  /** It ends where no derivative is larger. */
  readonly tol: number;
}

/** What `minimize` found. */
export interface Minimum {
  readonly x: Float64Array;
  readonly value: number;
  /** The steps that were taken. */
  readonly iterations: number;
}

/** How many steps back the curvature is taken from (scipy's maxcor, PyTorch's history_size is 100). */
const MEMORY = 10;
/** The share of the decrease that the slope promises which a step must have (Nocedal and Wright 2006, §3.1). */
const ARMIJO = 1e-4;
/** Values that differ by less than this share of them are not told apart, as their terms are f32 (epsilon of Hager and Zhang 2005). */
const NOISE = 1e-6;
/** Where values are not told apart, a step must not end on a rise above this share of the slope that it began with (their 1 - 2 delta). */
const RISE = 0.8;
/** A step is halved so many times at most. */
const HALVINGS = 30;
/** It ends after so many steps without a lower value or a smaller gradient. */
const PATIENCE = 20;

const dot = (a: Float64Array, b: Float64Array): number => {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
};

const largest = (a: Float64Array): number => a.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

/**
 * Minimizes a smooth function by L-BFGS (Nocedal and Wright 2006, Numerical optimization, algorithm 7.5) with backtracking. Near the minimum the
 * digits of the values run out long before those of the gradients do; there the slope says whether a step is good (the approximate Wolfe
 * condition of Hager and Zhang 2005, A new conjugate gradient method with guaranteed descent, (4.1)). It ends where no derivative is above
 * `tol`, or where rounding lets nothing get better.
 */
export async function minimize(
  objective: Objective,
  start: Float64Array,
  { maxIter, tol }: MinimizeOptions,
): Promise<Minimum> {
  let x = start;
  let { value, gradient } = await objective(x);
  let best = { x, value, gradient };
  const pairs: { readonly s: Float64Array; readonly y: Float64Array; readonly rho: number }[] = [];
  let [iterations, stalled] = [0, 0];
  while (iterations < maxIter && stalled < PATIENCE && largest(gradient) > tol) {
    const direction = descent(gradient, pairs);
    const slope = dot(gradient, direction);
    // The first direction is the bare gradient, whose length says nothing.
    let step = pairs.length === 0 ? Math.min(1, 1 / Math.sqrt(dot(gradient, gradient))) : 1;
    let next: typeof best | undefined;
    for (let halvings = 0; !next && slope < 0 && halvings <= HALVINGS; halvings++) {
      const there = x.map((at, i) => at + step * direction[i]!);
      const found = await objective(there);
      const lower = found.value <= value + ARMIJO * step * slope;
      const alike = found.value <= value + NOISE * Math.abs(value);
      if (lower || (alike && dot(found.gradient, direction) <= -RISE * slope)) next = { x: there, ...found };
      step /= 2;
    }
    if (!next) {
      // Old curvature may mislead; without it, there is no way down.
      if (pairs.length === 0) break;
      pairs.length = 0;
      continue;
    }
    iterations++;
    const s = next.x.map((at, i) => at - x[i]!);
    const y = next.gradient.map((slopeThere, i) => slopeThere - gradient[i]!);
    const curvature = dot(s, y);
    if (curvature > 1e-10 * dot(y, y)) pairs.push({ s, y, rho: 1 / curvature });
    if (pairs.length > MEMORY) pairs.shift();
    ({ x, value, gradient } = next);
    const noise = NOISE * Math.abs(best.value);
    const better =
      value < best.value - noise ||
      (value <= best.value + noise && largest(gradient) < largest(best.gradient));
    if (better) best = next;
    stalled = better ? 0 : stalled + 1;
  }
  return { x: best.x, value: best.value, iterations };
}

/** The direction down: minus the gradient times what the pairs tell of the inverse of the curvature. */
function descent(
  gradient: Float64Array,
  pairs: readonly { readonly s: Float64Array; readonly y: Float64Array; readonly rho: number }[],
): Float64Array {
  const q = gradient.map((value) => -value);
  const add = (to: Float64Array, from: Float64Array, factor: number) => {
    for (let i = 0; i < to.length; i++) to[i]! += factor * from[i]!;
  };
  const alphas = pairs.map(() => 0);
  for (let k = pairs.length - 1; k >= 0; k--) {
    const { s, y, rho } = pairs[k]!;
    alphas[k] = rho * dot(s, q);
    add(q, y, -alphas[k]!);
  }
  const last = pairs.at(-1);
  if (last) {
    const scale = dot(last.s, last.y) / dot(last.y, last.y);
    for (let i = 0; i < q.length; i++) q[i]! *= scale;
  }
  for (const [k, { s, y, rho }] of pairs.entries()) add(q, s, alphas[k]! - rho * dot(y, q));
  return q;
}
