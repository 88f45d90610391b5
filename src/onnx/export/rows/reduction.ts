import type { Call, Outputs } from '../call.ts';
import { isFixed } from '../sizes.ts';
import type { Rows } from './types.ts';

/** A reduction of x, whose dimensions are an input from an opset on. */
function reduced(
  call: Call<{ readonly dims: readonly number[]; readonly keepdim: boolean }>,
  op: string,
  inputSince: number,
): Outputs {
  const { dims, keepdim } = call.attrs;
  const order = call.order('x');
  const axes = dims.map((dim) => order.indexOf(dim)).sort((a, b) => a - b);
  const x = call.name('x', order);
  if (axes.length === 0) return { y: { name: call.emit('Identity', [x]), order } };
  const keepdims = Number(keepdim);
  const y =
    call.writer.opset >= inputSince
      ? call.emit(op, [x, call.writer.ints(axes)], { keepdims })
      : call.emit(op, [x], { axes, keepdims });
  const kept = keepdim ? order : order.filter((axis) => !dims.includes(axis));
  // The numbers of the dimensions that are left.
  const left = [...kept].sort((a, b) => a - b);
  return { y: { name: y, order: kept.map((axis) => left.indexOf(axis)) } };
}

/** Along the last dimension, wherever it is. */
function alongLast(call: Call<object>, op: string): Outputs {
  const order = call.order('x');
  const axis = order.indexOf(order.length - 1);
  return { y: { name: call.emit(op, [call.name('x', order)], { axis }), order } };
}

/** The greatest or least elements of the last dimension, in order. */
function best(call: Call<object>, k: number, largest: boolean): Outputs {
  const [values, indices] = call.many(
    'TopK',
    [call.name('x'), call.writer.ints([k])],
    { axis: -1, largest: Number(largest), sorted: 1 },
    2,
  );
  return { values: values!, indices: call.cast(indices!, 'int32') };
}

/** Reductions and sorting. */
export const reduction: Rows<
  'sum' | 'amax' | 'prod' | 'cumsum' | 'cumprod' | 'argmax' | 'softmax' | 'log_softmax' | 'sort' | 'topk'
> = {
  sum(call) {
    if (call.attrs.dtype && call.input('x').dtype !== call.attrs.dtype) {
      call.refuse('of f16 in f32 has no ONNX form; cast it first');
    }
    return reduced(call, 'ReduceSum', 13);
  },
  amax: (call) => reduced(call, 'ReduceMax', 18),
  prod: (call) => reduced(call, 'ReduceProd', 18),
  cumsum(call) {
    const { dim, reverse } = call.attrs;
    const axis = call.number(dim, 'i32');
    return { y: call.emit('CumSum', [call.name('x'), axis], { reverse: Number(reverse ?? false) }) };
  },
  cumprod: null,
  argmax(call) {
    const order = call.order('x');
    const axis = order.indexOf(order.length - 1);
    const found = call.emit('ArgMax', [call.name('x', order)], { axis, keepdims: 0 });
    return { y: { name: call.cast(found, 'int32'), order: order.filter((_, i) => i !== axis) } };
  },
  softmax: (call) => alongLast(call, 'Softmax'),
  log_softmax: (call) => alongLast(call, 'LogSoftmax'),
  sort(call) {
    const n = call.sizes('x').at(-1)!;
    if (!isFixed(n)) call.refuse('the last dimension grows with the number of images');
    return best(call, Number(n), call.attrs.descending ?? false);
  },
  topk: (call) => best(call, call.attrs.k, call.attrs.largest ?? true),
};
