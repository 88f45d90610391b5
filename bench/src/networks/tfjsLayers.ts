import type { Tf, TfTensor, TfVariable } from '../peers/tfTypes.ts';
import { type ConvShape, EPS, GROUP, type Layers, MEAN, STD, type Weights } from './layers.ts';

/** tfjs's functions as layers, on the given weights. */
export class TfjsLayers implements Layers<TfTensor> {
  readonly #tf: Tf;
  readonly #training: boolean;
  readonly #weights = new Map<string, TfTensor>();
  readonly #mean: TfTensor;
  readonly #std: TfTensor;
  /** What is trained: all but running statistics. */
  readonly variables: TfVariable[] = [];

  constructor(tf: Tf, weights: Weights, training: boolean) {
    this.#tf = tf;
    this.#training = training;
    this.#mean = tf.tensor([...MEAN]);
    this.#std = tf.tensor([...STD]);
    for (const [name, { shape, data }] of weights) {
      const value = tf.tensor(data, shape);
      if (training && !name.includes('running_')) {
        const variable = tf.variable(value, true, name);
        this.variables.push(variable);
        this.#weights.set(name, variable);
      } else this.#weights.set(name, value);
    }
  }

  #of(name: string): TfTensor {
    return this.#weights.get(name)!;
  }

  #biased(name: string, y: TfTensor, bias: boolean): TfTensor {
    return bias ? this.#tf.add(y, this.#of(`${name}.bias`)) : y;
  }

  conv(name: string, x: TfTensor, _out: number, shape: ConvShape = {}): TfTensor {
    const { stride = 1, padding = 0, bias = false, depthwise = false } = shape;
    const weight = this.#of(`${name}.weight`);
    if (!depthwise) return this.#biased(name, this.#tf.conv2d(x, weight, stride, padding), bias);
    const [kh, kw, , channels] = weight.shape as [number, number, number, number];
    const filter = this.#tf.reshape(weight, [kh, kw, channels, 1]);
    return this.#tf.depthwiseConv2d(x, filter, stride, padding);
  }
  up(name: string, x: TfTensor, out: number): TfTensor {
    const [n, h, w] = x.shape as [number, number, number];
    const size = [n, 2 * h, 2 * w, out];
    const y = this.#tf.conv2dTranspose(x, this.#of(`${name}.weight`), size, 2, 'valid');
    return this.#biased(name, y, true);
  }
  batchNorm(name: string, x: TfTensor): TfTensor {
    const { mean, variance } = this.#training
      ? this.#tf.moments(x, [0, 1, 2])
      : { mean: this.#of(`${name}.running_mean`), variance: this.#of(`${name}.running_var`) };
    return this.#tf.batchNorm(x, mean, variance, this.#of(`${name}.bias`), this.#of(`${name}.weight`), EPS);
  }
  groupNorm(name: string, x: TfTensor): TfTensor {
    const tf = this.#tf;
    const [n, h, w, c] = x.shape as [number, number, number, number];
    const groups = tf.reshape(x, [n, h * w, c / GROUP, GROUP]);
    const { mean, variance } = tf.moments(groups, [1, 3], true);
    const even = tf.mul(tf.sub(groups, mean), tf.rsqrt(tf.add(variance, EPS)));
    return tf.add(tf.mul(tf.reshape(even, x.shape), this.#of(`${name}.weight`)), this.#of(`${name}.bias`));
  }
  linear(name: string, x: TfTensor): TfTensor {
    return this.#biased(name, this.#tf.matMul(x, this.#of(`${name}.weight`)), true);
  }
  relu(x: TfTensor): TfTensor {
    return this.#tf.relu(x);
  }
  relu6(x: TfTensor): TfTensor {
    return this.#tf.relu6(x);
  }
  add(a: TfTensor, b: TfTensor): TfTensor {
    return this.#tf.add(a, b);
  }
  maxPool(x: TfTensor, kernel: number, stride: number, padding: number): TfTensor {
    return this.#tf.maxPool(x, kernel, stride, padding);
  }
  pool(x: TfTensor): TfTensor {
    return this.#tf.mean(x, [1, 2]);
  }
  concat(parts: readonly TfTensor[]): TfTensor {
    return this.#tf.concat([...parts], 3);
  }
  enlarge(x: TfTensor): TfTensor {
    return this.#tf.image.resizeNearestNeighbor(x, [2 * x.shape[1]!, 2 * x.shape[2]!]);
  }
  normalize(x: TfTensor): TfTensor {
    return this.#tf.div(this.#tf.sub(x, this.#mean), this.#std);
  }
  rows(levels: readonly TfTensor[], values: number): TfTensor {
    return this.#tf.concat(
      levels.map((level) => this.#tf.reshape(level, [level.shape[0]!, -1, values])),
      1,
    );
  }
}
