import { ShapeError } from '../../errors.ts';
import {
  broadcastShapes,
  expectFloats,
  formatSpec,
  numel,
  type Shape,
  type TensorSpec,
} from '../../shape.ts';
import { type Dispatch, defineKernel } from '../kernel.ts';
import { expand } from '../shape/stridedCopy.ts';
import { gemmDispatch, matrixProblem } from './strategies/gemm.ts';

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
  dispatches(caps, { x, weight, bias }) {
    const [I, O] = weight.shape as [number, number];
    const problem = matrixProblem(numel(x.shape.slice(0, -1)), I, O, x.dtype);
    return { dispatches: [gemmDispatch(caps, problem, bias !== undefined)] };
  },
});

const matrixOf = (spec: TensorSpec): [batch: Shape, rows: number, columns: number] => [
  spec.shape.slice(0, -2),
  spec.shape.at(-2)!,
  spec.shape.at(-1)!,
];

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
  dispatches(caps, { a, b }, { y }) {
    const [batch, M, N] = matrixOf(y);
    const K = a.shape.at(-1)!;
    const count = numel(batch);
    const scratch: Record<string, number> = {};
    const before: Dispatch[] = [];
    const bind: Record<string, string> = { x: 'a', weight: 'b' };
    // One matrix b for all: the batch of a is only more rows.
    if (numel(b.shape.slice(0, -2)) === 1) {
      const whole = numel(a.shape.slice(0, -2)) === count;
      if (whole) {
        return {
          dispatches: [{ ...gemmDispatch(caps, matrixProblem(count * M, K, N, a.dtype), false), bind }],
        };
      }
    }
    const strideOf = (name: 'a' | 'b', spec: TensorSpec, variable: string, size: number): number => {
      const own = numel(spec.shape.slice(0, -2));
      if (own === count) return size;
      if (own === 1) return 0;
      const shape = [...batch, ...spec.shape.slice(-2)];
      const plan = expand.dispatches(caps, { x: spec }, { y: { shape, dtype: spec.dtype } }, { shape });
      scratch[`expanded_${name}`] = numel(shape) * 4;
      bind[variable] = `expanded_${name}`;
      before.push(
        ...plan.dispatches.map((dispatch) => ({ ...dispatch, bind: { x: name, y: `expanded_${name}` } })),
      );
      return size;
    };
    const strides = [strideOf('a', a, 'x', M * K), strideOf('b', b, 'weight', K * N), M * N] as const;
    const problem = { ...matrixProblem(M, K, N, a.dtype, count), batchStrides: strides };
    return { scratch, dispatches: [...before, { ...gemmDispatch(caps, problem, false), bind }] };
  },
});
