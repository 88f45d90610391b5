import { grad } from '../../../src/graph/backward.ts';
import { batchNormTrain, interpolate, maxPool2d } from '../../../src/graph/functions/conv.ts';
import { full, zeros } from '../../../src/graph/tensor.ts';
import type { Shape } from '../../../src/shape.ts';
import { numel } from '../../../src/shape.ts';
import { maxPool as jaxMaxPool } from '../networks/jaxLayers.ts';
import type { Jax, JaxArray } from '../peers/jaxTypes.ts';
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

/** Of [N,C,H,W]. */
function jaxBatchNorm({ np }: Jax, x: JaxArray, weight: JaxArray, bias: JaxArray): JaxArray {
  const channel = (value: JaxArray) => np.reshape(value, [1, value.shape[0]!, 1, 1]);
  const mean = np.mean(x, [0, 2, 3], { keepdims: true });
  const variance = np.mean(np.square(np.subtract(x, mean)), [0, 2, 3], { keepdims: true });
  const even = np.divide(np.subtract(x, mean), np.sqrt(np.add(variance, EPS)));
  return np.add(np.multiply(even, channel(weight)), channel(bias));
}

/** Twice as high and wide, as `jax.image.resize` does it: by what each pixel takes of each, along each side. */
function jaxDouble({ np }: Jax, x: JaxArray): JaxArray {
  const [from, to] = [x.shape[3]!, 2 * x.shape[3]!];
  const shares = new Float32Array(from * to);
  for (let i = 0; i < to; i++) {
    const at = (i * (from - 1)) / (to - 1);
    const low = Math.min(Math.floor(at), from - 2);
    shares[low * to + i] = low + 1 - at;
    shares[(low + 1) * to + i] = at - low;
  }
  const table = np.array(shares, { shape: [from, to] });
  const along = (y: JaxArray) => np.transpose(np.matmul(y, table), [0, 1, 3, 2]);
  return along(along(x));
}

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
      jax: {
        note: 'without running statistics',
        outputs: ['image'],
        fn: (jax, [a, weight, bias]) => ({ outputs: [jaxBatchNorm(jax, a!, weight!, bias!)] }),
      },
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
      jax: {
        note: 'without running statistics',
        outputs: ['image'],
        fn: (jax, [a, weight, bias, dy]) => ({
          outputs: jax.grads((p, w, b) => jaxBatchNorm(jax, p!, w!, b!), [a!, weight!, bias!], dy!),
        }),
      },
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
      jax: {
        note: 'padded by selection',
        outputs: ['image'],
        fn: (jax, [a]) => ({ outputs: [jaxMaxPool(jax, a!, 3, 2, 1)] }),
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
      jax: {
        note: 'padded by selection',
        outputs: ['image'],
        fn: (jax, [a, dy]) => ({ outputs: jax.grads((p) => jaxMaxPool(jax, p!, 3, 2, 1), [a!], dy!) }),
      },
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
      jax: {
        note: 'as matrix products',
        outputs: ['image'],
        fn: (jax, [a]) => ({ outputs: [jaxDouble(jax, a!)] }),
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
      jax: {
        note: 'as matrix products',
        outputs: ['image'],
        fn: (jax, [dy]) => {
          const a = jax.np.zeros([batch, 64, 56, 56]);
          return { outputs: jax.grads((p) => jaxDouble(jax, p!), [a], dy!) };
        },
      },
    },
  ];
}

export const layerRows = ({ quick }: Sizes): Row[] =>
  (quick ? [1] : [1, 8]).flatMap((batch) =>
    rowsOf(...batchNorm(batch), ...maxPool(batch), ...bilinear(batch)),
  );
