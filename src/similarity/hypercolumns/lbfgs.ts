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
/** A decrease below this share of the value cannot be seen: objectives are float64 sums of many f32 terms. */
const DIGITS = 2 ** -30;

const dot = (a: Float64Array, b: Float64Array): number => {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
};

const largest = (a: Float64Array): number => a.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

/**
 * Minimizes a smooth function by L-BFGS (Nocedal and Wright 2006, Numerical optimization, algorithm 7.5) with backtracking. It also ends where
 * the slope promises no decrease that the digits of the value could show.
 */
export async function minimize(
  objective: Objective,
  start: Float64Array,
  { maxIter, tol }: MinimizeOptions,
): Promise<Minimum> {
  let x = start;
  let { value, gradient } = await objective(x);
  const pairs: { readonly s: Float64Array; readonly y: Float64Array; readonly rho: number }[] = [];
  let iterations = 0;
  while (iterations < maxIter && largest(gradient) > tol) {
    const direction = descent(gradient, pairs);
    const slope = dot(gradient, direction);
    // The first direction is the bare gradient, whose length says nothing.
    let step = pairs.length === 0 ? Math.min(1, 1 / Math.sqrt(dot(gradient, gradient))) : 1;
    let next: { x: Float64Array; value: number; gradient: Float64Array } | undefined;
    while (!next && -slope * step > DIGITS * Math.abs(value)) {
      const there = x.map((at, i) => at + step * direction[i]!);
      const found = await objective(there);
      if (found.value <= value + ARMIJO * step * slope) next = { x: there, ...found };
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
  }
  return { x, value, iterations };
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
