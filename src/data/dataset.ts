import { expectArguments } from '../arguments.ts';
import { DataError, UsageError } from '../errors.ts';
import { withDefaults } from '../options.ts';
import type { Box } from '../vision/boxes.ts';
import { Random } from '../vision/random.ts';
import type { Annotation } from './annotation.ts';
import { drawLayers, type Layer } from './augment/mixing.ts';
import type { Augment } from './augment/parameters.ts';
import { type AugmentPreset, augmentOf } from './augment/presets.ts';
import { capacities, type DetectBatch, detectBatch, type SegmentBatch, segmentBatch } from './collate.ts';
import type { FloatImage } from './image.ts';
import { checkStuff } from './stuff.ts';

/** An image and its annotation, as training and evaluation take them. */
export interface Sample {
  /** The name used in messages: usually that of the file. */
  readonly name: string;
  /** The image. */
  readonly image: FloatImage;
  /** The objects labelled in the image. */
  readonly annotation: Annotation;
  /** Crops are cut from this part of the image only. Default: the whole image. */
  readonly region?: Box;
}

/** Options of `BatchSource`. */
export interface BatchOptions<T extends 'detect' | 'segment'> {
  /** What batches contain: boxes of objects (`detect`) or label maps (`segment`). */
  readonly task: T;
  /** Crops per batch, N. */
  readonly batchSize: number;
  /** Height and width of the crops in pixels. */
  readonly size: readonly [height: number, width: number];
  /** The classes, in the order of their labels. */
  readonly classNames: readonly string[];
  /** Seed of the random crops. */
  readonly seed: number | string;
  /** How crops are varied at random: a list of transforms, or the name of a ready-made one. Default `none`. */
  readonly augment?: Augment | AugmentPreset;
  /** Objects of which a smaller fraction of the area is visible, 0..1, become regions to ignore. Default 0.35. */
  readonly minVisible?: number;
  /** Whether batches of the task `detect` contain the masks of the objects. Default false. */
  readonly masks?: boolean;
  /**
   * For the task `detect`: the classes of regions ("stuff"), which are the last of `classNames`. Their shapes are no objects, and batches
   * contain the map `semantic`. Pixels that nothing labelled covers are of the class `background` if it is among these, and else
   * ignored. Default: there are none, nor such a map.
   */
  readonly stuff?: readonly string[];
  /** Capacity for boxes per crop, G; crops with more objects keep the largest and ignore the others. Default: the most shapes in one sample, times the most samples in one image. */
  readonly maxBoxes?: number;
}

/** The position of a `BatchSource`, as plain JSON data. */
export interface BatchState {
  /** Seed of the random crops. */
  readonly seed: number | string;
  /** The number of batches returned so far. */
  readonly batch: number;
  /** Crops per batch. */
  readonly batchSize: number;
  /** The number of samples. */
  readonly samples: number;
}

/**
 * Lists the labels that occur in samples, sorted by their UTF-16 code units.
 *
 * @param samples The data set: images with annotations, or with one label each.
 */
export function classNames(samples: readonly Sample[] | readonly { readonly label: string }[]): string[] {
  expectArguments('classNames', { samples }, { samples: ['object'] });
  const labels = (sample: Sample | { readonly label: string }): string[] => {
    if ('label' in sample) return [sample.label];
    expectArguments('classNames', { sample }, { sample: { annotation: { shapes: [{ label: 'text' }] } } });
    return sample.annotation.shapes.map(({ label }) => label);
  };
  return [...new Set(samples.flatMap(labels))].sort();
}

/**
 * An endless sequence of training batches of augmented crops.
 *
 * Samples are taken in a new random order each epoch, one crop of each. A batch may extend into the next epoch, so with
 * fewer samples than the batch size an image gives several crops. The n-th batch depends only on the seed, n, the samples
 * and the options. Each batch is returned in new arrays.
 */
export class BatchSource<T extends 'detect' | 'segment'> {
  readonly #samples: readonly Sample[];
  readonly #options: BatchOptions<T>;
  readonly #augment: Augment;
  readonly #maxBoxes: number;
  readonly #maxIgnored: number;
  #seed: number | string;
  #batch = 0;
  #order: { epoch: number; indices: number[] } = { epoch: -1, indices: [] };

  /**
   * @param samples Images and annotations. Some may have no shapes, but not all.
   * @param options What batches contain, their size, and how crops are varied.
   * @throws DataError if no sample has a shape, a label is not among the classes, an image is not of the annotated size, or
   * `batchSize` or `maxBoxes` is not an integer of at least 1.
   */
  constructor(samples: readonly Sample[], options: BatchOptions<T>) {
    expectArguments(
      'BatchSource',
      { samples, options },
      { samples: [{ annotation: { shapes: ['object'] } }], options: 'object' },
    );
    const { task, size, seed, batchSize, classNames: classes } = options;
    withDefaults('BatchSource', options, {
      ...{ task, size, seed, batchSize, classNames: classes },
      augment: undefined,
      minVisible: undefined,
      masks: undefined,
      stuff: undefined,
      maxBoxes: undefined,
    });
    this.#augment = augmentOf(options.augment ?? 'none', 'BatchSource: augment');
    if (task === 'segment' && this.#augment.some(({ name }) => name === 'mixUp')) {
      throw new UsageError('BatchSource: augment has mixUp, which has no label maps; use cutMix');
    }
    const most = samples.reduce((max, { annotation }) => Math.max(max, annotation.shapes.length), 0);
    if (most === 0) {
      throw new DataError(
        `BatchSource: ${samples.length === 0 ? 'there are no samples' : `none of the ${samples.length} samples has a shape`}; label at least one object`,
      );
    }
    for (const { name, image, annotation } of samples) {
      if (annotation.width !== image.width || annotation.height !== image.height) {
        throw new DataError(
          `BatchSource: ${name} is ${image.width}x${image.height}, its annotation ${annotation.width}x${annotation.height}; use the image that was labelled`,
        );
      }
      const unknown = annotation.shapes.find(({ label }) => !classes.includes(label));
      if (unknown !== undefined) {
        throw new DataError(
          `BatchSource: ${name} has label "${unknown.label}", the classes are ${classes.join(', ')}; add it, or leave out its shapes`,
        );
      }
    }
    if (options.stuff) {
      if (task === 'segment' || this.#augment.some(({ name }) => name === 'mixUp')) {
        throw new UsageError(
          `BatchSource: stuff is for the task detect without mixUp in augment, which has no label maps; ${task === 'segment' ? 'leave it out' : 'use cutMix'}`,
        );
      }
      checkStuff('BatchSource', classes, options.stuff);
    }
    const room = capacities(samples, this.#augment);
    this.#maxIgnored = room.maxIgnored;
    this.#maxBoxes = options.maxBoxes ?? room.maxBoxes;
    if (![batchSize, this.#maxBoxes].every((count) => Number.isInteger(count) && count > 0)) {
      throw new DataError(
        `BatchSource: batchSize ${batchSize} and maxBoxes ${this.#maxBoxes} must be integers of at least 1`,
      );
    }
    this.#samples = samples;
    this.#options = options;
    this.#seed = options.seed;
  }

  /** Capacity for boxes per crop: G of the batches' shapes. */
  get maxBoxes(): number {
    return this.#maxBoxes;
  }

  /** The most regions to ignore in one crop: K of the batches' shapes. */
  get maxIgnored(): number {
    return this.#maxIgnored;
  }

  /** Returns the next batch. */
  next(): T extends 'detect' ? DetectBatch : SegmentBatch;
  next(): DetectBatch | SegmentBatch {
    const { task, size, classNames: classes, masks, stuff, minVisible } = this.#options;
    const drawn = this.#draw();
    this.#batch++;
    const layout = { size, classNames: classes };
    if (task === 'segment') return segmentBatch(drawn, layout);
    const { maxBoxes, maxIgnored } = this;
    return detectBatch(drawn, { ...layout, maxBoxes, maxIgnored, masks, stuff, minVisible });
  }

  /**
   * Lists the numbers of the samples that a batch is cut from, one per crop.
   *
   * @param batch The number of the batch, from 0.
   */
  indices(batch: number): number[] {
    const { batchSize } = this.#options;
    return Array.from({ length: batchSize }, (_, n) => this.#indexAt(batch * batchSize + n));
  }

  /** Returns the position in the sequence, as plain JSON data: see `restore`. */
  state(): BatchState {
    return {
      seed: this.#seed,
      batch: this.#batch,
      batchSize: this.#options.batchSize,
      samples: this.#samples.length,
    };
  }

  /**
   * Continues from the position at which `state()` was called: the same batches follow if the samples and options are the
   * same.
   *
   * @param state What `state()` returned.
   * @throws DataError if the batch size or the number of samples differs.
   */
  restore(state: BatchState): void {
    const own = this.state();
    for (const name of ['batchSize', 'samples'] as const) {
      if (state[name] !== own[name]) {
        throw new DataError(
          `BatchSource.restore: ${name} is ${state[name]} in the state and ${own[name]} here; resume with the same data and options`,
        );
      }
    }
    if (!Number.isSafeInteger(state.batch) || state.batch < 0) {
      throw new DataError(
        `BatchSource.restore: batch is ${state.batch}, which is not an integer of at least 0; pass what state() returned`,
      );
    }
    this.#seed = state.seed;
    this.#batch = state.batch;
    this.#order = { epoch: -1, indices: [] };
  }

  /** The images of the next batch, of one sample each or of several. */
  #draw(): Layer<Sample>[][] {
    const { batchSize, size } = this.#options;
    const random = new Random(this.#seed).fork('crops').fork(this.#batch);
    const others = (own: Random): Sample => this.#samples[own.integer(this.#samples.length)]!;
    return Array.from({ length: batchSize }, (_, n) => {
      const sample = this.#sampleAt(this.#batch * batchSize + n);
      return drawLayers(sample, size, this.#augment, others, random.fork(n));
    });
  }

  #sampleAt(position: number): Sample {
    return this.#samples[this.#indexAt(position)]!;
  }

  /** The number of the sample at a position in the endless sequence of epochs. */
  #indexAt(position: number): number {
    const count = this.#samples.length;
    const epoch = Math.floor(position / count);
    if (this.#order.epoch !== epoch) {
      const indices = this.#samples.map((_, i) => i);
      this.#order = { epoch, indices: new Random(this.#seed).fork('epochs').fork(epoch).shuffle(indices) };
    }
    return this.#order.indices[position % count]!;
  }
}
