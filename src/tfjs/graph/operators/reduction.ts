import { einsum } from '../../../graph/functions/einsum.ts';
import { add, notEqual } from '../../../graph/functions/elementwise.ts';
import {
  amax,
  amin,
  argmax,
  argmin,
  cumsum,
  linear,
  logSoftmax,
  matmul,
  mean,
  prod,
  type ReduceOptions,
  softmax,
  sum,
  topk,
} from '../../../graph/functions/reduce.ts';
import { cast, permute } from '../../../graph/functions/shape.ts';
import type { Tensor } from '../../../graph/tensor.ts';
import type { Call, Operator, Operators } from '../operator.ts';
import { fused } from './images.ts';

type Reduce = (x: Tensor, options: ReduceOptions) => Tensor;

const reduced = (compute: Reduce): Operator => ({
  known: [1],
  run(call) {
    const x = call.input(0);
    const dim = call.numbers(1).map((axis) => call.axis(axis, x.shape.length));
    // No axes are none, not all.
    return dim.length === 0 ? x : compute(x, { dim, keepdim: call.attrs.flag('keep_dims') });
  },
});

/** In float, of integers exact up to 2^24. */
const viaFloat =
  (compute: Reduce): Reduce =>
  (x, options) =>
    cast(compute(cast(x, 'f32'), options), x.dtype);

/** Whether any or all are not 0. */
const logical =
  (compute: Reduce): Reduce =>
  (x, options) =>
    cast(compute(cast(notEqual(x, 0), 'f32'), options), 'i32');

const place = (find: typeof argmax): Operator => ({
  known: [1],
  run(call) {
    const x = call.input(0);
    return find(cast(x, 'f32'), { dim: call.axis(call.number(1), x.shape.length) });
  },
});

/** The last two dimensions changed, where an attribute says so. */
function turned(call: Call, index: 0 | 1, attribute: string): Tensor {
  const x = call.input(index);
  if (!call.attrs.flag(attribute)) return x;
  const dims = x.shape.map((_, i) => i);
  return permute(x, [...dims.slice(0, -2), dims.at(-1)!, dims.at(-2)!]);
}

function product(call: Call, bias: Tensor | undefined): Tensor {
  const [a, b] = [turned(call, 0, 'transpose_a'), turned(call, 1, 'transpose_b')];
  if (bias && bias.shape.length !== 1) return add(linear(a, b), bias);
  return linear(a, b, bias);
}

const batched = (call: Call): Tensor => matmul(turned(call, 0, 'adj_x'), turned(call, 1, 'adj_y'));

/** Reductions, and matrix products. */
export const reduction: Operators = {
  All: reduced(logical(amin)),
  Any: reduced(logical(amax)),
  ArgMax: place(argmax),
  ArgMin: place(argmin),
  BatchMatMul: batched,
  BatchMatMulV2: batched,
  Cumsum: {
    known: [1],
    run(call) {
      if (call.attrs.flag('exclusive') || call.attrs.flag('reverse'))
        call.refuse('exclusive and reverse are not supported');
      return cumsum(call.input(0), call.number(1));
    },
  },
  Einsum: (call) => einsum(call.attrs.string('equation', ''), ...call.inputs),
  LogSoftmax: (call) => logSoftmax(call.input(0)),
  MatMul: (call) => product(call, undefined),
  Max: reduced(viaFloat(amax)),
  Mean: reduced(mean),
  Min: reduced(viaFloat(amin)),
  Prod: reduced(prod),
  Softmax: (call) => softmax(call.input(0)),
  Sum: reduced(sum),
  TopKV2: {
    known: [1],
    run(call) {
      const { values, indices } = topk(call.input(0), call.number(1));
      return [values, indices];
    },
  },
  _FusedMatMul: (call) => fused(call, (bias) => product(call, bias)),
};
