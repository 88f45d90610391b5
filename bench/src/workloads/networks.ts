import { crossEntropy } from '../../../src/graph/functions/losses.ts';
import type { Tensor } from '../../../src/graph/tensor.ts';
import { UNet } from '../../../src/models/unet.ts';
import type { Module } from '../../../src/nn/module.ts';
import type { Shape } from '../../../src/shape.ts';
import { numel } from '../../../src/shape.ts';
import { countNet } from '../networks/count.ts';
import { FoveaLayers } from '../networks/foveaLayers.ts';
import { MEAN, STD } from '../networks/layers.ts';
import { mobilenet, type Net, resnet18, unet } from '../networks/nets.ts';
import { OnnxLayers } from '../networks/onnxLayers.ts';
import { TfjsLayers } from '../networks/tfjsLayers.ts';
import { type Input, type Layout, type Row, type Sizes, unknown, type Workload } from '../workload.ts';
import { jaxCrossEntropy } from './losses.ts';
import { retinanetRows } from './retinanet.ts';
import {
  GRADIENT_TOLERANCE,
  inferenceBytes,
  jaxInference,
  jaxTraining,
  tfjsTraining,
  trainingBytes,
  trainingStep,
  weightsOf,
} from './training.ts';

/** A network in all libraries: Fovea's own model, and the same written over the layers that each library has. */
export interface Model {
  readonly module: Module;
  readonly forward: (images: Tensor) => Tensor;
  readonly net: Net;
}

const images = (shape: Shape): Input => ({ shape, layout: 'image' });

/** Seen against its own backend for WebAssembly, and against ours. */
const JAX_DEPTHWISE =
  'jax-js 0.1.25 computes a wrong gradient of depthwise convolutions of stride 2 on WebGPU';

function inference(name: string, shape: Shape, make: () => Model, output: Layout): Row {
  const full = `${name} ${shape[1]}, inference, batch ${shape[0]}`;
  return {
    name: full,
    make: (): Workload => {
      const { module, forward, net } = make();
      const weights = weightsOf(module);
      module.eval();
      return {
        name: full,
        inputs: [images(shape)],
        flops: countNet(net, shape).flops,
        bytes: inferenceBytes(net, shape),
        tolerance: 1e-3,
        ours: (x) => ({ y: forward(x!) }),
        tfjs: {
          make: (tf, [x]) => {
            const layers = new TfjsLayers(tf, weights, false);
            return () => net(layers, x!);
          },
        },
        ort: {
          outputs: [output],
          make: (graph, [x]) => net(new OnnxLayers(graph, weights), x!),
        },
        jax: jaxInference(net, weights, output),
      };
    },
  };
}

/** Cross-entropy against a class for each image or pixel. */
function training(
  name: string,
  shape: Shape,
  labels: Shape,
  classes: number,
  make: () => Model,
  jaxFails?: string,
): Row {
  const full = `${name} ${shape[1]}, training step, batch ${shape[0]}`;
  const targets: Input = {
    shape: labels,
    values: (random) => Int32Array.from({ length: numel(labels) }, () => Math.floor(random() * classes)),
  };
  return {
    name: full,
    make: (): Workload => {
      const { module, forward, net } = make();
      return {
        name: full,
        inputs: [images(shape), targets],
        // As much again to the inputs, and to the weights.
        flops: 3 * countNet(net, shape).flops,
        bytes: trainingBytes(net, shape),
        tolerance: GRADIENT_TOLERANCE,
        ...trainingStep(module, (x, target) => crossEntropy(forward(x!), target!)),
        tfjs: tfjsTraining(
          module,
          (tf, layers, [x, onehot]) => {
            const [logits] = net(layers, x!);
            return tf.losses.softmaxCrossEntropy(onehot!, tf.reshape(logits!, [-1, classes]));
          },
          (tf, [x, target]) => [x!, tf.cast(tf.oneHot(tf.reshape(target!, [-1]), classes), 'float32')],
        ),
        ort: 'onnxruntime has no training',
        jax:
          jaxFails ??
          jaxTraining(module, (jax, layers, [x, target]) => {
            const [logits] = net(layers, x!);
            const { np } = jax;
            const last = logits!.shape.length === 4 ? np.transpose(logits!, [0, 2, 3, 1]) : logits!;
            return jaxCrossEntropy(jax, np.reshape(last, [-1, classes]), np.reshape(target!, [-1]), classes);
          }),
      };
    },
  };
}

/** A network of Fovea's layers: they are made on the way through. */
function layered(net: Net, size: number): Model {
  const module = new FoveaLayers();
  const forward = (x: Tensor) => net(module, x)[0]!;
  forward(unknown([1, size, size, 3]));
  return { module, forward, net };
}

function ownUnet(classes: number): Model {
  const shape = { width: 32, depth: 4 };
  const normalization = { mean: MEAN, std: STD };
  const module = new UNet({ ...shape, numClasses: classes, norm: 'batch', normalization, seed: 0 });
  return { module, forward: (x) => module.forward(x), net: unet({ ...shape, classes }) };
}

export function networkRows(sizes: Sizes): Row[] {
  const { quick, slow } = sizes;
  const batch = quick ? 1 : 4;
  // At 64 MobileNetV2's last batch norms see four pixels, and tfjs's gradient of them has no digits left.
  const classifiers = [
    ['ResNet-18', resnet18, slow ? 64 : quick ? 96 : 224, undefined],
    ['MobileNetV2', mobilenet, quick ? 96 : 224, JAX_DEPTHWISE],
  ] as const;
  const unetSide = quick ? 32 : 256;
  return [
    ...classifiers.flatMap(([name, net, side, jaxFails]) => [
      inference(name, [1, side, side, 3], () => layered(net, side), 'plain'),
      training(name, [batch, side, side, 3], [batch], 1000, () => layered(net, side), jaxFails),
    ]),
    inference('U-Net', [1, quick ? 64 : 256, quick ? 64 : 256, 3], () => ownUnet(21), 'image'),
    training('U-Net', [batch, unetSide, unetSide, 3], [batch, unetSide, unetSide], 21, () => ownUnet(21)),
    ...retinanetRows(sizes),
  ];
}
