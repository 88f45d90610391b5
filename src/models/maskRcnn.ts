import { pasteMasks, roiAlign } from '../graph/functions/boxes.ts';
import { add, maximum, mul, relu, sigmoid, where } from '../graph/functions/elementwise.ts';
import { binaryCrossEntropyWithLogits } from '../graph/functions/losses.ts';
import { sum, topk } from '../graph/functions/reduce.ts';
import { cast, concat, gatherRows, oneHot, slice } from '../graph/functions/shape.ts';
import { type Tensor, tensor } from '../graph/tensor.ts';
import type { Generator } from '../nn/init.ts';
import { Conv2d, ConvTranspose2d, type Layer, sequential } from '../nn/layers.ts';
import { Module } from '../nn/module.ts';
import {
  type Detections,
  type DetectionTargets,
  type DetectOptions,
  masksToNetwork,
  toImages,
} from './detection.ts';
import {
  FASTER_RCNN_DEFAULTS,
  FasterRCNN,
  type FasterRCNNConfig,
  type FasterRCNNLosses,
  torchvisionRCNN,
} from './fasterRcnn.ts';
import type { ResNetConfig, ResNetName } from './resnet.ts';
import { BoxStage, poolRegions, type RegionSample, upTo } from './roiHeads.ts';
import { divideBy, inChunks } from './sampling.ts';

/** What shapes the mask head. Defaults are torchvision's. */
export interface MaskConfig {
  /** Channels of its convolutions, and how many there are before the last two. */
  readonly width: number;
  readonly depth: number;
  /** Cells a side of what is pooled of a region; masks have twice as many. */
  readonly resolution: number;
  /** Foreground regions of an image whose masks are learned, at most. */
  readonly maxRegions: number;
}

export const MASK_DEFAULTS: MaskConfig = { width: 256, depth: 4, resolution: 14, maxRegions: 128 };

/** Everything that shapes a Mask R-CNN; saved with its weights. */
export interface MaskRCNNConfig extends FasterRCNNConfig {
  readonly mask: MaskConfig;
}

/** For training from scratch on few pictures, on any adapter. */
export const MASK_RCNN_DEFAULTS: Omit<MaskRCNNConfig, 'numClasses'> = {
  ...FASTER_RCNN_DEFAULTS,
  mask: { width: 32, depth: 2, resolution: 14, maxRegions: 16 },
};

/** Targets of a batch, padded to G objects an image. */
export interface MaskTargets extends DetectionTargets {
  /** 1 inside an object, 0 outside: f32 [N,G,H,W]; for images in an array one [G,h,w] each, as large as the image. */
  readonly masks: Tensor | readonly Tensor[];
}

class MaskPredictor extends Module {
  conv5_mask: ConvTranspose2d;
  mask_fcn_logits: Conv2d;

  constructor(random: Generator, width: number, numClasses: number) {
    super();
    this.conv5_mask = new ConvTranspose2d(random, width, width, { kernelSize: 2, stride: 2 });
    this.mask_fcn_logits = new Conv2d(random, width, numClasses, { kernelSize: 1 });
  }

  forward(x: Tensor): Tensor {
    return this.mask_fcn_logits.forward(relu(this.conv5_mask.forward(x)));
  }
}

/** The second stage with a branch for masks, under torchvision's names. */
export class MaskStage extends BoxStage {
  mask_head: Layer[][];
  mask_predictor: MaskPredictor;
  readonly #numClasses: number;
  readonly #mask: MaskConfig;

  constructor(random: Generator, { pyramidWidth, numClasses, box, mask }: MaskRCNNConfig) {
    super(random, pyramidWidth, numClasses + 1, box);
    this.mask_head = Array.from({ length: mask.depth }, (_, i) => [
      new Conv2d(random, i === 0 ? pyramidWidth : mask.width, mask.width, { padding: 1 }),
      relu,
    ]);
    this.mask_predictor = new MaskPredictor(random, mask.width, numClasses + 1);
    this.#numClasses = numClasses + 1;
    this.#mask = mask;
  }

  /** Logits [N R,M,M] of the masks of regions [N,R,4], each for its own class. */
  #logits(
    features: readonly Tensor[],
    strides: readonly number[],
    boxes: Tensor,
    valid: Tensor,
    labels: Tensor,
  ): Tensor {
    const [N, R] = valid.shape as [number, number];
    const { resolution, width } = this.#mask;
    const M = 2 * resolution;
    const { ofClass } = inChunks(N, R, 4 * M * M * Math.max(width, this.#numClasses), (part) => {
      const pooled = poolRegions(features, strides, part(boxes), part(valid), { resolution });
      const logits = this.mask_predictor.forward(
        this.mask_head.reduce((y, block) => sequential(block, y), pooled),
      );
      const rows = logits.shape[0]!;
      const chosen = oneHot(part(labels).reshape([rows]), this.#numClasses);
      const only = mul(logits, chosen.reshape([rows, 1, 1, this.#numClasses]));
      return { ofClass: sum(only, { dim: 3 }).reshape([rows, M, M]) };
    });
    return ofClass;
  }

  /** Binary cross entropy of the masks of foreground regions (He et al. 2017, §3), over all their cells. masks: [N,G,H,W]. */
  maskLoss(
    features: readonly Tensor[],
    strides: readonly number[],
    { boxes, foreground, labels, matches }: RegionSample,
    masks: Tensor,
  ): Tensor {
    const [N, S] = foreground.shape as [number, number];
    const [, G, H, W] = masks.shape as [number, number, number, number];
    // Few regions are foreground: these first.
    const { values, indices } = topk(foreground, Math.min(this.#mask.maxRegions, S));
    const R = indices.shape[1]!;
    const regions = gatherRows(boxes, indices, 1);
    const logits = this.#logits(features, strides, regions, values, gatherRows(labels, indices, 1));
    const first = tensor(
      Int32Array.from({ length: N * R }, (_, i) => G * Math.floor(i / R)),
      [N, R],
    );
    const object = cast(add(first, gatherRows(matches, indices, 1)), 'f32');
    const from = where(values, object, -1).reshape([N * R, 1]);
    const M = logits.shape[1]!;
    const rois = concat([from, regions.reshape([N * R, 4])], 1);
    const goal = roiAlign(masks.reshape([N * G, H, W, 1]), rois, { outputSize: M }).reshape([N * R, M, M]);
    const entropy = binaryCrossEntropyWithLogits(logits, goal.detach(), { reduction: 'none' });
    const cells = mul(maximum(sum(values), 1), M * M);
    return divideBy(sum(mul(entropy, values.reshape([N * R, 1, 1]))), cells);
  }

  /** Soft masks [N,D,M,M] of detections. */
  masks(
    features: readonly Tensor[],
    strides: readonly number[],
    { boxes, labels, count }: Detections,
  ): Tensor {
    const [N, D] = labels.shape as [number, number];
    const logits = this.#logits(features, strides, boxes, upTo(count, D), labels);
    return sigmoid(logits).reshape([N, D, logits.shape[1]!, logits.shape[2]!]);
  }
}

/** Detections with what of their boxes they cover. */
export type MaskDetections = Detections & {
  /** Soft masks [N,D,M,M] in 0..1, stretched to their boxes: see `pasteMasks`. */
  readonly masks: Tensor;
};

/**
 * Mask R-CNN (He et al. 2017): Faster R-CNN with a branch that says which pixels of a box belong to the object. A training
 * step and a detection are one submission each. Weights have torchvision's names.
 */
export class MaskRCNN extends FasterRCNN {
  declare roi_heads: MaskStage;
  declare readonly config: MaskRCNNConfig;

  constructor(config: MaskRCNNConfig, seed = 0) {
    super(config, seed);
  }

  protected override makeHeads(random: Generator, config: FasterRCNNConfig): MaskStage {
    return new MaskStage(random, config as MaskRCNNConfig);
  }

  /** The five losses; see FasterRCNN.losses. */
  override losses(
    images: Tensor | readonly Tensor[],
    targets: MaskTargets,
    { seed }: { readonly seed?: Tensor } = {},
  ): FasterRCNNLosses & { readonly mask: Tensor } {
    return this.lossesOf(this.regions(images), targets, seed);
  }

  protected lossesOf(
    regions: ReturnType<MaskRCNN['regions']>,
    targets: MaskTargets,
    seed: Tensor | undefined,
  ): FasterRCNNLosses & { readonly mask: Tensor } {
    const { features, strides, batch } = regions;
    const { losses, sample, truth } = this.learn(regions, targets, seed);
    const masks = masksToNetwork('MaskRCNN', targets.masks, batch, truth.shape[1]!);
    return {
      ...this.roi_heads.losses(features, strides, sample, truth),
      mask: this.roi_heads.maskLoss(features, strides, sample, masks),
      ...losses,
    };
  }

  override detect(images: Tensor | readonly Tensor[], options: DetectOptions = {}): MaskDetections {
    const regions = this.regions(images, options.resize);
    const found = this.find(regions, options);
    return {
      ...found,
      boxes: toImages(found.boxes, regions.batch),
      masks: this.roi_heads.masks(regions.features, regions.strides, found),
    };
  }
}

/** The masks of detections of image `n` of a batch, as masks of the image: f32 [D,H,W]. Size: (height, width). */
export function imageMasks(
  { masks, boxes }: MaskDetections,
  n: number,
  size: readonly [number, number],
): Tensor {
  const [, D, M] = masks.shape as [number, number, number];
  const own = slice(masks, [[n, n + 1], [], [], []]).reshape([D, M, M]);
  return pasteMasks(own, slice(boxes, [[n, n + 1], [], []]).reshape([D, 4]), size);
}

/** Mask R-CNN as torchvision builds it. */
export const maskrcnn = (
  backbone: ResNetName | ResNetConfig,
  config: Partial<MaskRCNNConfig> & Pick<MaskRCNNConfig, 'numClasses'>,
  seed = 0,
): MaskRCNN => new MaskRCNN({ ...torchvisionRCNN(backbone), mask: MASK_DEFAULTS, ...config }, seed);
