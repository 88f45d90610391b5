import { heatmapsToKeypoints } from '../graph/functions/boxes.ts';
import { interpolate } from '../graph/functions/conv.ts';
import {
  add,
  div,
  equal,
  floor,
  greater,
  greaterEqual,
  less,
  maximum,
  mul,
  relu,
  sub,
  where,
} from '../graph/functions/elementwise.ts';
import { crossEntropy } from '../graph/functions/losses.ts';
import { sum, topk } from '../graph/functions/reduce.ts';
import { cast, concat, gatherRows, permute, slice } from '../graph/functions/shape.ts';
import { full, type Tensor } from '../graph/tensor.ts';
import { Sequential } from '../nn/containers.ts';
import { Conv2d, ConvTranspose2d } from '../nn/layers.ts';
import { Module } from '../nn/module.ts';
import type { Generator } from '../nn/random.ts';
import { objectOf, withDefaults } from '../options.ts';
import {
  type Detections,
  type DetectionTargets,
  type DetectOptions,
  pointsToImages,
  pointsToNetwork,
  toImages,
} from './detection.ts';
import {
  FasterRCNN,
  type FasterRCNNConfig,
  type FasterRCNNLosses,
  type FasterRCNNOptions,
  fasterRCNNConfig,
  type RCNNBackbone,
  SMALL_FASTER_RCNN,
  torchvisionRCNN,
} from './fasterRcnn.ts';
import { expectCount } from './options.ts';
import { BoxStage, type Pyramid, poolRegions, type RegionSample, type Regions, upTo } from './roiHeads.ts';
import { divideBy, inChunks } from './sampling.ts';

/**
 * Everything that shapes the keypoint branch of Keypoint R-CNN. Defaults are torchvision's, and those of `new KeypointRCNN` where
 * they differ.
 */
export interface KeypointConfig {
  /** How many keypoints an object has. Default 17, those of COCO's persons. */
  readonly numKeypoints: number;
  /** Channels of the convolutions. Default 512; `new KeypointRCNN`: 32. */
  readonly width: number;
  /** How many 3x3 convolutions there are before the last layer. Default 8; `new KeypointRCNN`: 2. */
  readonly depth: number;
  /** Rows and columns that a region is pooled to; heatmaps have four times as many. Default 14. */
  readonly resolution: number;
  /** The largest number of regions per image that keypoints are trained on. Default 128; `new KeypointRCNN`: 16. */
  readonly maxRegions: number;
}

export const KEYPOINT_DEFAULTS: KeypointConfig = {
  numKeypoints: 17,
  width: 512,
  depth: 8,
  resolution: 14,
  maxRegions: 128,
};

/** Everything that shapes a Keypoint R-CNN; saved with its weights. Defaults are those of `new KeypointRCNN`. */
export interface KeypointRCNNConfig extends FasterRCNNConfig {
  /** The keypoint branch. */
  readonly keypoint: KeypointConfig;
}

/** Options of `KeypointRCNN`: numClasses must be given. Parts of `rpn`, `box` and `keypoint` that are left out have their defaults. */
export interface KeypointRCNNOptions extends FasterRCNNOptions {
  readonly keypoint?: Partial<KeypointConfig>;
}

/** The defaults of `new KeypointRCNN`: for training from scratch on few images, on any adapter. */
const SMALL: Omit<KeypointRCNNConfig, 'numClasses'> = {
  ...SMALL_FASTER_RCNN,
  keypoint: { numKeypoints: 17, width: 32, depth: 2, resolution: 14, maxRegions: 16 },
};

/** The configuration that options describe, with `defaults` for what they leave out. */
export function keypointRCNNConfig(
  { keypoint: given = {}, ...options }: KeypointRCNNOptions,
  { keypoint: ours, ...defaults }: Omit<KeypointRCNNConfig, 'numClasses'> = SMALL,
): KeypointRCNNConfig {
  const keypoint = withDefaults('KeypointRCNN: keypoint', given, ours);
  expectCount('KeypointRCNN', 'keypoint.numKeypoints', keypoint.numKeypoints);
  return { ...fasterRCNNConfig(options, defaults), keypoint };
}

/** The objects of a batch with their keypoints, padded to G per image. */
export interface KeypointTargets extends DetectionTargets {
  /** f32 [N,G,K,3]: x and y in pixels of the given images, and 1 where it is visible, 0 where it is not and teaches nothing. */
  readonly keypoints: Tensor;
}

/** Detections with their keypoints. */
export type KeypointDetections = Detections & {
  /** f32 [N,D,K,3]: x and y in pixels of the given images, and 1. */
  readonly keypoints: Tensor;
  /** f32 [N,D,K]: the value of the heatmap there, a logit. */
  readonly keypointsScores: Tensor;
};

class KeypointPredictor extends Module {
  kps_score_lowres: ConvTranspose2d;

  constructor(width: number, numKeypoints: number, generator: Generator) {
    super();
    const options = { stride: 2, padding: 1, generator };
    this.kps_score_lowres = new ConvTranspose2d(width, numKeypoints, 4, options);
  }

  forward(x: Tensor): Tensor {
    const low = this.kps_score_lowres.forward(x);
    return interpolate(low, { size: [2 * low.shape[1]!, 2 * low.shape[2]!], mode: 'bilinear' });
  }
}

/** The number [N,R,1] at this index of rows [N,R,4]. */
const side = (boxes: Tensor, index: number): Tensor => slice(boxes, [[], [], [index, index + 1]]);

/** The second stage with a branch for keypoints, under torchvision's names. */
export class KeypointStage extends BoxStage {
  keypoint_head: Sequential;
  keypoint_predictor: KeypointPredictor;
  readonly #keypoint: KeypointConfig;

  constructor(config: KeypointRCNNConfig, generator: Generator) {
    super(config, generator);
    const { pyramidWidth, keypoint } = config;
    this.keypoint_head = new Sequential();
    for (let i = 0; i < keypoint.depth; i++) {
      const from = i === 0 ? pyramidWidth : keypoint.width;
      this.keypoint_head.append(new Conv2d(from, keypoint.width, 3, { padding: 1, generator })).append(relu);
    }
    this.keypoint_predictor = new KeypointPredictor(keypoint.width, keypoint.numKeypoints, generator);
    this.#keypoint = keypoint;
  }

  /** Heatmaps [N R,M,M,K] of regions [N,R,4]: logits. */
  #heatmaps(pyramid: Pyramid, { boxes, valid }: Regions): Tensor {
    const [images, regions] = valid.shape as [number, number];
    const { resolution, width, numKeypoints } = this.#keypoint;
    const bytes = 4 * resolution ** 2 * Math.max(width, 16 * numKeypoints);
    return inChunks({ images, regions, bytes }, (part) => {
      const pooled = poolRegions(pyramid, { boxes: part(boxes), valid: part(valid) }, { resolution });
      return { maps: this.keypoint_predictor.forward(this.keypoint_head.forward(pooled)) };
    }).maps;
  }

  /**
   * Cross-entropy of the heatmaps of foreground regions over their cells, each visible keypoint being one of them (He et al. 2017,
   * §5). keypoints: [N,G,K,3] in pixels of the network's input.
   */
  keypointLoss(pyramid: Pyramid, { boxes, foreground, matches }: RegionSample, keypoints: Tensor): Tensor {
    const [N, S] = foreground.shape as [number, number];
    const [, G, K] = keypoints.shape as [number, number, number];
    // Few regions are foreground: these first.
    const { values, indices } = topk(foreground, Math.min(this.#keypoint.maxRegions, S));
    const R = indices.shape[1]!;
    const regions = gatherRows(boxes, indices, 1);
    const maps = this.#heatmaps(pyramid, { boxes: regions, valid: values });
    const M = maps.shape[1]!;
    const own = gatherRows(keypoints.reshape([N, G, K * 3]), gatherRows(matches, indices, 1), 1);
    const part = (index: number) =>
      slice(own.reshape([N, R, K, 3]), [[], [], [], [index, index + 1]]).reshape([N, R, K]);
    const cell = (axis: 0 | 1) => {
      const [low, high] = [side(regions, axis), side(regions, axis + 2)];
      const scale = div(M, where(values.reshape([N, R, 1]), sub(high, low), 1));
      // The far border belongs to the last cell.
      return where(equal(part(axis), high), M - 1, floor(mul(sub(part(axis), low), scale)));
    };
    const [x, y] = [cell(0), cell(1)];
    const is = (...conditions: readonly Tensor[]) =>
      conditions.map((condition) => cast(condition, 'f32')).reduce((a, b) => mul(a, b));
    const inside = is(greaterEqual(x, 0), greaterEqual(y, 0), less(x, M), less(y, M));
    const valid = mul(mul(inside, is(greater(part(2), 0))), values.reshape([N, R, 1]));
    const target = where(valid, add(mul(y, M), x), -1);
    const rows = permute(maps, [0, 3, 1, 2]).reshape([N * R * K, M * M]);
    const total = crossEntropy(rows, cast(target, 'i32').reshape([N * R * K]), {
      ignoreIndex: -1,
      reduction: 'sum',
    });
    return divideBy(total, maximum(sum(valid), 1));
  }

  /** The keypoints [N,D,K,3] of detections, in pixels of the network's input: x, y and the value of the heatmap. */
  keypoints(pyramid: Pyramid, { boxes, count }: Detections): Tensor {
    const [N, D] = boxes.shape as [number, number];
    const maps = this.#heatmaps(pyramid, { boxes, valid: upTo(count, D) });
    const found = heatmapsToKeypoints(maps, boxes.reshape([N * D, 4]));
    return found.reshape([N, D, found.shape[1]!, 3]);
  }
}

/**
 * Keypoint R-CNN (He et al. 2017, Mask R-CNN, §5): Faster R-CNN with a branch that predicts a heatmap for each keypoint of an
 * object. A training step and a detection are one submission each. `new KeypointRCNN({ numClasses })` is small, for training from
 * scratch on few images; `keypointrcnn('resnet50', { numClasses })` is torchvision's. Weights have torchvision's names.
 */
export class KeypointRCNN extends FasterRCNN {
  /** @internal */
  declare roi_heads: KeypointStage;
  declare readonly config: KeypointRCNNConfig;

  /**
   * @param options `numClasses` must be given; the others have the defaults of KeypointRCNNConfig. Throws UsageError for other
   * counts.
   */
  // biome-ignore lint/complexity/noUselessConstructor: it takes more options.
  constructor(options: KeypointRCNNOptions) {
    super(options);
  }

  /** @internal */
  protected override configOf(options: KeypointRCNNOptions): KeypointRCNNConfig {
    return keypointRCNNConfig(options);
  }

  /** @internal */
  protected override makeHeads(config: KeypointRCNNConfig, generator: Generator): KeypointStage {
    return new KeypointStage(config, generator);
  }

  /** The four losses of Faster R-CNN, and `keypoint`: the cross-entropy of the heatmaps. See FasterRCNN.losses. */
  override losses(
    images: Tensor | readonly Tensor[],
    targets: KeypointTargets,
    { seed }: { readonly seed?: Tensor } = {},
  ): FasterRCNNLosses & { readonly keypoint: Tensor } {
    const seen = this.see(images);
    const { losses, sample, truth } = this.learn(seen, targets, seed);
    const keypoints = pointsToNetwork(targets.keypoints, seen.batch);
    return {
      ...this.roi_heads.losses(seen.pyramid, sample, truth),
      keypoint: this.roi_heads.keypointLoss(seen.pyramid, sample, keypoints),
      ...losses,
    };
  }

  /** The best detections of each image with their keypoints: see FasterRCNN.detect. */
  override detect(images: Tensor | readonly Tensor[], options: DetectOptions = {}): KeypointDetections {
    const seen = this.see(images, options.resize);
    const found = this.find(seen, options);
    const keypoints = this.roi_heads.keypoints(seen.pyramid, found);
    const [N, D, K] = keypoints.shape as [number, number, number];
    const column = (start: number, end: number) => slice(keypoints, [[], [], [], [start, end]]);
    const placed = concat([column(0, 2), full([N, D, K, 1], 1)], 3);
    return {
      ...found,
      boxes: toImages(found.boxes, seen.batch),
      keypoints: pointsToImages(placed, seen.batch),
      keypointsScores: column(2, 3).reshape([N, D, K]),
    };
  }
}

/**
 * Keypoint R-CNN as torchvision builds it (keypointrcnn_resnet50_fpn). The defaults of `options` are torchvision's, apart from the
 * size of images: in training torchvision draws the shorter side from 640 to 800 pixels, and takes 800 in evaluation, as here.
 * @param backbone The name of a ResNet, whose batch norm is frozen as in torchvision, or a configuration.
 * @param options `numClasses` must be given, without the background: 1 for COCO's persons.
 */
export const keypointrcnn = (
  backbone: RCNNBackbone | FasterRCNNConfig['backbone'],
  options: KeypointRCNNOptions,
): KeypointRCNN => {
  const defaults = { ...torchvisionRCNN('keypointrcnn', backbone), keypoint: KEYPOINT_DEFAULTS };
  return new KeypointRCNN({ ...options, ...keypointRCNNConfig(objectOf('keypointrcnn', options), defaults) });
};
