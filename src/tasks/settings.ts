import type { AugmentOptions } from '../data/augment.ts';
import { classNames, type Sample } from '../data/dataset.ts';
import { objectsOf } from '../data/objects.ts';
import { shrunkSize } from '../data/resize.ts';
import type { AnchorLayout } from '../vision/anchorFit.ts';
import { architectureOf, type ModelName } from './architectures.ts';

/** What decides the outcome of a training; the same settings and data give the same weights, bit for bit. */
export interface TrainSettings {
  readonly model: ModelName;
  readonly classNames: readonly string[];
  /** What shapes the model: see its own description. */
  readonly config: unknown;
  /** Images are shrunk to this, and crops are cut from them. */
  readonly maxSide: number;
  readonly cropSize: number;
  readonly batchSize: number;
  readonly steps: number;
  readonly lr: number;
  readonly weightDecay: number;
  readonly clipNorm: number;
  readonly seed: number;
  readonly augment: AugmentOptions;
}

export interface SettingsOptions {
  readonly epochs?: number;
  readonly steps?: number;
  readonly maxSide?: number;
  readonly cropSize?: number;
  readonly batchSize?: number;
  readonly width?: number;
  /** For detectors: what `fovea anchors` found. */
  readonly anchors?: AnchorLayout;
  /** What shapes the model, in place of its defaults: width and anchors then count for nothing. */
  readonly config?: unknown;
  readonly lr?: number;
  readonly seed?: number;
  readonly augment?: AugmentOptions;
}

/** Images are shrunk to this longer side where nothing else is asked for. */
export const DEFAULT_MAX_SIDE = 512;
/** Steps where nothing else is asked for: to tell classes apart takes longer than to find things of one. */
const DEFAULT_STEPS = { one: 1000, several: 2500 };
const DEFAULT_AUGMENT: AugmentOptions = {
  scale: [0.75, 1.33],
  flipHorizontal: 0.5,
  brightness: 0.2,
  contrast: 0.2,
  saturation: 0.2,
};

/** Crops of each image that make one epoch: as many as cover it, shrunk to maxSide, once. */
export function cropsPerEpoch(
  samples: readonly Sample[],
  { maxSide, cropSize }: { readonly maxSide: number; readonly cropSize: number },
): number[] {
  return samples.map(({ image, region }) => {
    const [x1, y1, x2, y2] = region ?? [0, 0, image.width, image.height];
    const [height, width] = shrunkSize(image, maxSide);
    const pixels = (x2 - x1) * (y2 - y1) * (width / image.width) * (height / image.height);
    return Math.max(1, Math.round(pixels / cropSize ** 2));
  });
}

/**
 * The settings of a training from what the user gives and what the data shows. Crops are chosen so that nine of ten
 * objects fit in with half of their size to spare, for detectors with as much again; from 96 to maxSide, in multiples of 32.
 */
export function defaultSettings(
  model: ModelName,
  samples: readonly Sample[],
  options: SettingsOptions = {},
): TrainSettings {
  const names = classNames(samples);
  const maxSide = options.maxSide ?? DEFAULT_MAX_SIDE;
  const sides = samples.flatMap(({ image, annotation }) => {
    const scale = Math.min(1, maxSide / Math.max(image.width, image.height));
    return objectsOf(annotation.shapes).map(({ box }) => Math.max(box[2] - box[0], box[3] - box[1]) * scale);
  });
  sides.sort((a, b) => a - b);
  const large = sides[Math.floor(0.9 * (sides.length - 1))] ?? 0;
  const architecture = architectureOf(model);
  const room = architecture.task === 'detect' ? 2 : 1.5;
  const wanted = Math.ceil(Math.max(96, room * large) / 32) * 32;
  const cropSize = options.cropSize ?? Math.min(wanted, Math.max(32, Math.floor(maxSide / 32) * 32));
  const batchSize = options.batchSize ?? 4;
  const perEpoch = cropsPerEpoch(samples, { maxSide, cropSize }).reduce((a, b) => a + b, 0) / batchSize;
  const steps =
    options.steps ??
    (options.epochs === undefined
      ? DEFAULT_STEPS[names.length > 1 ? 'several' : 'one']
      : Math.max(1, Math.round(options.epochs * perEpoch)));
  const config =
    options.config ??
    architecture.defaults({
      numClasses: names.length,
      cropSize,
      ...(options.width === undefined ? {} : { width: options.width }),
      ...(options.anchors === undefined ? {} : { anchors: options.anchors }),
    });
  return {
    model,
    classNames: names,
    config,
    maxSide,
    cropSize,
    batchSize,
    steps,
    lr: options.lr ?? architecture.lr ?? 0.003,
    weightDecay: 1e-4,
    clipNorm: 10,
    seed: options.seed ?? 0,
    augment: { ...DEFAULT_AUGMENT, ...options.augment },
  };
}
