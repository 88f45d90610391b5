import { amax, logSoftmax, mean, softmax, sum } from '../../graph/functions/reduce.ts';
import type { Tensor } from '../../graph/tensor.ts';
import { numel } from '../../shape.ts';
import { placeOf } from '../layout.ts';
import type { Operators, Run } from '../operator.ts';
import { natural, Value } from '../value.ts';

/** A reduction over `axes`, an attribute at first and an input from `inputSince` on. */
const reduced = (compute: typeof sum, inputSince: number): { known: number[]; run: Run } => ({
  known: [1],
  run(call) {
    const x = call.input(0);
    const { attrs } = call;
    const given = call.opset >= inputSince ? (call.optionalNumbers(1) ?? []) : attrs.ints('axes', []);
    if (given.length === 0 && attrs.int('noop_with_empty_axes', 0) === 1) return x;
    const axes = given.length === 0 ? natural(x.rank) : given.map((axis) => call.dim(axis, x.rank));
    const keepdim = attrs.int('keepdims', 1) === 1;
    const dims = axes.map((axis) => placeOf(x.order, axis));
    const y = compute(x.tensor(x.order), { dim: dims, keepdim: true });
    const kept = Value.of(x.type, y, x.order);
    return keepdim ? kept : kept.reshaped(x.shape.filter((_, axis) => !axes.includes(axis)));
  },
});

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

/** Reductions. */
export const reduction: Operators = {
  LogSoftmax: normalized(logSoftmax),
  ReduceMax: reduced(amax, 18),
  ReduceMean: reduced(mean, 18),
  ReduceSum: reduced(sum, 13),
  Softmax: normalized(softmax),
};
