import { DataError } from '../errors.ts';
import type { Box } from '../vision/boxes.ts';
import { boxArea } from '../vision/boxes.ts';
import { Random } from '../vision/random.ts';
import type { Annotation } from './annotation.ts';
import type { AugmentOptions, Crop } from './augment.ts';
import { cropImage, sampleCrop } from './augment.ts';
import { cropBoxes, cropLabels, cropMask } from './cropTargets.ts';
import type { FloatImage } from './image.ts';

export interface Sample {
  /** For messages: usually the file's name. */
  readonly name: string;
  readonly image: FloatImage;
  readonly annotation: Annotation;
  /** Crops of this image stay within; goes before `AugmentOptions.region`. */
  readonly region?: Box;
}

export interface BatchOptions<T extends 'detect' | 'segment'> {
  readonly task: T;
  readonly batchSize: number;
  /** (height, width) of the crops. */
  readonly size: readonly [number, number];
  readonly classes: readonly string[];
  readonly seed: number | string;
  readonly augment?: AugmentOptions;
  /** Drop objects of which less is visible. Default 0.35. */
  readonly minVisible?: number;
  /** Whether batches of the task `detect` hold the objects' masks too. Default false. */
  readonly masks?: boolean;
  /** Room for boxes, G. Default: the most shapes that a sample has; where there is less, a crop keeps its largest boxes. */
  readonly maxBoxes?: number;
}

export interface DetectBatch {
  /** [N, H, W, 3] in 0..1, not normalized. */
  images: Float32Array;
  /** [N, G, 4] as xyxy in pixels of the crop; zeros from `counts[n]` on. */
  boxes: Float32Array;
  /** [N, G], indices into `classes`; -1 from `counts[n]` on. */
  labels: Int32Array;
  /** [N]; 0 for a crop without objects. */
  counts: Int32Array;
  /** [N, G, H, W], 1 inside of what is seen of an object, else 0: where they were asked for. */
  masks?: Float32Array;
}

export interface SegmentBatch {
  /** [N, H, W, 3] in 0..1, not normalized. */
  images: Float32Array;
  /** [N, H, W]: 0 for background, index into `classes` + 1; 255 where nobody labelled. */
  masks: Int32Array;
}

export interface BatchState {
  readonly seed: number | string;
  /** The number of batches given so far. */
  readonly batch: number;
  readonly batchSize: number;
  readonly samples: number;
}

/** The labels that occur, in the order of their UTF-16 code units. */
export function classNames(samples: readonly Sample[]): string[] {
  return [
    ...new Set(samples.flatMap(({ annotation }) => annotation.shapes.map(({ label }) => label))),
  ].sort();
}

/**
 * Training batches of augmented crops, without end. Samples are taken in a new random order each epoch, one
 * crop of each; a batch may reach over the end of an epoch, so with fewer samples than the batch size an
 * image gives several crops. The n-th batch depends on the seed, n, the samples and the options alone.
 *
 * Each batch is in new arrays. Throws DataError where there is nothing to learn from, or a label is not among
 * the classes; single samples without shapes are welcome.
 */
export class BatchSource<T extends 'detect' | 'segment'> {
  readonly #samples: readonly Sample[];
  readonly #options: BatchOptions<T>;
  readonly #maxBoxes: number;
  #seed: number | string;
  #batch = 0;
  #order: { epoch: number; indices: number[] } = { epoch: -1, indices: [] };

  constructor(samples: readonly Sample[], options: BatchOptions<T>) {
    const { batchSize, classes } = options;
    const most = samples.reduce((max, { annotation }) => Math.max(max, annotation.shapes.length), 0);
    if (most === 0) {
      throw new DataError(
        `BatchSource: ${samples.length === 0 ? 'no samples' : `none of ${samples.length} samples has a shape`}; label at least one object`,
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
    this.#maxBoxes = options.maxBoxes ?? most;
    if (![batchSize, this.#maxBoxes].every((count) => Number.isInteger(count) && count > 0)) {
      throw new DataError(
        `BatchSource: batchSize ${batchSize} and maxBoxes ${this.#maxBoxes} must be whole numbers of at least 1`,
      );
    }
    this.#samples = samples;
    this.#options = options;
    this.#seed = options.seed;
  }

  /** G of the detection batches. */
  get maxBoxes(): number {
    return this.#maxBoxes;
  }

  next(): T extends 'detect' ? DetectBatch : SegmentBatch;
  next(): DetectBatch | SegmentBatch {
    const { task, batchSize, size, classes } = this.#options;
    const pixels = size[0] * size[1];
    const images = new Float32Array(batchSize * pixels * 3);
    const crops = this.#crops();
    crops.forEach(({ sample, crop }, n) => {
      cropImage(sample.image, crop, images.subarray(n * pixels * 3, (n + 1) * pixels * 3));
    });
    this.#batch++;
    if (task === 'segment') {
      const masks = new Int32Array(batchSize * pixels);
      crops.forEach(({ sample, crop }, n) => {
        const { shapes, unlabelled } = sample.annotation;
        cropLabels(shapes, crop, classes, masks.subarray(n * pixels, (n + 1) * pixels), unlabelled);
      });
      return { images, masks };
    }
    return { images, ...this.#boxes(crops) };
  }

  /** Where the source stands, as JSON keeps it. */
  state(): BatchState {
    return {
      seed: this.#seed,
      batch: this.#batch,
      batchSize: this.#options.batchSize,
      samples: this.#samples.length,
    };
  }

  /**
   * Goes on where `state` was taken: the same batches follow, if the samples and options are the same. Throws
   * DataError where the batch size or the number of samples is not.
   */
  restore(state: BatchState): void {
    const own = this.state();
    for (const name of ['batchSize', 'samples'] as const) {
      if (state[name] !== own[name]) {
        throw new DataError(
          `BatchSource.restore: the state has ${name} ${state[name]}, this source ${own[name]}; resume with the same data and options`,
        );
      }
    }
    if (!Number.isSafeInteger(state.batch) || state.batch < 0) {
      throw new DataError(
        `BatchSource.restore: batch ${state.batch} is not a count; pass what state() returned`,
      );
    }
    this.#seed = state.seed;
    this.#batch = state.batch;
    this.#order = { epoch: -1, indices: [] };
  }

  #crops(): { sample: Sample; crop: Crop }[] {
    const { batchSize, size, augment = {} } = this.#options;
    const random = new Random(this.#seed).fork('crops').fork(this.#batch);
    return Array.from({ length: batchSize }, (_, n) => {
      const sample = this.#sampleAt(this.#batch * batchSize + n);
      const options = { ...augment, region: sample.region ?? augment.region };
      return { sample, crop: sampleCrop(sample.image, size, options, random.fork(n)) };
    });
  }

  /** The sample at a position in the endless sequence of epochs. */
  #sampleAt(position: number): Sample {
    const count = this.#samples.length;
    const epoch = Math.floor(position / count);
    if (this.#order.epoch !== epoch) {
      const indices = this.#samples.map((_, i) => i);
      this.#order = { epoch, indices: new Random(this.#seed).fork('epochs').fork(epoch).shuffle(indices) };
    }
    return this.#samples[this.#order.indices[position % count]!]!;
  }

  #boxes(crops: { sample: Sample; crop: Crop }[]): Omit<DetectBatch, 'images'> {
    const { classes, minVisible, size } = this.#options;
    const room = this.#maxBoxes;
    const pixels = size[0] * size[1];
    const boxes = new Float32Array(crops.length * room * 4);
    const labels = new Int32Array(crops.length * room).fill(-1);
    const counts = new Int32Array(crops.length);
    const masks = this.#options.masks ? new Float32Array(crops.length * room * pixels) : undefined;
    crops.forEach(({ sample, crop }, n) => {
      const found = cropBoxes(sample.annotation.shapes, crop, minVisible);
      // Only where they do not fit does the order change: labels then miss the smallest objects.
      if (found.length > room) found.sort((a, b) => boxArea(b.box) - boxArea(a.box)).length = room;
      counts[n] = found.length;
      found.forEach(({ label, box, shapes }, i) => {
        const place = n * room + i;
        boxes.set(box, place * 4);
        labels[place] = classes.indexOf(label);
        if (masks) cropMask(shapes, crop, masks.subarray(place * pixels, (place + 1) * pixels));
      });
    });
    return { boxes, labels, counts, ...(masks ? { masks } : {}) };
  }
}
