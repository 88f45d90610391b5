import { expectArguments, GPU } from '../arguments.ts';
import type { FloatImage } from '../data/image.ts';
import { UsageError } from '../errors.ts';
import { withDefaults } from '../options.ts';
import type { Gpu } from '../plan/gpu.ts';
import { fitOf } from './fits.ts';
import type { GpuImage } from './gpuImage.ts';
import { decodeModel, type TrainedModel } from './modelFile.ts';
import { expectImage, networkInput, SizedStep } from './networkInput.ts';
import { classification, isClassifier, otherTask } from './step.ts';

/** A class that an image may be of. */
export interface Classification {
  /** The class. */
  readonly label: string;
  /** Its probability, 0..1. */
  readonly score: number;
}

/** Options of `ImageClassifier.classify`. */
export interface ClassifyOptions {
  /** How many classes are returned at most. Default 5. */
  readonly topK?: number;
}

/** What classifies images: a `Classifier`, or that of an ONNX model. */
export interface ImageClassifier {
  /** The classes, in the order of their labels. */
  readonly classNames: readonly string[];
  /** Computes the probability of each class. */
  probabilities(image: FloatImage | GpuImage): Promise<Float32Array>;
  /** Classifies an image: see `Classifier.classify`. */
  classify(image: FloatImage | GpuImage, options?: ClassifyOptions): Promise<Classification[]>;
  /** Frees device buffers. */
  dispose(): void;
}

/**
 * The most probable classes, by descending probability; of equal ones the first. Throws UsageError for a `topK` that is no whole number of at
 * least 1.
 */
export function mostProbable(
  probabilities: ArrayLike<number>,
  classNames: readonly string[],
  options: ClassifyOptions = {},
): Classification[] {
  const { topK } = withDefaults('classify', options, { topK: 5 });
  if (!Number.isSafeInteger(topK) || topK < 1) {
    throw new UsageError(`classify: topK is ${topK}; give a whole number of at least 1`);
  }
  return Array.from(probabilities, (score, c) => ({ label: classNames[c]!, score }))
    .sort((a, b) => b.score - a.score)
    .slice(0, topK);
}

/** Options of a classifier. */
export interface ClassifierOptions {
  /** The file's name, for error messages. Default `Classifier`. */
  readonly name?: string;
}

/** Classifies images of any size. Each image takes one submission to the GPU. */
export class Classifier implements ImageClassifier {
  /** The model, its classes and its preprocessing. */
  readonly trained: TrainedModel;
  readonly #gpu: Gpu;
  readonly #step: SizedStep<ReturnType<ReturnType<typeof classification>>>;

  /**
   * @param gpu Where the model runs.
   * @param trained A trained classifier.
   * @param options Name for messages.
   * @throws DataError for a detection or segmentation model.
   */
  constructor(gpu: Gpu, trained: TrainedModel, options: ClassifierOptions = {}) {
    const { name } = withDefaults('Classifier', options, { name: 'Classifier' });
    expectArguments('Classifier', { gpu, trained }, { gpu: GPU, trained: { name: 'text', model: 'object' } });
    const { model } = trained;
    if (!isClassifier(model)) throw otherTask(name, trained);
    this.trained = trained;
    this.#gpu = gpu;
    this.#step = new SizedStep(gpu, classification(model));
  }

  get classNames(): readonly string[] {
    return this.trained.classNames;
  }

  /**
   * Computes the probability of each class, which add up to 1: the softmax of the logits. The image is resized and its middle is cut out, as
   * the model's preprocessing says.
   *
   * @param image The image, on the host or on the same GPU.
   */
  async probabilities(image: FloatImage | GpuImage): Promise<Float32Array> {
    expectImage('classify', 'image', image, this.#gpu);
    const fit = fitOf(image, this.trained.preprocessing, 1);
    const run = await this.#step.run(networkInput(image, fit));
    return (await run.probabilities.data()) as Float32Array;
  }

  /**
   * Finds the most probable classes of an image.
   *
   * @param image The image, on the host or on the same GPU.
   * @param options How many classes are returned. Default 5.
   * @returns Classes by descending probability; of equal ones the first.
   */
  async classify(image: FloatImage | GpuImage, options: ClassifyOptions = {}): Promise<Classification[]> {
    return mostProbable(await this.probabilities(image), this.classNames, options);
  }

  /** Frees the device buffers of its program. */
  dispose(): void {
    this.#step.dispose();
  }
}

/**
 * Makes a classifier from a model file that `fovea train` or `saveWeights` wrote.
 *
 * @param gpu Where the model runs.
 * @param bytes The file.
 * @param options Name for messages.
 * @throws DataError for a file that is not a classifier, StateDictError for weights that do not fit.
 */
export const loadClassifier = (gpu: Gpu, bytes: Uint8Array, options: ClassifierOptions = {}): Classifier => {
  expectArguments('loadClassifier', { gpu, bytes }, { gpu: GPU, bytes: 'bytes' });
  return new Classifier(gpu, decodeModel(bytes, options.name ?? 'loadClassifier'), options);
};
