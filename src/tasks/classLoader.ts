import { expectArguments } from '../arguments.ts';
import { drawLayers, mixBatch, renderLayers, splitAugment } from '../data/augment/mixing.ts';
import type { Augment } from '../data/augment/parameters.ts';
import { type AugmentPreset, augmentOf, CLASSIFY_PRESETS, withResize } from '../data/augment/presets.ts';
import type { ClassSample } from '../data/classify/sample.ts';
import { type Collate, DataLoader, type HostTensor, type LoadedBatch, type Loader } from '../data/loader.ts';
import { DataError, UsageError } from '../errors.ts';
import { numel } from '../shape.ts';
import type { Random } from '../vision/random.ts';
import { prepareImage } from './prepare.ts';
import type { Preprocessing } from './preprocessing.ts';

/** Images to classify. */
export type ClassTensors = {
  /** Images [N, H, W, 3] in 0..1. */
  readonly images: HostTensor;
  /** Labels [N], from 0: of images that are mixed, that of the one that was mixed into. */
  readonly labels: HostTensor;
  /** The share of each class [N, K], which add up to 1 per image: of batches that `mixUp` or `cutMix` vary. */
  readonly targets?: HostTensor;
};

/** Options of `ClassLoader`. */
export interface ClassLoaderOptions {
  /** Images per batch, N. */
  readonly batchSize: number;
  /** Height and width of the images in pixels. */
  readonly size: readonly [height: number, width: number];
  /** The classes, in the order of their labels. */
  readonly classNames: readonly string[];
  /** Seed of the order and of the random crops. Default 0. */
  readonly seed?: number | string;
  /**
   * How crops are varied at random: a list of transforms, or the name of a ready-made one (`CLASSIFY_PRESETS`). A list without `resize`
   * and `randomResizedCrop` is preceded by a `resize`, so that a crop shows most of its image. Default `none`.
   */
  readonly augment?: Augment | AugmentPreset;
  /** Steps per epoch. Default: as many as it takes to see each sample once. */
  readonly stepsPerEpoch?: number;
  /** How often each sample is drawn, in proportion to the others: see `DataLoader`. Default: each once. */
  readonly weights?: readonly number[];
}

/** The label of each sample. Throws DataError for a class that is not listed. */
function labelsOf(call: string, samples: readonly ClassSample[], classNames: readonly string[]): Int32Array {
  // Of a name that is listed twice, the first place.
  const places = new Map(classNames.map((name, c) => [name, c] as const).toReversed());
  return Int32Array.from(samples, ({ name, label }) => {
    const index = places.get(label);
    if (index !== undefined) return index;
    throw new DataError(
      `${call}: ${name} has label "${label}", the classes are ${classNames.join(', ')}; add it, or leave out the image`,
    );
  });
}

/** A list of transforms for whole images: see `ClassLoaderOptions.augment`. */
export function classAugment(given: Augment | AugmentPreset, call: string): Augment {
  const list = augmentOf(given, call, CLASSIFY_PRESETS);
  const mosaic = list.some(({ name }) => name === 'mosaic');
  if (mosaic) throw new UsageError(`${call} has mosaic, which has no class; leave it out`);
  return withResize(list, 'cover');
}

/** Makes batches of augmented crops. */
export function trainCollate(
  options: Pick<ClassLoaderOptions, 'size' | 'classNames' | 'augment'>,
): Collate<ClassSample, ClassTensors> {
  const { size, classNames } = options;
  const augment = classAugment(options.augment ?? 'none', 'ClassLoader: augment');
  const { single, mixing } = splitAugment(augment);
  const pixels = numel(size) * 3;
  const none = (): never => {
    throw new UsageError('ClassLoader: augment needs other samples; leave mosaic out');
  };
  return (items, { random }) => {
    const [N, K] = [items.length, classNames.length];
    const labels = labelsOf('ClassLoader', items, classNames);
    const images = new Float32Array(N * pixels);
    items.forEach((sample, n) => {
      const layers = drawLayers(sample, size, single, none, random.fork('crops').fork(n));
      renderLayers(layers, images.subarray(n * pixels, (n + 1) * pixels));
    });
    const shape = [N, ...size, 3];
    const batch = { images: { data: images, shape }, labels: { data: labels, shape: [N] } };
    if (mixing.length === 0) return batch;
    const targets = new Float32Array(N * K);
    labels.forEach((label, n) => {
      targets[n * K + label] = 1;
    });
    const mixed = mixBatch({ images, targets }, { size, augment: mixing }, random.fork('mixing') as Random);
    return {
      images: { data: mixed.images, shape },
      labels: batch.labels,
      targets: { data: mixed.targets, shape: [N, K] },
    };
  };
}

/** Makes batches of images as the model sees them when it classifies. */
export function preparedCollate(
  preprocessing: Preprocessing,
  classNames: readonly string[],
): Collate<ClassSample, ClassTensors> {
  return (items) => {
    const prepared = items.map(({ image }) => prepareImage(image, preprocessing, 1));
    const { height, width } = prepared[0]!;
    const images = new Float32Array(items.length * height * width * 3);
    for (const [n, { data }] of prepared.entries()) images.set(data, n * height * width * 3);
    return {
      images: { data: images, shape: [items.length, height, width, 3] },
      labels: { data: labelsOf('classifyTask', items, classNames), shape: [items.length] },
    };
  };
}

/** Batches of augmented images to classify, one epoch after the other. An epoch may be of any number of steps. */
export class ClassLoader implements Loader<ClassSample, ClassTensors> {
  readonly length: number;
  readonly #passes: DataLoader<ClassSample, ClassTensors>;

  /**
   * @param samples Images and classes.
   * @param options What batches contain, their size, and how images are varied.
   * @throws DataError for no samples and a label that is not among the classes; UsageError for options that cannot be used.
   */
  constructor(samples: readonly ClassSample[], options: ClassLoaderOptions) {
    expectArguments(
      'ClassLoader',
      { samples, options },
      { samples: [{ image: 'object', label: 'text' }], options: { size: 'pair', classNames: ['text'] } },
    );
    const { batchSize, seed = 0, stepsPerEpoch, weights, classNames } = options;
    labelsOf('ClassLoader', samples, classNames);
    this.#passes = new DataLoader(samples, {
      collate: trainCollate(options),
      batchSize,
      seed,
      shuffle: true,
      fillLast: true,
      ...(weights ? { weights } : {}),
    });
    this.length = stepsPerEpoch ?? this.#passes.length;
    if (!Number.isSafeInteger(this.length) || this.length < 1) {
      throw new UsageError(
        `ClassLoader: stepsPerEpoch is ${stepsPerEpoch}; give a whole number of at least 1`,
      );
    }
  }

  async *batches(epoch: number, from = 0): AsyncGenerator<LoadedBatch<ClassSample, ClassTensors>, void> {
    const perPass = this.#passes.length;
    for (let index = from; index < this.length; ) {
      const at = epoch * this.length + index;
      for await (const loaded of this.#passes.batches(Math.floor(at / perPass), at % perPass)) {
        if (index === this.length) return;
        yield { ...loaded, epoch, index: index++ };
      }
    }
  }
}
