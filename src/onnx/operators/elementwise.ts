import { add, maximum, minimum, remainder, sub } from '../../graph/functions/elementwise.ts';
import { cast } from '../../graph/functions/shape.ts';
import type { Tensor } from '../../graph/tensor.ts';
import { isFloatType, type OnnxType, RANGES } from '../dataTypes.ts';
import { align } from '../layout.ts';
import type { Call, Run } from '../operator.ts';
import { Value } from '../value.ts';

/** The range of an integer type of fewer than 32 bits: its values are kept in it. */
function narrowRange(type: OnnxType): readonly [number, number] | undefined {
  const range = RANGES[type];
  return range && range[1] - range[0] < 2 ** 16 ? range : undefined;
}

/** Integers beyond their type's range as its bits wrap around. Floats, and types of 32 bits and more, as they are. */
export function wrapped(type: OnnxType, x: Tensor): Tensor {
  const range = narrowRange(type);
  if (!range || x.dtype !== 'i32') return x;
  const [low, high] = range;
  const moved = low === 0 ? x : sub(x, low);
  const rest = remainder(moved, high - low + 1);
  return low === 0 ? rest : add(rest, low);
}

/** Integers beyond their type's range at its nearest end. */
export function saturated(type: OnnxType, x: Tensor): Tensor {
  const range = narrowRange(type);
  const [low, high] = range ?? (type.startsWith('u') ? [0, undefined] : [undefined, undefined]);
  const above = low === undefined ? x : maximum(x, low);
  return high === undefined ? above : minimum(above, high);
}

/** An operation that takes floats alone, of integers too: exact up to 2^24. */
export const inFloats = (x: Tensor, compute: (x: Tensor) => Tensor): Tensor =>
  x.dtype === 'f32' ? compute(x) : cast(compute(cast(x, 'f32')), x.dtype);

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
  (compute: (x: Tensor, call: Call) => Tensor, result?: OnnxType): Run =>
  (call) => {
    const x = call.input(0);
    const type = result ?? x.type;
    return Value.of(type, wrapped(type, compute(x.tensor(x.order), call)), x.order);
  };

/** The second of two inputs. Before opset 7 an attribute says at which dimension of the first it begins. */
function placed(call: Call): Value {
  const [a, b] = [call.input(0), call.input(1)];
  if (call.opset >= 7 || !call.attrs.has('axis') || a.rank <= b.rank) return b;
  const after = a.rank - call.dim(call.attrs.int('axis'), a.rank) - b.rank;
  if (after < 0) call.damaged(`axis ${call.attrs.int('axis')} leaves no room for rank ${b.rank}`);
  return b.reshaped([...b.shape, ...new Array<number>(after).fill(1)]);
}

/** An operation on pairs of elements, with NumPy's broadcasting. `result`: its type; default that of the first input. */
export const ofPairs =
  (compute: (a: Tensor, b: Tensor, call: Call) => Tensor, result?: OnnxType): Run =>
  (call) => {
    const values = [call.input(0), placed(call)];
    const { tensors, order } = align(values);
    const type = result ?? values[0]!.type;
    return Value.of(type, wrapped(type, compute(tensors[0]!, tensors[1]!, call)), order);
  };
