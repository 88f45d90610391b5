import {
  batchedNms,
  boxDecode,
  boxEncode,
  clipBoxesToImage,
  matchAnchors,
} from '../graph/functions/boxes.ts';
import { greaterEqual, less, maximum, minimum, mul, sigmoid, where } from '../graph/functions/elementwise.ts';
import { binaryCrossEntropyWithLogits, smoothL1Loss } from '../graph/functions/losses.ts';
import { sum } from '../graph/functions/reduce.ts';
import { cast, concat, gatherRows } from '../graph/functions/shape.ts';
import { full, type Tensor } from '../graph/tensor.ts';
import { ReLU } from '../nn/activations.ts';
import { Sequential } from '../nn/containers.ts';
import { Conv2d } from '../nn/layers.ts';
import { Module } from '../nn/module.ts';
import type { Generator } from '../nn/random.ts';
import { type DetectionTargets, type ImageBatch, limitsOf } from './detection.ts';
import { ignoreMatches } from './ignored.ts';
import { levelAnchors } from './levelAnchors.ts';
import { fixed } from './options.ts';
import { bestOfLevels, joinLevels, type Pyramid } from './pyramidLevels.ts';
import { divideBy, largeEnough, sampleBalanced } from './sampling.ts';

/**
 * Everything that shapes a region proposal network and its training. Defaults are torchvision's, and those of `new FasterRCNN`
 * where they differ.
 */
export interface RPNConfig {
  /**
   * Sides of the anchors at each of the five levels, in pixels. Default [32], [64], [128], [256], [512]; `new FasterRCNN`: [16]
   * to [256].
   */
  readonly anchorSizes: readonly (readonly number[])[];
  /** Height / width of the anchors, the same at all levels. Default 0.5, 1, 2. */
  readonly aspectRatios: readonly number[];
  /** How many 3x3 convolutions the head has before its outputs. Default 1. */
  readonly headDepth: number;
  /** How many of the best anchors per level go into NMS. Default 2000 in training, else 1000; `new FasterRCNN`: 400. */
  readonly preNmsTopN: { readonly training: number; readonly testing: number };
  /** How many proposals per image NMS keeps at most. Default 2000 in training, else 1000; `new FasterRCNN`: 200. */
  readonly postNmsTopN: { readonly training: number; readonly testing: number };
  /** NMS leaves out the lower-scoring of two proposals of one level where their IoU is above this. Default 0.7. */
  readonly nmsThreshold: number;
  /** Proposals with a lower score are left out. Default 0. */
  readonly scoreThreshold: number;
  /** The IoU with an object from which an anchor is trained as foreground. Default 0.7. */
  readonly foregroundIou: number;
  /** The IoU with all objects below which an anchor is trained as background. Default 0.3. */
  readonly backgroundIou: number;
  /** The number of anchors per image to train on. Default 256. */
  readonly batchSizePerImage: number;
  /** The largest fraction of them that is foreground. Default 0.5. */
  readonly positiveFraction: number;
}

export const RPN_DEFAULTS: RPNConfig = {
  anchorSizes: [[32], [64], [128], [256], [512]],
  aspectRatios: [0.5, 1, 2],
  headDepth: 1,
  preNmsTopN: { training: 2000, testing: 1000 },
  postNmsTopN: { training: 2000, testing: 1000 },
  nmsThreshold: 0.7,
  scoreThreshold: 0,
  foregroundIou: 0.7,
  backgroundIou: 0.3,
  batchSizePerImage: 256,
  positiveFraction: 0.5,
};

class RPNHead extends Module {
  conv: Sequential;
  cls_logits: Conv2d;
  bbox_pred: Conv2d;

  constructor(channels: number, config: RPNConfig, generator: Generator) {
    super();
    const options = { std: 0.01, generator };
    const perCell = config.anchorSizes[0]!.length * config.aspectRatios.length;
    this.conv = new Sequential();
    for (let i = 0; i < config.headDepth; i++) {
      this.conv.append(
        new Sequential(new Conv2d(channels, channels, 3, { padding: 1, ...options }), new ReLU()),
      );
    }
    this.cls_logits = new Conv2d(channels, perCell, 1, options);
    this.bbox_pred = new Conv2d(channels, perCell * 4, 1, options);
  }

  /** To objectness and deltas of all levels. */
  forward({ x, levels }: Pyramid): Outputs {
    const features = this.conv.forward(x, levels);
    const N = x.shape[0]!;
    return {
      objectness: this.cls_logits.forward(features, levels).reshape([N, -1]),
      deltas: this.bbox_pred.forward(features, levels).reshape([N, -1, 4]),
    };
  }
}

/** The outputs of the head for the anchors of all levels. */
interface Outputs {
  /** [N,A]. */
  readonly objectness: Tensor;
  /** [N,A,4]. */
  readonly deltas: Tensor;
}

/** A batch and the levels of its pyramid. */
export interface Levels {
  readonly batch: ImageBatch;
  /** [N,H,W,C] each. */
  readonly levels: readonly Tensor[];
  /** Pixels of the image for one cell of each level. */
  readonly strides: readonly number[];
}

/** Regions that may show an object, best first, padded to P per image. */
export interface Proposals {
  /** f32 [N,P,4]: x1, y1, x2, y2 in pixels of the network's input. Zeros from count on. */
  readonly boxes: Tensor;
  /** i32 [N]: how many each image has. */
  readonly count: Tensor;
}

/** What the first stage learns from. */
type RPNTargets = Omit<DetectionTargets, 'labels'> & { readonly seed: Tensor };

/** Region proposal network (Ren et al. 2015, Faster R-CNN, §3.1), under torchvision's names. */
export class RegionProposalNetwork extends Module {
  head: RPNHead;
  readonly config: RPNConfig;

  constructor(channels: number, config: RPNConfig, generator: Generator) {
    super();
    this.head = new RPNHead(channels, config, generator);
    this.config = fixed(config);
  }

  /** The proposals, through which no gradient flows, and with targets the losses. */
  forward(
    { batch, levels: features, strides }: Levels,
    targets?: RPNTargets,
  ): { proposals: Proposals; losses: { objectness: Tensor; rpn_box_reg: Tensor } | undefined } {
    const size = [batch.images.shape[1]!, batch.images.shape[2]!] as const;
    const { anchorSizes, aspectRatios } = this.config;
    const anchors = levelAnchors({ imageSize: size, strides, sizes: anchorSizes, aspectRatios });
    const outputs = this.head.forward(joinLevels(features));
    const all = concat(anchors, 0);
    const perLevel = anchors.map(({ shape }) => shape[0]!);
    return {
      proposals: this.#propose({ outputs, anchors: all, perLevel, batch }, targets ? 'training' : 'testing'),
      losses: targets && this.#losses(outputs, all, { ...targets, size }),
    };
  }

  #propose(
    {
      outputs: { objectness, deltas },
      anchors,
      perLevel,
      batch: { images, sizes },
    }: {
      readonly outputs: Outputs;
      readonly anchors: Tensor;
      /** The number of anchors of each level. */
      readonly perLevel: readonly number[];
      readonly batch: ImageBatch;
    },
    when: 'training' | 'testing',
  ): Proposals {
    const { preNmsTopN, postNmsTopN, nmsThreshold, scoreThreshold } = this.config;
    const best = bestOfLevels(objectness.detach(), perLevel, preNmsTopN[when]).map((level, i) => ({
      ...level,
      levels: full([...level.values.shape], i, 'i32'),
    }));
    const all = (name: 'values' | 'indices' | 'levels') =>
      concat(
        best.map((level) => level[name]),
        1,
      );
    const indices = all('indices');
    const found = boxDecode(gatherRows(deltas.detach(), indices, 1), gatherRows(anchors, indices));
    const size = [images.shape[1]!, images.shape[2]!] as const;
    const boxes = minimum(clipBoxesToImage(found, size), limitsOf(sizes));
    const scores = sigmoid(all('values'));
    const usable = mul(largeEnough(boxes, 1e-3), cast(greaterEqual(scores, scoreThreshold), 'f32'));
    const [, count = 0] = scores.shape;
    const kept = batchedNms(boxes, where(usable, scores, -1), all('levels'), {
      iouThreshold: nmsThreshold,
      scoreThreshold: -0.5,
      maxDetections: Math.min(postNmsTopN[when], count),
    });
    return { boxes: gatherRows(boxes, kept.indices, 1), count: kept.count };
  }

  /** Binary cross entropy of the sampled anchors, and smooth L1 of the foreground ones, each over the number of samples. */
  #losses(
    { objectness, deltas }: Outputs,
    anchors: Tensor,
    { boxes, counts, ignored, seed, size }: RPNTargets & { readonly size: readonly [number, number] },
  ) {
    const { foregroundIou, backgroundIou, batchSizePerImage, positiveFraction } = this.config;
    const best = matchAnchors(anchors, boxes, counts, {
      highThreshold: foregroundIou,
      lowThreshold: backgroundIou,
    });
    const matches = ignoreMatches(best, anchors, ignored, size);
    const positive = cast(greaterEqual(matches, 0), 'f32');
    const negative = mul(cast(greaterEqual(matches, -1), 'f32'), cast(less(matches, 0), 'f32'));
    const share = { batchSizePerImage, positiveFraction };
    const sample = sampleBalanced({ positive, negative }, { ...share, seed, stream: 0 });
    const { valid, take } = sample;
    const foreground = mul(take(positive), valid);
    const total = maximum(sum(valid), 1);
    const [N, S] = valid.shape as [number, number];
    const goal = boxEncode(gatherRows(boxes, take(matches), 1), sample.rows(anchors));
    const distance = smoothL1Loss(take(deltas), goal, { beta: 1 / 9, reduction: 'none' });
    const entropy = binaryCrossEntropyWithLogits(take(objectness), foreground, { reduction: 'none' });
    return {
      objectness: divideBy(sum(mul(entropy, valid)), total),
      rpn_box_reg: divideBy(sum(mul(distance, foreground.reshape([N, S, 1]))), total),
    };
  }
}
