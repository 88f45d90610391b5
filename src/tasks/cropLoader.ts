import { expectArguments } from '../arguments.ts';
import { madeAhead } from '../data/ahead.ts';
import type { DetectBatch, SegmentBatch } from '../data/collate.ts';
import { type BatchOptions, BatchSource, type Sample } from '../data/dataset.ts';
import type { HostTensor, LoadedBatch, Loader } from '../data/loader.ts';
import { sharedSamples } from '../data/sharedSamples.ts';
import type { WorkerPool } from '../data/workers.ts';
import { UsageError } from '../errors.ts';

/** Crops to segment. */
export type SegmentTensors = {
  /** Images [N, H, W, 3] in 0..1. */
  readonly images: HostTensor;
  /** Label maps [N, H, W]: see `SegmentBatch`. */
  readonly labels: HostTensor;
};

/** Crops with objects to find, as `DetectBatch` has them. */
export type DetectTensors = {
  /** Images [N, H, W, 3] in 0..1. */
  readonly images: HostTensor;
  /** Boxes [N, G, 4]. */
  readonly boxes: HostTensor;
  /** Labels [N, G]. */
  readonly labels: HostTensor;
  /** Objects per crop [N]. */
  readonly counts: HostTensor;
  /** Regions to ignore [N, K, 4]. */
  readonly ignored: HostTensor;
  /** Masks [N, G, H, W], if they are wanted. */
  readonly masks?: HostTensor;
  /** The region of each pixel [N, H, W], if there are classes of regions: see `DetectBatch`. */
  readonly semantic?: HostTensor;
  /** A seed for models that sample at random [], another one in each step, if it is wanted. */
  readonly seed?: HostTensor;
};

/** Options of `cropLoader`. */
export interface CropLoaderOptions<T extends 'detect' | 'segment'> extends BatchOptions<T> {
  /** Steps per epoch. Default: as many as it takes to see each sample once. */
  readonly stepsPerEpoch?: number;
  /** The threads that cut the crops; they share the images with this one where they can. Default: this thread cuts them. */
  readonly workers?: WorkerPool;
  /** For detectors: the first of the seeds that batches have, one more in each step. Default: they have none. */
  readonly firstSeed?: number;
}

/**
 * Batches of augmented crops, one epoch after the other: those of `BatchSource` as tensors. A batch may reach into the next epoch, so
 * that all have the same size.
 */
export class CropLoader<T extends 'detect' | 'segment'>
  implements Loader<Sample, T extends 'detect' ? DetectTensors : SegmentTensors>
{
  readonly length: number;
  /** The samples per epoch. */
  readonly samples: number;
  readonly #source: BatchSource<T>;
  readonly #options: CropLoaderOptions<T>;
  readonly #samples: readonly Sample[];
  /** What the workers know the samples by. */
  #opened: number | undefined;

  /**
   * @param samples Images and annotations. One that is listed several times gives several crops per epoch.
   * @param options What batches contain, their size, and how crops are varied.
   * @throws DataError and UsageError as `BatchSource` does.
   */
  constructor(samples: readonly Sample[], options: CropLoaderOptions<T>) {
    expectArguments(
      'CropLoader',
      { samples, options },
      { samples: [{ annotation: { shapes: ['object'] } }], options: { batchSize: 'number' } },
    );
    const { stepsPerEpoch, firstSeed, workers, ...batches } = options;
    this.#source = new BatchSource(samples, batches as BatchOptions<T>);
    this.#samples = samples;
    this.#options = options;
    this.samples = samples.length;
    this.length = stepsPerEpoch ?? Math.ceil(samples.length / options.batchSize);
    if (!Number.isSafeInteger(this.length) || this.length < 1) {
      throw new UsageError(
        `CropLoader: stepsPerEpoch is ${stepsPerEpoch}; give a whole number of at least 1`,
      );
    }
  }

  batches(
    epoch: number,
    from = 0,
  ): AsyncGenerator<LoadedBatch<Sample, T extends 'detect' ? DetectTensors : SegmentTensors>, void> {
    const { workers } = this.#options;
    return madeAhead(from, this.length, workers ? 2 * workers.count : 0, async (index) => {
      const number = epoch * this.length + index;
      const batch = this.#tensors(await this.#crops(number), number);
      const items = this.#source.indices(number).map((i) => this.#samples[i]!);
      return { batch, items, epoch, index } as never;
    });
  }

  #crops(number: number): (DetectBatch | SegmentBatch) | Promise<DetectBatch | SegmentBatch> {
    const { workers, stepsPerEpoch: _, firstSeed: __, ...options } = this.#options;
    if (workers) {
      this.#opened ??= workers.open({ kind: 'crops', samples: sharedSamples(this.#samples), options });
      return workers.run(this.#opened, number);
    }
    const state = this.#source.state();
    if (state.batch !== number) this.#source.restore({ ...state, batch: number });
    return this.#source.next();
  }

  #tensors(batch: DetectBatch | SegmentBatch, number: number): DetectTensors | SegmentTensors {
    const { batchSize: N, size, firstSeed } = this.#options;
    const images = { data: batch.images, shape: [N, ...size, 3] };
    if (!('boxes' in batch)) return { images, labels: { data: batch.labels, shape: [N, ...size] } };
    const { boxes, labels, counts, masks, semantic, ignored } = batch;
    const { maxBoxes: G, maxIgnored: K } = this.#source;
    return {
      images,
      boxes: { data: boxes, shape: [N, G, 4] },
      labels: { data: labels, shape: [N, G] },
      counts: { data: counts, shape: [N] },
      ...(firstSeed === undefined ? {} : { seed: { data: Int32Array.of(firstSeed + number), shape: [] } }),
      ...(masks ? { masks: { data: masks, shape: [N, G, ...size] } } : {}),
      ...(semantic ? { semantic: { data: semantic, shape: [N, ...size] } } : {}),
      ignored: { data: ignored, shape: [N, K, 4] },
    };
  }
}
