import { ShapeError } from '../../errors.ts';
import { broadcastShapes, expectFloats, formatSpec } from '../../shape.ts';
import { defineKernel } from '../kernel.ts';
import { linearAlone, matmulAlone } from '../strategiesAlone.ts';
import { planAlone } from '../strategy.ts';

/**
 * A linear layer: `y[…, o] = bias[o] + sum over i of x[…, i] * weight[i, o]`. x: […, I]; weight: [I,O]; bias: [O];
 * y: […, O].
 */
export const linear = defineKernel({
  name: 'linear',
  inputs: ['x', 'weight'],
  optional: ['bias'],
  outputs: ['y'],
  infer({ x, weight, bias }, _attrs: object) {
    expectFloats('linear', { x, weight, bias });
    const features = x.shape.at(-1);
    if (weight.shape.length !== 2 || features !== weight.shape[0]) {
      throw new ShapeError(
        `linear: ${formatSpec('x', x)} ends in ${features} features, ${formatSpec('weight', weight)} must be [${features},O]`,
      );
    }
    const O = weight.shape[1]!;
    if (bias && (bias.shape.length !== 1 || bias.shape[0] !== O)) {
      throw new ShapeError(`linear: ${formatSpec('bias', bias)} must be [${O}]`);
    }
    return { y: { shape: [...x.shape.slice(0, -1), O], dtype: x.dtype } };
  },
  dispatches: (...given) => planAlone(linearAlone, ...given),
});

/**
 * Matrix products: `y[…, m, n] = sum over k of a[…, m, k] * b[…, k, n]`. a: […,M,K]; b: […,K,N]; the leading
 * dimensions broadcast. K = 0 gives zeros.
 */
export const matmul = defineKernel({
  name: 'matmul',
  inputs: ['a', 'b'],
  outputs: ['y'],
  infer({ a, b }, _attrs: object) {
    expectFloats('matmul', { a, b });
    if (a.shape.length < 2 || b.shape.length < 2 || a.shape.at(-1) !== b.shape.at(-2)) {
      throw new ShapeError(
        `matmul: ${formatSpec('a', a)} and ${formatSpec('b', b)} must be […,M,K] and […,K,N] with one K`,
      );
    }
    const batch = broadcastShapes('matmul', a.shape.slice(0, -2), b.shape.slice(0, -2));
    return { y: { shape: [...batch, a.shape.at(-2)!, b.shape.at(-1)!], dtype: a.dtype } };
  },
  dispatches: (...given) => planAlone(matmulAlone, ...given),
});
