import { DataError } from '../errors.ts';
import { IMAGENET } from '../models/preprocess.ts';
import { inFile } from '../onnx/inFile.ts';
import { loadOnnx, type OnnxModule } from '../onnx/module.ts';
import { describeCrop } from '../tasks/preprocessing.ts';
import { classCount, classesOf, parseNames } from './classNames.ts';
import { OnnxClassifier } from './onnxClassifier.ts';
import { type Head, KNOWN_HEADS, tellHead } from './onnxHeads.ts';
import {
  inputOf,
  listed,
  metadataIn,
  outputsOf,
  ownMetadata,
  preparationOf,
  usualSize,
} from './onnxInput.ts';
import type { OnnxFit } from './onnxPrepare.ts';
import { OnnxDetector, OnnxSegmenter, type OpenedOnnx } from './onnxRun.ts';
import type { OpenedModel, OpenModelOptions } from './openedModel.ts';

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

/** What the NMS in a file leaves out, where `exportOnnx` wrote it. */
function thresholdsIn(model: OnnxModule): OpenedOnnx['inFile'] {
  const { scoreThreshold, iouThreshold } = metadataIn(model, 'fovea.nms');
  return {
    ...(typeof scoreThreshold === 'number' ? { scoreThreshold } : {}),
    ...(typeof iouThreshold === 'number' ? { iouThreshold } : {}),
  };
}

/** Opens an ONNX model with a head that is known: see `openModel`. */
export function openOnnx(bytes: Uint8Array, file: string, options: OpenModelOptions): OpenedModel {
  const { externalData } = options;
  const model = inFile(file, () => loadOnnx(bytes, externalData ? { externalData } : {}));
  model.eval();
  const { size, ...input } = inputOf(file, model);
  const own = ownMetadata(model);
  const usual = size ?? usualSize(model);
  const { outputs, staged } = outputsOf(model, input, usual);
  const head = tellHead({ outputs, metadata: model.metadata, batched: input.batched, size: usual });
  if (!head) {
    const task = model.metadata.get('task');
    throw new DataError(
      `${file}: its outputs are ${listed(outputs)}${task ? ` and its task is ${task}` : ''}, a head that is not known; ${KNOWN_HEADS}; run it with loadOnnx of fovea/onnx`,
    );
  }
  const { fit, how, family } = preparationOf(model, head, size, options.normalize);
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
  const task = head.kind === 'map' ? 'segment' : head.kind === 'classes' ? 'classify' : 'detect';
  return {
    task,
    title: family,
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
