import type { Tensor } from '../../graph/tensor.ts';
import { isFloatType, type OnnxType } from '../dataTypes.ts';
import { align } from '../layout.ts';
import type { Call, Run } from '../operator.ts';
import { Value } from '../value.ts';

/** An operation on each element of floats, whatever order they are in. */
export const ofFloats =
  (compute: (x: Tensor, call: Call) => Tensor): Run =>
  (call) => {
    const x = call.input(0);
    if (!isFloatType(x.type)) call.refuse(`of ${x.type}; only floats are supported`);
    return Value.of(x.type, compute(x.tensor(x.order), call), x.order);
  };

/** An operation on each element of numbers, whatever order they are in. */
export const ofNumbers =
  (compute: (x: Tensor, call: Call) => Tensor): Run =>
  (call) => {
    const x = call.input(0);
    return Value.of(x.type, compute(x.tensor(x.order), call), x.order);
  };

/** An operation on pairs of elements, with NumPy's broadcasting. `result`: its type; default that of the first input. */
export const ofPairs =
  (compute: (a: Tensor, b: Tensor, call: Call) => Tensor, result?: OnnxType): Run =>
  (call) => {
    const values = [call.input(0), call.input(1)];
    const { tensors, order } = align(values);
    return Value.of(result ?? values[0]!.type, compute(tensors[0]!, tensors[1]!, call), order);
  };
