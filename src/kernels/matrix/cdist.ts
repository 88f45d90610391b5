import { ShapeError } from '../../errors.ts';
import { expectFloats, expectRank, formatSpec } from '../../shape.ts';
import { defineKernel } from '../kernel.ts';
import { cdistAlone } from '../strategiesAlone.ts';
import { planAlone } from '../strategy.ts';

/** Attributes of `cdist`. */
export interface CdistAttrs {
  /** 2: Euclidean distances. 1: sums of absolute differences. Default 2. */
  readonly p?: 1 | 2;
}

/**
 * `y[n, m] = (Σ |a[n, d] - b[m, d]|^p)^(1/p)`: the distances of all pairs of rows (torch.cdist), Euclidean for p = 2, Manhattan
 * for p = 1. a: [N, D], b: [M, D], f32 or f16 -> y: [N, M]. Sums in f32, of differences: close rows keep their digits, and a
 * row is at distance 0 from itself. Throws ShapeError where the widths differ, and for another p.
 */
export const cdist = defineKernel({
  name: 'cdist',
  inputs: ['a', 'b'],
  outputs: ['y'],
  attributes: ['p'],
  infer({ a, b }, { p = 2 }: CdistAttrs) {
    expectFloats('cdist', { a, b });
    for (const [name, spec] of Object.entries({ a, b })) expectRank('cdist', name, spec, 2, '[rows, values]');
    if (a.shape[1] !== b.shape[1]) {
      throw new ShapeError(`cdist: ${formatSpec('a', a)} and ${formatSpec('b', b)} differ in columns`);
    }
    if (p !== 1 && p !== 2) throw new ShapeError(`cdist: p is ${p}; give 1 or 2`);
    return { y: { shape: [a.shape[0]!, b.shape[0]!], dtype: a.dtype } };
  },
  dispatches: (...given) => planAlone(cdistAlone, ...given),
});
