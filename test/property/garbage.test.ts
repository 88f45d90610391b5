import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as data from '../../src/data/index.ts';
import * as draw from '../../src/draw/index.ts';
import { DataError, FoveaError } from '../../src/errors.ts';
import * as fovea from '../../src/index.ts';
import * as io from '../../src/io/index.ts';
import * as learn from '../../src/learn/index.ts';
import * as models from '../../src/models/index.ts';
import * as nn from '../../src/nn/index.ts';
import * as onnx from '../../src/onnx/index.ts';
import * as open from '../../src/open/index.ts';
import * as profile from '../../src/profile/index.ts';
import * as similarity from '../../src/similarity/index.ts';
import * as tfjs from '../../src/tfjs/index.ts';
import * as vision from '../../src/vision/index.ts';

/**
 * Every exported function is called with garbage: what it throws, or rejects with, must be one of the errors of src/errors.ts
 * with the name of the function. Garbage that means something to a function may be taken.
 */
const ENTRIES = {
  draw,
  fovea,
  nn,
  models,
  vision,
  data,
  io,
  onnx,
  tfjs,
  open,
  learn,
  profile,
  similarity,
} as const;

/** What no function takes. */
const GARBAGE: readonly unknown[] = [
  undefined,
  null,
  Number.NaN,
  -1,
  2.5,
  '',
  'x',
  true,
  {},
  [],
  [null],
  { paddding: 1 },
  new Map(),
  () => undefined,
];

/** Fewer of it, for the many pairs of arguments that come before. */
const THIRD = [undefined, null, Number.NaN, 'x', {}];

/** What functions take first: what comes behind it is reached. */
const RIGHT = (): readonly unknown[] => [
  fovea.tensor([1, 2, 3, 4, 5, 6], [2, 3]),
  fovea.tensor(new Float32Array(48), [1, 4, 4, 3]),
  fovea.tensor(Int32Array.of(0, 1)),
  4,
  [2, 3],
  [0, 0, 2, 2],
  [[0, 0, 2, 2]],
  Uint8Array.of(1, 2, 3, 4),
  new Float32Array(4),
  { width: 4, height: 4 },
  { width: 2, height: 2, data: new Uint8Array(12) },
  { size: [2, 2], counts: [1, 3] },
  { numClasses: 2 },
  new nn.Linear(2, 2),
  new nn.Linear(2, 2).parameters(),
  'resnet18',
];

/** Errors, which are made, not called; and functions whose exceptions have a reason. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  GpuImage: 'made by fromVideoFrame and fromTexture only; its constructor is hidden',
  OnnxModule: 'made by loadOnnx only; its constructor is hidden',
  checkAugment: 'its messages begin with the place that it is given',
  OptimizerGroup: 'made by optimizers only; its constructor is hidden',
  TfjsModule: 'made by loadTfjs only; its constructor is hidden',
  openGpu: 'there is no adapter in this process, which is what it says',
};

/** Functions that are another one by another name, or with one more argument, which is what their errors name. */
const ALIASES: Readonly<Record<string, string | readonly string[]>> = {
  relu6: 'hardtanh',
  less: 'greater',
  lessEqual: 'greaterEqual',
  reciprocal: 'div',
  square: 'mul',
  ones: 'full',
  zeros: 'full',
  zerosLike: 'full',
  onesLike: 'full',
  std: 'variance',
  amin: 'amax',
  argmin: 'argmax',
  argsort: 'sort',
  randn: 'rand',
  randperm: 'rand',
  batchedNms: 'nms',
  maskedFill: 'where',
  gaussianPyramid: 'pyrDown',
  laplacianPyramid: 'pyrDown',
  grad: 'backward',
  hypercolumns: 'HypercolumnExtractor',
  batchNormEval: 'batchNorm',
  batchNormTrain: 'batchNorm',
  instanceNorm: 'groupNorm',
  GroupNorm: 'group_norm',
  BatchNorm2d: 'Parameter',
  resnet18: 'ResNet',
  resnet34: 'ResNet',
  resnet50: 'ResNet',
  resnet101: 'ResNet',
  resnet152: 'ResNet',
  resnext50: 'ResNet',
  mobilenetV3Large: 'MobileNetV3',
  mobilenetV3Small: 'MobileNetV3',
  efficientnetB0: 'EfficientNet',
  vgg16: 'VGG',
  vitB16: 'ViT',
  VisionTransformer: 'ViT',
  ViTSegmenter: 'ViT',
  ssd300: 'SSD',
  ssdlite320: 'SSD',
  KeypointRCNN: 'FasterRCNN',
  MaskRCNN: 'FasterRCNN',
  // It is the first half of train.
  learnerOf: 'train',
  resnet20: ['resnet20', 'CifarResNet'],
  yoloFastestCfg: 'yoloFastest',
  yolov3Cfg: 'yolov3',
  yolov3TinyCfg: 'yolov3Tiny',
  clusterBoxSizes: 'kMedoids',
  layerNorm: 'groupNorm',
  ...Object.fromEntries(
    ['fasterrcnn', 'retinanet', 'fcos', 'fcn', 'deeplabv3', 'maskrcnn', 'keypointrcnn'].map((name) => [
      name,
      ['ResNet', 'FasterRCNN'],
    ]),
  ),
  // What they call.
  exportOnnx: 'linear',
  torchvisionModel: 'resnet18',
  averagePrecisionScore: 'precisionRecallCurve',
  rocAucScore: 'rocCurve',
};

const isClass = (value: object): boolean => /^class\b/.test(Function.prototype.toString.call(value));

/** The name of a function or operation as it is compared: batch_norm is batchNorm. */
const plain = (text: string): string => text.replaceAll('_', '').toLowerCase();

type Called = (...values: unknown[]) => unknown;

const shown = (values: readonly unknown[]): string =>
  values
    .map((value) => {
      if (typeof value === 'function') return 'fn';
      if (typeof value === 'bigint' || typeof value === 'symbol') return String(value);
      if (value instanceof fovea.Tensor || value instanceof nn.Module) return value.constructor.name;
      return (JSON.stringify(value) ?? 'undefined').slice(0, 40);
    })
    .join(', ');

/** What is wrong with how a function throws for these arguments; undefined where nothing is. */
async function fault(name: string, fn: Called, values: readonly unknown[]): Promise<string | undefined> {
  try {
    const Type = fn as unknown as new (...given: unknown[]) => unknown;
    await (isClass(fn) ? new Type(...values) : fn(...values));
    return undefined;
  } catch (error) {
    const call = `${name}(${shown(values)})`;
    if (!(error instanceof FoveaError)) return `${call}: ${String(error)}`;
    // Errors about data name the file instead.
    if (error instanceof DataError) return undefined;
    return [name, ALIASES[name] ?? name].flat().some((known) => plain(error.message).includes(plain(known)))
      ? undefined
      : `${call}: ${error.message.slice(0, 150)}`;
  }
}

let before: string;
let folder: string;
beforeAll(() => {
  before = process.cwd();
  folder = mkdtempSync(path.join(tmpdir(), 'fovea-garbage-'));
  process.chdir(folder);
});
afterAll(() => {
  process.chdir(before);
  rmSync(folder, { recursive: true });
});

describe('what is thrown for garbage is typed and names the function', () => {
  for (const [entry, exports] of Object.entries(ENTRIES)) {
    const functions = Object.entries(exports).filter(
      ([name, value]) =>
        typeof value === 'function' &&
        !(value.prototype instanceof Error) &&
        !Object.hasOwn(LEFT_OUT, name) &&
        !Object.entries(ENTRIES).some(
          ([other, { [name as never]: same }]) => other < entry && same === value,
        ),
    ) as [string, Called][];
    it.each(functions)(`${entry}: %s`, async (name, fn) => {
      const faults: string[] = [];
      const attempt = async (values: readonly unknown[]) => {
        const found = await fault(name, fn, values);
        if (found) faults.push(found);
      };
      await attempt([]);
      for (const first of GARBAGE) await attempt([first]);
      for (const first of GARBAGE) await attempt([first, first, first]);
      for (const first of RIGHT()) {
        await attempt([first]);
        for (const second of GARBAGE) await attempt([first, second]);
        for (const second of RIGHT()) for (const third of THIRD) await attempt([first, second, third]);
      }
      expect(faults).toEqual([]);
    });
  }
});
