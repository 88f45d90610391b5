import { backward } from '../../../src/graph/backward.ts';
import type { Tensor } from '../../../src/graph/tensor.ts';
import type { Module } from '../../../src/nn/module.ts';
import { SGD } from '../../../src/nn/optimizers.ts';
import type { Shape } from '../../../src/shape.ts';
import { numel } from '../../../src/shape.ts';
import { countNet } from '../networks/count.ts';
import { JaxLayers, jaxWeights } from '../networks/jaxLayers.ts';
import type { Weights } from '../networks/layers.ts';
import type { Net } from '../networks/nets.ts';
import { TfjsLayers } from '../networks/tfjsLayers.ts';
import type { Jax, JaxArray } from '../peers/jaxTypes.ts';
import type { Tf, TfTensor } from '../peers/tfTypes.ts';
import type { JaxWay, Layout, TfjsWay } from '../workload.ts';

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

/** The same in jax-js. `prepare` gives what the loss needs besides the inputs, from their values. */
export function jaxTraining(
  module: Module,
  loss: (jax: Jax, layers: JaxLayers, inputs: readonly JaxArray[]) => JaxArray,
  prepare: NonNullable<JaxWay['state']> = () => [],
): JaxWay {
  const weights = new Map([...weightsOf(module)].filter(([name]) => !name.includes('running_')));
  const names = [...weights.keys()];
  const [first] = [...module.namedParameters()].map(([name]) => name);
  return {
    note: 'without running statistics',
    outputs: ['plain', 'filter'],
    state: (values) => {
      const parameters = jaxWeights(weights);
      const still = parameters.map(({ data, shape }) => ({ data: new Float32Array(data.length), shape }));
      return [...parameters, ...still, ...prepare(values)];
    },
    fn: (jax, inputs, state) => {
      const { np } = jax;
      const count = names.length;
      const prepared = state.slice(2 * count);
      const [value, gradients] = jax.valueAndGrads(
        (parameters) => {
          const given = new Map(names.map((name, i) => [name, parameters[i]!]));
          return loss(jax, new JaxLayers(jax, given, true), [...inputs, ...prepared]);
        },
        state.slice(0, count),
      );
      const momentum = gradients.map((g, i) => np.add(np.multiply(state[count + i]!, MOMENTUM), g));
      const parameters = momentum.map((m, i) => np.subtract(state[i]!, np.multiply(m, LR)));
      return {
        outputs: [value, gradients[names.indexOf(first!)]!],
        state: [...parameters, ...momentum, ...prepared],
      };
    },
  };
}

/** A network's inference in jax-js. */
export const jaxInference = (net: Net, weights: Weights, output: Layout): JaxWay => ({
  outputs: [output],
  state: () => jaxWeights(weights),
  fn: (jax, [x], state) => {
    const given = new Map([...weights.keys()].map((name, i) => [name, state[i]!]));
    return { outputs: net(new JaxLayers(jax, given, false), x!) };
  },
});

/** Bytes of an inference: weights, images and outputs, each once. Activations could stay on the chip. */
export const inferenceBytes = (net: Net, shape: Shape): number => {
  const { weights, outputs } = countNet(net, shape);
  return 4 * (weights + numel(shape) + outputs.reduce((sum, output) => sum + numel(output), 0));
};

/** Bytes of a training step: images, gradients, and weights and momentum read and written. */
export const trainingBytes = (net: Net, shape: Shape): number =>
  4 * (5 * countNet(net, shape).weights + numel(shape));
