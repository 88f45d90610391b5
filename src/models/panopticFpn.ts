import { ShapeError, UsageError } from '../errors.ts';
import { panopticMerge } from '../graph/functions/boxes.ts';
import { interpolate } from '../graph/functions/conv.ts';
import {
  add,
  affine,
  greaterEqual,
  less,
  maximum,
  mul,
  relu,
  where,
} from '../graph/functions/elementwise.ts';
import { crossEntropy } from '../graph/functions/losses.ts';
import { argmax, sum } from '../graph/functions/reduce.ts';
import { cast, concat, gatherRows, pad } from '../graph/functions/shape.ts';
import { full, type Tensor, tensor } from '../graph/tensor.ts';
import { Conv2d } from '../nn/layers.ts';
import { Module } from '../nn/module.ts';
import { GroupNorm } from '../nn/norms.ts';
import { type Generator, generator, generatorOf } from '../nn/random.ts';
import { objectOf, withDefaults } from '../options.ts';
import { formatShape } from '../shape.ts';
import { type Detections, type DetectOptions, type ImageBatch, toImages } from './detection.ts';
import { type FasterRCNNLosses, torchvisionRCNN } from './fasterRcnn.ts';
import {
  MASK_DEFAULTS,
  type MaskDetections,
  MaskRCNN,
  type MaskRCNNConfig,
  type MaskRCNNOptions,
  type MaskTargets,
  maskRCNNConfig,
  SMALL_MASK_RCNN,
} from './maskRcnn.ts';
import type { ResNetConfig, ResNetName } from './resnet.ts';
import { upTo } from './roiHeads.ts';
import { divideBy } from './sampling.ts';
import { IGNORE_LABEL } from './segmentation.ts';

/**
 * Everything that shapes the semantic branch and its training. Defaults are the paper's, and those of `new PanopticFPN` where
 * they differ.
 */
export interface SemanticConfig {
  /** Channels. Default 128; `new PanopticFPN`: 32. */
  readonly width: number;
  /** Groups of the group norms, which divide the channels. Default 32; `new PanopticFPN`: 4. */
  readonly groups: number;
  /** What its loss is multiplied by. Default 0.5. */
  readonly lossWeight: number;
}

export const SEMANTIC_DEFAULTS: SemanticConfig = { width: 128, groups: 32, lossWeight: 0.5 };

/** Options of `PanopticFPN.detect`: how objects and regions are merged. */
export interface PanopticOptions extends DetectOptions {
  /** Detections with a lower score do not become segments. Default 0.5. */
  readonly instanceThreshold?: number;
  /** An object is dropped if more than this fraction of it is covered by objects with higher scores. Default 0.5. */
  readonly overlapThreshold?: number;
  /**
   * Regions with fewer pixels do not become segments. Default: 4096 for images of 800 x 1333 pixels and larger, as
   * Detectron2's, and the same share of smaller ones.
   */
  readonly stuffAreaLimit?: number;
}

/** Everything that shapes a Panoptic FPN; saved with its weights. Defaults are those of `new PanopticFPN`. */
export interface PanopticFPNConfig extends MaskRCNNConfig {
  /** The number of classes of regions ("stuff"), 1 to 254. `numClasses` is the number of classes of objects ("things"). */
  readonly numStuff: number;
  /** The semantic branch. */
  readonly semantic: SemanticConfig;
  readonly detect?: PanopticOptions;
}

/** Options of `PanopticFPN`: numClasses and numStuff must be given. Parts of `semantic`, too, have their defaults. */
export interface PanopticFPNOptions extends MaskRCNNOptions {
  readonly numStuff: number;
  readonly semantic?: Partial<SemanticConfig>;
  readonly detect?: PanopticOptions;
}

/** The defaults of `new PanopticFPN`: for training from scratch on few images, on any adapter. */
const SMALL: Omit<PanopticFPNConfig, 'numClasses' | 'numStuff'> = {
  ...SMALL_MASK_RCNN,
  semantic: { width: 32, groups: 4, lossWeight: 0.5 },
};

/** The configuration that options describe, with `defaults` for what they leave out. */
export function panopticFPNConfig(
  { numStuff, detect, semantic = {}, ...options }: PanopticFPNOptions,
  { semantic: ours, ...defaults }: Omit<PanopticFPNConfig, 'numClasses' | 'numStuff'> = SMALL,
): PanopticFPNConfig {
  if (!Number.isInteger(numStuff) || numStuff < 1 || numStuff >= IGNORE_LABEL) {
    throw new UsageError(
      `PanopticFPN: numStuff must be a whole number from 1 to ${IGNORE_LABEL - 1}, got ${numStuff}; without regions use MaskRCNN`,
    );
  }
  const config = maskRCNNConfig(options, defaults);
  if ('variant' in config.backbone) {
    throw new UsageError(
      'PanopticFPN: the backbone is a MobileNetV3, whose pyramid has one stride; give a ResNet’s configuration',
    );
  }
  return {
    ...config,
    ...(detect ? { detect } : {}),
    numStuff,
    semantic: withDefaults('PanopticFPN: semantic', semantic, ours),
  };
}

/** The objects and regions of a batch; objects are padded to G per image. */
export interface PanopticTargets extends MaskTargets {
  /**
   * i32 [N,H,W]: 0 where a pixel shows an object of any class, 1 to numStuff for a region, 255 where it is ignored. For images
   * in an array one [h,w] each, as large as the image.
   */
  readonly semantic: Tensor | readonly Tensor[];
}

/** Detections with masks, the region of each pixel, and both merged into segments. Maps are in the network's pixels. */
export type PanopticDetections = MaskDetections & {
  /** i32 [N,H,W]: 0 for objects, 1 to numStuff for regions, 255 in the padding of images in an array. */
  readonly semantic: Tensor;
  /** i32 [N,H,W]: the segment of each pixel, counted from 1; 0 for none. */
  readonly panoptic: Tensor;
  /**
   * i32 [N,S], the label of segment s + 1: 0 to numClasses - 1 for objects, numClasses to numClasses + numStuff - 1 for
   * regions.
   */
  readonly segmentLabels: Tensor;
  /** f32 [N,S]: the score of the detection; 1 for regions. */
  readonly segmentScores: Tensor;
  /** i32 [N,S]: which of the image's detections the segment is, -1 for regions. */
  readonly segmentDetections: Tensor;
  /** i32 [N]: how many segments each image has. */
  readonly segmentCount: Tensor;
};

type Size = readonly [height: number, width: number];
const sizeOf = (x: Tensor): Size => [x.shape[1]!, x.shape[2]!];

/** Convolution, group norm, ReLU. */
class SemanticStage extends Module {
  conv: Conv2d;
  norm: GroupNorm;

  constructor(channels: number, { width, groups }: SemanticConfig, generator: Generator) {
    super();
    this.conv = new Conv2d(channels, width, 3, { padding: 1, bias: false, generator });
    this.norm = new GroupNorm(groups, width);
  }

  forward(x: Tensor): Tensor {
    return relu(this.norm.forward(this.conv.forward(x)));
  }
}

/**
 * The semantic branch (Kirillov et al. 2019, §3, figure 3): every level of the pyramid is enlarged to the size of the
 * first in steps of two, behind a stage each (the first level has one stage and stays); their sum is classified.
 */
export class SemanticHead extends Module {
  scale_heads: SemanticStage[][];
  predictor: Conv2d;

  constructor(levels: number, config: PanopticFPNConfig, generator: Generator) {
    super();
    const { pyramidWidth, numStuff, semantic } = config;
    this.scale_heads = Array.from({ length: levels }, (_, level) =>
      Array.from(
        { length: Math.max(level, 1) },
        (_, i) => new SemanticStage(i === 0 ? pyramidWidth : semantic.width, semantic, generator),
      ),
    );
    this.predictor = new Conv2d(semantic.width, numStuff + 1, 1, { std: 0.05, generator });
  }

  /** Logits [N,H,W,K] of images of this size. */
  forward(features: readonly Tensor[], size: Size): Tensor {
    const enlarge = (x: Tensor, to: Size) => interpolate(x, { size: [...to], mode: 'bilinear' });
    const heads = this.scale_heads.map((stages, level) =>
      stages.reduce((x, stage, i) => {
        const y = stage.forward(x);
        return level === 0 ? y : enlarge(y, sizeOf(features[level - 1 - i]!));
      }, features[level]!),
    );
    return enlarge(this.predictor.forward(heads.reduce((a, b) => add(a, b))), size);
  }
}

/**
 * Panoptic FPN (Kirillov et al. 2019, "Panoptic feature pyramid networks"): Mask R-CNN with a semantic branch on its pyramid;
 * the results of both are merged into one segment per pixel. A training step and a detection are one submission each. `new
 * PanopticFPN({ numClasses, numStuff })` is small, for training from scratch on few images; `panopticFpn('resnet50', …)` has
 * the size of torchvision's Mask R-CNN.
 */
export class PanopticFPN extends MaskRCNN {
  /** @internal */
  semantic_head: SemanticHead;
  declare readonly config: PanopticFPNConfig;

  /**
   * @param options `numClasses` and `numStuff` must be given; the others have the defaults of PanopticFPNConfig. Throws
   * UsageError for other counts.
   */
  constructor(options: PanopticFPNOptions) {
    super(options);
    const { seed } = options;
    // A generator of its own: the other weights are those of MaskRCNN with this seed.
    const random = seed === undefined ? generatorOf('PanopticFPN', options) : generator(seed + 1);
    this.semantic_head = new SemanticHead(this.strides.length - 1, this.config, random);
  }

  /** @internal */
  protected override configOf(options: PanopticFPNOptions): PanopticFPNConfig {
    return panopticFPNConfig(options);
  }

  /** Mask R-CNN's five losses, and `semantic`: the mean cross-entropy of the pixels that are not ignored, times lossWeight. */
  override losses(
    images: Tensor | readonly Tensor[],
    targets: PanopticTargets,
    options: { readonly seed?: Tensor } = {},
  ): FasterRCNNLosses & { readonly mask: Tensor; readonly semantic: Tensor } {
    const { seed } = withDefaults('PanopticFPN: losses', options, { seed: undefined });
    const seen = this.see(images);
    const labels = labelsToNetwork(targets.semantic, seen.batch);
    const logits = this.semantic_head.forward(seen.pyramid.features, sizeOf(seen.batch.images));
    const entropy = crossEntropy(logits, labels, { ignoreIndex: IGNORE_LABEL, reduction: 'sum' });
    const pixels = maximum(sum(cast(less(labels, IGNORE_LABEL), 'f32')), 1);
    return {
      ...this.lossesOf(seen, targets, seed),
      semantic: affine(divideBy(entropy, pixels), this.config.semantic.lossWeight),
    };
  }

  /** @internal */
  protected override readonly detectDefaults = {
    scoreThreshold: 0.05,
    iouThreshold: 0.5,
    maxDetections: 100,
    candidates: undefined,
    resize: undefined,
    instanceThreshold: 0.5,
    overlapThreshold: 0.5,
    stuffAreaLimit: undefined,
  };

  /** The best detections of each image, the region of each pixel, and both merged into segments: see FasterRCNN.detect. */
  override detect(images: Tensor | readonly Tensor[], options: PanopticOptions = {}): PanopticDetections {
    const seen = this.see(images, options.resize);
    const { batch, pyramid } = seen;
    const found = this.find(seen, options);
    const masks = this.roi_heads.masks(pyramid, found);
    const logits = this.semantic_head.forward(pyramid.features, sizeOf(batch.images));
    const semantic = withoutPadding(argmax(logits, { dim: -1 }), batch);
    return {
      ...found,
      boxes: toImages(found.boxes, batch),
      masks,
      semantic,
      ...this.#merge({ found, masks, semantic }, { ...this.config.detect, ...options }),
    };
  }

  #merge(
    {
      found: { boxes, scores, labels, count },
      masks,
      semantic,
    }: { readonly found: Detections; readonly masks: Tensor; readonly semantic: Tensor },
    { instanceThreshold = 0.5, overlapThreshold = 0.5, stuffAreaLimit }: PanopticOptions,
  ) {
    const { numClasses, numStuff } = this.config;
    const [N, D] = labels.shape as [number, number];
    const sure = mul(upTo(count, D), cast(greaterEqual(scores, instanceThreshold), 'f32'));
    const {
      ids: panoptic,
      sources,
      segments: segmentCount,
    } = panopticMerge({ masks, boxes, count: cast(sum(sure, { dim: 1 }), 'i32') }, semantic, {
      numStuff,
      overlapThreshold,
      stuffAreaLimit: stuffAreaLimit ?? areaLimit(sizeOf(semantic)),
    });
    const stuff = tensor(
      Int32Array.from({ length: N * numStuff }, (_, i) => numClasses + (i % numStuff)),
      [N, numStuff],
    );
    return {
      panoptic,
      segmentLabels: gatherRows(concat([labels, stuff], 1), sources, 1),
      segmentScores: gatherRows(concat([scores, full([N, numStuff], 1)], 1), sources, 1),
      segmentDetections: where(cast(less(sources, D), 'i32'), sources, -1),
      segmentCount,
    };
  }
}

/** Detectron2's limit of 4096 pixels for images of 800 x 1333 and larger, and the same share of smaller ones. */
const areaLimit = ([height, width]: Size): number =>
  Math.ceil(4096 * Math.min((height * width) / (800 * 1333), 1));

/**
 * Converts label maps of the given images to the network's size, [N,H,W]: those of images in an array are resized and padded.
 */
function labelsToNetwork(
  labels: Tensor | readonly Tensor[],
  { images, sizes, originals }: ImageBatch,
): Tensor {
  const [N, H, W] = images.shape as [number, number, number];
  const check = (name: string, { shape, dtype }: Tensor, wanted: readonly number[]) => {
    if (formatShape(shape) !== formatShape(wanted) || dtype !== 'i32') {
      throw new ShapeError(
        `PanopticFPN: ${name} ${dtype} ${formatShape(shape)} must be i32 ${formatShape(wanted)}, a class for each pixel`,
      );
    }
  };
  if (!Array.isArray(labels)) {
    check('semantic', labels as Tensor, [N, H, W]);
    return labels as Tensor;
  }
  if (labels.length !== N) {
    throw new ShapeError(
      `PanopticFPN: ${labels.length} semantic maps for ${N} images; give one [h,w] for each image`,
    );
  }
  const one = (map: Tensor, i: number) => {
    check(`semantic ${i}`, map, originals[i]!);
    const [h, w] = sizes[i]!;
    const image = cast(map, 'f32').reshape([1, ...map.shape, 1]);
    const resized = cast(interpolate(image, { size: [h, w], mode: 'nearest' }), 'i32').reshape([1, h, w]);
    const room = [
      [0, 0],
      [0, H - h],
      [0, W - w],
    ] as const;
    return pad(resized, room, { value: IGNORE_LABEL });
  };
  return concat((labels as readonly Tensor[]).map(one), 0);
}

/** Label maps [N,H,W] with 255 below and to the right of the images. */
function withoutPadding(labels: Tensor, { sizes }: ImageBatch): Tensor {
  const [N, H, W] = labels.shape as [number, number, number];
  if (sizes.every(([h, w]) => h === H && w === W)) return labels;
  const within = (axis: 0 | 1, length: number) => {
    const limits = tensor(
      Int32Array.from(sizes, (size) => size[axis]),
      [N, 1],
    );
    return cast(less(tensor(Int32Array.from({ length }, (_, i) => i)), limits), 'i32');
  };
  const inside = mul(within(0, H).reshape([N, H, 1]), within(1, W).reshape([N, 1, W]));
  return where(inside, labels, IGNORE_LABEL);
}

/**
 * Panoptic FPN on torchvision's Mask R-CNN, with the paper's semantic branch of 128 channels.
 * @param backbone The name of a ResNet, whose batch norm is frozen as in torchvision, or a configuration.
 * @param options `numClasses` and `numStuff` must be given.
 */
export const panopticFpn = (
  backbone: ResNetName | ResNetConfig,
  options: PanopticFPNOptions,
): PanopticFPN => {
  const defaults = {
    ...torchvisionRCNN('panopticFpn', backbone),
    mask: MASK_DEFAULTS,
    semantic: SEMANTIC_DEFAULTS,
  };
  return new PanopticFPN({ ...options, ...panopticFPNConfig(objectOf('panopticFpn', options), defaults) });
};
