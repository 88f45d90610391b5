import { elu, mish } from '../graph/functions/activations.ts';
import {
  abs,
  affine,
  clamp,
  div,
  exp,
  expm1,
  gelu,
  greater,
  leakyRelu,
  minimum,
  mul,
  relu,
  relu6,
  sigmoid,
  silu,
  softplus,
  tanh,
  where,
} from '../graph/functions/elementwise.ts';
import { logSoftmax, softmax } from '../graph/functions/reduce.ts';
import type { Tensor } from '../graph/tensor.ts';

const ALPHA = 1.6732632423543772;
const SCALE = 1.0507009873554805;

/** SELU (Klambauer et al. 2017). */
export const selu = (x: Tensor): Tensor =>
  affine(where(greater(x, 0), x, affine(expm1(minimum(x, 0)), ALPHA)), SCALE);

/** x where positive, else slope x; slope broadcasts to x. */
export const sloped = (x: Tensor, slope: Tensor): Tensor => where(greater(x, 0), x, mul(x, slope));

const hardSigmoid = (x: Tensor): Tensor => clamp(affine(x, 0.2, 0.5), 0, 1);
const softsign = (x: Tensor): Tensor => div(x, affine(abs(x), 1, 1));

/** Keras' activations by name, as TensorFlow.js computes them. */
export const activations: Readonly<Record<string, (x: Tensor) => Tensor>> = {
  linear: (x) => x,
  elu: (x) => elu(x),
  exponential: exp,
  gelu,
  hardSigmoid,
  hard_sigmoid: hardSigmoid,
  // Keras' default slope.
  leaky_relu: (x) => leakyRelu(x, 0.2),
  logSoftmax: (x) => logSoftmax(x),
  log_softmax: (x) => logSoftmax(x),
  mish,
  relu,
  relu6,
  selu,
  sigmoid,
  silu,
  softmax: (x) => softmax(x),
  softplus,
  softsign,
  swish: silu,
  tanh,
};
