import * as v from 'valibot';
import type { ModelName } from './architectures.ts';

// Apart from the architectures, whose declarations users compile: those of valibot take TypeScript longer than all of Fovea's.

const count = (max: number) => v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(max));
const upTo = (max: number) => v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(max));
const share = v.pipe(v.number(), v.minValue(0), v.maxValue(1));
const positive = v.pipe(v.number(), v.minValue(1e-6), v.maxValue(1e6));
const three = v.tuple([v.number(), v.number(), v.number()]);
const depth = count(64);
const width = count(4096);
const normalization = v.strictObject({ mean: three, std: three });
const resize = v.strictObject({ minSize: count(65536), maxSize: count(65536) });
const sizes = v.pipe(v.array(v.pipe(v.array(positive), v.minLength(1))), v.minLength(1));
const ratios = v.pipe(v.array(positive), v.minLength(1));
const detectEntries = {
  scoreThreshold: v.optional(v.number()),
  iouThreshold: v.optional(share),
  maxDetections: v.optional(count(100_000)),
  candidates: v.optional(count(1_000_000)),
};
const detect = v.optional(v.strictObject(detectEntries));

const norm = v.optional(v.picklist(['group', 'batch', 'frozen']));
const backboneEntries = {
  block: v.picklist(['basic', 'bottleneck']),
  depth: v.tuple([depth, depth, depth, depth]),
  width: v.optional(width),
  maxWidth: v.optional(width),
  stem: v.optional(v.picklist(['imagenet', 'small'])),
  groups: v.optional(width),
  widthPerGroup: v.optional(width),
  norm,
  dilated: v.optional(v.tuple([v.boolean(), v.boolean(), v.boolean()])),
};
const backbone = v.strictObject(backboneEntries);

const widthMult = v.optional(v.pipe(positive, v.maxValue(64)));
const batchNorm = v.optional(v.strictObject({ eps: v.optional(share), momentum: v.optional(share) }));
const mobilenetEntries = {
  variant: v.picklist(['large', 'small']),
  widthMult,
  reducedTail: v.optional(v.boolean()),
  dilated: v.optional(v.boolean()),
  norm,
  batchNorm,
};
const mobilenet = v.strictObject(mobilenetEntries);

const retinanet = v.strictObject({
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

const fcos = v.strictObject({
  numClasses: count(10_000),
  backbone,
  pyramidWidth: width,
  extraLevels: v.picklist(['none', 'p6', 'p6p7']),
  headDepth: upTo(16),
  centerSamplingRadius: positive,
  normalization,
  resize,
  detect,
});

const positiveShare = v.pipe(share, v.minValue(0.01));
const side = count(65536);
const ssd = v.strictObject({
  numClasses: count(10_000),
  backbone: v.union([
    v.strictObject({
      depth: v.optional(v.tuple([depth, depth, depth, depth, depth])),
      width: v.optional(count(256)),
    }),
    v.strictObject({ ...mobilenetEntries, extraWidthMult: v.optional(v.pipe(positive, v.maxValue(64))) }),
  ]),
  imageSize: v.tuple([side, side]),
  aspectRatios: v.pipe(v.array(v.array(positive)), v.length(6)),
  scales: v.pipe(v.array(positive), v.length(7)),
  steps: v.optional(v.pipe(v.array(positive), v.length(6))),
  foregroundIou: share,
  positiveFraction: positiveShare,
  normalization,
  detect,
});

const both = v.strictObject({ training: count(1_000_000), testing: count(1_000_000) });
const fasterRcnnEntries = {
  numClasses: count(10_000),
  backbone: v.union([backbone, mobilenet]),
  pyramidWidth: width,
  rpn: v.strictObject({
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
  box: v.strictObject({
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
const mask = v.strictObject({ width, depth: upTo(16), resolution: count(64), maxRegions: count(100_000) });

const panopticDetect = v.optional(
  v.strictObject({
    ...detectEntries,
    instanceThreshold: v.optional(v.number()),
    overlapThreshold: v.optional(share),
    stuffAreaLimit: v.optional(upTo(1_000_000_000)),
  }),
);
const semantic = v.strictObject({ width, groups: width, lossWeight: v.pipe(v.number(), v.minValue(0)) });

// Label maps are bytes: 0 is the background, 255 is ignored.
const mapped = v.pipe(count(255), v.minValue(2));
const dice = v.optional(v.boolean());

/** What all classifiers have. */
const classes = { numClasses: count(100_000), normalization: v.optional(normalization) };
const dropout = v.optional(share);
const vit = {
  imageSize: count(4096),
  patchSize: count(512),
  numLayers: count(128),
  numHeads: count(128),
  hiddenDim: width,
  mlpDim: count(65536),
  dropout,
  attentionDropout: v.optional(share),
  normalization,
};
const darknet = v.strictObject({ cfg: v.string() });

/** Checks the configuration of a model that comes from a file, by the architecture's name. */
export const CONFIG_SCHEMAS: Readonly<Record<ModelName, v.GenericSchema>> = {
  retinanet,
  fcos,
  ssdlite: ssd,
  fasterrcnn: v.strictObject(fasterRcnnEntries),
  maskrcnn: v.strictObject({ ...fasterRcnnEntries, mask }),
  panopticfpn: v.strictObject({
    ...fasterRcnnEntries,
    backbone,
    mask,
    numStuff: count(254),
    semantic,
    detect: panopticDetect,
  }),
  yolov3: darknet,
  'yolov3-tiny': darknet,
  'yolo-fastest': darknet,
  unet: v.strictObject({
    numClasses: mapped,
    dice,
    width,
    depth: count(8),
    norm: v.picklist(['group', 'batch', 'frozen']),
    normalization,
  }),
  'dynamic-unet': v.strictObject({
    numClasses: mapped,
    dice,
    backbone,
    norm,
    normalization,
  }),
  deeplabv3: v.strictObject({
    numClasses: mapped,
    dice,
    backbone: v.union([backbone, mobilenet]),
    width,
    rates: v.pipe(v.array(count(1024)), v.minLength(1), v.maxLength(16)),
    auxiliary: v.boolean(),
    dropout: share,
    normalization,
  }),
  lraspp: v.strictObject({ numClasses: mapped, dice, backbone: mobilenet, width, normalization }),
  fcn: v.strictObject({
    numClasses: mapped,
    dice,
    backbone,
    auxiliary: v.optional(v.boolean()),
    dropout: v.optional(share),
    hypercolumns: v.optional(v.boolean()),
    normalization,
  }),
  vit: v.strictObject({ ...vit, numClasses: mapped, dice }),
  resnet: v.strictObject({ ...backboneEntries, ...classes }),
  'resnet-cifar': v.strictObject({
    ...classes,
    depth: v.optional(v.tuple([depth, depth, depth])),
    width: v.optional(width),
    shortcut: v.optional(v.picklist(['pad', 'conv'])),
  }),
  'mobilenet-v2': v.strictObject({ ...classes, widthMult, dropout, norm }),
  'mobilenet-v3': v.strictObject({ ...mobilenetEntries, ...classes, dropout }),
  efficientnet: v.strictObject({
    ...classes,
    widthMult,
    depthMult: widthMult,
    dropout,
    stochasticDepth: v.optional(share),
    norm,
    batchNorm,
  }),
  vgg: v.strictObject({
    ...classes,
    depth: v.optional(v.tuple([depth, depth, depth, depth, depth])),
    width: v.optional(width),
    batchNorm: v.optional(v.boolean()),
    hidden: v.optional(count(65536)),
    dropout,
  }),
  'vit-classifier': v.strictObject({ ...vit, numClasses: count(100_000) }),
};
