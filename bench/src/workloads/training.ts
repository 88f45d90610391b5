import { backward } from '../../../src/graph/backward.ts';
import type { Tensor } from '../../../src/graph/tensor.ts';
import type { Module } from '../../../src/nn/module.ts';
import { SGD } from '../../../src/nn/optimizers.ts';
import type { Shape } from '../../../src/shape.ts';
import { numel } from '../../../src/shape.ts';
import { countNet } from '../networks/count.ts';
import type { Weights } from '../networks/layers.ts';
import type { Net } from '../networks/nets.ts';
import { TfjsLayers } from '../networks/tfjsLayers.ts';
import type { Tf, TfTensor } from '../peers/tfTypes.ts';
import type { TfjsWay } from '../workload.ts';

const LR = 0.01;
const MOMENTUM = 0.9;
/**
 * For the gradient of the first layer, which every error on the way reaches. MobileNetV2, 112, batch 1, against float64:
 * Fovea is off by 1e-4 of the largest value, tfjs by 1.7e-2 (its batch norm's gradient is a sum of three).
 */
export const GRADIENT_TOLERANCE = 4e-2;

/** Weights by name, as they are before any training. */
export const weightsOf = (module: Module): Weights =>
  new Map(
    module
      .namedStates()
      .map(([name, { spec, initial }]) => [name, { shape: spec.shape, data: initial as Float32Array }]),
  );

/** One step of gradient descent with momentum on a loss; returns it, and the gradient that passed through every layer. */
export function trainingStep(module: Module, loss: (...inputs: Tensor[]) => Tensor) {
  let optimizer: SGD | undefined;
  return {
    ours: (...inputs: Tensor[]) => {
      optimizer ??= new SGD(module.parameters(), { lr: LR, momentum: MOMENTUM });
      const value = loss(...inputs.map((input) => input.detach()));
      backward(value);
      const gradient = module.parameters()[0]!.tensor.grad!;
      optimizer.step();
      return { loss: value, gradient };
    },
  };
}

/** The same in tfjs. `first` names the first weight. */
export function tfjsTraining(
  module: Module,
  loss: (tf: Tf, layers: TfjsLayers, inputs: readonly TfTensor[]) => TfTensor,
  prepare: (tf: Tf, inputs: readonly TfTensor[]) => readonly TfTensor[] = (_, inputs) => inputs,
): TfjsWay {
  const weights = weightsOf(module);
  const [first] = [...module.namedParameters()].map(([name]) => name);
  return {
    note: 'without running statistics',
    settings: [{}, { WEBGPU_USE_NAIVE_CONV2D_TRANSPOSE: false }],
    make: (tf, inputs) => {
      const layers = new TfjsLayers(tf, weights, true);
      const optimizer = tf.train.momentum(LR, MOMENTUM);
      const given = prepare(tf, inputs);
      return () => {
        const { value, grads } = tf.variableGrads(() => loss(tf, layers, given), layers.variables);
        optimizer.applyGradients(grads);
        return [value, grads[first!]!];
      };
    },
  };
}

/** Bytes of an inference: weights, images and outputs, each once. Activations could stay on the chip. */
export const inferenceBytes = (net: Net, shape: Shape): number => {
  const { weights, outputs } = countNet(net, shape);
  return 4 * (weights + numel(shape) + outputs.reduce((sum, output) => sum + numel(output), 0));
};

/** Bytes of a training step: images, gradients, and weights and momentum read and written. */
export const trainingBytes = (net: Net, shape: Shape): number =>
  4 * (5 * countNet(net, shape).weights + numel(shape));
