import { expectArguments, GPU, shownValue } from '../../arguments.ts';
import { expectFloatImage } from '../../data/floatImage.ts';
import type { FloatImage } from '../../data/image.ts';
import { ShapeError, UsageError } from '../../errors.ts';
import { type Tensor, tensor, zeros } from '../../graph/tensor.ts';
import { expectOneOf, withDefaults } from '../../options.ts';
import type { Gpu } from '../../plan/gpu.ts';
import type { Step } from '../../plan/step.ts';
import { formatShape, numel, type Shape } from '../../shape.ts';
import { type EmbeddingModel, moduleSource } from './moduleSource.ts';
import { POOLINGS, type Pooling, pooled, unitLength } from './pooling.ts';
import type { FeatureSource, PreparedImage } from './source.ts';

/** Options of `createEmbedder` and `openEmbedder`. */
export interface EmbedderOptions {
  /**
   * Whose output the features are: the name of a module as in the state dict (`layer3`, `encoder`, `backbone.body.layer4.2`), of which a
   * name that only groups modules means the last of them; of an ONNX model the name of a value in it. The empty name means the model's own
   * output. Default: what enters the linear layer at the end of a classifier, and the last map of the backbone of a detector or segmenter.
   */
  readonly layer?: string;
  /**
   * How a map, or the tokens of a transformer, become one vector: the mean or the maximum over its places, or the class token (`cls`), which
   * is the first. `none` keeps them all. A layer that gives vectors is taken as it is. Default `mean`.
   */
  readonly pooling?: Pooling;
  /** Whether vectors are divided by their length: x / max(||x||, 1e-12). Their dot product is then the cosine. Default false. */
  readonly normalize?: boolean;
  /** How many images are computed at once; those in a batch must be of one size. Default 8. */
  readonly batchSize?: number;
}

/** Embeddings of images, row by row: [n,d], or with pooling `none` [n,…] as the layer gives them. */
export interface Embeddings {
  readonly data: Float32Array;
  readonly shape: readonly number[];
}

/** Programs for this many shapes of batches are kept. */
const MOST_PROGRAMS = 2;

const DEFAULTS = { layer: undefined, pooling: 'mean', normalize: false, batchSize: 8 } as const;

/** The options with their defaults. Throws UsageError for those that cannot be. */
export function embedderOptions(call: string, options: EmbedderOptions) {
  const filled = withDefaults(call, options, DEFAULTS);
  const { layer, pooling, normalize, batchSize } = filled;
  if (layer !== undefined) expectArguments(call, { layer }, { layer: 'text' });
  expectOneOf(call, 'pooling', pooling, POOLINGS);
  expectArguments(call, { normalize }, { normalize: 'flag' });
  if (!Number.isSafeInteger(batchSize) || batchSize < 1) {
    throw new UsageError(`${call}: batchSize is ${shownValue(batchSize)}; give a whole number of at least 1`);
  }
  return filled;
}

/**
 * Makes vectors of images that are close to each other where the images are alike: the features inside a model, pooled. Images are prepared
 * as the model's own preprocessing says. The same images in the same batches give the same bits; in a batch of another size the last
 * digits of a vector may differ. `createEmbedder` and `openEmbedder` make one.
 */
export class Embedder {
  /** The length of a vector: the channels of the layer. */
  readonly dimension: number;
  /** The layer that the vectors are of, for people to read. */
  readonly layer: string;
  /** The most images that are computed at once: 1 where the model takes no batches. */
  readonly batchSize: number;
  readonly #source: FeatureSource;
  readonly #step: Step<{ embeddings: Tensor }>;
  /** By the shape of a batch, that of its embeddings. */
  readonly #shapes = new Map<string, Shape>();

  /** @hidden */
  constructor(gpu: Gpu, source: FeatureSource, options: ReturnType<typeof embedderOptions>) {
    const { pooling, normalize, batchSize } = options;
    this.#source = source;
    this.batchSize = source.batches ? batchSize : 1;
    this.layer = source.layer;
    const record = (images: Tensor): Tensor => {
      const vectors = pooled(source.features(images), images.shape[0]!, pooling, source);
      return normalize ? unitLength(vectors, source.channels) : vectors;
    };
    const { shape } = record(zeros([1, ...source.usual]));
    this.dimension = shape.length === 4 && source.channels === 'first' ? shape[1]! : shape.at(-1)!;
    this.#step = gpu.capture(
      (images: Tensor) => {
        const embeddings = record(images);
        this.#shapes.set(String(images.shape), embeddings.shape);
        return { embeddings };
      },
      { maxPrograms: MOST_PROGRAMS },
    ) as Step<{ embeddings: Tensor }>;
  }

  /**
   * Embeds images.
   *
   * @param images The images, of any sizes.
   * @returns Their vectors [n,d], in the order of the images; with pooling `none` [n,…]. Of no image: [0,d].
   * @throws ShapeError for what is no image, and with pooling `none` for images that give maps of several sizes.
   */
  async embed(images: readonly FloatImage[]): Promise<Embeddings> {
    expectArguments('embed', { images }, { images: ['object'] });
    const parts: Embeddings[] = [];
    for await (const part of this.stream(images)) parts.push(part);
    const [first] = parts;
    if (!first) return { data: new Float32Array(0), shape: [0, this.dimension] };
    const one = first.shape.slice(1);
    const other = parts.find(({ shape }) => String(shape.slice(1)) !== String(one));
    if (other) {
      throw new ShapeError(
        `embed: the layer gives ${formatShape(one)} for one image and ${formatShape(other.shape.slice(1))} for another; embed them apart, or choose another pooling than none`,
      );
    }
    const data = new Float32Array(images.length * numel(one));
    let at = 0;
    for (const part of parts) {
      data.set(part.data, at);
      at += part.data.length;
    }
    return { data, shape: [images.length, ...one] };
  }

  /**
   * Embeds images as they come, a batch at a time: the next batch is prepared while one is computed. Consecutive images that the model takes
   * in one size make a batch, of at most `batchSize`.
   *
   * @param images The images, of any sizes, also from an async generator.
   * @returns The embeddings of each batch, in the order of the images.
   * @throws ShapeError for what is no image, by its place.
   */
  async *stream(images: Iterable<FloatImage> | AsyncIterable<FloatImage>): AsyncGenerator<Embeddings, void> {
    let running: Promise<Embeddings> | undefined;
    for await (const batch of this.#batches(images)) {
      const done = await running;
      running = this.#run(batch);
      // Whoever waits for it gets the error.
      running.catch(() => undefined);
      if (done) yield done;
    }
    if (running) yield await running;
  }

  async *#batches(images: Iterable<FloatImage> | AsyncIterable<FloatImage>): AsyncGenerator<PreparedImage[]> {
    let batch: PreparedImage[] = [];
    let place = 0;
    for await (const image of images) {
      expectFloatImage('embed', `image ${place++}`, image);
      const prepared = this.#source.prepare(image);
      const fits = batch.length < this.batchSize && String(batch[0]?.shape) === String(prepared.shape);
      if (batch.length > 0 && !fits) {
        yield batch;
        batch = [];
      }
      batch.push(prepared);
    }
    if (batch.length > 0) yield batch;
  }

  async #run(batch: readonly PreparedImage[]): Promise<Embeddings> {
    const shape = [batch.length, ...batch[0]!.shape];
    const data = new Float32Array(numel(shape));
    batch.forEach((image, i) => {
      data.set(image.data, i * image.data.length);
    });
    const { embeddings } = await this.#step(tensor(data, shape));
    return { data: (await embeddings.data()) as Float32Array, shape: this.#shapes.get(String(shape))! };
  }

  /** Frees the device buffers of its programs. */
  dispose(): void {
    this.#step.dispose();
  }
}

/**
 * Makes an embedder of a model in memory.
 *
 * @param gpu Where the model runs.
 * @param model A trained model, or any module that takes images [N,H,W,3] in 0..1, with its preprocessing: `{ model: resnet18().eval(), preprocessing:
 * cropPreprocessing(224) }`.
 * @param options Layer, pooling, normalisation and size of batches.
 * @throws UsageError for a layer that there is not, and for a model in training; ShapeError for a layer that gives no features.
 */
export function createEmbedder(gpu: Gpu, model: EmbeddingModel, options: EmbedderOptions = {}): Embedder {
  const checked = embedderOptions('createEmbedder', options);
  expectArguments(
    'createEmbedder',
    { gpu, model },
    { gpu: GPU, model: { model: { modules: 'function', forward: 'function' }, preprocessing: 'object' } },
  );
  if ([...model.model.modules()].some(({ training }) => training)) {
    throw new UsageError('createEmbedder: the model is in training; call model.eval() first');
  }
  return new Embedder(gpu, moduleSource(model, checked.layer), checked);
}
