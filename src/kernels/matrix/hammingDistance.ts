import { ShapeError } from '../../errors.ts';
import { expectDType, expectRank, formatSpec, numel } from '../../shape.ts';
import hammingDistanceShader from '../../wgsl/matrix/hamming_distance.wgsl';
import { defineKernel } from '../kernel.ts';

/**
 * `y[n, m] = popcount(a[n] xor b[m])`: the bits in which two bit strings differ, for all pairs. a: i32
 * [N, W], b: i32 [M, W], 32 bits a word (the sign bit is a bit like the others) -> y: i32 [N, M]. Throws
 * ShapeError where the widths differ.
 */
export const hammingDistance = defineKernel({
  name: 'hamming_distance',
  inputs: ['a', 'b'],
  outputs: ['y'],
  infer({ a, b }, _attrs: object) {
    for (const [name, spec] of Object.entries({ a, b })) {
      expectDType('hamming_distance', name, spec, 'i32');
      expectRank('hamming_distance', name, spec, 2, '[rows, words]');
    }
    if (a.shape[1] !== b.shape[1]) {
      throw new ShapeError(
        `hamming_distance: a has ${a.shape[1]} words a row, b has ${b.shape[1]} (${formatSpec('a', a)}, ${formatSpec('b', b)}); hashes must be of one length`,
      );
    }
    return { y: { shape: [a.shape[0]!, b.shape[0]!], dtype: 'i32' } };
  },
  dispatches(_caps, { a, b }, { y }) {
    const total = numel(y.shape);
    const params = { total, count: b.shape[0]!, width: a.shape[1]! };
    return { dispatches: [{ shader: hammingDistanceShader, params, grid: total }] };
  },
});
