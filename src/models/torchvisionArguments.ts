import { UsageError } from '../errors.ts';
import { objectOf } from '../options.ts';
import { DEFAULT_RESIZE, type ResizeConfig } from './detection.ts';
import { type FasterRCNNConfig, type RCNNBackbone, torchvisionRCNN } from './fasterRcnn.ts';
import { IMAGENET, type Normalization } from './preprocess.ts';
import type { RPNConfig } from './rpn.ts';

/** The arguments of a builder. They are read one by one, so that those left over are known. */
export class Arguments {
  readonly #builder: string;
  readonly #left: Map<string, unknown>;

  constructor(builder: string, given: Readonly<Record<string, unknown>>) {
    this.#builder = builder;
    objectOf(`torchvisionModel: ${builder}`, given);
    this.#left = new Map(Object.entries(given));
  }

  number(name: string, otherwise: number): number {
    const value = this.#left.get(name) ?? otherwise;
    this.#left.delete(name);
    if (typeof value === 'number' && Number.isFinite(value)) return value;
    throw new UsageError(`${this.#builder}: ${name} is ${JSON.stringify(value)}; give a number`);
  }

  /** A whole number of at least 1. */
  count(name: string, otherwise: number): number {
    const value = this.number(name, otherwise);
    if (Number.isInteger(value) && value > 0) return value;
    throw new UsageError(`${this.#builder}: ${name} is ${value}; give a whole number from 1 on`);
  }

  /** True or false; false where it is null or left out. */
  flag(name: string): boolean {
    const value = this.#left.get(name) ?? false;
    this.#left.delete(name);
    if (typeof value === 'boolean') return value;
    throw new UsageError(`${this.#builder}: ${name} is ${JSON.stringify(value)}; give true or false`);
  }

  three(name: string, otherwise: readonly [number, number, number]): readonly [number, number, number] {
    const value = this.#left.get(name) ?? otherwise;
    this.#left.delete(name);
    const fits = Array.isArray(value) && value.length === 3 && value.every(Number.isFinite);
    if (fits) return value as unknown as [number, number, number];
    throw new UsageError(`${this.#builder}: ${name} is ${JSON.stringify(value)}; give three numbers`);
  }

  normalization(otherwise: Normalization): Normalization {
    return {
      mean: this.three('image_mean', otherwise.mean),
      std: this.three('image_std', otherwise.std),
    };
  }

  end(): void {
    const names = [...this.#left.keys()];
    if (names.length === 0) return;
    throw new UsageError(`${this.#builder}: the argument ${names.join(', ')} is not supported; leave it out`);
  }
}

/** The arguments that all of torchvision's detectors take. */
export function detectorArguments(args: Arguments, { minSize, maxSize } = DEFAULT_RESIZE) {
  return {
    normalization: args.normalization(IMAGENET),
    resize: { minSize: args.count('min_size', minSize), maxSize: args.count('max_size', maxSize) },
  };
}

/** What a builder of a two-stage detector has by default, apart from its backbone. */
export interface RCNNDefaults {
  readonly resize?: ResizeConfig;
  readonly rpn?: Partial<RPNConfig>;
  /** With the background. */
  readonly numClasses?: number;
}

/** The arguments of two-stage detectors. torchvision's num_classes counts the background. */
export function rcnnArguments(
  backbone: RCNNBackbone,
  args: Arguments,
  defaults: RCNNDefaults = {},
): FasterRCNNConfig {
  const { box, ...rest } = torchvisionRCNN('torchvisionModel', backbone);
  const rpn = { ...rest.rpn, ...defaults.rpn };
  const topN = (when: string, which: 'preNmsTopN' | 'postNmsTopN') => ({
    training: args.count(`rpn_${when}_nms_top_n_train`, rpn[which].training),
    testing: args.count(`rpn_${when}_nms_top_n_test`, rpn[which].testing),
  });
  const foregroundIou = args.number('box_fg_iou_thresh', box.foregroundIou);
  const backgroundIou = args.number('box_bg_iou_thresh', foregroundIou);
  if (backgroundIou !== foregroundIou) {
    throw new UsageError(
      `${backbone} R-CNN: box_bg_iou_thresh ${backgroundIou} differs from box_fg_iou_thresh ${foregroundIou}; give both the same value, since Fovea has one threshold for both`,
    );
  }
  return {
    ...rest,
    ...detectorArguments(args, defaults.resize),
    numClasses: args.count('num_classes', defaults.numClasses ?? 91) - 1,
    rpn: {
      ...rpn,
      preNmsTopN: topN('pre', 'preNmsTopN'),
      postNmsTopN: topN('post', 'postNmsTopN'),
      nmsThreshold: args.number('rpn_nms_thresh', rpn.nmsThreshold),
      scoreThreshold: args.number('rpn_score_thresh', rpn.scoreThreshold),
      foregroundIou: args.number('rpn_fg_iou_thresh', rpn.foregroundIou),
      backgroundIou: args.number('rpn_bg_iou_thresh', rpn.backgroundIou),
      batchSizePerImage: args.count('rpn_batch_size_per_image', rpn.batchSizePerImage),
      positiveFraction: args.number('rpn_positive_fraction', rpn.positiveFraction),
    },
    box: {
      ...box,
      foregroundIou,
      batchSizePerImage: args.count('box_batch_size_per_image', box.batchSizePerImage),
      positiveFraction: args.number('box_positive_fraction', box.positiveFraction),
    },
    detect: {
      scoreThreshold: args.number('box_score_thresh', 0.05),
      iouThreshold: args.number('box_nms_thresh', 0.5),
      maxDetections: args.count('box_detections_per_img', 100),
    },
  };
}
