import {
  affine,
  clamp,
  erf,
  expm1,
  gelu,
  greater,
  hardswish,
  leakyRelu,
  minimum,
  mul,
  relu,
  sigmoid,
  softplus,
  tanh,
  where,
} from '../../graph/functions/elementwise.ts';
import type { Tensor } from '../../graph/tensor.ts';
import { align } from '../layout.ts';
import type { Operators } from '../operator.ts';
import { Value } from '../value.ts';
import { ofFloats } from './elementwise.ts';

/** x where it is positive, `below` of it elsewhere. */
const belowZero = (x: Tensor, below: (x: Tensor) => Tensor): Tensor =>
  where(greater(x, 0), x, below(minimum(x, 0)));

/** Activations: functions of each element. */
export const activations: Operators = {
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
      // Where min is above max, all is max.
      return Value.of(x.type, clamp(x.tensor(x.order), Math.min(min, max), max), x.order);
    },
  },
  Elu: ofFloats((x, { attrs }) => {
    const alpha = attrs.float('alpha', 1);
    return belowZero(x, (low) => affine(expm1(low), alpha));
  }),
  Erf: ofFloats((x) => erf(x)),
  Gelu: ofFloats((x, call) => {
    if (call.attrs.string('approximate', 'none') === 'none') return gelu(x);
    return call.refuse('approximate "tanh" is not supported');
  }),
  HardSigmoid: ofFloats((x, { attrs }) =>
    clamp(affine(x, attrs.float('alpha', 0.2), attrs.float('beta', 0.5)), 0, 1),
  ),
  HardSwish: ofFloats((x) => hardswish(x)),
  LeakyRelu: ofFloats((x, { attrs }) => leakyRelu(x, attrs.float('alpha', 0.01))),
  PRelu: {
    weights: [1],
    run(call) {
      const x = call.input(0);
      const { tensors, order } = align([x, call.input(1)]);
      return Value.of(
        x.type,
        belowZero(tensors[0]!, (low) => mul(low, tensors[1]!)),
        order,
      );
    },
  },
  Relu: ofFloats((x) => relu(x)),
  Selu: ofFloats((x, { attrs }) => {
    const alpha = attrs.float('alpha', 1.6732632423543772);
    const gamma = attrs.float('gamma', 1.0507009873554805);
    return affine(
      belowZero(x, (low) => affine(expm1(low), alpha)),
      gamma,
    );
  }),
  Sigmoid: ofFloats((x) => sigmoid(x)),
  Softplus: ofFloats((x) => softplus(x)),
  Tanh: ofFloats((x) => tanh(x)),
};
