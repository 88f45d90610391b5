import { elu } from '../../graph/functions/activations.ts';
import {
  add,
  affine,
  clamp,
  greaterEqual,
  leakyRelu,
  maximum,
  minimum,
  mul,
  relu,
  sub,
  where,
} from '../../graph/functions/elementwise.ts';
import { softmax } from '../../graph/functions/reduce.ts';
import { concat } from '../../graph/functions/shape.ts';
import { type Tensor, tensor } from '../../graph/tensor.ts';
import { Dropout, Dropout2d } from '../../nn/dropout.ts';
import { sloped } from '../activations.ts';
import { type BuildLayer, type Layer, one } from './layer.ts';

/** Does nothing: noise that is there in training only. */
const nothing: BuildLayer = () => one((x) => x);

/** Layers of several tensors of one rank, elementwise. */
const merged =
  (
    combine: (a: Tensor, b: Tensor) => Tensor,
    finish: (x: Tensor, count: number) => Tensor = (x) => x,
  ): BuildLayer =>
  (layer) =>
  (inputs) => {
    if (inputs.some(({ shape }) => shape.length !== inputs[0]!.shape.length)) {
      layer.refuse('of tensors of different ranks is not supported');
    }
    return finish(inputs.reduce(combine), inputs.length);
  };

const difference =
  (layer: Layer) =>
  (inputs: readonly Tensor[]): Tensor =>
    inputs.length === 2
      ? sub(inputs[0]!, inputs[1]!)
      : layer.damaged(`takes 2 tensors, gets ${inputs.length}`);

/** Keras' ReLU: slope (x - threshold) below the threshold, x above it, and at most maxValue. */
const limitedRelu: BuildLayer = (layer) => {
  const most = layer.optionalNumber('max_value');
  const slope = layer.number('negative_slope', 0);
  const threshold = layer.number('threshold', 0);
  return one((x) => {
    const below = affine(x, slope, -slope * threshold);
    const y =
      threshold !== 0
        ? where(greaterEqual(x, threshold), x, below)
        : slope === 0
          ? relu(x)
          : where(greaterEqual(x, 0), x, below);
    return most === undefined ? y : clamp(y, Number.NEGATIVE_INFINITY, most);
  });
};

const dropout =
  (Kind: typeof Dropout): BuildLayer =>
  (layer) => {
    const rate = layer.number('rate', 0.5);
    if (rate < 0 || rate > 1) layer.damaged(`rate ${rate} is not from 0 to 1`);
    const module = layer.hold(new Kind(rate));
    return one((x) => module.forward(x));
  };

/** A factor or shift: one number, or one for each channel. */
function numbersOf(layer: Layer, key: string, fallback: number): number | Tensor {
  const value = layer.get(key);
  if (!Array.isArray(value)) return layer.number(key, fallback);
  if (!value.every(Number.isFinite)) layer.damaged(`${key} is not a list of numbers`);
  return tensor(Float32Array.from(value as number[]));
}

/** Activations, sums and their like, dropout. */
export const elementwise: Readonly<Record<string, BuildLayer>> = {
  Activation: (layer) => one(layer.activation()),
  Add: merged(add),
  AlphaDropout: nothing,
  Average: merged(add, (total, count) => affine(total, 1 / count)),
  Concatenate(layer) {
    const axis = layer.number('axis', -1);
    return (inputs) => concat(inputs, axis);
  },
  Dropout: dropout(Dropout),
  ELU(layer) {
    const alpha = layer.number('alpha', 1);
    return one((x) => elu(x, alpha));
  },
  GaussianDropout: nothing,
  GaussianNoise: nothing,
  LeakyReLU(layer) {
    const slope = layer.number(layer.get('alpha') === undefined ? 'negative_slope' : 'alpha', 0.3);
    return one((x) => leakyRelu(x, slope));
  },
  Maximum: merged(maximum),
  Minimum: merged(minimum),
  Multiply: merged(mul),
  PReLU(layer) {
    const slope = layer.weight('alpha').tensor;
    return one((x) => sloped(x, slope));
  },
  ReLU: limitedRelu,
  Rescaling(layer) {
    const [scale, offset] = [numbersOf(layer, 'scale', 1), numbersOf(layer, 'offset', 0)];
    if (typeof scale === 'number' && typeof offset === 'number') return one((x) => affine(x, scale, offset));
    return one((x) => add(mul(x, scale), offset));
  },
  Softmax(layer) {
    const axis = layer.number('axis', -1);
    return one((x) => softmax(x, axis));
  },
  SpatialDropout2D: dropout(Dropout2d),
  Subtract: difference,
};
