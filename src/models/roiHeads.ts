import {
  batchedNms,
  boxDecode,
  boxEncode,
  clipBoxesToImage,
  matchAnchors,
  roiAlign,
  roiPool,
} from '../graph/functions/boxes.ts';
import {
  add,
  greater,
  greaterEqual,
  less,
  maximum,
  minimum,
  mul,
  relu,
  sub,
  where,
} from '../graph/functions/elementwise.ts';
import { crossEntropy, smoothL1Loss } from '../graph/functions/losses.ts';
import { softmax, sum } from '../graph/functions/reduce.ts';
import { cast, concat, gatherRows, slice } from '../graph/functions/shape.ts';
import { full, type Tensor, tensor } from '../graph/tensor.ts';
import { Linear } from '../nn/layers.ts';
import { Module } from '../nn/module.ts';
import type { Generator } from '../nn/random.ts';
import {
  type Detections,
  type DetectionTargets,
  type DetectOptions,
  type ImageBatch,
  limitsOf,
} from './detection.ts';
import { inIgnored } from './ignored.ts';
import type { Proposals } from './rpn.ts';
import { divideBy, inChunks, largeEnough, sampleBalanced } from './sampling.ts';

/**
 * Everything that shapes the second stage of Faster R-CNN and its training. Defaults are torchvision's, and those of `new
 * FasterRCNN` where they differ.
 */
export interface BoxConfig {
  /**
   * How features of a region are pooled. `align` (the default): RoIAlign (Mask R-CNN, §3). `pool`: RoI max pooling (Fast R-CNN,
   * §2.1).
   */
  readonly pooling: 'align' | 'pool';
  /** Features of the two hidden layers. Default 1024; `new FasterRCNN`: 128. */
  readonly width: number;
  /** Rows and columns that a region is pooled to. Default 7. */
  readonly resolution: number;
  /** The IoU with an object from which a proposal is trained as foreground; below, as background. Default 0.5. */
  readonly foregroundIou: number;
  /** The number of proposals per image to train on. Default 512; `new FasterRCNN`: 64. */
  readonly batchSizePerImage: number;
  /** The largest fraction of them that is foreground. Default 0.25. */
  readonly positiveFraction: number;
}

export const BOX_DEFAULTS: BoxConfig = {
  pooling: 'align',
  width: 1024,
  resolution: 7,
  foregroundIou: 0.5,
  batchSizePerImage: 512,
  positiveFraction: 0.25,
};

/** The weights that box deltas are multiplied by, as torchvision's. */
const WEIGHTS = [10, 10, 5, 5] as const;

/** The levels of a pyramid that regions are pooled from. */
export interface Pyramid {
  /** [N,H,W,C] each. */
  readonly features: readonly Tensor[];
  /** Pixels of the image for one cell of each level: powers of 2. */
  readonly strides: readonly number[];
}

/** Regions of each image. */
export interface Regions {
  /** [N,R,4], xyxy in pixels of the network's input. */
  readonly boxes: Tensor;
  /** f32 [N,R]: 1 where there is one, 0 for padding. */
  readonly valid: Tensor;
}

/**
 * Pools the features of regions [N,R,4] from the level of the pyramid that suits each: level floor(4 + log2(sqrt(area) / 224)),
 * or the nearest that the pyramid has (Lin et al. 2017, Feature pyramid networks, §4.2; torchvision's MultiScaleRoIAlign).
 * Regions whose `valid` is 0 give zeros. Returns [N R,resolution,resolution,C].
 */
export function poolRegions(
  { features, strides }: Pyramid,
  { boxes, valid }: Regions,
  { pooling = 'align', resolution }: { readonly pooling?: BoxConfig['pooling']; readonly resolution: number },
): Tensor {
  const [N, R] = valid.shape as [number, number];
  const image = tensor(
    Int32Array.from({ length: N * R }, (_, i) => Math.floor(i / R)),
    [N, R],
  );
  const here = (rows: Tensor) => where(rows, cast(image, 'f32'), -1).reshape([N * R, 1]);
  const sides = sub(slice(boxes, [[], [], [2, 4]]), slice(boxes, [[], [], [0, 2]]));
  const [width, height] = [slice(sides, [[], [], [0, 1]]), slice(sides, [[], [], [1, 2]])];
  const area = mul(width, height).reshape([N, R]);
  const pooled = features.map((level, i) => {
    const from = i === 0 ? undefined : smallest(strides[i]!);
    const to = i === features.length - 1 ? undefined : smallest(strides[i + 1]!);
    const above = from === undefined ? valid : mul(valid, cast(greaterEqual(area, from), 'f32'));
    const mine = to === undefined ? above : mul(above, cast(less(area, to), 'f32'));
    const rois = concat([here(mine), boxes.reshape([N * R, 4])], 1);
    const options = { outputSize: resolution, spatialScale: 1 / strides[i]! };
    return pooling === 'pool'
      ? roiPool(level, rois, options)
      : roiAlign(level, rois, { ...options, samplingRatio: 2 });
  });
  return pooled.reduce((a, b) => add(a, b));
}

/** The area from which on a region belongs to the level of this stride: torchvision adds 1e-6 to the logarithm. */
const smallest = (stride: number): number => (224 * 2 ** (Math.log2(stride) - 4 - 1e-6)) ** 2;

/** Two hidden layers on flattened regions (torchvision's TwoMLPHead). */
class BoxHead extends Module {
  fc6: Linear;
  fc7: Linear;

  constructor(channels: number, { width, resolution }: BoxConfig, generator: Generator) {
    super();
    const pixels = resolution ** 2;
    this.fc6 = new Linear(channels * pixels, width, { pixels, generator });
    this.fc7 = new Linear(width, width, { generator });
  }

  forward(x: Tensor): Tensor {
    return relu(this.fc7.forward(relu(this.fc6.forward(x.reshape([x.shape[0]!, -1])))));
  }
}

class BoxPredictor extends Module {
  cls_score: Linear;
  bbox_pred: Linear;

  constructor(width: number, outputs: number, generator: Generator) {
    super();
    this.cls_score = new Linear(width, outputs, { std: 0.01, generator });
    this.bbox_pred = new Linear(width, outputs * 4, { std: 0.001, generator });
  }
}

/** The proposals that are learned from, and what each of them learns. */
export interface RegionSample {
  /** [N,S,4]. */
  readonly boxes: Tensor;
  /** f32 [N,S]: 1 where there is one. */
  readonly valid: Tensor;
  /** f32 [N,S]: 1 for those that show an object. */
  readonly foreground: Tensor;
  /** i32 [N,S]: 0 for background, 1 to numClasses for labels 0 to numClasses - 1. */
  readonly classes: Tensor;
  /** i32 [N,S]: which of the image's boxes, -1 for none. */
  readonly matches: Tensor;
}

/** The second stage: classes and boxes of regions, under torchvision's names. */
export class BoxStage extends Module {
  box_head: BoxHead;
  box_predictor: BoxPredictor;
  /** Classes and, as class 0, the background. */
  readonly #outputs: number;
  readonly #config: BoxConfig;

  constructor(
    { pyramidWidth, numClasses, box }: { pyramidWidth: number; numClasses: number; box: BoxConfig },
    generator: Generator,
  ) {
    super();
    this.box_head = new BoxHead(pyramidWidth, box, generator);
    this.box_predictor = new BoxPredictor(box.width, numClasses + 1, generator);
    this.#outputs = numClasses + 1;
    this.#config = box;
  }

  /** logits: [N R,K]; deltas: [N R,K,4]. */
  #predict(pyramid: Pyramid, { boxes, valid }: Regions) {
    const [images, regions] = valid.shape as [number, number];
    const bytes = 4 * this.#config.resolution ** 2 * pyramid.features[0]!.shape[3]!;
    return inChunks({ images, regions, bytes }, (part) => {
      const pooled = poolRegions(pyramid, { boxes: part(boxes), valid: part(valid) }, this.#config);
      const hidden = this.box_head.forward(pooled);
      const deltas = this.box_predictor.bbox_pred.forward(hidden);
      return {
        logits: this.box_predictor.cls_score.forward(hidden),
        deltas: deltas.reshape([hidden.shape[0]!, this.#outputs, 4]),
      };
    });
  }

  /** Proposals and the true boxes themselves, matched and sampled at random. */
  sample(
    proposals: Proposals,
    { boxes, labels, counts, ignored, seed }: DetectionTargets & { readonly seed: Tensor },
  ): RegionSample {
    const { foregroundIou } = this.#config;
    const candidates = concat([proposals.boxes, boxes], 1);
    const there = concat(
      [upTo(proposals.count, proposals.boxes.shape[1]!), upTo(counts, boxes.shape[1]!)],
      1,
    );
    const matches = matchAnchors(candidates, boxes, counts, {
      highThreshold: foregroundIou,
      lowThreshold: foregroundIou,
      allowLowQuality: false,
    });
    const matched = cast(greaterEqual(matches, 0), 'f32');
    const positive = mul(matched, there);
    const background = mul(sub(1, matched), there);
    const negative = ignored ? mul(background, sub(1, inIgnored(candidates, ignored))) : background;
    const { valid, take } = sampleBalanced({ positive, negative }, { ...this.#config, seed, stream: 1 });
    const foreground = mul(take(matched), valid);
    const chosen = where(cast(foreground, 'i32'), take(matches), -1);
    return {
      boxes: take(candidates),
      valid,
      foreground,
      // Rows outside the table are zeros: what has no object is background.
      classes: gatherRows(add(labels, 1), chosen, 1),
      matches: chosen,
    };
  }

  /**
   * Cross entropy of the sampled regions, and smooth L1 of the foreground ones' deltas for their class (Girshick 2015, Fast
   * R-CNN, §2.3), each over the number of samples. truth: [N,G,4].
   */
  losses(
    pyramid: Pyramid,
    { boxes, valid, foreground, classes, matches }: RegionSample,
    truth: Tensor,
  ): { classifier: Tensor; box_reg: Tensor } {
    const [N, S] = valid.shape as [number, number];
    const { logits, deltas } = this.#predict(pyramid, { boxes, valid });
    const total = maximum(sum(valid), 1);
    const entropy = crossEntropy(logits, classes.reshape([N * S]), { reduction: 'none' });
    const ofClass = gatherRows(deltas, classes.reshape([N * S, 1]), 1).reshape([N, S, 4]);
    const goal = boxEncode(gatherRows(truth, matches, 1), boxes, { weights: WEIGHTS });
    const distance = smoothL1Loss(ofClass, goal, { beta: 1 / 9, reduction: 'none' });
    return {
      classifier: divideBy(sum(mul(entropy.reshape([N, S]), valid)), total),
      box_reg: divideBy(sum(mul(distance, foreground.reshape([N, S, 1]))), total),
    };
  }

  /** The best detections, in pixels of the network's input, by NMS per class. */
  detect(
    { batch, ...pyramid }: Pyramid & { readonly batch: ImageBatch },
    proposals: Proposals,
    { scoreThreshold = 0.05, iouThreshold = 0.5, maxDetections = 100 }: DetectOptions,
  ): Detections {
    const [N, P] = proposals.boxes.shape as [number, number];
    const { images, sizes } = batch;
    const K = this.#outputs;
    const there = upTo(proposals.count, P);
    const { logits, deltas } = this.#predict(pyramid, { boxes: proposals.boxes, valid: there });
    // Without the background, class 0.
    const scores = slice(softmax(logits).reshape([N, P, K]), [[], [], [1, K]]);
    const of = slice(deltas.reshape([N, P, K, 4]), [[], [], [1, K], []]);
    const decoded = boxDecode(of, proposals.boxes.reshape([N, P, 1, 4]), { weights: WEIGHTS });
    const size = [images.shape[1]!, images.shape[2]!] as const;
    const all = P * (K - 1);
    const boxes = minimum(clipBoxesToImage(decoded, size).reshape([N, all, 4]), limitsOf(sizes));
    const usable = mul(
      largeEnough(boxes, 1e-2),
      mul(there.reshape([N, P, 1]), full([K - 1], 1)).reshape([N, all]),
    );
    const usableScores = where(usable, scores.reshape([N, all]), -1);
    const labels = tensor(
      Int32Array.from({ length: N * all }, (_, i) => i % (K - 1)),
      [N, all],
    );
    const options = { iouThreshold, scoreThreshold, maxDetections: Math.min(maxDetections, all) };
    const kept = batchedNms(boxes, usableScores, labels, options);
    return {
      boxes: gatherRows(boxes, kept.indices, 1),
      scores: gatherRows(usableScores, kept.indices, 1),
      labels: gatherRows(labels, kept.indices, 1),
      count: kept.count,
    };
  }
}

/** f32 [N,size]: 1 in the first count[n] places of row n, else 0. count: i32 [N]. */
export const upTo = (count: Tensor, size: number): Tensor => {
  const place = tensor(Int32Array.from({ length: size }, (_, i) => i));
  return cast(greater(count.reshape([count.shape[0]!, 1]), place), 'f32');
};
