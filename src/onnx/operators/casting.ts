import { clamp, maximum, minimum, notEqual } from '../../graph/functions/elementwise.ts';
import { cast } from '../../graph/functions/shape.ts';
import type { Tensor } from '../../graph/tensor.ts';
import { dtypeOf, isFloatType, type OnnxType, typeNamed } from '../dataTypes.ts';
import type { Call, Operators } from '../operator.ts';
import { Value } from '../value.ts';
import { saturated, wrapped } from './elementwise.ts';

/**
 * A value as another type: to bool what is not 0; floats to integers towards 0, what is beyond the range at its end; integers
 * to narrower ones by their low bits. Floats of all widths stay as they are.
 */
export function castTo(call: Call, x: Value, type: OnnxType): Value {
  dtypeOf(type, call.node.label);
  if (x.constant && isFloatType(x.type) === isFloatType(type) && type !== 'bool' && isFloatType(type)) {
    return Value.constant({ ...x.constant, type });
  }
  const own = x.tensor(x.order);
  return Value.of(type, converted(x.type, own, type), x.order);
}

function converted(from: OnnxType, x: Tensor, to: OnnxType): Tensor {
  if (to === from) return x;
  if (to === 'bool') return notEqual(x, 0);
  if (isFloatType(to)) return isFloatType(from) ? x : cast(x, 'f32');
  return isFloatType(from) ? saturated(to, cast(x, 'i32')) : wrapped(to, x);
}

/** x between two limits; where min is above max, all is max. */
function limited(x: Tensor, min: number, max: number): Tensor {
  if (x.dtype === 'f32') return clamp(x, Math.min(min, max), max);
  const above = Number.isFinite(min) ? maximum(x, Math.max(min, -(2 ** 31))) : x;
  return Number.isFinite(max) ? minimum(above, Math.min(max, 2 ** 31 - 1)) : above;
}

/** Other types and ranges. */
export const casting: Operators = {
  Cast: (call) => castTo(call, call.input(0), typeNamed(call.attrs.int('to'), call.node.label)),
  CastLike: (call) => castTo(call, call.input(0), call.input(1).type),
  Clip: {
    known: [1, 2],
    run(call) {
      const x = call.input(0);
      const [min, max] =
        call.opset < 11
          ? [
              call.attrs.float('min', Number.NEGATIVE_INFINITY),
              call.attrs.float('max', Number.POSITIVE_INFINITY),
            ]
          : [call.number(1, Number.NEGATIVE_INFINITY), call.number(2, Number.POSITIVE_INFINITY)];
      const own = x.tensor(x.order);
      return Value.of(x.type, limited(own, min, max), x.order);
    },
  },
};
