import {
  abs,
  affine,
  clamp,
  div,
  erf,
  expm1,
  gelu,
  greater,
  hardsigmoid,
  hardswish,
  leakyRelu,
  less,
  minimum,
  mul,
  relu,
  sigmoid,
  softplus,
  square,
  tanh,
  where,
} from '../../graph/functions/elementwise.ts';
import type { Tensor } from '../../graph/tensor.ts';
import { align } from '../layout.ts';
import type { Operators } from '../operator.ts';
import { Value } from '../value.ts';
import { inFloats, ofFloats, ofNumbers } from './elementwise.ts';

/** x where it is positive, `below` of it elsewhere. */
const belowZero = (x: Tensor, below: (x: Tensor) => Tensor): Tensor =>
  where(greater(x, 0), x, below(minimum(x, 0)));

/** Activations: functions of each element. */
export const activations: Operators = {
  Celu: ofFloats((x, { attrs }) => {
    const alpha = attrs.float('alpha', 1);
    return belowZero(x, (low) => affine(expm1(affine(low, 1 / alpha)), alpha));
  }),
  Elu: ofFloats((x, { attrs }) => {
    const alpha = attrs.float('alpha', 1);
    return belowZero(x, (low) => affine(expm1(low), alpha));
  }),
  Erf: ofFloats((x) => erf(x)),
  Gelu: ofFloats((x, call) => {
    if (call.attrs.string('approximate', 'none') === 'none') return gelu(x);
    const inner = mul(x, affine(square(x), 0.044715 * Math.sqrt(2 / Math.PI), Math.sqrt(2 / Math.PI)));
    return mul(affine(x, 0.5), affine(tanh(inner), 1, 1));
  }),
  HardSigmoid: ofFloats((x, { attrs }) => {
    const [alpha, beta] = [attrs.float('alpha', 0.2), attrs.float('beta', 0.5)];
    // PyTorch's.
    if (alpha === Math.fround(1 / 6) && beta === 0.5) return hardsigmoid(x);
    return clamp(affine(x, alpha, beta), 0, 1);
  }),
  HardSwish: ofFloats((x) => hardswish(x)),
  LeakyRelu: ofFloats((x, { attrs }) => leakyRelu(x, attrs.float('alpha', 0.01))),
  Mish: ofFloats((x) => mul(x, tanh(softplus(x)))),
  PRelu: {
    weights: [1],
    run(call) {
      const x = call.input(0);
      // One slope for each channel may come without the dimensions after it.
      const slope = call.input(1);
      const perChannel = slope.rank === 1 && slope.size === x.shape[1] && slope.size !== x.shape.at(-1);
      const shape = [slope.size, ...x.shape.slice(2).map(() => 1)];
      const { tensors, order } = align([x, perChannel ? slope.reshaped(shape) : slope]);
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
  Shrink: ofNumbers((x, { attrs }) => {
    const [lambd, bias] = [attrs.float('lambd', 0.5), attrs.float('bias', 0)];
    return inFloats(x, (own) => {
      const below = where(less(own, -lambd), affine(own, 1, bias), 0);
      return where(greater(own, lambd), affine(own, 1, -bias), below);
    });
  }),
  Sigmoid: ofFloats((x) => sigmoid(x)),
  Softplus: ofFloats((x) => softplus(x)),
  Softsign: ofFloats((x) => div(x, affine(abs(x), 1, 1))),
  Tanh: ofFloats((x) => tanh(x)),
  ThresholdedRelu: ofFloats((x, { attrs }) => where(greater(x, attrs.float('alpha', 1)), x, 0)),
};
