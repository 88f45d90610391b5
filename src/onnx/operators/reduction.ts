import { abs, div, log, sqrt, square, sub } from '../../graph/functions/elementwise.ts';
import {
  amax,
  amin,
  argmax,
  argmin,
  cumsum,
  logSoftmax,
  logsumexp,
  mean,
  prod,
  type ReduceOptions,
  softmax,
  sum,
  topk,
} from '../../graph/functions/reduce.ts';
import { cast, flip, oneHot, pad, permute, slice } from '../../graph/functions/shape.ts';
import type { Tensor } from '../../graph/tensor.ts';
import { numel } from '../../shape.ts';
import { placeOf } from '../layout.ts';
import type { Call, Operators, Run } from '../operator.ts';
import { natural, Value } from '../value.ts';
import { wrapped } from './elementwise.ts';

type Reduce = (x: Tensor, options: ReduceOptions) => Tensor;

/** The axes of a reduction: an attribute at first and an input from `inputSince` on. Undefined: the input as it is. */
function axesOf(call: Call, x: Value, inputSince: number): readonly number[] | undefined {
  const { attrs } = call;
  const given = call.opset >= inputSince ? (call.optionalNumbers(1) ?? []) : attrs.ints('axes', []);
  if (given.length > 0) return given.map((axis) => call.dim(axis, x.rank));
  return attrs.int('noop_with_empty_axes', 0) === 1 ? undefined : natural(x.rank);
}

const reduced = (compute: Reduce, inputSince = 18): { known: number[]; run: Run } => ({
  known: [1],
  run(call) {
    const x = call.input(0);
    const axes = axesOf(call, x, inputSince);
    if (!axes) return x;
    const own = x.tensor(x.order);
    const dims = axes.map((axis) => placeOf(x.order, axis));
    const y =
      axes.length === 0
        ? compute(own.reshape([...own.shape, 1]), { dim: -1 })
        : compute(own, { dim: dims, keepdim: true });
    const kept = Value.of(x.type, wrapped(x.type, y), x.order);
    const keepdim = call.attrs.int('keepdims', 1) === 1;
    return keepdim ? kept : kept.reshaped(x.shape.filter((_, axis) => !axes.includes(axis)));
  },
});

/** The largest or the smallest of integers, of which there is no reduction: the first in order. */
function extreme(x: Tensor, { dim }: ReduceOptions, largest: boolean): Tensor {
  const dims = typeof dim === 'number' ? [dim < 0 ? dim + x.shape.length : dim] : (dim ?? []);
  const others = natural(x.shape.length).filter((i) => !dims.includes(i));
  const sizes = others.map((i) => x.shape[i]!);
  const count = numel(dims.map((i) => x.shape[i]!));
  const rows = permute(x, [...others, ...dims]).reshape([...sizes, count]);
  const kept = x.shape.map((size, i) => (dims.includes(i) ? 1 : size));
  return topk(rows, 1, { largest }).values.reshape(kept);
}

const largest: Reduce = (x, options) => (x.dtype === 'i32' ? extreme(x, options, true) : amax(x, options));
const smallest: Reduce = (x, options) => (x.dtype === 'i32' ? extreme(x, options, false) : amin(x, options));

const average: Reduce = (x, options) => {
  if (x.dtype !== 'i32') return mean(x, options);
  const total = sum(x, options);
  return div(total, x.size / Math.max(total.size, 1));
};

/** In float, of integers truncated. */
const viaFloat =
  (compute: Reduce): Reduce =>
  (x, options) =>
    cast(compute(cast(x, 'f32'), options), x.dtype);

/** Softmax and its like: over one axis from opset 13 on, before that over all from `axis` on together. */
const normalized =
  (compute: (x: Tensor, dim?: number) => Tensor): Run =>
  (call) => {
    const x = call.input(0);
    const axis = call.dim(call.attrs.int('axis', call.opset < 13 ? 1 : -1), x.rank);
    if (call.opset >= 13 || axis === x.rank - 1) {
      return Value.of(x.type, compute(x.tensor(x.order), placeOf(x.order, axis)), x.order);
    }
    const rows = x.tensor().reshape([numel(x.shape.slice(0, axis)), numel(x.shape.slice(axis))]);
    return Value.of(x.type, compute(rows).reshape(x.shape));
  };

/** 1 at the first maximum, 0 elsewhere. */
function hardmax(x: Tensor, dim = -1): Tensor {
  const rank = x.shape.length;
  const d = dim < 0 ? dim + rank : dim;
  const hot = oneHot(argmax(x, { dim: d }), x.shape[d]!);
  const order = [...natural(rank - 1).slice(0, d), rank - 1, ...natural(rank - 1).slice(d)];
  return d === rank - 1 ? hot : permute(hot, order);
}

/** Where the maximum or minimum is along an axis. */
const place =
  (find: typeof argmax): Run =>
  (call) => {
    const x = call.input(0);
    const { attrs } = call;
    const axis = call.dim(attrs.int('axis', 0), x.rank);
    const dim = placeOf(x.order, axis);
    const last = attrs.int('select_last_index', 0) === 1;
    const own = x.tensor(x.order);
    const found = find(last ? flip(own, [dim]) : own, { dim, keepdim: true });
    const y = last ? sub(x.shape[axis]! - 1, found) : found;
    const kept = Value.of('int64', y, x.order);
    if (attrs.int('keepdims', 1) === 1) return kept;
    return kept.reshaped(x.shape.filter((_, i) => i !== axis));
  };

/** Running sums; `exclusive`: of those before each. */
function runningSums(x: Tensor, dim: number, exclusive: boolean, reverse: boolean): Tensor {
  if (reverse) return flip(runningSums(flip(x, [dim]), dim, exclusive, false), [dim]);
  const sums = cumsum(x, dim);
  if (!exclusive) return sums;
  const moved = pad(
    sums,
    sums.shape.map((_, i) => (i === dim ? [1, 0] : [0, 0])),
  );
  return slice(
    moved,
    moved.shape.map((_, i) => (i === dim ? [0, -1] : [])),
  );
}

/** Reductions, and operations along an axis. */
export const reduction: Operators = {
  ArgMax: place(argmax),
  ArgMin: place(argmin),
  CumSum: {
    known: [1],
    run(call) {
      const x = call.input(0);
      const dim = placeOf(x.order, call.dim(call.number(1), x.rank));
      const [exclusive, reverse] = ['exclusive', 'reverse'].map((name) => call.attrs.int(name, 0) === 1);
      return Value.of(x.type, runningSums(x.tensor(x.order), dim, exclusive!, reverse!), x.order);
    },
  },
  Hardmax: normalized(hardmax),
  LogSoftmax: normalized(logSoftmax),
  ReduceL1: reduced((x, options) => sum(abs(x), options)),
  ReduceL2: reduced(viaFloat((x, options) => sqrt(sum(square(x), options)))),
  ReduceLogSum: reduced(viaFloat((x, options) => log(sum(x, options)))),
  ReduceLogSumExp: reduced(viaFloat(logsumexp)),
  ReduceMax: reduced(largest),
  ReduceMean: reduced(average),
  ReduceMin: reduced(smallest),
  ReduceProd: reduced(prod),
  ReduceSum: reduced(sum, 13),
  ReduceSumSquare: reduced((x, options) => sum(square(x), options)),
  Softmax: normalized(softmax),
  TopK: {
    known: [1],
    run(call) {
      const x = call.input(0);
      const { attrs } = call;
      const k = call.opset < 10 ? attrs.int('k') : call.number(1);
      const dim = placeOf(x.order, call.dim(attrs.int('axis', -1), x.rank));
      const found = topk(x.tensor(x.order), k, { dim, largest: attrs.int('largest', 1) === 1 });
      return [Value.of(x.type, found.values, x.order), Value.of('int64', found.indices, x.order)];
    },
  },
};
