import { expectArguments } from '../arguments.ts';
import { DataError, UsageError } from '../errors.ts';
import { withDefaults } from '../options.ts';
import type { Box } from '../vision/boxes.ts';
import { boxArea } from '../vision/boxes.ts';
import { Random } from '../vision/random.ts';
import type { Annotation } from './annotation.ts';
import { drawLayers, type Layer, mostParts, renderLayers } from './augment/mixing.ts';
import type { Augment } from './augment/parameters.ts';
import { type AugmentPreset, augmentOf } from './augment/presets.ts';
import { cropIgnored, cropMask, paintLabels, sortObjects } from './cropTargets.ts';
import type { FloatImage } from './image.ts';
import { unionOf } from './objects.ts';

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

/** The most objects of one crop that are ignored by boxes of their own; see `fewerBoxes`. */
const MOST_LEFT_OUT = 64;

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
  /** Capacity for boxes per crop, G; crops with more objects keep the largest and ignore the others. Default: the most shapes in one sample, times the most samples in one image. */
  readonly maxBoxes?: number;
}

/** A batch to train a detector on. */
export interface DetectBatch {
  /** Images [N, H, W, 3] in 0..1, not normalized. */
  images: Float32Array;
  /** Boxes [N, G, 4] as (x1, y1, x2, y2) in pixels of the crop; zeros from `counts[n]` on. */
  boxes: Float32Array;
  /** Labels [N, G]: indices into `classNames`; -1 from `counts[n]` on. */
  labels: Int32Array;
  /** The number of objects in each crop [N]; may be 0. */
  counts: Int32Array;
  /**
   * Regions to ignore [N, K, 4], as boxes; zeros where a crop has fewer: those of the annotations, and of objects that the crop
   * cuts off or shrinks too much to be taught, or that are more than `maxBoxes`.
   */
  ignored: Float32Array;
  /** Masks [N, G, H, W]: 1 where an object is visible, else 0. Only if `BatchOptions.masks` is set. */
  masks?: Float32Array;
}

/** A batch to train a segmenter on. */
export interface SegmentBatch {
  /** Images [N, H, W, 3] in 0..1, not normalized. */
  images: Float32Array;
  /** Label maps [N, H, W]: 0 for background, else index into `classNames` + 1; `IGNORE_INDEX` for unlabelled pixels. */
  labels: Int32Array;
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
 * @param samples The data set.
 */
export function classNames(samples: readonly Sample[]): string[] {
  expectArguments('classNames', { samples }, { samples: [{ annotation: { shapes: [{ label: 'text' }] } }] });
  return [
    ...new Set(samples.flatMap(({ annotation }) => annotation.shapes.map(({ label }) => label))),
  ].sort();
}

/** At most `most` boxes that cover all of these: the smallest is united with the one that grows least, as often as needed. */
function fewerBoxes(boxes: readonly Box[], most: number): Box[] {
  const left = boxes.toSorted((a, b) => boxArea(b) - boxArea(a));
  while (left.length > most) {
    const small = left.pop()!;
    const unions = left.map((box) => unionOf([box, small]));
    const growth = unions.map((union, i) => boxArea(union) - boxArea(left[i]!));
    const nearest = growth.reduce((best, value, i) => (value < growth[best]! ? i : best), 0);
    left[nearest] = unions[nearest]!;
  }
  return left;
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
      maxBoxes: undefined,
    });
    this.#augment = augmentOf(options.augment ?? 'none', 'BatchSource: augment');
    if (task === 'segment' && this.#augment.some(({ name }) => name === 'mixUp')) {
      throw new UsageError('BatchSource: augment has mixUp, which has no label maps; use cutMix');
    }
    const parts = mostParts(this.#augment);
    const most = parts * samples.reduce((max, { annotation }) => Math.max(max, annotation.shapes.length), 0);
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
    const regions = samples.reduce(
      (max, { annotation }) => Math.max(max, annotation.ignored?.length ?? 0),
      0,
    );
    this.#maxIgnored = parts * regions + Math.min(most, MOST_LEFT_OUT);
    this.#maxBoxes = options.maxBoxes ?? most;
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
    const { task, batchSize, size, classNames: classes } = this.#options;
    const pixels = size[0] * size[1];
    const images = new Float32Array(batchSize * pixels * 3);
    const drawn = this.#draw();
    drawn.forEach((layers, n) => {
      renderLayers(layers, images.subarray(n * pixels * 3, (n + 1) * pixels * 3));
    });
    this.#batch++;
    if (task === 'segment') {
      const labels = new Int32Array(batchSize * pixels);
      drawn.forEach((layers, n) => {
        const own = labels.subarray(n * pixels, (n + 1) * pixels);
        for (const { parts } of layers) {
          for (const { sample, crop } of parts) paintLabels(sample.annotation, crop, classes, own);
        }
      });
      return { images, labels };
    }
    return { images, ...this.#boxes(drawn) };
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

  #boxes(drawn: readonly (readonly Layer<Sample>[])[]): Omit<DetectBatch, 'images'> {
    const { classNames: classes, minVisible, size } = this.#options;
    const room = this.#maxBoxes;
    const pixels = size[0] * size[1];
    const boxes = new Float32Array(drawn.length * room * 4);
    const labels = new Int32Array(drawn.length * room).fill(-1);
    const counts = new Int32Array(drawn.length);
    const masks = this.#options.masks ? new Float32Array(drawn.length * room * pixels) : undefined;
    const ignored = new Float32Array(drawn.length * this.#maxIgnored * 4);
    const options = minVisible === undefined ? {} : { minVisible };
    drawn.forEach((layers, n) => {
      const parts = layers.flatMap((layer) => layer.parts);
      const sorted = parts.map(({ sample, crop }) => {
        const { found, leftOut } = sortObjects(sample.annotation.shapes, crop, options);
        return { found: found.map((object) => ({ ...object, crop })), leftOut };
      });
      const found = sorted.flatMap((part) => part.found);
      const leftOut = sorted.flatMap((part) => part.leftOut);
      // The order changes only if they do not fit: the smallest objects are then ignored.
      if (found.length > room) {
        found.sort((a, b) => boxArea(b.box) - boxArea(a.box));
        leftOut.push(...found.splice(room).map(({ box }) => box));
      }
      const regions = parts.flatMap(({ sample, crop }) =>
        cropIgnored({ ignored: sample.annotation.ignored ?? [] }, crop),
      );
      const ignore = [...regions, ...leftOut];
      fewerBoxes(ignore, this.#maxIgnored).forEach((box, i) => {
        ignored.set(box, (n * this.#maxIgnored + i) * 4);
      });
      counts[n] = found.length;
      found.forEach(({ label, box, shapes, crop }, i) => {
        const place = n * room + i;
        boxes.set(box, place * 4);
        labels[place] = classes.indexOf(label);
        if (masks) cropMask(shapes, crop, masks.subarray(place * pixels, (place + 1) * pixels));
      });
    });
    return {
      boxes,
      labels,
      counts,
      ignored,
      ...(masks ? { masks } : {}),
    };
  }
}
