import { expectArguments, GPU } from '../arguments.ts';
import type { MaskPatch } from '../data/annotation.ts';
import type { FloatImage } from '../data/image.ts';
import type { DetectOptions } from '../models/detection.ts';
import { type PanopticDetections, PanopticFPN, type PanopticOptions } from '../models/panopticFpn.ts';
import {
  type AnyDetections,
  type MergingModel,
  type TestTimeAugmentationOptions,
  testTimeAugmentation,
} from '../models/testTimeAugmentation.ts';
import { expectOptions, withDefaults } from '../options.ts';
import type { Gpu } from '../plan/gpu.ts';
import type { Results, Step } from '../plan/step.ts';
import type { Box, ImageSize } from '../vision/boxes.ts';
import { architectureOf } from './architectures.ts';
import { fitOf, type Placement } from './fits.ts';
import type { GpuImage } from './gpuImage.ts';
import { decodeModel, type TrainedModel } from './modelFile.ts';
import { expectImage, type NetworkInput, networkInput, SizedStep } from './networkInput.ts';
import { type PanopticImage, panopticImage } from './panoptic.ts';
import { mapToImage } from './prepare.ts';
import { softMaskToPatch } from './softMask.ts';
import { detection, isClassifier, isDetector, otherTask, type Program, segmentation } from './step.ts';
import { thingsAndStuff } from './stuff.ts';

/** An object found in an image. */
export interface Detection {
  /** (x1, y1, x2, y2) in pixels of the image, clipped to it. */
  readonly box: Box;
  /** The class of the object. */
  readonly label: string;
  /** The model's confidence, 0..1. */
  readonly score: number;
  /** The pixels of the object; only of models that find masks. */
  readonly mask?: MaskPatch;
}

/** The class of each pixel of an image. */
export interface Segmentation {
  /** Pixels per row. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
  /** Labels [height * width], row by row: 0 for the background, else an index into `classNames` + 1. */
  readonly labels: Uint8Array;
}

/** What a model of objects and regions finds in an image. */
export interface PanopticFound {
  /** The objects, by descending score, also those that are no segment. */
  readonly detections: readonly Detection[];
  /** The segments. */
  readonly panoptic: PanopticImage;
}

/** What finds objects in images: a `Detector`, or that of an ONNX model. */
export interface ObjectDetector {
  /** The classes of objects, in the order of their labels. */
  readonly classNames: readonly string[];
  /** The classes of regions ("stuff"), of models that find them too. */
  readonly stuff?: readonly string[];
  /** Whether detections have masks. */
  readonly hasMasks: boolean;
  /** The lowest scoreThreshold that `detect` takes, where its file has no detections of lower scores. */
  readonly leastScore?: number | undefined;
  /** Finds the objects in an image: see `Detector.detect`. */
  detect(image: FloatImage | GpuImage, options?: DetectOptions): Promise<Detection[]>;
  /** Divides an image into objects and regions, with the same detections: only of models that find regions too. */
  readonly panoptic?: (image: FloatImage | GpuImage, options?: PanopticOptions) => Promise<PanopticFound>;
  /** Frees device buffers. */
  dispose(): void;
}

/** What classifies every pixel of images: a `Segmenter`, or that of an ONNX model. */
export interface PixelSegmenter {
  /** The classes, without the background: labels from 1 on. */
  readonly classNames: readonly string[];
  /** Classifies every pixel of an image: see `Segmenter.segment`. */
  segment(image: FloatImage | GpuImage): Promise<Segmentation>;
  /** Frees device buffers. */
  dispose(): void;
}

/** The number of pixels of which the sides of the network's input must be multiples. */
const multipleOf = ({ name, model }: TrainedModel): number => architectureOf(name).sizeMultiple(model.config);

/** Options of a detector. */
export interface DetectorOptions {
  /** The file's name, for error messages. Default `Detector`. */
  readonly name?: string;
  /** Runs the model on several views of each image and merges the detections: see `testTimeAugmentation`. Default: one view. */
  readonly augmentation?: TestTimeAugmentationOptions;
}

/** Finds objects in images of any size. Each image takes one submission to the GPU. */
export class Detector implements ObjectDetector {
  /** The model, its classes and its preprocessing. */
  readonly trained: TrainedModel;
  readonly #model: MergingModel;
  readonly #multiple: number;
  readonly #steps = new Map<string, SizedStep<AnyDetections>>();
  readonly #panopticSteps = new Map<string, SizedStep<PanopticDetections>>();
  readonly #gpu: Gpu;
  /** The classes of objects. Labels below their number are theirs. */
  readonly classNames: readonly string[];
  /** The classes of regions ("stuff"); empty for models of objects alone. */
  readonly stuff: readonly string[];
  /**
   * Divides an image into objects and regions, with the same detections as `detect`. Undefined for models of objects alone, and with
   * test-time augmentation, which merges boxes only.
   */
  readonly panoptic?: (image: FloatImage | GpuImage, options?: PanopticOptions) => Promise<PanopticFound>;

  /**
   * @param gpu Where the model runs.
   * @param trained A trained detection model.
   * @param options Name for messages, and test-time augmentation.
   * @throws DataError for a segmentation model.
   */
  constructor(gpu: Gpu, trained: TrainedModel, options: DetectorOptions = {}) {
    expectOptions('Detector', options, ['name', 'augmentation']);
    expectArguments('Detector', { gpu, trained }, { gpu: GPU, trained: { name: 'text', model: 'object' } });
    const { name = 'Detector', augmentation } = options;
    const { model } = trained;
    if (!isDetector(model)) throw otherTask(name, trained);
    this.trained = trained;
    this.#gpu = gpu;
    this.#multiple = multipleOf(trained);
    this.#model = augmentation
      ? testTimeAugmentation<AnyDetections>(model, { multiple: this.#multiple, ...augmentation })
      : model;
    const { things, stuff } = thingsAndStuff(trained.name, model.config, trained.classNames);
    this.classNames = things;
    this.stuff = stuff;
    if (model instanceof PanopticFPN && !augmentation) {
      this.panoptic = (image, options) => this.#segments(model, image, options);
    }
  }

  get hasMasks(): boolean {
    return architectureOf(this.trained.name).hasMasks ?? false;
  }

  /**
   * Finds the objects in an image. The first image of a size compiles the program for that size.
   *
   * @param image The image, on the host or on the same GPU: what is on the GPU is resized there, within the same submission.
   * @param options Thresholds, and how many detections to return. Default: those of the model.
   * @returns Detections by descending score. Those less than a pixel wide or high within the image are left out.
   */
  async detect(image: FloatImage | GpuImage, options: DetectOptions = {}): Promise<Detection[]> {
    expectImage('detect', 'image', image, this.#gpu);
    const prepared = this.#input(image);
    const alone = 'resize' in this.trained.preprocessing;
    const program = detection(this.#model, options, alone);
    return this.#detections(await this.#run(this.#steps, prepared, options, program), prepared, image);
  }

  async #segments(
    model: PanopticFPN,
    image: FloatImage | GpuImage,
    options: PanopticOptions = {},
  ): Promise<PanopticFound> {
    expectImage('panoptic', 'image', image, this.#gpu);
    const prepared = this.#input(image);
    const program: Program<PanopticDetections> = (images) => model.detect(images!, options);
    const run = await this.#run(this.#panopticSteps, prepared, options, program);
    const [detections, map, labels, scores, count] = await Promise.all([
      this.#detections(run, prepared, image),
      run.panoptic.data(),
      run.segmentLabels.data(),
      run.segmentScores.data(),
      run.segmentCount.data(),
    ]);
    const ids = mapToImage(map, prepared, image, new Int32Array(image.width * image.height));
    const segments = Array.from({ length: count[0]! }, (_, i) => ({
      id: i + 1,
      label: this.trained.classNames[labels[i]!]!,
      isthing: labels[i]! < this.classNames.length,
      score: scores[i]!,
    }));
    return { detections, panoptic: panopticImage(ids, image, segments) };
  }

  #input(image: FloatImage | GpuImage): NetworkInput {
    return networkInput(image, fitOf(image, this.trained.preprocessing, this.#multiple));
  }

  /** Runs a program, which is compiled for these options and this size. */
  #run<R extends Results>(
    steps: Map<string, SizedStep<R>>,
    prepared: NetworkInput,
    options: DetectOptions,
    program: Program<R>,
  ): ReturnType<Step<R>> {
    const key = JSON.stringify(options);
    const known = steps.get(key) ?? new SizedStep(this.#gpu, program);
    steps.set(key, known);
    return known.run(prepared);
  }

  async #detections(
    run: Awaited<ReturnType<Step<AnyDetections>>>,
    { scaleX, scaleY, offsetX, offsetY }: Placement,
    image: ImageSize,
  ): Promise<Detection[]> {
    const [boxes, scores, labels, count, masks] = await Promise.all([
      run.boxes.data(),
      run.scores.data(),
      run.labels.data(),
      run.count.data(),
      run.masks?.data(),
    ]);
    const clip = (value: number, limit: number) => Math.min(Math.max(value, 0), limit);
    const cells = masks ? masks.length / scores.length : 0;
    return Array.from({ length: count[0]! }, (_, i) => {
      const box: Box = [
        clip((boxes[i * 4]! - offsetX) / scaleX, image.width),
        clip((boxes[i * 4 + 1]! - offsetY) / scaleY, image.height),
        clip((boxes[i * 4 + 2]! - offsetX) / scaleX, image.width),
        clip((boxes[i * 4 + 3]! - offsetY) / scaleY, image.height),
      ];
      const soft = masks?.subarray(i * cells, (i + 1) * cells);
      const mask = soft && softMaskToPatch(soft, Math.sqrt(cells), box, image);
      return {
        box,
        label: this.trained.classNames[labels[i]!]!,
        score: scores[i]!,
        ...(mask ? { mask } : {}),
      };
    }).filter(({ box }) => box[2] - box[0] >= 1 && box[3] - box[1] >= 1);
  }

  /** Frees the device buffers of its programs. */
  dispose(): void {
    for (const steps of [this.#steps, this.#panopticSteps]) {
      for (const step of steps.values()) step.dispose();
    }
  }
}

/** Options of a segmenter. */
export interface SegmenterOptions {
  /** The file's name, for error messages. Default `Segmenter`. */
  readonly name?: string;
}

/** Classifies every pixel of images of any size. Each image takes one submission to the GPU. */
export class Segmenter implements PixelSegmenter {
  /** The model, its classes and its preprocessing. */
  readonly trained: TrainedModel;
  readonly #gpu: Gpu;
  readonly #multiple: number;
  readonly #step: SizedStep<Results>;

  /**
   * @param gpu Where the model runs.
   * @param trained A trained segmentation model.
   * @param options Name for messages.
   * @throws DataError for a detection model.
   */
  constructor(gpu: Gpu, trained: TrainedModel, options: SegmenterOptions = {}) {
    const { name } = withDefaults('Segmenter', options, { name: 'Segmenter' });
    expectArguments('Segmenter', { gpu, trained }, { gpu: GPU, trained: { name: 'text', model: 'object' } });
    const { model } = trained;
    if (isDetector(model) || isClassifier(model)) throw otherTask(name, trained);
    this.trained = trained;
    this.#multiple = multipleOf(trained);
    this.#gpu = gpu;
    this.#step = new SizedStep(gpu, segmentation(model));
  }

  get classNames(): readonly string[] {
    return this.trained.classNames;
  }

  /**
   * Classifies every pixel of an image. The first image of a size compiles the program for that size.
   *
   * @param image The image, on the host or on the same GPU: what is on the GPU is resized there, within the same submission.
   */
  async segment(image: FloatImage | GpuImage): Promise<Segmentation> {
    expectImage('segment', 'image', image, this.#gpu);
    const fit = fitOf(image, this.trained.preprocessing, this.#multiple);
    const prepared = networkInput(image, fit);
    const run = await this.#step.run(prepared);
    const labels = new Uint8Array(image.width * image.height);
    mapToImage(await run.labels!.data(), prepared, image, labels);
    return { width: image.width, height: image.height, labels };
  }

  /** Frees the device buffers of its program. */
  dispose(): void {
    this.#step.dispose();
  }
}

/**
 * Makes a detector from a model file that `fovea train` or `saveWeights` wrote.
 *
 * @param gpu Where the model runs.
 * @param bytes The file.
 * @param options Name for messages, and test-time augmentation.
 * @throws DataError for a file that is not a detection model, StateDictError for weights that do not fit.
 */
export const loadDetector = (gpu: Gpu, bytes: Uint8Array, options: DetectorOptions = {}): Detector => {
  expectArguments('loadDetector', { gpu, bytes }, { gpu: GPU, bytes: 'bytes' });
  return new Detector(gpu, decodeModel(bytes, options.name ?? 'loadDetector'), options);
};

/**
 * Makes a segmenter from a model file that `fovea train` or `saveWeights` wrote.
 *
 * @param gpu Where the model runs.
 * @param bytes The file.
 * @param options Name for messages.
 * @throws DataError for a file that is not a segmentation model, StateDictError for weights that do not fit.
 */
export const loadSegmenter = (gpu: Gpu, bytes: Uint8Array, options: SegmenterOptions = {}): Segmenter => {
  expectArguments('loadSegmenter', { gpu, bytes }, { gpu: GPU, bytes: 'bytes' });
  return new Segmenter(gpu, decodeModel(bytes, options.name ?? 'loadSegmenter'), options);
};
