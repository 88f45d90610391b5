import { expectArguments, GPU } from '../../arguments.ts';
import { expectFloatImage } from '../../data/floatImage.ts';
import { type FloatImage, resizeImage } from '../../data/image.ts';
import { ShapeError } from '../../errors.ts';
import { cast, slice } from '../../graph/functions/shape.ts';
import { type Tensor, tensor } from '../../graph/tensor.ts';
import { evaluated } from '../../nn/evaluated.ts';
import { createFeatureExtractor } from '../../nn/featureExtractor.ts';
import type { Module } from '../../nn/module.ts';
import { withDefaults } from '../../options.ts';
import type { Gpu } from '../../plan/gpu.ts';
import type { Step } from '../../plan/step.ts';
import { formatShape, type Shape } from '../../shape.ts';
import { type FeatureMap, Hypercolumns } from './columns.ts';

/** Options of `HypercolumnExtractor` and `hypercolumns`: `layers` must be given. */
export interface HypercolumnOptions {
  /** Names of layers, as `createFeatureExtractor` takes them: `['layer1', 'layer2.0.conv1']`. */
  readonly layers: readonly string[];
  /** Height and width of what the model gets: images are resized to it. Default: those of each image. */
  readonly inputSize?: readonly [height: number, width: number];
  /** Height and width of the grid of pixels that have columns. Default: those of each image. */
  readonly size?: readonly [height: number, width: number];
  /** Whether red, green and blue of what the model gets are values too, the first ones. Default false. */
  readonly color?: boolean;
}

/** Makes hypercolumns of images by a model, which is compiled once for each size. */
export class HypercolumnExtractor {
  readonly #options: HypercolumnOptions;
  readonly #step: Step<Record<string, Tensor>>;
  /** The shapes of the maps, by the size of the image: of a result they are not told. */
  readonly #shapes = new Map<string, readonly Shape[]>();

  /**
   * @param gpu Where the model runs.
   * @param model A module whose `forward` takes images [N,H,W,3] in 0..1: any of `fovea/models`, or `trained.model` of an opened file. It runs in
   * evaluation.
   * @param options The layers, and sizes.
   * @throws UsageError for names that are no layers, and options that cannot be.
   */
  constructor(gpu: Gpu, model: Module, options: HypercolumnOptions) {
    const call = 'HypercolumnExtractor';
    expectArguments(call, { gpu, options }, { gpu: GPU, options: { layers: ['text'] } });
    this.#options = withDefaults(call, options, {
      layers: options.layers,
      inputSize: undefined,
      size: undefined,
      color: false,
    });
    const { inputSize, size, color } = this.#options;
    for (const [name, pair] of Object.entries({ inputSize, size })) {
      if (pair !== undefined) expectArguments(call, { [name]: pair }, { [name]: 'pair' });
    }
    expectArguments(call, { color }, { color: 'flag' });
    const extract = createFeatureExtractor(model, options.layers);
    this.#step = gpu.capture((images: Tensor) => {
      const maps = evaluated(model, () => extract(images));
      const tensors = options.layers.map((name) => asMap(call, name, maps[name]!));
      this.#shapes.set(
        keyOf(images.shape),
        tensors.map(({ shape }) => shape),
      );
      return Object.fromEntries(tensors.map((map, i) => [options.layers[i]!, cast(map, 'f32')]));
    });
  }

  /**
   * Makes the hypercolumns of an image.
   *
   * @param image The image.
   * @throws ShapeError for what is no image, and for a layer that gives no map; what the model throws for images of a size that it does not take.
   */
  async extract(image: FloatImage): Promise<Hypercolumns> {
    expectFloatImage('HypercolumnExtractor', 'image', image);
    const own = [image.height, image.width] as const;
    const { inputSize: [h, w] = own, size: [height, width] = own, color, layers } = this.#options;
    const { data } = h === own[0] && w === own[1] ? image : resizeImage(image, [h, w]);
    const images = tensor(data, [1, h, w, 3]);
    const run = await this.#step(images);
    const values = await Promise.all(layers.map((name) => run[name]!.data()));
    const maps = layers.map((name, i): FeatureMap => {
      const [, rows, columns, channels] = this.#shapes.get(keyOf(images.shape))![i] as number[];
      return { name, width: columns!, height: rows!, channels: channels!, data: values[i] as Float32Array };
    });
    if (color) maps.unshift({ name: 'color', width: w, height: h, channels: 3, data });
    return new Hypercolumns({ width, height }, maps);
  }

  /** Frees the device buffers of its programs. */
  dispose(): void {
    this.#step.dispose();
  }
}

const keyOf = ([, height, width]: Shape): string => `${height}x${width}`;

/**
 * What a layer gave for one image as a map [1,h,w,C]: a vector [1,C] is a map of one place; tokens [1,1 + n n,C] are n rows of n patches,
 * after a class token, which is left out, or without.
 */
function asMap(call: string, name: string, x: Tensor): Tensor {
  const [N, L, C] = x.shape as [number, number, number];
  if (N === 1 && x.shape.length === 4) return x;
  if (N === 1 && x.shape.length === 2) return x.reshape([1, 1, 1, L]);
  if (N === 1 && x.shape.length === 3) {
    for (const first of [1, 0]) {
      const side = Math.sqrt(L - first);
      if (Number.isInteger(side) && side > 0)
        return slice(x, [[], [first, L], []]).reshape([1, side, side, C]);
    }
  }
  throw new ShapeError(
    `${call}: layer ${name} gives ${formatShape(x.shape)}, which is no map [1,h,w,C], vector [1,C] or square of tokens [1,1 + n n,C]; choose another layer`,
  );
}

/**
 * The hypercolumns of one image: see `HypercolumnExtractor`, which keeps its programs for many.
 *
 * @param gpu Where the model runs.
 * @param model A module whose `forward` takes images [N,H,W,3] in 0..1.
 * @param image The image.
 * @param options The layers, and sizes.
 * @throws As `HypercolumnExtractor` and its `extract`.
 */
export async function hypercolumns(
  gpu: Gpu,
  model: Module,
  image: FloatImage,
  options: HypercolumnOptions,
): Promise<Hypercolumns> {
  const extractor = new HypercolumnExtractor(gpu, model, options);
  try {
    return await extractor.extract(image);
  } finally {
    extractor.dispose();
  }
}
