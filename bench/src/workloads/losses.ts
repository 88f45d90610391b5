import { grad } from '../../../src/graph/backward.ts';
import { crossEntropy, sigmoidFocalLoss } from '../../../src/graph/functions/losses.ts';
import type { Shape } from '../../../src/shape.ts';
import { numel } from '../../../src/shape.ts';
import type { Jax, JaxArray } from '../peers/jaxTypes.ts';
import type { OnnxGraph } from '../peers/onnx.ts';
import type { Tf, TfTensor } from '../peers/tfTypes.ts';
import { bytesOf, type Input, type Row, rowsOf, type Sizes, type Workload } from '../workload.ts';

const NO_TRAINING = 'onnxruntime has no training';

/** The mean over rows of logits; a class for each. */
export function jaxCrossEntropy(
  { np, nn }: Jax,
  logits: JaxArray,
  labels: JaxArray,
  classes: number,
): JaxArray {
  const own = np.sum(np.multiply(nn.logSoftmax(logits, -1), nn.oneHot(labels, classes)), -1);
  return np.negative(np.mean(own));
}

/** A class for each pixel. Peers want one number a class, 1 or 0: made beforehand, outside of the time. */
function softmaxCrossEntropy({ slow = false }: Sizes): Workload[] {
  const classes = 21;
  const side = slow ? 128 : 256;
  const pixels = side ** 2;
  const x: Shape = [pixels, classes];
  const logits: Input = { shape: x };
  const labels: Input = {
    shape: [pixels],
    values: (random, [n]) => Int32Array.from({ length: n! }, () => Math.floor(random() * classes)),
  };
  const name = `softmax and cross-entropy ${side}x${side}x21`;
  return [
    {
      name: `${name}, forward`,
      inputs: [logits, labels],
      // Difference, exponential, sum.
      flops: 3 * numel(x),
      bytes: bytesOf(x, [pixels]),
      ours: (a, target) => ({ loss: crossEntropy(a!, target!) }),
      tfjs: {
        note: 'with one-hot targets made beforehand',
        make: (tf, [a, target]) => {
          const onehot = tf.cast(tf.oneHot(target!, classes), 'float32');
          return () => [tf.losses.softmaxCrossEntropy(onehot, a!)];
        },
      },
      ort: {
        note: 'of single operators, with one-hot targets made beforehand',
        make: (graph, [a, target]) => {
          const onehot = graph.node('OneHot', [
            target!,
            graph.constant([classes]),
            graph.constant(Float32Array.of(0, 1)),
          ]);
          const apart = graph.node('Sub', [a!, graph.node('ReduceMax', [a!], { axes: [1], keepdims: 1 })]);
          const total = graph.node('ReduceSum', [graph.node('Exp', [apart]), graph.constant([1])], {
            keepdims: 1,
          });
          const own = graph.node('ReduceSum', [graph.node('Mul', [apart, onehot]), graph.constant([1])], {
            keepdims: 1,
          });
          return [
            graph.node('ReduceMean', [graph.node('Sub', [graph.node('Log', [total]), own])], {
              axes: [0, 1],
              keepdims: 0,
            }),
          ];
        },
      },
      jax: { fn: (jax, [a, target]) => ({ outputs: [jaxCrossEntropy(jax, a!, target!, classes)] }) },
    },
    {
      name: `${name}, forward and backward`,
      inputs: [logits, labels],
      flops: 5 * numel(x),
      bytes: bytesOf(x, [pixels], x),
      ours: (a, target) => {
        const loss = crossEntropy(a!, target!);
        return { dx: grad([loss], [a!])[0]!, loss };
      },
      tfjs: {
        note: 'with one-hot targets made beforehand',
        make: (tf, [a, target]) => {
          const onehot = tf.cast(tf.oneHot(target!, classes), 'float32');
          const gradient = tf.grad((p) => tf.losses.softmaxCrossEntropy(onehot, p));
          return () => [gradient(a!)];
        },
      },
      ort: NO_TRAINING,
      jax: {
        fn: (jax, [a, target]) => {
          const [loss, [dx]] = jax.valueAndGrads(([p]) => jaxCrossEntropy(jax, p!, target!, classes), [a!]);
          return { outputs: [dx!, loss] };
        },
      },
    },
  ];
}

const ALPHA = 0.25;

/** alpha_t (1 - p_t)^2 ce with the binary cross-entropy ce; times a weight, if one is given. */
export function focalOfTfjs(tf: Tf, x: TfTensor, t: TfTensor, weight?: TfTensor): TfTensor {
  const p = tf.sigmoid(x);
  const ce = tf.add(tf.sub(tf.relu(x), tf.mul(x, t)), tf.softplus(tf.neg(tf.abs(x))));
  const rest = tf.sub(tf.add(p, t), tf.mul(2, tf.mul(p, t)));
  const alpha = tf.add(1 - ALPHA, tf.mul(2 * ALPHA - 1, t));
  const loss = tf.mul(tf.mul(alpha, tf.mul(rest, rest)), ce);
  return weight ? tf.mul(loss, weight) : loss;
}

/** The same in jax-js. */
export function focalOfJax({ np, nn }: Jax, x: JaxArray, t: JaxArray, weight?: JaxArray): JaxArray {
  const p = nn.sigmoid(x);
  const near = nn.softplus(np.negative(np.absolute(x)));
  const ce = np.add(np.subtract(nn.relu(x), np.multiply(x, t)), near);
  const rest = np.subtract(np.add(p, t), np.multiply(2, np.multiply(p, t)));
  const alpha = np.add(1 - ALPHA, np.multiply(2 * ALPHA - 1, t));
  const loss = np.multiply(np.multiply(alpha, np.square(rest)), ce);
  return weight ? np.multiply(loss, weight) : loss;
}

function focalOfOrt(graph: OnnxGraph, x: string, t: string): string {
  const op = (name: string, ...inputs: string[]) => graph.node(name, inputs);
  const times = (factor: number, y: string) => op('Mul', graph.scalar(factor), y);
  const p = op('Sigmoid', x);
  const near = op('Softplus', op('Neg', op('Abs', x)));
  const ce = op('Add', op('Sub', op('Relu', x), op('Mul', x, t)), near);
  const rest = op('Sub', op('Add', p, t), times(2, op('Mul', p, t)));
  const alpha = op('Add', graph.scalar(1 - ALPHA), times(2 * ALPHA - 1, t));
  const loss = op('Mul', op('Mul', alpha, op('Mul', rest, rest)), ce);
  return graph.node('ReduceSum', [loss, graph.constant([0, 1])], { keepdims: 0 });
}

function focalLoss({ quick }: Sizes): Workload[] {
  const anchors = quick ? 20_000 : 100_000;
  const x: Shape = [anchors, 80];
  const targets: Input = {
    shape: x,
    values: (random, shape) => Float32Array.from({ length: numel(shape) }, () => (random() < 0.01 ? 1 : 0)),
  };
  const name = `focal loss ${anchors}x80`;
  return [
    {
      name: `${name}, forward`,
      inputs: [{ shape: x }, targets],
      // Two exponentials and a logarithm are one each; about twenty operations an element.
      flops: 20 * numel(x),
      bytes: bytesOf(x, x),
      ours: (a, t) => ({ loss: sigmoidFocalLoss(a!, t!, { reduction: 'sum' }) }),
      tfjs: {
        note: 'of single operators',
        make:
          (tf, [a, t]) =>
          () => [tf.sum(focalOfTfjs(tf, a!, t!))],
      },
      ort: { note: 'of single operators', make: (graph, [a, t]) => [focalOfOrt(graph, a!, t!)] },
      jax: {
        note: 'of single operators',
        fn: (jax, [a, t]) => ({ outputs: [jax.np.sum(focalOfJax(jax, a!, t!))] }),
      },
    },
    {
      name: `${name}, forward and backward`,
      inputs: [{ shape: x }, targets],
      flops: 40 * numel(x),
      bytes: bytesOf(x, x, x),
      ours: (a, t) => {
        const loss = sigmoidFocalLoss(a!, t!, { reduction: 'sum' });
        return { dx: grad([loss], [a!])[0]!, loss };
      },
      tfjs: {
        note: 'of single operators',
        make: (tf, [a, t]) => {
          const gradient = tf.grad((p) => tf.sum(focalOfTfjs(tf, p, t!)));
          return () => [gradient(a!)];
        },
      },
      ort: NO_TRAINING,
      jax: {
        note: 'of single operators',
        fn: (jax, [a, t]) => {
          const [loss, [dx]] = jax.valueAndGrads(([p]) => jax.np.sum(focalOfJax(jax, p!, t!)), [a!]);
          return { outputs: [dx!, loss] };
        },
      },
    },
  ];
}

export const lossRows = (sizes: Sizes): Row[] => rowsOf(...softmaxCrossEntropy(sizes), ...focalLoss(sizes));
