import { BAND, type BandSystem, BETWEEN } from './mattingLaplacian.ts';

/** What is added to the diagonal, as a share of it, until the factorisation exists. Twice as much takes a third more steps, so they are close. */
const SHIFTS = [0, 1e-3, 2e-3, 3e-3, 5e-3, 7e-3, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1, 0.3, 1, 10];
/** Rows between two rests. */
const ROWS = 4096;

/**
 * The incomplete Cholesky factor U of a symmetric matrix A ~ U^T U, with entries where A has some (Meijerink and van der Vorst 1977). The matting
 * Laplacian is no M-matrix, so that a pivot may turn negative: the diagonal is then enlarged (Manteuffel 1980).
 */
function* incompleteCholesky({ values, neighbours, right }: BandSystem): Generator<void, Float64Array> {
  const n = right.length;
  for (const shift of SHIFTS) {
    const factor = values.slice();
    for (let i = 0; i < n * BAND; i += BAND) factor[i]! *= 1 + shift;
    let row = 0;
    for (; row < n; row++) {
      if (row % ROWS === 0) yield;
      const at = row * BAND;
      // Rounding leaves nothing of a smaller pivot.
      if (!(factor[at]! > 1e-12 * values[at]!)) break;
      const pivot = Math.sqrt(factor[at]!);
      factor[at] = pivot;
      for (let s = 1; s < BAND; s++) factor[at + s]! /= pivot;
      for (let s = 1; s < BAND; s++) {
        const other = neighbours[at + s]!;
        if (other === n) continue;
        const [value, between] = [factor[at + s]!, BETWEEN[s]!];
        for (let t = s; t < BAND; t++) {
          const slot = between[t]!;
          if (slot >= 0 && neighbours[at + t]! < n) factor[other * BAND + slot]! -= value * factor[at + t]!;
        }
      }
    }
    if (row === n) return factor;
  }
  // Jacobi: the diagonal alone.
  const factor = new Float64Array(values.length);
  for (let i = 0; i < n * BAND; i += BAND) factor[i] = Math.sqrt(values[i]!);
  return factor;
}

// Vectors have one more element at the end, which is 0, for neighbours that are not unknown: so there is no branch.

/** z = A x. */
function multiply(
  { values, neighbours, right: { length: n } }: BandSystem,
  x: Float64Array,
  z: Float64Array,
): void {
  z.fill(0);
  for (let i = 0, at = 0; i < n; i++) {
    const own = x[i]!;
    let sum = values[at++]! * own;
    for (let s = 1; s < BAND; s++, at++) {
      const [j, value] = [neighbours[at]!, values[at]!];
      sum += value * x[j]!;
      z[j]! += value * own;
    }
    z[i]! += sum;
  }
  z[n] = 0;
}

/** Solves U^T U z = r. */
function precondition(factor: Float64Array, neighbours: Int32Array, r: Float64Array, z: Float64Array): void {
  z.set(r);
  const n = z.length - 1;
  for (let i = 0, at = 0; i < n; i++) {
    const value = z[i]! / factor[at++]!;
    z[i] = value;
    for (let s = 1; s < BAND; s++, at++) z[neighbours[at]!]! -= factor[at]! * value;
  }
  z[n] = 0;
  for (let i = n - 1; i >= 0; i--) {
    const at = i * BAND;
    let value = z[i]!;
    for (let s = 1; s < BAND; s++) value -= factor[at + s]! * z[neighbours[at + s]!]!;
    z[i] = value / factor[at]!;
  }
}

const dot = (a: Float64Array, b: Float64Array): number => {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
};

type Vectors = [Float64Array, Float64Array, Float64Array, Float64Array];

/** How exactly a system is solved. */
export interface SolveOptions {
  /** The norm of what is left over, as a share of that of the right side, at which to stop. */
  readonly rtol: number;
  /** The most steps. */
  readonly maxIterations: number;
}

/**
 * Solves a system by conjugate gradients, preconditioned by an incomplete Cholesky factor (Saad 2003, "Iterative methods for sparse linear systems",
 * algorithm 9.1). A generator: it rests between steps.
 *
 * @param x Where it starts; becomes the solution.
 * @returns The number of steps.
 */
export function* conjugateGradient(
  system: BandSystem,
  x: Float64Array,
  { rtol, maxIterations }: SolveOptions,
): Generator<void, number> {
  const { right, neighbours } = system;
  const factor = yield* incompleteCholesky(system);
  const n = right.length;
  const [r, z, product, own] = Array.from({ length: 4 }, () => new Float64Array(n + 1)) as Vectors;
  own.set(x);
  multiply(system, own, product);
  for (let i = 0; i < n; i++) r[i] = right[i]! - product[i]!;
  precondition(factor, neighbours, r, z);
  const direction = z.slice();
  let rest = dot(r, z);
  const least = rtol * Math.sqrt(dot(right, right));
  let step = 0;
  for (; step < maxIterations && Math.sqrt(dot(r, r)) > least; step++) {
    yield;
    multiply(system, direction, product);
    const length = rest / dot(direction, product);
    for (let i = 0; i < n; i++) {
      own[i]! += length * direction[i]!;
      r[i]! -= length * product[i]!;
    }
    precondition(factor, neighbours, r, z);
    const next = dot(r, z);
    for (let i = 0; i < n; i++) direction[i] = z[i]! + (next / rest) * direction[i]!;
    rest = next;
  }
  x.set(own.subarray(0, n));
  return step;
}
