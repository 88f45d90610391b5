import type { LocalResponseNormAttrs } from '../kernels/norm/localResponseNorm.ts';
import { type Reference, type RefTensor, refArray } from './reference.ts';

/** Visits every pair of an element of x [N, ..., C] and an element of its window. */
function eachPair(x: RefTensor, size: number, visit: (i: number, j: number) => void): void {
  const channels = x.shape.at(-1)!;
  for (let i = 0; i < x.data.length; i++) {
    const c = i % channels;
    const first = Math.max(c - Math.floor(size / 2), 0);
    const last = Math.min(c + Math.floor((size - 1) / 2), channels - 1);
    for (let other = first; other <= last; other++) visit(i, i - c + other);
  }
}

/** k + alpha / size * the sum of the squares in each element's window. */
function denominators(x: RefTensor, { size, alpha, k }: LocalResponseNormAttrs): Float64Array {
  const d = new Float64Array(x.data.length).fill(k);
  eachPair(x, size, (i, j) => {
    d[i]! += (alpha / size) * x.data[j]! ** 2;
  });
  return d;
}

export const localResponseNorm: Reference<'x', never, 'y', LocalResponseNormAttrs> = ({ x }, attrs) => ({
  y: denominators(x, attrs).map((d, i) => x.data[i]! / d ** attrs.beta),
});

export const localResponseNormBackward: Reference<'dy' | 'x', never, 'dx', LocalResponseNormAttrs> = (
  { dy, x },
  attrs,
  outputs,
) => {
  const { size, alpha, beta } = attrs;
  const d = denominators(x, attrs);
  const dx = refArray(outputs.dx);
  for (let i = 0; i < dx.length; i++) dx[i] = dy.data[i]! / d[i]! ** beta;
  // y[i] depends on x[j] by its denominator, too.
  eachPair(x, size, (i, j) => {
    const slope = -beta * x.data[i]! * d[i]! ** (-beta - 1) * ((2 * alpha) / size) * x.data[j]!;
    dx[j]! += dy.data[i]! * slope;
  });
  return { dx };
};
