import * as v from 'valibot';
import { UsageError } from '../errors.ts';
import { DynamicUNet, dynamicUNetConfig } from '../models/dynamicUnet.ts';
import { FasterRCNN, fasterRCNNConfig } from '../models/fasterRcnn.ts';
import { FCN, fcnConfig } from '../models/fcn.ts';
import { MaskRCNN, maskRCNNConfig } from '../models/maskRcnn.ts';
import { type ResNetConfig, SMALL_RESNET } from '../models/resnet.ts';
import { RetinaNet, retinaNetConfig } from '../models/retinanet.ts';
import { UNet, unetConfig } from '../models/unet.ts';
import { ViTSegmenter, vitConfig } from '../models/vit.ts';
import { YOLO } from '../models/yolo.ts';
import { yolov3Cfg, yolov3TinyCfg } from '../models/yoloPresets.ts';
import type { AnchorLayout } from '../vision/anchorFit.ts';
import type { DetectionModel, SegmentationModel } from './step.ts';

/** Finding objects, or saying of every pixel what it shows. */
export type Task = 'detect' | 'segment';

/** What is asked of a model that is trained from scratch. */
export interface Wish {
  readonly numClasses: number;
  /** Channels of the first stage. */
  readonly width?: number;
  /** Side of the training crops, in pixels. */
  readonly cropSize?: number;
  /** For detectors: what `fovea anchors` found. */
  readonly anchors?: AnchorLayout;
}

/** A kind of model, as tasks and model files know it. `Config` is what shapes one, and is saved with its weights. */
export interface Architecture<Config = unknown> {
  readonly task: Task;
  /** Checks a configuration that comes from outside. */
  readonly schema: v.GenericSchema;
  /** For training from scratch on few images, on any adapter. */
  defaults(wish: Wish): Config;
  build(config: Config, seed: number): DetectionModel | SegmentationModel;
  /** Classes, without a background. */
  classes(config: Config): number;
  /** Sides of crops must be multiples of this, and images are padded to it. */
  multiple(config: Config): number;
  /** The parts of the loss, in the order in which `losses` gives them. */
  readonly losses: readonly string[];
  /** Whether each run draws anew what it learns from. */
  readonly draws?: true;
  /** Whether training takes the objects' masks, and detections have them. */
  readonly masks?: true;
  /** The highest learning rate. Default 0.003. */
  readonly lr?: number;
}

const count = (max: number) => v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(max));
const upTo = (max: number) => v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(max));
const share = v.pipe(v.number(), v.minValue(0), v.maxValue(1));
const positive = v.pipe(v.number(), v.minValue(1e-6), v.maxValue(1e6));
const three = v.tuple([v.number(), v.number(), v.number()]);
const depth = count(64);
const width = count(4096);
const normalization = v.object({ mean: three, std: three });
const resize = v.object({ minSize: count(65536), maxSize: count(65536) });
const sizes = v.pipe(v.array(v.pipe(v.array(positive), v.minLength(1))), v.minLength(1));
const ratios = v.pipe(v.array(positive), v.minLength(1));
const detect = v.optional(
  v.object({
    scoreThreshold: v.optional(v.number()),
    iouThreshold: v.optional(share),
    maxDetections: v.optional(count(100_000)),
    candidates: v.optional(count(1_000_000)),
  }),
);

const backbone = v.object({
  block: v.picklist(['basic', 'bottleneck']),
  depth: v.tuple([depth, depth, depth, depth]),
  width: v.optional(width),
  maxWidth: v.optional(width),
  stem: v.optional(v.picklist(['imagenet', 'small'])),
  norm: v.optional(v.picklist(['group', 'batch', 'frozen'])),
  dilated: v.optional(v.tuple([v.boolean(), v.boolean(), v.boolean()])),
});

const retinanetSchema = v.object({
  numClasses: count(10_000),
  backbone,
  pyramidWidth: width,
  extraLevels: v.picklist(['none', 'p6', 'p6p7']),
  headDepth: upTo(16),
  headNorm: v.picklist(['none', 'group']),
  anchorSizes: v.optional(sizes),
  aspectRatios: v.optional(ratios),
  foregroundIou: v.optional(share),
  backgroundIou: v.optional(share),
  normalization,
  resize,
  detect,
});

const both = v.object({ training: count(1_000_000), testing: count(1_000_000) });
const fasterRcnnEntries = {
  numClasses: count(10_000),
  backbone,
  pyramidWidth: width,
  rpn: v.object({
    anchorSizes: sizes,
    aspectRatios: ratios,
    headDepth: upTo(16),
    preNmsTopN: both,
    postNmsTopN: both,
    nmsThreshold: share,
    scoreThreshold: v.number(),
    foregroundIou: share,
    backgroundIou: share,
    batchSizePerImage: count(10_000_000),
    positiveFraction: share,
  }),
  box: v.object({
    pooling: v.picklist(['align', 'pool']),
    width: count(65536),
    resolution: count(64),
    foregroundIou: share,
    batchSizePerImage: count(10_000_000),
    positiveFraction: share,
  }),
  normalization,
  resize,
  detect,
};
const mask = v.object({ width, depth: upTo(16), resolution: count(64), maxRegions: count(100_000) });

// Label maps are bytes: 0 is the background, and 255 counts for nothing.
const mapped = v.pipe(count(255), v.minValue(2));
const dice = v.optional(v.boolean());

const architecture = <Config>(entry: Architecture<Config>): Architecture => entry as Architecture;

const small = ({ width: channels }: Wish): ResNetConfig =>
  channels === undefined ? SMALL_RESNET : { ...SMALL_RESNET, width: channels };
const narrow = (wish: Wish): ResNetConfig => ({ ...small(wish), maxWidth: 64 });
const pyramid = (wish: Wish) => (wish.width === undefined ? {} : { pyramidWidth: 2 * wish.width });

/** Sizes for each level and aspect ratios of anchors. Throws UsageError for a list, which is YOLO's, and other numbers of levels. */
function levelsOf(name: string, { anchors }: Wish, levels: readonly number[]) {
  if (!anchors) return undefined;
  if (anchors.kind === 'pyramid' && levels.includes(anchors.sizes.length)) {
    return { anchorSizes: anchors.sizes, aspectRatios: anchors.aspectRatios };
  }
  const given = anchors.kind === 'list' ? 'a list of sides' : `${anchors.sizes.length} levels`;
  throw new UsageError(
    `${name}: its anchors have ${levels.join(' to ')} levels of sizes, these are ${given}; fit them with fovea anchors --model ${name === 'maskrcnn' ? 'fasterrcnn' : name}`,
  );
}

/** The sides of anchors. Throws UsageError for those of a pyramid. */
function sidesOf(name: string, { anchors }: Wish) {
  if (anchors?.kind !== 'pyramid') return anchors ? { anchors: anchors.anchors } : {};
  throw new UsageError(
    `${name}: its anchors are a list of sides, these are of a pyramid; fit them with fovea anchors --model ${name}`,
  );
}

const EXTRA = { 3: 'none', 4: 'p6', 5: 'p6p7' } as const;

const RCNN_LOSSES = ['classifier', 'box_reg', 'objectness', 'rpn_box_reg'] as const;

/** `first`: channels of the first stage in the paper's network, of which a quarter is enough for few images. */
const yolo = (name: 'yolov3' | 'yolov3-tiny', write: typeof yolov3Cfg, first: number) =>
  architecture<YOLO['config']>({
    task: 'detect',
    schema: v.object({ cfg: v.string() }),
    defaults: (wish) => {
      const { numClasses, width: channels = first / 4, cropSize: side = 416 } = wish;
      const sizes = { width: channels / first, imageSize: [side, side] as const };
      return { cfg: write({ numClasses, ...sizes, ...sidesOf(name, wish) }) };
    },
    build: (config, seed) => new YOLO({ ...config, seed }),
    classes: (config) => new YOLO(config).numClasses,
    multiple: (config) => new YOLO(config).stride,
    losses: ['box', 'objectness', 'classification'],
    lr: 0.01,
  });

/** Every kind of model by the name that `--model` and model files give it. */
export const ARCHITECTURES = {
  retinanet: architecture<RetinaNet['config']>({
    task: 'detect',
    schema: retinanetSchema,
    defaults: (wish) => {
      const anchors = levelsOf('retinanet', wish, [3, 4, 5]);
      const extraLevels = EXTRA[(anchors?.anchorSizes.length ?? 4) as keyof typeof EXTRA];
      return retinaNetConfig({
        numClasses: wish.numClasses,
        backbone: small(wish),
        ...pyramid(wish),
        ...anchors,
        extraLevels,
      });
    },
    build: (config, seed) => new RetinaNet({ ...config, seed }),
    classes: ({ numClasses }) => numClasses,
    multiple: () => 32,
    losses: ['classification', 'bbox_regression'],
  }),
  fasterrcnn: architecture<FasterRCNN['config']>({
    task: 'detect',
    schema: v.object(fasterRcnnEntries),
    defaults: (wish) =>
      fasterRCNNConfig({
        numClasses: wish.numClasses,
        backbone: small(wish),
        ...pyramid(wish),
        rpn: { ...levelsOf('fasterrcnn', wish, [5]) },
      }),
    build: (config, seed) => new FasterRCNN({ ...config, seed }),
    classes: ({ numClasses }) => numClasses,
    multiple: () => 32,
    losses: RCNN_LOSSES,
    draws: true,
  }),
  maskrcnn: architecture<MaskRCNN['config']>({
    task: 'detect',
    schema: v.object({ ...fasterRcnnEntries, mask }),
    defaults: (wish) =>
      maskRCNNConfig({
        numClasses: wish.numClasses,
        backbone: small(wish),
        ...pyramid(wish),
        rpn: { ...levelsOf('maskrcnn', wish, [5]) },
      }),
    build: (config, seed) => new MaskRCNN({ ...config, seed }),
    classes: ({ numClasses }) => numClasses,
    multiple: () => 32,
    losses: ['classifier', 'box_reg', 'mask', 'objectness', 'rpn_box_reg'],
    draws: true,
    masks: true,
  }),
  yolov3: yolo('yolov3', yolov3Cfg, 32),
  'yolov3-tiny': yolo('yolov3-tiny', yolov3TinyCfg, 16),
  unet: architecture<UNet['config']>({
    task: 'segment',
    schema: v.object({
      numClasses: mapped,
      dice,
      width,
      depth: count(8),
      norm: v.picklist(['group', 'batch', 'frozen']),
      normalization,
    }),
    defaults: (wish) =>
      unetConfig({
        dice: true,
        numClasses: wish.numClasses + 1,
        // At full resolution channels are expensive, and few images need few.
        width: wish.width ?? 8,
      }),
    build: (config, seed) => new UNet({ ...config, seed }),
    classes: ({ numClasses }) => numClasses - 1,
    multiple: (config) => 2 ** config.depth,
    losses: ['segmentation'],
    lr: 0.01,
  }),
  'dynamic-unet': architecture<DynamicUNet['config']>({
    task: 'segment',
    schema: v.object({
      numClasses: mapped,
      dice,
      backbone,
      norm: v.optional(v.picklist(['group', 'batch', 'frozen'])),
      normalization,
    }),
    defaults: (wish) =>
      dynamicUNetConfig({ dice: true, numClasses: wish.numClasses + 1, backbone: narrow(wish) }),
    build: (config, seed) => new DynamicUNet({ ...config, seed }),
    classes: ({ numClasses }) => numClasses - 1,
    multiple: () => 32,
    losses: ['segmentation'],
  }),
  fcn: architecture<FCN['config']>({
    task: 'segment',
    schema: v.object({
      numClasses: mapped,
      dice,
      backbone,
      auxiliary: v.optional(v.boolean()),
      hypercolumns: v.optional(v.boolean()),
      normalization,
    }),
    defaults: (wish) => fcnConfig({ dice: true, numClasses: wish.numClasses + 1, backbone: narrow(wish) }),
    build: (config, seed) => new FCN({ ...config, seed }),
    classes: ({ numClasses }) => numClasses - 1,
    multiple: () => 32,
    losses: ['segmentation'],
  }),
  vit: architecture<ViTSegmenter['config']>({
    task: 'segment',
    schema: v.object({
      numClasses: mapped,
      dice,
      imageSize: count(4096),
      patchSize: count(512),
      numLayers: count(128),
      numHeads: count(128),
      hiddenDim: width,
      mlpDim: count(65536),
      normalization,
    }),
    defaults: ({ numClasses, width: channels, cropSize }) =>
      vitConfig({
        dice: true,
        numClasses: numClasses + 1,
        ...(cropSize === undefined ? {} : { imageSize: cropSize }),
        ...(channels === undefined ? {} : { hiddenDim: 4 * channels, mlpDim: 8 * channels }),
      }),
    build: (config, seed) => new ViTSegmenter({ ...config, seed }),
    classes: ({ numClasses }) => numClasses - 1,
    multiple: ({ imageSize }) => imageSize,
    losses: ['segmentation'],
  }),
} as const satisfies Record<string, Architecture>;

export type ModelName = keyof typeof ARCHITECTURES;

/** Every `--model`. */
export const MODEL_NAMES = Object.keys(ARCHITECTURES) as ModelName[];

/** What a task trains where no model is named. */
export const DEFAULT_MODEL: Readonly<Record<Task, ModelName>> = { detect: 'retinanet', segment: 'unet' };

export const architectureOf = (name: ModelName): Architecture => ARCHITECTURES[name];
