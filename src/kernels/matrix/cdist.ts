import { ShapeError } from '../../errors.ts';
import { expectFloats, expectRank, formatSpec } from '../../shape.ts';
import { defineKernel } from '../kernel.ts';
import { cdistStrategies } from '../strategiesAlone.ts';
import { planAlone } from '../strategy.ts';

/**
 * `y[n, m] = sqrt(Σ (a[n, d] - b[m, d])²)`: the Euclidean distances of all pairs of rows (torch.cdist with p 2). a: [N, D],
 * b: [M, D], f32 or f16 -> y: [N, M]. Sums in f32, of differences: close rows keep their digits, and a row is at distance 0
 * from itself. Throws ShapeError where the widths differ.
 */
export const cdist = defineKernel({
  name: 'cdist',
  inputs: ['a', 'b'],
  outputs: ['y'],
  infer({ a, b }, _attrs: object) {
    expectFloats('cdist', { a, b });
    for (const [name, spec] of Object.entries({ a, b })) expectRank('cdist', name, spec, 2, '[rows, values]');
    if (a.shape[1] !== b.shape[1]) {
      throw new ShapeError(`cdist: ${formatSpec('a', a)} and ${formatSpec('b', b)} differ in columns`);
    }
    return { y: { shape: [a.shape[0]!, b.shape[0]!], dtype: a.dtype } };
  },
  dispatches: (...given) => planAlone(cdistStrategies, ...given),
});
