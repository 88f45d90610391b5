import type { FloatImage } from '../data/image.ts';
import { DataError } from '../errors.ts';
import { type Tensor, tensor } from '../graph/tensor.ts';
import type { DetectOptions } from '../models/detection.ts';
import { IMAGENET, type Normalization } from '../models/preprocess.ts';
import { inFile } from '../onnx/inFile.ts';
import { loadOnnx, type OnnxModule } from '../onnx/module.ts';
import { UnsupportedError } from '../onnx/unsupported.ts';
import type { Gpu } from '../plan/gpu.ts';
import type { Detection, ObjectDetector, PixelSegmenter, Segmentation } from '../tasks/infer.ts';
import type { Prepared } from '../tasks/prepare.ts';
import type { Box, ImageSize } from '../vision/boxes.ts';
import { classesOf, parseNames } from './classNames.ts';
import {
  candidatesOf,
  type Inside,
  inMask,
  inPrototypes,
  labelsOf,
  type OutputValue,
  patchOf,
} from './onnxDecode.ts';
import { type Head, KNOWN_HEADS, type OutputPort, tellHead } from './onnxHeads.ts';
import { type OnnxFit, planarImage, preparedFor } from './onnxPrepare.ts';
import type { OpenedModel, OpenModelOptions } from './openedModel.ts';

/** A loaded model with what is known of it. */
interface Opened {
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
}

const listed = (ports: readonly { name: string; shape: OutputPort['shape'] }[]): string =>
  ports
    .map(({ name, shape }) => `${name} [${shape?.map((size) => size ?? '?').join(',') ?? '…'}]`)
    .join(', ');

/** The input that takes images. Throws DataError where there is none. */
function inputOf(file: string, { inputs }: OnnxModule) {
  const [input, ...more] = inputs;
  const shape = input?.shape;
  const channels = shape?.at(-3);
  if (
    more.length > 0 ||
    !input ||
    !shape ||
    ![3, 4].includes(shape.length) ||
    (channels !== 3 && typeof channels === 'number')
  ) {
    throw new DataError(
      `${file}: its inputs are ${listed(inputs)}; models of one RGB image, [1,3,H,W] or [3,H,W], can be run`,
    );
  }
  const [height, width] = shape.slice(-2);
  const batch = shape.length === 4 ? shape[0] : 1;
  if (typeof batch === 'number' && batch !== 1) {
    throw new DataError(`${file}: takes ${batch} images at once; export it for one, or for any number`);
  }
  const size =
    typeof height === 'number' && typeof width === 'number' ? ([height, width] as const) : undefined;
  return { name: input.name, batched: shape.length === 4, size };
}

/** The outputs with the sizes that an image gives, as far as they can be told without computing. */
function outputsOf(
  model: OnnxModule,
  { name, batched }: Opened['input'],
  [height, width]: readonly [number, number],
): { outputs: OutputPort[]; staged: boolean } {
  const shape = [...(batched ? [1] : []), 3, height, width];
  const isInteger = (type: string) => /^u?int|bool/.test(type);
  try {
    const found = model.forward({ [name]: tensor(new Float32Array(3 * height * width), shape) });
    const outputs = model.outputs.map((port) => ({
      name: port.name,
      integers: isInteger(port.type),
      shape: found[port.name]!.shape,
    }));
    return { outputs, staged: false };
  } catch (error) {
    if (!(error instanceof UnsupportedError) || !/use run\(\)/.test(error.message)) throw error;
    const outputs = model.outputs.map((port) => ({
      name: port.name,
      integers: isInteger(port.type),
      shape: port.shape,
    }));
    return { outputs, staged: true };
  }
}

/** The number of classes of torchvision's detectors, background included, from the bias of the head's last layer. */
function countedClasses(model: OnnxModule): number | undefined {
  for (const [name, shape] of model.initializers) {
    const size = shape.length === 1 ? shape[0]! : 0;
    if (/(^|\.)cls_score\.bias$/.test(name)) return size;
    if (/classification_head\.cls_logits\.bias$/.test(name)) return size % 9 === 0 ? size / 9 : size;
  }
  return undefined;
}

/** The classes in the order of the labels, from `firstLabel` on. */
function namesFor(
  file: string,
  model: OnnxModule,
  head: Head,
  own: readonly string[] | undefined,
  given: readonly string[] | undefined,
): { classNames: readonly string[]; firstLabel: number } {
  const inFile = parseNames(model.metadata.get('names') ?? '');
  if (own) return { classNames: given ?? own, firstLabel: head.kind === 'map' ? 1 : 0 };
  if (head.kind === 'map') {
    const count = head.channels > 1 ? head.channels : head.channels === 1 ? 2 : (given?.length ?? 20) + 1;
    const all = classesOf(file, count, given ?? inFile);
    return { classNames: all.slice(1), firstLabel: 1 };
  }
  if (head.kind === 'candidates') {
    const names = given ?? inFile ?? Array.from({ length: head.classes }, (_, i) => String(i));
    if (names.length === head.classes) return { classNames: names, firstLabel: 0 };
    throw new DataError(
      `${file}: has ${head.classes} classes, but there are ${names.length} names; give the names that it was trained with`,
    );
  }
  const count = countedClasses(model);
  if (head.kind === 'lists' && count !== undefined) {
    return { classNames: classesOf(file, count, given ?? inFile), firstLabel: 0 };
  }
  // The number of classes is not in the file; labels without a name are called by their number.
  return { classNames: given ?? inFile ?? Array.from({ length: 91 }, (_, i) => String(i)), firstLabel: 0 };
}

/** What `fovea export` wrote of the model that it exported. */
function ownMetadata(model: OnnxModule): { classNames?: string[]; preprocessing?: OnnxFit['own'] } {
  try {
    return JSON.parse(model.metadata.get('fovea.model') ?? '{}');
  } catch {
    return {};
  }
}

const DYNAMIC_SIDE = 640;

/** Opens an ONNX model with a head that is known: see `openModel`. */
export function openOnnx(bytes: Uint8Array, file: string, options: OpenModelOptions): OpenedModel {
  const { externalData } = options;
  const model = inFile(file, () => loadOnnx(bytes, externalData ? { externalData } : {}));
  model.eval();
  const { size, ...input } = inputOf(file, model);
  const own = ownMetadata(model);
  const imgsz = /^\s*\[\s*(\d+)\s*,\s*(\d+)\s*\]/.exec(model.metadata.get('imgsz') ?? '');
  const usual = imgsz
    ? ([Number(imgsz[1]), Number(imgsz[2])] as const)
    : ([DYNAMIC_SIDE, DYNAMIC_SIDE] as const);
  const { outputs, staged } = outputsOf(model, input, size ?? usual);
  const head = tellHead({ outputs, metadata: model.metadata, batched: input.batched, size: size ?? usual });
  if (!head) {
    const task = model.metadata.get('task');
    throw new DataError(
      `${file}: its outputs are ${listed(outputs)}${task ? ` and its task is ${task}` : ''}, a head that is not known; ${KNOWN_HEADS}; run it with loadOnnx of fovea/onnx`,
    );
  }
  const ultralytics = head.kind === 'candidates' || head.kind === 'rows';
  const fit: OnnxFit = own.preprocessing
    ? { kind: 'own', size: size ?? usual, own: own.preprocessing }
    : ultralytics
      ? { kind: 'letterbox', size: size ?? usual }
      : size
        ? { kind: 'stretch', size }
        : head.kind === 'map'
          ? { kind: 'shorter', side: 520 }
          : { kind: 'native' };
  const how = options.normalize ?? (head.kind === 'map' && !own.preprocessing ? 'imagenet' : 'none');
  const { classNames, firstLabel } = namesFor(file, model, head, own.classNames, options.names);
  const opened: Opened = {
    file,
    model,
    input,
    head,
    fit,
    normalization: how === 'imagenet' ? IMAGENET : undefined,
    staged,
    classNames,
    firstLabel,
  };
  const task = head.kind === 'map' ? 'segment' : 'detect';
  const family = own.preprocessing
    ? 'exported by Fovea'
    : ultralytics
      ? 'with a head of Ultralytics'
      : task === 'segment'
        ? 'that gives maps of classes'
        : 'with a head of torchvision';
  return {
    task,
    classNames,
    description: `ONNX model ${family}, ${classNames.length} classes; images ${describeFit(fit)}, in 0..1${how === 'imagenet' ? ', normalised as ImageNet' : ''}`,
    detector: (gpu, { name = file, augmentation } = {}) => {
      if (augmentation) throw new DataError(`${name}: test-time augmentation is for models of Fovea`);
      if (head.kind === 'map') throw new DataError(`${name}: gives maps of classes; use fovea segment`);
      return new OnnxDetector(gpu, opened, head);
    },
    segmenter: (gpu, { name = file } = {}) => {
      if (head.kind !== 'map') throw new DataError(`${name}: finds objects; use fovea detect`);
      return new OnnxSegmenter(gpu, opened, head);
    },
  };
}

function describeFit(fit: OnnxFit): string {
  const sides = 'size' in fit ? `${fit.size[1]}x${fit.size[0]}` : '';
  switch (fit.kind) {
    case 'letterbox':
      return `as large as fits in ${sides}, on grey (114)`;
    case 'stretch':
      return `stretched to ${sides}`;
    case 'shorter':
      return `with the shorter side of ${fit.side}`;
    case 'own':
      return `fitted in ${sides}`;
    case 'native':
      return 'of their own size';
  }
}

/** Runs a model on one image at a time. */
class Runner {
  readonly #gpu: Gpu;
  readonly #opened: Opened;
  readonly #shapes = new Map<string, ReadonlyMap<string, readonly number[]>>();
  readonly #step: ReturnType<Gpu['capture']> | undefined;

  constructor(gpu: Gpu, opened: Opened) {
    this.#gpu = gpu;
    this.#opened = opened;
    const { model, input, staged } = opened;
    if (staged) return;
    this.#step = gpu.capture(
      (x: Tensor) => {
        const results = model.forward({ [input.name]: x });
        this.#shapes.set(
          String(x.shape),
          new Map(Object.entries(results).map(([name, { shape }]) => [name, shape])),
        );
        return results;
      },
      { maxPrograms: 2 },
    ) as ReturnType<Gpu['capture']>;
  }

  async run(image: FloatImage): Promise<{ prepared: Prepared; outputs: ReadonlyMap<string, OutputValue> }> {
    const { fit, normalization, input, model } = this.#opened;
    const prepared = preparedFor(image, fit);
    const { height, width } = prepared;
    const shape = [...(input.batched ? [1] : []), 3, height, width];
    const x = tensor(planarImage(prepared, normalization), shape);
    if (!this.#step) {
      const results = await model.run(this.#gpu, { [input.name]: x });
      const names = Object.keys(results);
      const arrays = await this.#gpu.read(...Object.values(results));
      const outputs = new Map(
        names.map((name, i) => [name, { shape: results[name]!.shape, data: arrays[i]! }] as const),
      );
      return { prepared, outputs };
    }
    const results = Object.entries(await this.#step(x));
    const shapes = this.#shapes.get(String(shape))!;
    const outputs = new Map<string, OutputValue>();
    for (const [name, result] of results) {
      outputs.set(name, { shape: shapes.get(name)!, data: await result.data() });
    }
    return { prepared, outputs };
  }

  dispose(): void {
    this.#step?.dispose();
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
  head: Exclude<Head, { kind: 'map' }>,
  outputs: ReadonlyMap<string, OutputValue>,
  network: ImageSize,
): (index: number) => Inside {
  if (head.kind === 'lists') return (index) => inMask(outputs.get(head.masks!)!, index);
  const [rows, prototypes] = [outputs.get(head.output)!, head.prototypes!];
  const maps = outputs.get(prototypes.output)!;
  const last = head.kind === 'candidates' && head.last;
  return (index) => inPrototypes(rows, prototypes, last, maps, network, index);
}

class OnnxDetector implements ObjectDetector {
  readonly classNames: readonly string[];
  readonly hasMasks: boolean;
  readonly #runner: Runner;
  readonly #head: Exclude<Head, { kind: 'map' }>;
  readonly #firstLabel: number;

  constructor(gpu: Gpu, opened: Opened, head: Exclude<Head, { kind: 'map' }>) {
    this.#runner = new Runner(gpu, opened);
    this.#head = head;
    this.classNames = opened.classNames;
    this.#firstLabel = opened.firstLabel;
    this.hasMasks =
      head.kind === 'lists' ? !head.batched && head.masks !== undefined : head.prototypes !== undefined;
  }

  async detect(image: FloatImage, options: DetectOptions = {}): Promise<Detection[]> {
    const head = this.#head;
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

  dispose(): void {
    this.#runner.dispose();
  }
}

class OnnxSegmenter implements PixelSegmenter {
  readonly classNames: readonly string[];
  readonly #runner: Runner;
  readonly #head: Extract<Head, { kind: 'map' }>;

  constructor(gpu: Gpu, opened: Opened, head: Extract<Head, { kind: 'map' }>) {
    this.#runner = new Runner(gpu, opened);
    this.#head = head;
    this.classNames = opened.classNames;
  }

  async segment(image: FloatImage): Promise<Segmentation> {
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
