import type { MaskPatch } from '../data/annotation.ts';
import { type FloatImage, resizeImage } from '../data/image.ts';
import { shrunkSize } from '../data/resize.ts';
import { DataError } from '../errors.ts';
import { tensor } from '../graph/tensor.ts';
import type { DetectOptions } from '../models/detection.ts';
import {
  type Found,
  type MergingModel,
  type TestTimeAugmentationOptions,
  testTimeAugmentation,
} from '../models/testTimeAugmentation.ts';
import type { Gpu, Results, Step } from '../plan/gpu.ts';
import { architectureOf } from './architectures.ts';
import { maskPatch } from './maskPatch.ts';
import { decodeModel, type TrainedModel } from './modelFile.ts';
import { detection, isDetector, segmentation } from './step.ts';

/** One object that was found. */
export interface Detection {
  /** xyxy in pixels of the image. */
  readonly box: [number, number, number, number];
  readonly label: string;
  readonly score: number;
  /** Its pixels, of models that find masks. */
  readonly mask?: MaskPatch;
}

/** The class of each pixel: 0 for the background, else an index into classNames, plus 1. */
export interface Segmentation {
  readonly width: number;
  readonly height: number;
  readonly labels: Uint8Array;
}

/** An image as the network takes it: shrunk to `maxSide` if it is larger, padded to multiples of `multiple`. */
interface Prepared {
  readonly data: Float32Array;
  readonly height: number;
  readonly width: number;
  /** Network pixels for one pixel of the image, along each axis. */
  readonly scaleX: number;
  readonly scaleY: number;
}

const GREY = 0.5;

export function prepareImage(image: FloatImage, maxSide: number, multiple: number): Prepared {
  const [h, w] = shrunkSize(image, maxSide);
  const small = w < image.width || h < image.height ? resizeImage(image, [h, w]) : image;
  const [height, width] = [h, w].map((side) => Math.ceil(side / multiple) * multiple) as [number, number];
  const data = new Float32Array(height * width * 3).fill(GREY);
  for (let y = 0; y < h; y++) data.set(small.data.subarray(y * w * 3, (y + 1) * w * 3), y * width * 3);
  return { data, height, width, scaleX: w / image.width, scaleY: h / image.height };
}

/** Keeps the program of one image size: images of a folder mostly have one. */
class SizedStep<R extends Results> {
  #current: { readonly key: string; readonly step: Step<R> } | undefined;
  readonly #make: () => Step<R>;

  constructor(make: () => Step<R>) {
    this.#make = make;
  }

  for(key: string): Step<R> {
    if (this.#current?.key !== key) {
      this.dispose();
      this.#current = { key, step: this.#make() };
    }
    return this.#current.step;
  }

  dispose(): void {
    this.#current?.step.dispose();
    this.#current = undefined;
  }
}

/** What the sides of the network's input must be multiples of. */
const multipleOf = ({ name, model }: TrainedModel): number => architectureOf(name).multiple(model.config);

/** Finds objects in images of any size: from image to boxes in one submission. */
export class Detector {
  readonly trained: TrainedModel;
  readonly #model: MergingModel;
  readonly #multiple: number;
  readonly #steps = new Map<string, SizedStep<ReturnType<ReturnType<typeof detection>>>>();
  readonly #gpu: Gpu;

  /**
   * `name` is for the message where the model is of the other task. With `augmentation`, images are looked at several times:
   * see testTimeAugmentation.
   */
  constructor(
    gpu: Gpu,
    trained: TrainedModel,
    name = 'Detector',
    augmentation?: TestTimeAugmentationOptions,
  ) {
    const { model } = trained;
    if (!isDetector(model)) {
      throw new DataError(`${name}: this model segments; use Segmenter (fovea segment)`);
    }
    this.trained = trained;
    this.#gpu = gpu;
    this.#multiple = multipleOf(trained);
    this.#model = augmentation
      ? testTimeAugmentation<Found>(model, { multiple: this.#multiple, ...augmentation })
      : model;
  }

  /** Detections, best first; what shows less than a pixel of itself in the image is left out. */
  async detect(image: FloatImage, options: DetectOptions = {}): Promise<Detection[]> {
    const { data, height, width, scaleX, scaleY } = prepareImage(
      image,
      this.trained.preprocessing.maxSide,
      this.#multiple,
    );
    const key = JSON.stringify(options);
    let steps = this.#steps.get(key);
    if (!steps) {
      steps = new SizedStep(() => this.#gpu.capture(detection(this.#model, options)));
      this.#steps.set(key, steps);
    }
    const run = await steps.for(`${height}x${width}`)(tensor(data, [1, height, width, 3]));
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
      const box: [number, number, number, number] = [
        clip(boxes[i * 4]! / scaleX, image.width),
        clip(boxes[i * 4 + 1]! / scaleY, image.height),
        clip(boxes[i * 4 + 2]! / scaleX, image.width),
        clip(boxes[i * 4 + 3]! / scaleY, image.height),
      ];
      const soft = masks?.subarray(i * cells, (i + 1) * cells);
      const mask = soft && maskPatch(soft, Math.sqrt(cells), box, image);
      return {
        box,
        label: this.trained.classNames[labels[i]!]!,
        score: scores[i]!,
        ...(mask ? { mask } : {}),
      };
    }).filter(({ box }) => box[2] - box[0] >= 1 && box[3] - box[1] >= 1);
  }

  dispose(): void {
    for (const step of this.#steps.values()) step.dispose();
  }
}

/** Says of every pixel of an image what it shows. */
export class Segmenter {
  readonly trained: TrainedModel;
  readonly #multiple: number;
  readonly #step: SizedStep<Results>;

  /** `name` is for the message where the model is of the other task. */
  constructor(gpu: Gpu, trained: TrainedModel, name = 'Segmenter') {
    const { model } = trained;
    if (isDetector(model)) {
      throw new DataError(`${name}: this model detects; use Detector (fovea detect)`);
    }
    this.trained = trained;
    this.#multiple = multipleOf(trained);
    this.#step = new SizedStep(() => gpu.capture(segmentation(model)));
  }

  async segment(image: FloatImage): Promise<Segmentation> {
    const { data, height, width, scaleX, scaleY } = prepareImage(
      image,
      this.trained.preprocessing.maxSide,
      this.#multiple,
    );
    const run = await this.#step.for(`${height}x${width}`)(tensor(data, [1, height, width, 3]));
    const classes = await run.labels!.data();
    const labels = new Uint8Array(image.width * image.height);
    for (let y = 0; y < image.height; y++) {
      const from = Math.min(Math.floor((y + 0.5) * scaleY), height - 1) * width;
      for (let x = 0; x < image.width; x++) {
        labels[y * image.width + x] = classes[from + Math.min(Math.floor((x + 0.5) * scaleX), width - 1)]!;
      }
    }
    return { width: image.width, height: image.height, labels };
  }

  dispose(): void {
    this.#step.dispose();
  }
}

/** A detector from the bytes of its file. `name` is for messages. */
export const loadDetector = (
  gpu: Gpu,
  bytes: Uint8Array,
  name: string,
  augmentation?: TestTimeAugmentationOptions,
): Detector => new Detector(gpu, decodeModel(bytes, name), name, augmentation);

/** A segmenter from the bytes of its file. `name` is for messages. */
export const loadSegmenter = (gpu: Gpu, bytes: Uint8Array, name: string): Segmenter =>
  new Segmenter(gpu, decodeModel(bytes, name), name);
