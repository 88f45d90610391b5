import { grad } from '../../../src/graph/backward.ts';
import { batchNormTrain, interpolate, maxPool2d } from '../../../src/graph/functions/conv.ts';
import { full, zeros } from '../../../src/graph/tensor.ts';
import type { Shape } from '../../../src/shape.ts';
import { numel } from '../../../src/shape.ts';
import {
  bytesOf,
  type Input,
  type Row,
  rowsOf,
  type Sizes,
  sizeText,
  unknown,
  type Workload,
} from '../workload.ts';

const NO_TRAINING = 'onnxruntime has no training';
const EPS = 1e-5;

const image = (shape: Shape): Input => ({ shape, layout: 'image' });

function batchNorm(batch: number): Workload[] {
  const x: Shape = [batch, 56, 56, 64];
  const channel: Input = {
    shape: [64],
    values: (random) => Float32Array.from({ length: 64 }, () => 0.5 + random()),
  };
  const name = `batch norm, training, ${sizeText(x)}`;
  const running = { runningMean: zeros([64]), runningVar: full([64], 1) };
  return [
    {
      name: `${name}, forward`,
      inputs: [image(x), channel, channel],
      // Sum, sum of squares, multiply and add: five an element.
      flops: 5 * numel(x),
      bytes: bytesOf(x, x),
      ours: (a, weight, bias) => ({ y: batchNormTrain(a!, { weight: weight!, bias: bias!, ...running }).y }),
      tfjs: {
        note: 'without running statistics',
        make:
          (tf, [a, weight, bias]) =>
          () => {
            const { mean, variance } = tf.moments(a!, [0, 1, 2]);
            return [tf.batchNorm(a!, mean, variance, bias!, weight!, EPS)];
          },
      },
      ort: NO_TRAINING,
    },
    {
      name: `${name}, forward and backward`,
      inputs: [image(x), channel, channel, image(x)],
      // Backward: two sums of products, then three multiply-adds an element.
      flops: 15 * numel(x),
      bytes: bytesOf(x, x, x),
      tolerance: 1e-3,
      ours: (a, weight, bias, dy) => {
        const { y } = batchNormTrain(a!, { weight: weight!, bias: bias!, ...running });
        const [dx, dw, db] = grad([y], [a!, weight!, bias!], [dy!]);
        return { dx: dx!, dw: dw!, db: db! };
      },
      tfjs: {
        note: 'without running statistics',
        make: (tf, [a, weight, bias, dy]) => {
          const gradients = tf.grads((p, w, b) => {
            const { mean, variance } = tf.moments(p!, [0, 1, 2]);
            return tf.batchNorm(p!, mean, variance, b!, w!, EPS);
          });
          return () => gradients([a!, weight!, bias!], dy!);
        },
      },
      ort: NO_TRAINING,
    },
  ];
}

function maxPool(batch: number): Workload[] {
  const x: Shape = [batch, 112, 112, 64];
  const y: Shape = [batch, 56, 56, 64];
  const options = { stride: 2, padding: 1 };
  const name = `max pool 3x3 stride 2 ${sizeText(x)}`;
  return [
    {
      name: `${name}, forward`,
      inputs: [image(x)],
      flops: 9 * numel(y),
      bytes: bytesOf(x, y),
      ours: (a) => ({ y: maxPool2d(a!, 3, options) }),
      tfjs: {
        make:
          (tf, [a]) =>
          () => [tf.maxPool(a!, 3, 2, 1)],
      },
      ort: {
        outputs: ['image'],
        make: (graph, inputs) => [
          graph.node('MaxPool', inputs, { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }),
        ],
      },
    },
    {
      name: `${name}, forward and backward`,
      inputs: [image(x), image(y)],
      flops: 18 * numel(y),
      bytes: bytesOf(x, y, x),
      ours: (a, dy) => ({ dx: grad([maxPool2d(a!, 3, options)], [a!], [dy!])[0]! }),
      tfjs: {
        make: (tf, [a, dy]) => {
          const gradient = tf.grad((p) => tf.maxPool(p, 3, 2, 1));
          return () => [gradient(a!, dy!)];
        },
      },
      ort: NO_TRAINING,
    },
  ];
}

/** With aligned corners: tfjs's gradient knows no half-pixel centres. */
function bilinear(batch: number): Workload[] {
  const x: Shape = [batch, 56, 56, 64];
  const y: Shape = [batch, 112, 112, 64];
  const options = { size: 112, mode: 'bilinear', alignCorners: true } as const;
  const name = `bilinear x2 ${sizeText(x)}`;
  return [
    {
      name: `${name}, forward`,
      inputs: [image(x)],
      flops: 8 * numel(y),
      bytes: bytesOf(x, y),
      ours: (a) => ({ y: interpolate(a!, options) }),
      tfjs: {
        make:
          (tf, [a]) =>
          () => [tf.image.resizeBilinear(a!, [112, 112], true)],
      },
      ort: {
        outputs: ['image'],
        make: (graph, [a]) => [
          graph.node('Resize', [a!, '', '', graph.constant([batch, 64, 112, 112])], {
            mode: 'linear',
            coordinate_transformation_mode: 'align_corners',
          }),
        ],
      },
    },
    {
      name: `${name}, backward`,
      inputs: [image(y)],
      flops: 8 * numel(y),
      bytes: bytesOf(x, y),
      ours: (dy) => {
        const a = unknown(x);
        return { dx: grad([interpolate(a, options)], [a], [dy!])[0]! };
      },
      tfjs: {
        make: (tf, [dy]) => {
          const images = tf.tensor(new Float32Array(numel(x)), x);
          return () => [
            tf.engine().runKernel('ResizeBilinearGrad', { images, dy: dy! }, { alignCorners: true }),
          ];
        },
      },
      ort: NO_TRAINING,
    },
  ];
}

export const layerRows = ({ quick }: Sizes): Row[] =>
  (quick ? [1] : [1, 8]).flatMap((batch) =>
    rowsOf(...batchNorm(batch), ...maxPool(batch), ...bilinear(batch)),
  );
