import { pasteMasks, roiAlign } from '../graph/functions/boxes.ts';
import { add, maximum, mul, relu, sigmoid, where } from '../graph/functions/elementwise.ts';
import { binaryCrossEntropyWithLogits } from '../graph/functions/losses.ts';
import { sum, topk } from '../graph/functions/reduce.ts';
import { cast, concat, gatherRows, oneHot, slice } from '../graph/functions/shape.ts';
import { type Tensor, tensor } from '../graph/tensor.ts';
import { ReLU } from '../nn/activations.ts';
import { Sequential } from '../nn/containers.ts';
import { Conv2d, ConvTranspose2d } from '../nn/layers.ts';
import { Module } from '../nn/module.ts';
import type { Generator } from '../nn/random.ts';
import { objectOf, withDefaults } from '../options.ts';
import {
  type Detections,
  type DetectionTargets,
  type DetectOptions,
  masksToNetwork,
  toImages,
} from './detection.ts';
import {
  FasterRCNN,
  type FasterRCNNConfig,
  type FasterRCNNLosses,
  type FasterRCNNOptions,
  fasterRCNNConfig,
  type SeenBatch,
  SMALL_FASTER_RCNN,
  torchvisionRCNN,
} from './fasterRcnn.ts';
import type { ResNetConfig, ResNetName } from './resnet.ts';
import { BoxStage, type Pyramid, poolRegions, type RegionSample, type Regions, upTo } from './roiHeads.ts';
import { divideBy, inChunks } from './sampling.ts';

/**
 * Everything that shapes the mask branch of Mask R-CNN. Defaults are torchvision's, and those of `new MaskRCNN` where they
 * differ.
 */
export interface MaskConfig {
  /** Channels of the convolutions. Default 256; `new MaskRCNN`: 32. */
  readonly width: number;
  /** How many 3x3 convolutions there are before the last two layers. Default 4; `new MaskRCNN`: 2. */
  readonly depth: number;
  /** Rows and columns that a region is pooled to; masks have twice as many. Default 14. */
  readonly resolution: number;
  /** The largest number of regions per image that masks are trained on. Default 128; `new MaskRCNN`: 16. */
  readonly maxRegions: number;
}

export const MASK_DEFAULTS: MaskConfig = { width: 256, depth: 4, resolution: 14, maxRegions: 128 };

/** Everything that shapes a Mask R-CNN; saved with its weights. Defaults are those of `new MaskRCNN`. */
export interface MaskRCNNConfig extends FasterRCNNConfig {
  /** The mask branch. */
  readonly mask: MaskConfig;
}

/** Options of `MaskRCNN`: numClasses must be given. Parts of `rpn`, `box` and `mask` that are left out have their defaults. */
export interface MaskRCNNOptions extends FasterRCNNOptions {
  readonly mask?: Partial<MaskConfig>;
}

/** The defaults of `new MaskRCNN`: for training from scratch on few images, on any adapter. */
export const SMALL_MASK_RCNN: Omit<MaskRCNNConfig, 'numClasses'> = {
  ...SMALL_FASTER_RCNN,
  mask: { width: 32, depth: 2, resolution: 14, maxRegions: 16 },
};

/** The configuration that options describe, with `defaults` for what they leave out. */
export const maskRCNNConfig = (
  { mask = {}, ...options }: MaskRCNNOptions,
  { mask: ours, ...defaults }: Omit<MaskRCNNConfig, 'numClasses'> = SMALL_MASK_RCNN,
): MaskRCNNConfig => ({
  ...fasterRCNNConfig(options, defaults),
  mask: withDefaults('MaskRCNN: mask', mask, ours),
});

/** The objects of a batch with their masks, padded to G per image. */
export interface MaskTargets extends DetectionTargets {
  /** f32 [N,G,H,W]: 1 inside an object, 0 outside. For images in an array one [G,h,w] each, as large as the image. */
  readonly masks: Tensor | readonly Tensor[];
}

class MaskPredictor extends Module {
  conv5_mask: ConvTranspose2d;
  mask_fcn_logits: Conv2d;

  constructor(width: number, outputs: number, generator: Generator) {
    super();
    this.conv5_mask = new ConvTranspose2d(width, width, 2, { stride: 2, generator });
    this.mask_fcn_logits = new Conv2d(width, outputs, 1, { generator });
  }

  forward(x: Tensor): Tensor {
    return this.mask_fcn_logits.forward(relu(this.conv5_mask.forward(x)));
  }
}

/** The second stage with a branch for masks, under torchvision's names. */
export class MaskStage extends BoxStage {
  mask_head: Sequential;
  mask_predictor: MaskPredictor;
  /** Classes and, as class 0, the background, whose masks are never trained. */
  readonly #outputs: number;
  readonly #mask: MaskConfig;

  constructor(config: MaskRCNNConfig, generator: Generator) {
    super(config, generator);
    const { pyramidWidth, numClasses, mask } = config;
    this.mask_head = new Sequential();
    for (let i = 0; i < mask.depth; i++) {
      const from = i === 0 ? pyramidWidth : mask.width;
      this.mask_head.append(
        new Sequential(new Conv2d(from, mask.width, 3, { padding: 1, generator }), new ReLU()),
      );
    }
    this.mask_predictor = new MaskPredictor(mask.width, numClasses + 1, generator);
    this.#outputs = numClasses + 1;
    this.#mask = mask;
  }

  /** Logits [N R,M,M] of the masks of regions [N,R,4], each for its own class. */
  #logits(pyramid: Pyramid, { boxes, valid, classes }: Regions & { readonly classes: Tensor }): Tensor {
    const [images, regions] = valid.shape as [number, number];
    const { resolution, width } = this.#mask;
    const M = 2 * resolution;
    const bytes = 4 * M * M * Math.max(width, this.#outputs);
    const { ofClass } = inChunks({ images, regions, bytes }, (part) => {
      const pooled = poolRegions(pyramid, { boxes: part(boxes), valid: part(valid) }, { resolution });
      const logits = this.mask_predictor.forward(this.mask_head.forward(pooled));
      const rows = logits.shape[0]!;
      const chosen = oneHot(part(classes).reshape([rows]), this.#outputs);
      const only = mul(logits, chosen.reshape([rows, 1, 1, this.#outputs]));
      return { ofClass: sum(only, { dim: 3 }).reshape([rows, M, M]) };
    });
    return ofClass;
  }

  /** Binary cross entropy of the masks of foreground regions (He et al. 2017, §3), over all their cells. masks: [N,G,H,W]. */
  maskLoss(pyramid: Pyramid, { boxes, foreground, classes, matches }: RegionSample, masks: Tensor): Tensor {
    const [N, S] = foreground.shape as [number, number];
    const [, G, H, W] = masks.shape as [number, number, number, number];
    // Few regions are foreground: these first.
    const { values, indices } = topk(foreground, Math.min(this.#mask.maxRegions, S));
    const R = indices.shape[1]!;
    const regions = gatherRows(boxes, indices, 1);
    const chosen = { boxes: regions, valid: values, classes: gatherRows(classes, indices, 1) };
    const logits = this.#logits(pyramid, chosen);
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
  masks(pyramid: Pyramid, { boxes, labels, count }: Detections): Tensor {
    const [N, D] = labels.shape as [number, number];
    const logits = this.#logits(pyramid, { boxes, valid: upTo(count, D), classes: add(labels, 1) });
    return sigmoid(logits).reshape([N, D, logits.shape[1]!, logits.shape[2]!]);
  }
}

/** Detections with their masks. */
export type MaskDetections = Detections & {
  /**
   * f32 [N,D,M,M] in 0..1: the mask of each detection within its box; `pasteMasks` puts them into the image. M is 2
   * mask.resolution.
   */
  readonly masks: Tensor;
};

/**
 * Mask R-CNN (He et al. 2017): Faster R-CNN with a branch that predicts which pixels of a box belong to the object. A
 * training step and a detection are one submission each. `new MaskRCNN({ numClasses })` is small, for training from
 * scratch on few images; `maskrcnn('resnet50', { numClasses })` is torchvision's. Weights have torchvision's names.
 */
export class MaskRCNN extends FasterRCNN {
  /** @internal */
  declare roi_heads: MaskStage;
  declare readonly config: MaskRCNNConfig;

  /**
   * @param options `numClasses` must be given; the others have the defaults of MaskRCNNConfig. Throws UsageError for other
   * counts.
   */
  // biome-ignore lint/complexity/noUselessConstructor: it takes more options.
  constructor(options: MaskRCNNOptions) {
    super(options);
  }

  /** @internal */
  protected override configOf(options: MaskRCNNOptions): MaskRCNNConfig {
    return maskRCNNConfig(options);
  }

  /** @internal */
  protected override makeHeads(config: MaskRCNNConfig, generator: Generator): MaskStage {
    return new MaskStage(config, generator);
  }

  /** The four losses of Faster R-CNN, and `mask`: the binary cross-entropy of the masks. See FasterRCNN.losses. */
  override losses(
    images: Tensor | readonly Tensor[],
    targets: MaskTargets,
    options: { readonly seed?: Tensor } = {},
  ): FasterRCNNLosses & { readonly mask: Tensor } {
    const { seed } = withDefaults('MaskRCNN: losses', options, { seed: undefined });
    return this.lossesOf(this.see(images), targets, seed);
  }

  /** @internal */
  protected lossesOf(
    seen: SeenBatch,
    targets: MaskTargets,
    seed: Tensor | undefined,
  ): FasterRCNNLosses & { readonly mask: Tensor } {
    const { pyramid, batch } = seen;
    const { losses, sample, truth } = this.learn(seen, targets, seed);
    const masks = masksToNetwork('MaskRCNN', targets.masks, batch, truth.shape[1]!);
    return {
      ...this.roi_heads.losses(pyramid, sample, truth),
      mask: this.roi_heads.maskLoss(pyramid, sample, masks),
      ...losses,
    };
  }

  /** The best detections of each image with their masks: see FasterRCNN.detect. */
  override detect(images: Tensor | readonly Tensor[], options: DetectOptions = {}): MaskDetections {
    const seen = this.see(images, options.resize);
    const found = this.find(seen, options);
    return {
      ...found,
      boxes: toImages(found.boxes, seen.batch),
      masks: this.roi_heads.masks(seen.pyramid, found),
    };
  }
}

/** The soft masks of the detections of image `n` of a batch in the whole image: f32 [D,H,W]. size: (height, width). */
export function imageMasks(
  { masks, boxes }: MaskDetections,
  n: number,
  size: readonly [number, number],
): Tensor {
  const [, D, M] = masks.shape as [number, number, number];
  const own = slice(masks, [[n, n + 1], [], [], []]).reshape([D, M, M]);
  return pasteMasks(own, slice(boxes, [[n, n + 1], [], []]).reshape([D, 4]), size);
}

/**
 * Mask R-CNN as torchvision builds it (maskrcnn_resnet50_fpn). The defaults of `options` are torchvision's.
 * @param backbone The name of a ResNet, whose batch norm is frozen as in torchvision, or a configuration.
 * @param options `numClasses` must be given, without the background.
 */
export const maskrcnn = (backbone: ResNetName | ResNetConfig, options: MaskRCNNOptions): MaskRCNN => {
  const defaults = { ...torchvisionRCNN('maskrcnn', backbone), mask: MASK_DEFAULTS };
  return new MaskRCNN({ ...options, ...maskRCNNConfig(objectOf('maskrcnn', options), defaults) });
};
