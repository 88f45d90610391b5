/** ONNX models with heads that are known, on one image at a time. */
import type { FloatImage } from '../data/image.ts';
import { UsageError } from '../errors.ts';
import { permute } from '../graph/functions/shape.ts';
import { type Tensor, tensor } from '../graph/tensor.ts';
import type { DetectOptions } from '../models/detection.ts';
import { type Normalization, normalizeImages } from '../models/preprocess.ts';
import type { OnnxModule } from '../onnx/module.ts';
import type { Gpu } from '../plan/gpu.ts';
import type { Placement } from '../tasks/fits.ts';
import type { GpuImage } from '../tasks/gpuImage.ts';
import type { Detection, ObjectDetector, PixelSegmenter, Segmentation } from '../tasks/infer.ts';
import { batchOfOne, expectImage, isOnGpu } from '../tasks/networkInput.ts';
import { fittedImage } from '../tasks/prepare.ts';
import type { Box, ImageSize } from '../vision/boxes.ts';
import {
  candidatesOf,
  type Inside,
  inMask,
  inPrototypes,
  labelsOf,
  type OutputValue,
  patchOf,
} from './onnxDecode.ts';
import type { Head } from './onnxHeads.ts';
import { type OnnxFit, onnxFitOf, planarImage } from './onnxPrepare.ts';

/** A loaded model with what is known of it. */
export interface OpenedOnnx {
  readonly file: string;
  readonly model: OnnxModule;
  readonly input: { readonly name: string; readonly batched: boolean };
  readonly head: Head;
  readonly fit: OnnxFit;
  readonly normalization: Normalization | undefined;
  /** Whether sizes depend on values, so that it is computed in stages. */
  readonly staged: boolean;
  readonly classNames: readonly string[];
  /** What is taken from a label for its place in `classNames`. */
  readonly firstLabel: number;
  /** What the NMS in the file leaves out, where Fovea exported it. */
  readonly inFile: Pick<DetectOptions, 'scoreThreshold' | 'iouThreshold'>;
}

/** What is wrong with a threshold below that of a file, and the way out. */
export const belowFile = (file: string, name: string, asked: number, least: number): string =>
  `${file}: ${name} is ${asked}, but the file was exported with ${least} and has no detection of a lower score; give at least ${least}, or export the model with a lower one`;

/** A head of objects. */
type ObjectHead = Exclude<Head, { kind: 'map' | 'classes' }>;

/** What a `Runner` must know of a model. */
export interface Runnable extends Pick<OpenedOnnx, 'model' | 'input' | 'fit' | 'normalization' | 'staged'> {
  /** The output that is wanted. Default: all are. */
  readonly output?: string;
}

/** Runs a model on one image at a time. */
export class Runner {
  readonly #gpu: Gpu;
  readonly #opened: Runnable;
  readonly #shapes = new Map<string, ReadonlyMap<string, readonly number[]>>();
  readonly #steps = new Map<string, ReturnType<Gpu['capture']>>();

  constructor(gpu: Gpu, opened: Runnable) {
    this.#gpu = gpu;
    this.#opened = opened;
  }

  #wanted(results: Record<string, Tensor>): Record<string, Tensor> {
    const { output } = this.#opened;
    return output === undefined ? results : { [output]: results[output]! };
  }

  /** Puts an image on its way: what a program takes, and what it does with that to make the model's input. */
  #begin(image: FloatImage | GpuImage): {
    readonly place: 'host' | 'gpu';
    readonly x: Tensor;
    readonly prepare: (x: Tensor) => Tensor;
    readonly placement: Placement;
  } {
    const { fit: kind, normalization, input } = this.#opened;
    const fit = onnxFitOf(image, kind);
    const own = (planes: Tensor) => (input.batched ? planes : planes.reshape(planes.shape.slice(1)));
    if (isOnGpu(image)) {
      const { fitted } = image;
      const prepare = (x: Tensor) => {
        const [, height, width] = x.shape as readonly [number, number, number, number];
        const prepared = fitted(x, onnxFitOf({ width, height }, kind));
        const normal = normalization ? normalizeImages(prepared, normalization) : prepared;
        return own(permute(normal, [0, 3, 1, 2]));
      };
      return { place: 'gpu', x: batchOfOne(image), prepare, placement: fit };
    }
    const planes = planarImage(fittedImage(image, fit), normalization);
    return { place: 'host', x: tensor(planes, [1, 3, fit.height, fit.width]), prepare: own, placement: fit };
  }

  async run(
    image: FloatImage | GpuImage,
  ): Promise<{ prepared: Placement; outputs: ReadonlyMap<string, OutputValue> }> {
    const { input, model, staged } = this.#opened;
    const { place, x, prepare, placement: prepared } = this.#begin(image);
    if (staged) {
      const results = this.#wanted(await model.run(this.#gpu, { [input.name]: prepare(x) }));
      const names = Object.keys(results);
      const arrays = await this.#gpu.read(...Object.values(results));
      const outputs = new Map(
        names.map((name, i) => [name, { shape: results[name]!.shape, data: arrays[i]! }] as const),
      );
      return { prepared, outputs };
    }
    const shapesOf = (shape: readonly number[]) => `${place} ${shape}`;
    const capture = () =>
      this.#gpu.capture(
        (given: Tensor) => {
          const results = this.#wanted(model.forward({ [input.name]: prepare(given) }));
          this.#shapes.set(
            shapesOf(given.shape),
            new Map(Object.entries(results).map(([name, { shape }]) => [name, shape])),
          );
          return results;
        },
        { maxPrograms: 2 },
      ) as ReturnType<Gpu['capture']>;
    const step = this.#steps.get(place) ?? capture();
    this.#steps.set(place, step);
    const results = Object.entries(await step(x));
    const shapes = this.#shapes.get(shapesOf(x.shape))!;
    const outputs = new Map<string, OutputValue>();
    for (const [name, result] of results) {
      outputs.set(name, { shape: shapes.get(name)!, data: await result.data() });
    }
    return { prepared, outputs };
  }

  dispose(): void {
    for (const step of this.#steps.values()) step.dispose();
  }
}

/** Ultralytics' and torchvision's defaults. */
const DEFAULTS = {
  candidates: { scoreThreshold: 0.25, iouThreshold: 0.7, maxDetections: 300, candidates: 30_000 },
  rows: { scoreThreshold: 0.25, iouThreshold: 0.7, maxDetections: 300, candidates: 30_000 },
  lists: { scoreThreshold: 0.05, iouThreshold: 0.5, maxDetections: 300, candidates: 10_000 },
} as const;

/** The masks of objects by their place in the lists of a head that has some. */
function masksOf(
  head: ObjectHead,
  outputs: ReadonlyMap<string, OutputValue>,
  network: ImageSize,
): (index: number) => Inside {
  if (head.kind === 'lists') return (index) => inMask(outputs.get(head.masks!)!, index);
  const [rows, prototypes] = [outputs.get(head.output)!, head.prototypes!];
  const maps = outputs.get(prototypes.output)!;
  const last = head.kind === 'candidates' && head.last;
  return (index) => inPrototypes(rows, prototypes, last, maps, network, index);
}

/** Finds objects with an ONNX model. */
export class OnnxDetector implements ObjectDetector {
  readonly classNames: readonly string[];
  readonly hasMasks: boolean;
  readonly leastScore: number | undefined;
  readonly #file: string;
  readonly #gpu: Gpu;
  readonly #inFile: OpenedOnnx['inFile'];
  readonly #runner: Runner;
  readonly #head: ObjectHead;
  readonly #firstLabel: number;

  constructor(gpu: Gpu, opened: OpenedOnnx, head: ObjectHead) {
    this.#gpu = gpu;
    this.#runner = new Runner(gpu, opened);
    this.#head = head;
    this.#file = opened.file;
    this.#inFile = opened.inFile;
    this.leastScore = opened.inFile.scoreThreshold;
    this.classNames = opened.classNames;
    this.#firstLabel = opened.firstLabel;
    this.hasMasks =
      head.kind === 'lists' ? !head.batched && head.masks !== undefined : head.prototypes !== undefined;
  }

  async detect(image: FloatImage | GpuImage, options: DetectOptions = {}): Promise<Detection[]> {
    const head = this.#head;
    expectImage('detect', 'image', image, this.#gpu);
    this.#expectReachable(options);
    const { prepared, outputs } = await this.#runner.run(image);
    const { scaleX, scaleY, offsetX, offsetY } = prepared;
    const choice = { ...DEFAULTS[head.kind], ...options };
    const clip = (value: number, limit: number) => Math.min(Math.max(value, 0), limit);
    const insideOf = this.hasMasks ? masksOf(head, outputs, prepared) : undefined;
    return candidatesOf(head, outputs, choice).flatMap(({ box: [x1, y1, x2, y2], score, label, index }) => {
      const box: Box = [
        clip((x1 - offsetX) / scaleX, image.width),
        clip((y1 - offsetY) / scaleY, image.height),
        clip((x2 - offsetX) / scaleX, image.width),
        clip((y2 - offsetY) / scaleY, image.height),
      ];
      if (box[2] - box[0] < 1 || box[3] - box[1] < 1) return [];
      const place = (x: number, y: number) => [x * scaleX + offsetX, y * scaleY + offsetY] as const;
      const mask = insideOf && patchOf(insideOf(index), box, place);
      const name = this.classNames[label - this.#firstLabel] ?? String(label);
      return [{ box, label: name, score, ...(mask ? { mask } : {}) }];
    });
  }

  /** Throws UsageError for thresholds that the NMS in the file has decided already. */
  #expectReachable({ scoreThreshold, iouThreshold }: DetectOptions): void {
    const least = this.leastScore;
    if (scoreThreshold !== undefined && least !== undefined && scoreThreshold < least) {
      throw new UsageError(belowFile(this.#file, 'scoreThreshold', scoreThreshold, least));
    }
    const head = this.#head;
    const inside = head.kind === 'rows' || (head.kind === 'lists' && !head.raw);
    const exported = this.#inFile.iouThreshold;
    if (inside && iouThreshold !== undefined && iouThreshold !== exported) {
      throw new UsageError(
        `${this.#file}: iouThreshold is ${iouThreshold}, but NMS is in the file${exported === undefined ? '' : `, with ${exported}`}; leave it out, or export the model with another`,
      );
    }
  }

  dispose(): void {
    this.#runner.dispose();
  }
}

/** Classifies pixels with an ONNX model. */
export class OnnxSegmenter implements PixelSegmenter {
  readonly classNames: readonly string[];
  readonly #gpu: Gpu;
  readonly #runner: Runner;
  readonly #head: Extract<Head, { kind: 'map' }>;

  constructor(gpu: Gpu, opened: OpenedOnnx, head: Extract<Head, { kind: 'map' }>) {
    this.#gpu = gpu;
    this.#runner = new Runner(gpu, opened);
    this.#head = head;
    this.classNames = opened.classNames;
  }

  async segment(image: FloatImage | GpuImage): Promise<Segmentation> {
    expectImage('segment', 'image', image, this.#gpu);
    const { prepared, outputs } = await this.#runner.run(image);
    const map = labelsOf(outputs.get(this.#head.output)!);
    const [across, down] = [map.width / prepared.width, map.height / prepared.height];
    const { width, height } = image;
    const labels = new Uint8Array(width * height);
    for (let y = 0; y < height; y++) {
      const row = Math.floor(((y + 0.5) * prepared.scaleY + prepared.offsetY) * down);
      const from = Math.min(row, map.height - 1) * map.width;
      for (let x = 0; x < width; x++) {
        const column = Math.floor(((x + 0.5) * prepared.scaleX + prepared.offsetX) * across);
        labels[y * width + x] = map.labels[from + Math.min(column, map.width - 1)]!;
      }
    }
    return { width, height, labels };
  }

  dispose(): void {
    this.#runner.dispose();
  }
}
