import { ShapeError } from '../errors.ts';
import { boxDecode, boxEncode, clipBoxesToImage, matchAnchors, nms } from '../graph/functions/boxes.ts';
import {
  add,
  div,
  greater,
  greaterEqual,
  maximum,
  mul,
  relu,
  remainder,
  sigmoid,
  sub,
} from '../graph/functions/elementwise.ts';
import { l1Loss, sigmoidFocalLoss } from '../graph/functions/losses.ts';
import { mean, sum, topk } from '../graph/functions/reduce.ts';
import { cast, concat, gatherRows, oneHot } from '../graph/functions/shape.ts';
import { type Tensor, tensor } from '../graph/tensor.ts';
import { type Generator, generator } from '../nn/init.ts';
import { Conv2d, type NormKind, normLayer } from '../nn/layers.ts';
import { Module } from '../nn/module.ts';
import { formatShape } from '../shape.ts';
import { generateAnchors } from '../vision/anchors.ts';
import { FeaturePyramid } from './fpn.ts';
import { type Normalization, normalizeImages } from './preprocess.ts';
import { Backbone } from './resnet.ts';

/** Everything that shapes a RetinaNet; saved with its weights. */
export interface RetinaNetConfig {
  readonly numClasses: number;
  /** Channels of the backbone's first stage. */
  readonly width: number;
  readonly depth: readonly [number, number, number, number];
  /** Channels of the pyramid and the heads. */
  readonly pyramidWidth: number;
  /** 3x3 convolutions in each head before the last. */
  readonly headDepth: number;
  /** Pyramid levels beyond the three of the backbone. */
  readonly extraLevels: number;
  /** Of the backbone. Batch norm makes crops and whole pictures see the same network; see UNET_DEFAULTS. */
  readonly norm: NormKind;
  readonly normalization: Normalization;
}

export const RETINANET_DEFAULTS: Omit<RetinaNetConfig, 'numClasses'> = {
  width: 16,
  depth: [1, 1, 1, 1],
  pyramidWidth: 32,
  headDepth: 1,
  extraLevels: 1,
  norm: 'batch',
  normalization: { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
};

/** Three sizes an octave and three shapes at each cell (Lin et al. 2017, §4). */
const ASPECT_RATIOS = [0.5, 1, 2];
const OCTAVES = [1, 2 ** (1 / 3), 2 ** (2 / 3)];
/** The probability that an anchor is said to show an object before training (§4.1): keeps the first losses small. */
const PRIOR = 0.01;

/**
 * Convolutions that all levels share. Group norm, whatever the backbone has: the levels' statistics differ, and one set of
 * running ones would fit none of them.
 */
class Head extends Module {
  conv: Conv2d[];
  norms: (Module & { forward(x: Tensor): Tensor })[];
  out: Conv2d;

  constructor(random: Generator, channels: number, depth: number, outputs: number) {
    super();
    this.conv = Array.from(
      { length: depth },
      () => new Conv2d(random, channels, channels, { padding: 1, bias: false }),
    );
    this.norms = this.conv.map(() => normLayer('group', channels));
    this.out = new Conv2d(random, channels, outputs, { padding: 1, std: 0.01 });
  }

  /** [N,H,W,C] to [N, H W A, values]: by reshape alone. */
  forward(x: Tensor, values: number): Tensor {
    const features = this.conv.reduce((y, conv, i) => relu(this.norms[i]!.forward(conv.forward(y))), x);
    return this.out.forward(features).reshape([x.shape[0]!, -1, values]);
  }
}

/** Targets of a batch, padded to G boxes an image. */
export interface DetectionTargets {
  /** [N,G,4], xyxy in pixels. */
  readonly boxes: Tensor;
  /** i32 [N,G], class indices. */
  readonly labels: Tensor;
  /** i32 [N]. */
  readonly counts: Tensor;
}

export interface DetectOptions {
  readonly scoreThreshold?: number;
  readonly iouThreshold?: number;
  readonly maxDetections?: number;
  /** Candidates that go into NMS. */
  readonly candidates?: number;
}

/**
 * RetinaNet (Lin et al. 2017, Focal loss for dense object detection): backbone, feature pyramid, and two heads that
 * score classes and refine boxes at every anchor. Matching, losses and NMS are part of the graph: a training step
 * and a detection are one submission each.
 */
export class RetinaNet extends Module {
  backbone: Backbone;
  fpn: FeaturePyramid;
  classification_head: Head;
  regression_head: Head;
  readonly config: RetinaNetConfig;

  constructor(config: RetinaNetConfig, seed = 0) {
    super();
    const random = generator(seed);
    const perCell = ASPECT_RATIOS.length * OCTAVES.length;
    const { width, depth, norm, pyramidWidth, headDepth, numClasses, extraLevels } = config;
    this.config = config;
    this.backbone = new Backbone(random, { width, maxWidth: width * 8, depth, norm });
    this.fpn = new FeaturePyramid(random, this.backbone.channels, pyramidWidth, extraLevels);
    this.classification_head = new Head(random, pyramidWidth, headDepth, perCell * numClasses);
    this.regression_head = new Head(random, pyramidWidth, headDepth, perCell * 4);
    this.classification_head.out.bias!.state.initial.fill(-Math.log((1 - PRIOR) / PRIOR));
  }

  /** Strides of the pyramid's levels. Image sizes should be multiples of the first. */
  get strides(): number[] {
    return Array.from({ length: 3 + this.config.extraLevels }, (_, i) => 8 * 2 ** i);
  }

  /** All anchors of an image size: [A,4]. */
  anchors(imageSize: readonly [number, number]): Tensor {
    const strides = this.strides;
    const sizes = strides.map((stride) => OCTAVES.map((octave) => 4 * stride * octave));
    const { boxes } = generateAnchors({
      imageSize,
      strides,
      sizes,
      aspectRatios: strides.map(() => ASPECT_RATIOS),
    });
    return tensor(boxes, [boxes.length / 4, 4]);
  }

  /** images: [N,H,W,3] in 0..1. logits: [N,A,K]; deltas: [N,A,4]. */
  forward(images: Tensor): { logits: Tensor; deltas: Tensor } {
    if (images.shape.length !== 4 || images.shape[3] !== 3) {
      throw new ShapeError(`RetinaNet: images ${formatShape(images.shape)} must be [N,H,W,3]`);
    }
    const levels = this.fpn.forward(
      this.backbone.forward(normalizeImages(images, this.config.normalization)),
    );
    return {
      logits: concat(
        levels.map((level) => this.classification_head.forward(level, this.config.numClasses)),
        1,
      ),
      deltas: concat(
        levels.map((level) => this.regression_head.forward(level, 4)),
        1,
      ),
    };
  }

  /**
   * Focal loss over all anchors that are not between the thresholds, and L1 loss over the matched ones, each divided
   * by the number of matched anchors of the image (at least 1), then the mean over images.
   */
  losses(
    images: Tensor,
    { boxes, labels, counts }: DetectionTargets,
  ): { classification: Tensor; regression: Tensor } {
    const { logits, deltas } = this.forward(images);
    const anchors = this.anchors([images.shape[1]!, images.shape[2]!]);
    const matches = matchAnchors(anchors, boxes, counts);
    const [N, A] = matches.shape as [number, number];
    const matched = cast(greaterEqual(matches, 0), 'f32');
    const counted = cast(greater(matches, -2), 'f32').reshape([N, A, 1]);
    // Rows outside of the table are zeros, so labels are looked up one higher: 0 becomes "no class".
    const label = sub(gatherRows(add(labels, 1), matches, 1), 1);
    const target = oneHot(label, this.config.numClasses);
    const share = maximum(sum(matched, { dim: 1 }), 1);
    const perImage = (loss: Tensor) => mean(div(sum(loss, { dim: [1, 2] }), share));
    const goal = boxEncode(gatherRows(boxes, matches, 1), anchors);
    return {
      classification: perImage(mul(sigmoidFocalLoss(logits, target), counted)),
      regression: perImage(mul(l1Loss(deltas, goal, { reduction: 'none' }), matched.reshape([N, A, 1]))),
    };
  }

  /**
   * The best detections of each image, best first, padded to maxDetections: boxes [N,D,4], scores [N,D], labels
   * i32 [N,D], count i32 [N]. Entries from count on are zeros.
   */
  detect(
    images: Tensor,
    { scoreThreshold = 0.05, iouThreshold = 0.5, maxDetections = 100, candidates = 1000 }: DetectOptions = {},
  ): { boxes: Tensor; scores: Tensor; labels: Tensor; count: Tensor } {
    const K = this.config.numClasses;
    const { logits, deltas } = this.forward(images);
    const size = [images.shape[1]!, images.shape[2]!] as const;
    const anchors = this.anchors(size);
    const [N, A] = logits.shape as [number, number];
    const best = topk(sigmoid(logits).reshape([N, A * K]), Math.min(candidates, A * K));
    const k = best.values.shape[1]!;
    const anchor = div(best.indices, K);
    const label = remainder(best.indices, K);
    const around = gatherRows(anchors, anchor.reshape([N * k])).reshape([N, k, 4]);
    const boxes = clipBoxesToImage(boxDecode(gatherRows(deltas, anchor, 1), around), size);
    const options = { iouThreshold, scoreThreshold, maxDetections: Math.min(maxDetections, k) };
    const kept = nms(boxes, best.values, options, label);
    return {
      boxes: gatherRows(boxes, kept.indices, 1),
      scores: gatherRows(best.values, kept.indices, 1),
      labels: gatherRows(label, kept.indices, 1),
      count: kept.count,
    };
  }
}
