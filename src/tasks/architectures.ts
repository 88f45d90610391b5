import { UsageError } from '../errors.ts';
import { DeepLabV3, deepLabV3Config } from '../models/deeplab.ts';
import { DynamicUNet, dynamicUNetConfig } from '../models/dynamicUnet.ts';
import { FasterRCNN, fasterRCNNConfig } from '../models/fasterRcnn.ts';
import { FCN, fcnConfig } from '../models/fcn.ts';
import { FCOS, fcosConfig } from '../models/fcos.ts';
import { LRASPP, lrasppConfig, SMALL_LRASPP } from '../models/lraspp.ts';
import { MaskRCNN, maskRCNNConfig } from '../models/maskRcnn.ts';
import { PanopticFPN, panopticFPNConfig } from '../models/panopticFpn.ts';
import { type ResNetConfig, SMALL_RESNET } from '../models/resnet.ts';
import { RetinaNet, retinaNetConfig } from '../models/retinanet.ts';
import { SMALL_SSD, SSD, ssdConfig } from '../models/ssd.ts';
import { UNet, unetConfig } from '../models/unet.ts';
import { ViTSegmenter, vitConfig } from '../models/vit.ts';
import { YOLO } from '../models/yolo.ts';
import { yoloFastestCfg, yolov3Cfg, yolov3TinyCfg } from '../models/yoloPresets.ts';
import {
  type Architecture,
  architecture,
  type FineTuned,
  type NewModelOptions,
  type TaskName,
} from './architecture.ts';
import { CLASSIFIERS } from './classifiers.ts';

const small = ({ width: channels }: NewModelOptions): ResNetConfig =>
  channels === undefined ? SMALL_RESNET : { ...SMALL_RESNET, width: channels };
const narrow = (options: NewModelOptions): ResNetConfig => ({ ...small(options), maxWidth: 64 });
const pyramid = (options: NewModelOptions) =>
  options.width === undefined ? {} : { pyramidWidth: 2 * options.width };

/**
 * Returns the anchor sizes of each level, and aspect ratios. Throws UsageError for a list, which is YOLO's, and for
 * another number of levels.
 */
function levelsOf(name: string, { anchors }: NewModelOptions, levels: readonly number[]) {
  if (!anchors) return undefined;
  if (anchors.kind === 'pyramid' && levels.includes(anchors.sizes.length)) {
    return { anchorSizes: anchors.sizes, aspectRatios: anchors.aspectRatios };
  }
  const given =
    anchors.kind === 'list' ? 'a list of widths and heights' : `sizes for ${anchors.sizes.length} levels`;
  throw new UsageError(
    `${name}: the anchors are ${given}, ${name} takes sizes for ${levels.join(', ')} levels; fit them with fovea anchors --model ${['maskrcnn', 'panopticfpn'].includes(name) ? 'fasterrcnn' : name}`,
  );
}

/** Returns widths and heights of anchors. Throws UsageError for the anchors of a pyramid. */
function anchorListOf(name: string, { anchors }: NewModelOptions) {
  if (anchors?.kind !== 'pyramid') return anchors ? { anchors: anchors.anchors } : {};
  throw new UsageError(
    `${name}: the anchors are sizes for the levels of a pyramid, ${name} takes a list of widths and heights; fit them with fovea anchors --model ${name}`,
  );
}

/** Throws UsageError for anchors that a model has no use for. */
function expectNoAnchors(name: string, { anchors }: NewModelOptions): void {
  if (anchors) throw new UsageError(`${name}: has no anchors of its own to choose; leave anchors out`);
}

const EXTRA = { 3: 'none', 4: 'p6', 5: 'p6p7' } as const;

const RCNN_LOSSES = ['classifier', 'box_reg', 'objectness', 'rpn_box_reg'] as const;

/** `usual`: channels of the first stage for few images. A quarter of a large network's is enough. */
const yolo = (
  name: 'yolov3' | 'yolov3-tiny' | 'yolo-fastest',
  write: typeof yolov3Cfg,
  fineTuned: FineTuned,
  usual = fineTuned.width / 4,
) =>
  architecture<YOLO['config']>({
    task: 'detect',
    defaultConfig: (options) => {
      const { numClasses, width: channels = usual, cropSize: side = fineTuned.cropSize } = options;
      const sizes = { width: channels / fineTuned.width, imageSize: [side, side] as const };
      return { cfg: write({ numClasses, ...sizes, ...anchorListOf(name, options) }) };
    },
    build: (config, seed) => new YOLO({ ...config, seed }),
    numClasses: (config) => new YOLO(config).numClasses,
    sizeMultiple: (config) => new YOLO(config).stride,
    lossNames: ['box', 'objectness', 'classification'],
    lr: 0.01,
    fineTuned,
  });

/** All architectures, by the names that model files and `--model` use. */
export const ARCHITECTURES = {
  retinanet: architecture<RetinaNet['config']>({
    task: 'detect',
    defaultConfig: (options) => {
      const anchors = levelsOf('retinanet', options, [3, 4, 5]);
      const extraLevels = EXTRA[(anchors?.anchorSizes.length ?? 4) as keyof typeof EXTRA];
      return retinaNetConfig({
        numClasses: options.numClasses,
        backbone: small(options),
        ...pyramid(options),
        ...anchors,
        extraLevels,
      });
    },
    build: (config, seed) => new RetinaNet({ ...config, seed }),
    numClasses: ({ numClasses }) => numClasses,
    sizeMultiple: () => 32,
    lossNames: ['classification', 'bbox_regression'],
  }),
  fcos: architecture<FCOS['config']>({
    task: 'detect',
    defaultConfig: (options) => {
      expectNoAnchors('fcos', options);
      const { numClasses } = options;
      return fcosConfig({ numClasses, backbone: small(options), ...pyramid(options) });
    },
    build: (config, seed) => new FCOS({ ...config, seed }),
    numClasses: ({ numClasses }) => numClasses,
    sizeMultiple: () => 32,
    lossNames: ['classification', 'bbox_regression', 'bbox_ctrness'],
  }),
  ssdlite: architecture<SSD['config']>({
    task: 'detect',
    defaultConfig: (options) => {
      expectNoAnchors('ssdlite', options);
      const { numClasses, width, cropSize: side } = options;
      return ssdConfig({
        numClasses,
        ...(side === undefined ? {} : { imageSize: [side, side] }),
        // The first stage of MobileNetV3 has 16 channels.
        ...(width === undefined
          ? {}
          : { backbone: { ...SMALL_SSD.backbone, widthMult: width / 16, extraWidthMult: width / 32 } }),
      });
    },
    build: (config, seed) => new SSD({ ...config, seed }),
    numClasses: ({ numClasses }) => numClasses,
    // The last map of a VGG's is one pixel of images of its own size, and none of smaller ones.
    sizeMultiple: ({ backbone, imageSize }) => ('variant' in backbone ? 32 : Math.max(...imageSize)),
    lossNames: ['bbox_regression', 'classification'],
  }),
  fasterrcnn: architecture<FasterRCNN['config']>({
    task: 'detect',
    defaultConfig: (options) =>
      fasterRCNNConfig({
        numClasses: options.numClasses,
        backbone: small(options),
        ...pyramid(options),
        rpn: { ...levelsOf('fasterrcnn', options, [5]) },
      }),
    build: (config, seed) => new FasterRCNN({ ...config, seed }),
    numClasses: ({ numClasses }) => numClasses,
    sizeMultiple: () => 32,
    lossNames: RCNN_LOSSES,
    needsSeed: true,
  }),
  maskrcnn: architecture<MaskRCNN['config']>({
    task: 'detect',
    defaultConfig: (options) =>
      maskRCNNConfig({
        numClasses: options.numClasses,
        backbone: small(options),
        ...pyramid(options),
        rpn: { ...levelsOf('maskrcnn', options, [5]) },
      }),
    build: (config, seed) => new MaskRCNN({ ...config, seed }),
    numClasses: ({ numClasses }) => numClasses,
    sizeMultiple: () => 32,
    lossNames: ['classifier', 'box_reg', 'mask', 'objectness', 'rpn_box_reg'],
    needsSeed: true,
    hasMasks: true,
  }),
  panopticfpn: architecture<PanopticFPN['config']>({
    task: 'detect',
    defaultConfig: ({ numStuff = 1, ...options }) =>
      panopticFPNConfig({
        numClasses: options.numClasses - numStuff,
        numStuff,
        backbone: small(options),
        ...pyramid(options),
        rpn: { ...levelsOf('panopticfpn', options, [5]) },
      }),
    build: (config, seed) => new PanopticFPN({ ...config, seed }),
    numClasses: ({ numClasses, numStuff }) => numClasses + numStuff,
    numStuff: ({ numStuff }) => numStuff,
    sizeMultiple: () => 32,
    lossNames: ['classifier', 'box_reg', 'mask', 'objectness', 'rpn_box_reg', 'semantic'],
    needsSeed: true,
    hasMasks: true,
  }),
  yolov3: yolo('yolov3', yolov3Cfg, { width: 32, cropSize: 416, lr: 0.001, steps: 1000 }),
  'yolov3-tiny': yolo('yolov3-tiny', yolov3TinyCfg, { width: 16, cropSize: 416, lr: 0.001, steps: 1000 }),
  'yolo-fastest': yolo(
    'yolo-fastest',
    yoloFastestCfg,
    { width: 8, cropSize: 320, lr: 0.003, steps: 1000 },
    8,
  ),
  unet: architecture<UNet['config']>({
    task: 'segment',
    defaultConfig: (options) =>
      unetConfig({
        dice: true,
        numClasses: options.numClasses + 1,
        // At full resolution channels are expensive, and few images need few.
        width: options.width ?? 8,
      }),
    build: (config, seed) => new UNet({ ...config, seed }),
    numClasses: ({ numClasses }) => numClasses - 1,
    sizeMultiple: (config) => 2 ** config.depth,
    lossNames: ['segmentation'],
    lr: 0.01,
  }),
  'dynamic-unet': architecture<DynamicUNet['config']>({
    task: 'segment',
    defaultConfig: (options) =>
      dynamicUNetConfig({ dice: true, numClasses: options.numClasses + 1, backbone: narrow(options) }),
    build: (config, seed) => new DynamicUNet({ ...config, seed }),
    numClasses: ({ numClasses }) => numClasses - 1,
    sizeMultiple: () => 32,
    lossNames: ['segmentation'],
  }),
  fcn: architecture<FCN['config']>({
    task: 'segment',
    defaultConfig: (options) =>
      fcnConfig({ dice: true, numClasses: options.numClasses + 1, backbone: narrow(options) }),
    build: (config, seed) => new FCN({ ...config, seed }),
    numClasses: ({ numClasses }) => numClasses - 1,
    sizeMultiple: () => 32,
    lossNames: ['segmentation'],
  }),
  deeplabv3: architecture<DeepLabV3['config']>({
    task: 'segment',
    defaultConfig: (options) =>
      deepLabV3Config({
        dice: true,
        numClasses: options.numClasses + 1,
        backbone: { ...narrow(options), dilated: [false, true, true] },
      }),
    build: (config, seed) => new DeepLabV3({ ...config, seed }),
    numClasses: ({ numClasses }) => numClasses - 1,
    sizeMultiple: () => 32,
    lossNames: ['segmentation'],
  }),
  lraspp: architecture<LRASPP['config']>({
    task: 'segment',
    defaultConfig: ({ numClasses, width }) =>
      lrasppConfig({
        dice: true,
        numClasses: numClasses + 1,
        // The first stage of MobileNetV3 has 16 channels.
        ...(width === undefined
          ? {}
          : { backbone: { ...SMALL_LRASPP.backbone, widthMult: width / 16 }, width: 8 * width }),
      }),
    build: (config, seed) => new LRASPP({ ...config, seed }),
    numClasses: ({ numClasses }) => numClasses - 1,
    sizeMultiple: () => 32,
    lossNames: ['segmentation'],
  }),
  vit: architecture<ViTSegmenter['config']>({
    task: 'segment',
    defaultConfig: ({ numClasses, width: channels, cropSize }) =>
      vitConfig({
        dice: true,
        numClasses: numClasses + 1,
        ...(cropSize === undefined ? {} : { imageSize: cropSize }),
        ...(channels === undefined ? {} : { hiddenDim: 4 * channels, mlpDim: 8 * channels }),
      }),
    build: (config, seed) => new ViTSegmenter({ ...config, seed }),
    numClasses: ({ numClasses }) => numClasses - 1,
    sizeMultiple: ({ imageSize }) => imageSize,
    lossNames: ['segmentation'],
  }),
  ...CLASSIFIERS,
} as const satisfies Record<string, Architecture>;

/**
 * The name of an architecture, in model files and for `--model`.
 *
 * @useDeclaredType
 */
export type ModelName = keyof typeof ARCHITECTURES;

/** The names of all architectures. */
export const MODEL_NAMES = Object.keys(ARCHITECTURES) as ModelName[];

/** The architecture that a task trains by default. */
export const DEFAULT_MODEL: Readonly<Record<TaskName, ModelName>> = {
  detect: 'retinanet',
  segment: 'unet',
  classify: 'resnet',
};

/**
 * Looks up an architecture.
 *
 * @param name Its name, one of `MODEL_NAMES`.
 */
export const architectureOf = (name: ModelName): Architecture => ARCHITECTURES[name];

/** An architecture by its name. Throws UsageError for a name that there is not. */
export function knownArchitecture<Name extends ModelName>(
  call: string,
  name: Name,
): (typeof ARCHITECTURES)[Name] {
  if (Object.hasOwn(ARCHITECTURES, name)) return ARCHITECTURES[name];
  throw new UsageError(`${call}: no model ${String(name)}; choose ${Object.keys(ARCHITECTURES).join(', ')}`);
}
