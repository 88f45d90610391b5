import { expectArguments, GPU } from '../../arguments.ts';
import { ShapeError, UsageError } from '../../errors.ts';
import { add, div, relu, sub } from '../../graph/functions/elementwise.ts';
import { gridSample } from '../../graph/functions/gridSample.ts';
import { linear, softmax } from '../../graph/functions/reduce.ts';
import { slice } from '../../graph/functions/shape.ts';
import { type Tensor, tensor } from '../../graph/tensor.ts';
import { expectCounts } from '../../nn/heeded.ts';
import { Linear } from '../../nn/layers.ts';
import { Buffer, Module } from '../../nn/module.ts';
import { generatorOf, type SeedOptions } from '../../nn/random.ts';
import { withDefaults } from '../../options.ts';
import type { Gpu } from '../../plan/gpu.ts';
import type { Step } from '../../plan/step.ts';
import { Hypercolumns } from './columns.ts';

/** What shapes a `PixelClassifier`. */
export interface PixelClassifierConfig {
  /** The values of each layer of the hypercolumns, in their order. */
  readonly channels: readonly number[];
  /** The number of classes, labels 0 to numClasses - 1: at most 255. */
  readonly numClasses: number;
  /** The width of a layer between columns and classes, with ReLU. Default 0: none, which is logistic regression. */
  readonly hiddenDim?: number;
}

/** The class of each pixel. */
export interface PixelLabels {
  /** Pixels per row. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
  /** Labels [height, width]. */
  readonly labels: Uint8Array;
}

/** Values of an intermediate map of a band of rows, at most: 16 MiB. */
const BAND = 2 ** 22;

/**
 * Classifies pixels by their hypercolumns: softmax of a linear function, or with `hiddenDim` of two with a ReLU between them, of columns whose
 * values have mean 0 and deviation 1 over the pixels that it was fitted to. As the first layer is linear, it is applied to the small maps
 * of the layers, and what comes out is resized (Hariharan et al. 2015, §3.2): the columns of an image are never put together.
 *
 * `fitPixelClassifier` makes one. It is a module: its state dict is saved and loaded as any other's.
 */
export class PixelClassifier extends Module {
  mean: Buffer;
  std: Buffer;
  hidden: Linear | undefined;
  out: Linear;
  readonly config: Required<PixelClassifierConfig>;
  /** The program for each device; it goes when the classifier does. */
  readonly #steps = new WeakMap<Gpu, Step<{ readonly probabilities: Tensor }>>();

  /** @param options Throws UsageError for counts that cannot be. */
  constructor(options: PixelClassifierConfig & SeedOptions) {
    super();
    const call = 'PixelClassifier';
    const { channels, numClasses, hiddenDim } = withDefaults(call, options, {
      channels: options?.channels,
      numClasses: options?.numClasses,
      hiddenDim: 0,
      seed: undefined,
      generator: undefined,
    });
    expectArguments(call, { channels }, { channels: ['number'] });
    expectCounts(
      call,
      { numClasses, ...Object.fromEntries(channels.map((C, i) => [`channels[${i}]`, C])) },
      UsageError,
    );
    if (hiddenDim !== 0) expectCounts(call, { hiddenDim }, UsageError);
    if (numClasses > 255) throw new UsageError(`${call}: numClasses is ${numClasses}; give at most 255`);
    const C = channels.reduce((sum, count) => sum + count, 0);
    if (C === 0) throw new UsageError(`${call}: channels is an empty list; give those of each layer`);
    const generator = generatorOf(call, options);
    this.config = Object.freeze({ channels: Object.freeze([...channels]), numClasses, hiddenDim });
    this.mean = new Buffer([C], new Float32Array(C));
    this.std = new Buffer([C], new Float32Array(C).fill(1));
    this.hidden = hiddenDim > 0 ? new Linear(C, hiddenDim, { std: Math.sqrt(2 / C), generator }) : undefined;
    this.out = new Linear(this.hidden ? hiddenDim : C, numClasses, { std: 0.01, generator });
  }

  /**
   * Logits [1,h,w,numClasses] of the pixels at places.
   *
   * @param maps The maps [1,rows,columns,channels] of the layers.
   * @param places [1,h,w,2]: x and y of each pixel, -1 and 1 at the borders, as of `gridSample`.
   */
  forward(maps: readonly Tensor[], places: Tensor): Tensor {
    const first = this.hidden ?? this.out;
    const [mean, std, weight] = [this.mean.tensor, this.std.tensor, first.weight.tensor];
    let start = 0;
    const parts = maps.map((map) => {
      const range: [number, number] = [start, start + map.shape[3]!];
      start = range[1];
      const normal = div(sub(map, slice(mean, [range])), slice(std, [range]));
      return gridSample(linear(normal, slice(weight, [range, []])), places, { paddingMode: 'border' });
    });
    const y = add(parts.reduce(add), first.bias!.tensor);
    return this.hidden ? this.out.forward(relu(y)) : y;
  }

  /**
   * The most probable class of each pixel; of equal ones the first.
   *
   * @param gpu Where it runs.
   * @param columns The hypercolumns of an image, by the same layers as those that it was fitted to.
   * @throws ShapeError for other layers.
   */
  async predict(gpu: Gpu, columns: Hypercolumns): Promise<PixelLabels> {
    const { width, height } = this.#expect('predict', gpu, columns);
    const labels = new Uint8Array(width * height);
    const K = this.config.numClasses;
    for await (const [start, probabilities] of this.#bands(gpu, columns)) {
      for (let i = 0; i < probabilities.length; i += K) {
        let best = 0;
        for (let k = 1; k < K; k++) if (probabilities[i + k]! > probabilities[i + best]!) best = k;
        labels[start * width + i / K] = best;
      }
    }
    return { width, height, labels };
  }

  /**
   * The probability of each class at each pixel, [height, width, numClasses].
   *
   * @param gpu Where it runs.
   * @param columns The hypercolumns of an image, by the same layers as those that it was fitted to.
   * @throws ShapeError for other layers.
   */
  async predictProba(gpu: Gpu, columns: Hypercolumns): Promise<Float32Array> {
    const { width, height } = this.#expect('predictProba', gpu, columns);
    const K = this.config.numClasses;
    const all = new Float32Array(width * height * K);
    for await (const [start, probabilities] of this.#bands(gpu, columns))
      all.set(probabilities, start * width * K);
    return all;
  }

  #expect(call: string, gpu: Gpu, columns: Hypercolumns): Hypercolumns {
    expectArguments(call, { gpu, columns }, { gpu: GPU, columns: { maps: 'object' } });
    if (!(columns instanceof Hypercolumns)) throw new UsageError(`${call}: columns are no Hypercolumns`);
    const found = columns.maps.map(({ channels }) => channels);
    const { channels } = this.config;
    if (found.join() === channels.join()) return columns;
    throw new ShapeError(
      `${call}: layers of ${found.join(', ')} channels, the classifier was fitted to ${channels.join(', ')}; give the same layers`,
    );
  }

  /** The probabilities of bands of rows, with the first row of each. The last one may overlap the one before: all are of one size. */
  async *#bands(
    gpu: Gpu,
    { width, height, maps }: Hypercolumns,
  ): AsyncGenerator<[start: number, Float32Array]> {
    const step =
      this.#steps.get(gpu) ??
      gpu.capture((places: Tensor, ...inputs: Tensor[]) => ({
        probabilities: softmax(this.forward(inputs, places)),
      }));
    this.#steps.set(gpu, step);
    const widest = Math.max(this.config.hiddenDim, this.config.numClasses);
    const rows = Math.min(height, Math.max(1, Math.floor(BAND / (width * widest))));
    const inputs = maps.map(({ data, height: h, width: w, channels }) => tensor(data, [1, h, w, channels]));
    for (let at = 0; at < height; at += rows) {
      const start = Math.min(at, height - rows);
      const places = new Float32Array(rows * width * 2);
      for (let i = 0; i < rows * width; i++) {
        places[2 * i] = (2 * (i % width) + 1) / width - 1;
        places[2 * i + 1] = (2 * (start + Math.floor(i / width)) + 1) / height - 1;
      }
      const run = await step(tensor(places, [1, rows, width, 2]), ...inputs);
      yield [start, (await run.probabilities.data()) as Float32Array];
    }
  }
}
