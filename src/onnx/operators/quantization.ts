import {
  add,
  affine,
  clamp,
  div,
  maximum,
  minimum,
  mul,
  round,
  sub,
} from '../../graph/functions/elementwise.ts';
import { amax, amin, matmul } from '../../graph/functions/reduce.ts';
import { cast } from '../../graph/functions/shape.ts';
import type { Tensor } from '../../graph/tensor.ts';
import { type OnnxType, RANGES } from '../dataTypes.ts';
import type { Call, Operators } from '../operator.ts';
import { Value } from '../value.ts';
import { convolved } from './convolution.ts';

/** A scale or zero point for each element of one axis of x, or one for all, ready to be broadcast, in ONNX's order. */
function perAxis(call: Call, x: Value, value: Value, axis: number): Tensor {
  const own = cast(value.tensor(), 'f32');
  if (value.size === 1) return own.reshape([]);
  if (value.rank !== 1) call.refuse('scales of blocks are not supported');
  if (value.size !== x.shape[axis])
    call.damaged(`${value.size} scales for ${x.shape[axis]} elements of axis ${axis}`);
  return own.reshape(x.shape.map((size, i) => (i === axis ? size : 1)));
}

/** (x - zero point) * scale, in f32. */
function dequantized(call: Call, x: Value, scale: Value, zero: Value | undefined, axis: number): Tensor {
  const own = cast(x.tensor(), 'f32');
  const moved = zero ? sub(own, perAxis(call, x, zero, axis)) : own;
  return mul(moved, perAxis(call, x, scale, axis));
}

/** round(x / scale) + zero point, limited to the type. x: floats in ONNX's order. */
function quantized(
  call: Call,
  x: Value,
  scale: Value,
  zero: Value | undefined,
  axis: number,
  type: OnnxType,
): Value {
  const range = RANGES[type];
  if (!range) return call.refuse(`to ${type} is not supported`);
  const whole = round(div(x.tensor(), perAxis(call, x, scale, axis)));
  const moved = zero ? add(whole, perAxis(call, x, zero, axis)) : whole;
  return Value.of(type, cast(clamp(moved, range[0], range[1]), 'i32'));
}

const axisOf = (call: Call, x: Value): number => {
  const axis = call.attrs.int('axis', 1);
  return x.rank === 0 || axis >= x.rank ? 0 : call.dim(axis, x.rank);
};

/** Integers less their zero points, as floats. `axis`: that of the zero points. */
const centred = (call: Call, x: Value, zero: Value | undefined, axis: number): Value => {
  const own = cast(x.tensor(), 'f32');
  return Value.of('float', zero ? sub(own, perAxis(call, x, zero, axis)) : own);
};

/** Quantised values, computed in f32: exact while sums stay below 2^24. */
export const quantization: Operators = {
  ConvInteger(call) {
    const [x, weight] = [call.input(0), call.input(1)];
    const own = centred(call, x, call.inputs[2], 1);
    const filter = centred(call, weight, call.inputs[3], 0);
    const y = convolved(call, own, filter, undefined, true);
    return Value.of('int32', cast(y.tensor(y.order), 'i32'), y.order);
  },
  DequantizeLinear(call) {
    const x = call.input(0);
    return Value.of(call.input(1).type, dequantized(call, x, call.input(1), call.inputs[2], axisOf(call, x)));
  },
  DynamicQuantizeLinear(call) {
    const x = call.input(0);
    const own = x.tensor();
    const [low, high] = [minimum(amin(own), 0), maximum(amax(own), 0)];
    const scale = div(sub(high, low), 255);
    const zero = clamp(round(div(affine(low, -1), scale)), 0, 255);
    const y = clamp(add(round(div(own, scale)), zero), 0, 255);
    return [
      Value.of('uint8', cast(y, 'i32')),
      Value.of('float', scale),
      Value.of('uint8', cast(zero, 'i32')),
    ];
  },
  MatMulInteger(call) {
    const [a, b] = [call.input(0), call.input(1)];
    const left = centred(call, a, call.inputs[2], a.rank - 2);
    const right = centred(call, b, call.inputs[3], b.rank - 1);
    return Value.of('int32', cast(matmul(left.tensor(), right.tensor()), 'i32'));
  },
  QLinearConv(call) {
    const [x, weight] = [call.input(0), call.input(3)];
    const own = Value.of('float', dequantized(call, x, call.input(1), call.input(2), 1));
    const filter = Value.of('float', dequantized(call, weight, call.input(4), call.input(5), 0));
    // The bias is in steps of both scales.
    const bias = call.inputs[8];
    const step = mul(
      call.input(1).tensor().reshape([]),
      call
        .input(4)
        .tensor()
        .reshape(call.input(4).size === 1 ? [] : [-1]),
    );
    const y = convolved(call, own, filter, bias && mul(cast(bias.tensor(), 'f32'), step));
    const type = call.input(7).type;
    return quantized(call, Value.of('float', y.tensor()), call.input(6), call.input(7), 1, type);
  },
  QLinearMatMul(call) {
    const [a, b] = [call.input(0), call.input(3)];
    const left = dequantized(call, a, call.input(1), call.input(2), a.rank - 2);
    const right = dequantized(call, b, call.input(4), call.input(5), b.rank - 1);
    const y = Value.of('float', matmul(left, right));
    return quantized(call, y, call.input(6), call.input(7), y.rank - 2, call.input(7).type);
  },
  QuantizeLinear(call) {
    const x = call.input(0);
    const zero = call.inputs[2];
    return quantized(call, x, call.input(1), zero, axisOf(call, x), zero?.type ?? 'uint8');
  },
};
