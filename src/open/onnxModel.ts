import { DataError } from '../errors.ts';
import { tensor } from '../graph/tensor.ts';
import { IMAGENET } from '../models/preprocess.ts';
import { inFile } from '../onnx/inFile.ts';
import { loadOnnx, type OnnxModule } from '../onnx/module.ts';
import { UnsupportedError } from '../onnx/unsupported.ts';
import { type CropPreprocessing, cropPreprocessing, describeCrop } from '../tasks/preprocessing.ts';
import { classCount, classesOf, parseNames } from './classNames.ts';
import { OnnxClassifier } from './onnxClassifier.ts';
import { type Head, KNOWN_HEADS, type OutputPort, tellHead } from './onnxHeads.ts';
import type { OnnxFit } from './onnxPrepare.ts';
import { OnnxDetector, OnnxSegmenter, type OpenedOnnx } from './onnxRun.ts';
import type { OpenedModel, OpenModelOptions } from './openedModel.ts';

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
  { name, batched }: OpenedOnnx['input'],
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

/** The last layer of torchvision's heads that score classes, and of those beside them that give the boxes of as many anchors. */
const SCORERS: readonly (readonly [scores: RegExp, (name: string) => string])[] = [
  [
    /classification_head\.cls_logits\.(weight|bias)$/,
    (name) => name.replace('classification_head.cls_logits', 'regression_head.bbox_reg'),
  ],
  [
    /classification_head\.module_list\.0(\.1)?\.(weight|bias)$/,
    (name) => name.replace('classification_head', 'regression_head'),
  ],
];

/** The number of classes of torchvision's detectors, background included, from the heads' last layers: exporters merge biases that are alike. */
function countedClasses(model: OnnxModule): number | undefined {
  const sizeOf = (name: string) => model.initializers.get(name)?.[0] ?? 0;
  for (const name of model.initializers.keys()) {
    if (/(^|\.)cls_score\.(weight|bias)$/.test(name) && sizeOf(name) > 0) return sizeOf(name);
    const twin = SCORERS.find(([scores]) => scores.test(name))?.[1](name);
    // Four numbers of a box for each anchor.
    const anchors = twin === undefined ? 0 : sizeOf(twin) / 4;
    if (anchors > 0 && sizeOf(name) > 0 && sizeOf(name) % anchors === 0) return sizeOf(name) / anchors;
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
): { classNames: readonly string[]; firstLabel: number; known?: false } {
  const inFile = parseNames(model.metadata.get('names') ?? '');
  if (own) return { classNames: given ?? own, firstLabel: head.kind === 'map' ? 1 : 0 };
  if (head.kind === 'map') {
    const count = head.channels > 1 ? head.channels : head.channels === 1 ? 2 : (given?.length ?? 20) + 1;
    const all = classesOf(file, count, given ?? inFile);
    return { classNames: all.slice(1), firstLabel: 1 };
  }
  if (head.kind === 'candidates' || head.kind === 'classes') {
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
  const names = given ?? inFile;
  if (names) return { classNames: names, firstLabel: 0 };
  return { classNames: Array.from({ length: 91 }, (_, i) => String(i)), firstLabel: 0, known: false };
}

/** JSON in the metadata of a file; nothing where there is none, or other text. */
function metadataIn(model: OnnxModule, key: string): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(model.metadata.get(key) ?? '{}'));
  } catch {
    return {};
  }
}

/** What `fovea export` wrote of the model that it exported. */
const ownMetadata = (
  model: OnnxModule,
): { readonly classNames?: string[]; readonly preprocessing?: OnnxFit['own'] } =>
  metadataIn(model, 'fovea.model');

/** What the NMS in a file leaves out, where `exportOnnx` wrote it. */
function thresholdsIn(model: OnnxModule): OpenedOnnx['inFile'] {
  const { scoreThreshold, iouThreshold } = metadataIn(model, 'fovea.nms');
  return {
    ...(typeof scoreThreshold === 'number' ? { scoreThreshold } : {}),
    ...(typeof iouThreshold === 'number' ? { iouThreshold } : {}),
  };
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
  const classifies = head.kind === 'classes';
  const ultralytics =
    head.kind === 'candidates' || head.kind === 'rows' || model.metadata.get('task') === 'classify';
  const fit: OnnxFit = own.preprocessing
    ? { kind: 'own', size: size ?? usual, own: own.preprocessing }
    : classifies && (!size || size[0] === size[1])
      ? { kind: 'crop', crop: cropFor(size?.[0] ?? 224, ultralytics) }
      : ultralytics && !classifies
        ? { kind: 'letterbox', size: size ?? usual }
        : size
          ? { kind: 'stretch', size }
          : head.kind === 'map'
            ? { kind: 'shorter', side: 520 }
            : { kind: 'native' };
  const plain = own.preprocessing !== undefined || (classifies && ultralytics);
  const how = options.normalize ?? ((head.kind === 'map' || classifies) && !plain ? 'imagenet' : 'none');
  const { classNames, firstLabel, known } = namesFor(file, model, head, own.classNames, options.names);
  const opened: OpenedOnnx = {
    file,
    model,
    input,
    head,
    fit,
    normalization: how === 'imagenet' ? IMAGENET : undefined,
    staged,
    classNames,
    firstLabel,
    inFile: thresholdsIn(model),
  };
  const task = head.kind === 'map' ? 'segment' : classifies ? 'classify' : 'detect';
  const family = own.preprocessing
    ? 'exported by Fovea'
    : ultralytics
      ? 'with a head of Ultralytics'
      : task === 'segment'
        ? 'that gives maps of classes'
        : classifies
          ? 'that classifies images'
          : 'with a head of torchvision';
  return {
    task,
    classNames,
    leastScore: opened.inFile.scoreThreshold,
    description: `ONNX model ${family}, ${known === false ? 'classes by number' : classCount(classNames)}; images ${describeFit(fit)}, in 0..1${how === 'imagenet' ? ', normalised as ImageNet' : ''}`,
    detector: (gpu, { name = file, augmentation } = {}) => {
      if (augmentation) throw new DataError(`${name}: test-time augmentation is for models of Fovea`);
      if (head.kind === 'map') throw new DataError(`${name}: gives maps of classes; use fovea segment`);
      if (head.kind === 'classes') throw new DataError(`${name}: classifies images; use fovea classify`);
      return new OnnxDetector(gpu, opened, head);
    },
    segmenter: (gpu, { name = file } = {}) => {
      if (head.kind === 'classes') throw new DataError(`${name}: classifies images; use fovea classify`);
      if (head.kind !== 'map') throw new DataError(`${name}: finds objects; use fovea detect`);
      return new OnnxSegmenter(gpu, opened, head);
    },
    classifier: (gpu, { name = file } = {}) => {
      if (head.kind === 'classes') return new OnnxClassifier(gpu, opened, head);
      throw new DataError(
        `${name}: ${head.kind === 'map' ? 'gives maps of classes; use fovea segment' : 'finds objects; use fovea detect'}`,
      );
    },
  };
}

/** How images are cut for a classifier: as torchvision does it, or Ultralytics, whose crop has the whole shorter side. */
const cropFor = (side: number, ultralytics: boolean): CropPreprocessing =>
  ultralytics ? { resizeSize: side, cropSize: side } : cropPreprocessing(side);

function describeFit(fit: OnnxFit): string {
  const sides = 'size' in fit ? `${fit.size[1]}x${fit.size[0]}` : '';
  switch (fit.kind) {
    case 'letterbox':
      return `as large as fits in ${sides}, on grey (114)`;
    case 'stretch':
      return `stretched to ${sides}`;
    case 'crop':
      return describeCrop(fit.crop);
    case 'shorter':
      return `with the shorter side of ${fit.side}`;
    case 'own':
      return `fitted in ${sides}`;
    case 'native':
      return 'of their own size';
  }
}
