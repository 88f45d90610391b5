import type { Shape } from '../../../src/shape.ts';
import { toOrt } from '../layout.ts';
import type { Jax, JaxArray } from '../peers/jaxTypes.ts';
import { type ConvShape, EPS, GROUP, type Layers, MEAN, STD, type Weights } from './layers.ts';

/** Weights as jax-js holds them: those of convolutions are [O,I,kh,kw]. In the order of their names. */
export const jaxWeights = (weights: Weights): { data: Float32Array; shape: Shape }[] =>
  [...weights.values()].map(({ shape, data }) => {
    const turned = toOrt(data, shape, shape.length === 4 ? 'filter' : 'plain');
    return { data: turned.data as Float32Array, shape: turned.dims };
  });

/** jax-js's functions as layers. Images are [N,C,H,W]. */
export class JaxLayers implements Layers<JaxArray> {
  readonly #jax: Jax;
  readonly #training: boolean;
  readonly #weights: ReadonlyMap<string, JaxArray>;

  constructor(jax: Jax, weights: ReadonlyMap<string, JaxArray>, training: boolean) {
    this.#jax = jax;
    this.#weights = weights;
    this.#training = training;
  }

  #of(name: string, shape?: Shape): JaxArray {
    const weight = this.#weights.get(name)!;
    return shape ? this.#jax.np.reshape(weight, shape) : weight;
  }

  #channels(name: string): JaxArray {
    return this.#of(name, [1, this.#of(name).shape[0]!, 1, 1]);
  }

  #constant(values: readonly number[], shape: Shape): JaxArray {
    return this.#jax.np.array(Float32Array.from(values), { shape });
  }

  /** (x - mean) / sqrt(variance + eps) by parts of the last dimensions. */
  #even(x: JaxArray, mean: JaxArray, variance: JaxArray): JaxArray {
    const { np } = this.#jax;
    return np.divide(np.subtract(x, mean), np.sqrt(np.add(variance, EPS)));
  }

  #scaled(name: string, x: JaxArray): JaxArray {
    const { np } = this.#jax;
    return np.add(np.multiply(x, this.#channels(`${name}.weight`)), this.#channels(`${name}.bias`));
  }

  conv(name: string, x: JaxArray, _out: number, shape: ConvShape = {}): JaxArray {
    const { stride = 1, padding = 0, bias = false, depthwise = false } = shape;
    const y = this.#jax.lax.convGeneralDilated(
      x,
      this.#of(`${name}.weight`),
      [stride, stride],
      [
        [padding, padding],
        [padding, padding],
      ],
      depthwise ? { featureGroupCount: x.shape[1]! } : {},
    );
    return bias ? this.#jax.np.add(y, this.#channels(`${name}.bias`)) : y;
  }
  up(name: string, x: JaxArray): JaxArray {
    const y = double(this.#jax, x, this.#of(`${name}.weight`));
    return this.#jax.np.add(y, this.#channels(`${name}.bias`));
  }
  batchNorm(name: string, x: JaxArray): JaxArray {
    const { np } = this.#jax;
    if (!this.#training) {
      const even = this.#even(
        x,
        this.#channels(`${name}.running_mean`),
        this.#channels(`${name}.running_var`),
      );
      return this.#scaled(name, even);
    }
    const mean = np.mean(x, [0, 2, 3], { keepdims: true });
    const variance = np.mean(np.square(np.subtract(x, mean)), [0, 2, 3], { keepdims: true });
    return this.#scaled(name, this.#even(x, mean, variance));
  }
  groupNorm(name: string, x: JaxArray): JaxArray {
    const { np } = this.#jax;
    const [n, c] = x.shape as [number, number];
    const groups = np.reshape(x, [n, c / GROUP, -1]);
    const mean = np.mean(groups, 2, { keepdims: true });
    const variance = np.mean(np.square(np.subtract(groups, mean)), 2, { keepdims: true });
    return this.#scaled(name, np.reshape(this.#even(groups, mean, variance), x.shape));
  }
  linear(name: string, x: JaxArray): JaxArray {
    const { np } = this.#jax;
    return np.add(np.matmul(x, this.#of(`${name}.weight`)), this.#of(`${name}.bias`));
  }
  relu(x: JaxArray): JaxArray {
    return this.#jax.nn.relu(x);
  }
  relu6(x: JaxArray): JaxArray {
    return this.#jax.nn.relu6(x);
  }
  add(a: JaxArray, b: JaxArray): JaxArray {
    return this.#jax.np.add(a, b);
  }
  maxPool(x: JaxArray, kernel: number, stride: number, padding: number): JaxArray {
    return maxPool(this.#jax, x, kernel, stride, padding);
  }
  pool(x: JaxArray): JaxArray {
    return this.#jax.np.mean(x, [2, 3]);
  }
  concat(parts: readonly JaxArray[]): JaxArray {
    return this.#jax.np.concatenate(parts, 1);
  }
  enlarge(x: JaxArray): JaxArray {
    const { np } = this.#jax;
    return np.repeat(np.repeat(x, 2, 2), 2, 3);
  }
  normalize(x: JaxArray): JaxArray {
    const { np } = this.#jax;
    return np.divide(np.subtract(x, this.#constant(MEAN, [3, 1, 1])), this.#constant(STD, [3, 1, 1]));
  }
  rows(levels: readonly JaxArray[], values: number): JaxArray {
    const { np } = this.#jax;
    const rows = levels.map((level) =>
      np.reshape(np.transpose(level, [0, 2, 3, 1]), [level.shape[0]!, -1, values]),
    );
    return rows.length === 1 ? rows[0]! : np.concatenate(rows, 1);
  }
}

/** jax-js pads with zeros only: what is outside becomes very small afterwards. x: [N,C,H,W]. */
export function maxPool(
  { np, lax }: Jax,
  x: JaxArray,
  kernel: number,
  stride: number,
  padding: number,
): JaxArray {
  const window = [kernel, kernel];
  if (padding === 0) return lax.reduceWindow(x, np.max, window, [stride, stride]);
  const around = [
    [0, 0],
    [0, 0],
    [padding, padding],
    [padding, padding],
  ];
  const inside = np.equal(np.pad(np.full([1, 1, ...x.shape.slice(2)], 1), around), 1);
  return lax.reduceWindow(np.where(inside, np.pad(x, around), -3e38), np.max, window, [stride, stride]);
}

/**
 * Transposed convolution 2x2 of stride 2, as a product that gives each pixel its four: jax-js 0.1.25's own comes out wrong on WebGPU
 * (not on its other backends). x: [N,C,H,W], weight: [C,O,2,2].
 */
export function double({ np, lax }: Jax, x: JaxArray, weight: JaxArray): JaxArray {
  const [n, channels, height, width] = x.shape as [number, number, number, number];
  const out = weight.shape[1]!;
  const none: [number, number] = [0, 0];
  const filter = np.reshape(np.transpose(weight, [1, 2, 3, 0]), [out * 4, channels, 1, 1]);
  const four = lax.convGeneralDilated(x, filter, [1, 1], [none, none]);
  const apart = np.transpose(np.reshape(four, [n, out, 2, 2, height, width]), [0, 1, 4, 2, 5, 3]);
  return np.reshape(apart, [n, out, 2 * height, 2 * width]);
}
