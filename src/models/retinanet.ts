import { boxDecode, boxEncode, clipBoxesToImage, matchAnchors, nms } from '../graph/functions/boxes.ts';
import {
  add,
  div,
  greater,
  greaterEqual,
  maximum,
  minimum,
  mul,
  relu,
  remainder,
  sigmoid,
  sub,
} from '../graph/functions/elementwise.ts';
import { l1Loss, sigmoidFocalLoss } from '../graph/functions/losses.ts';
import { mean, sum, topk } from '../graph/functions/reduce.ts';
import { cast, concat, gatherRows, oneHot } from '../graph/functions/shape.ts';
import type { Tensor } from '../graph/tensor.ts';
import { type Generator, generator } from '../nn/init.ts';
import { Conv2d, type Layer, normLayer, sequential } from '../nn/layers.ts';
import { Module } from '../nn/module.ts';
import {
  DEFAULT_RESIZE,
  type Detections,
  type DetectionTargets,
  type DetectOptions,
  type ImageBatch,
  imageBatch,
  limitsOf,
  type ResizeConfig,
  toImages,
  toNetwork,
} from './detection.ts';
import { type ExtraLevels, ResNetFPN } from './fpn.ts';
import { levelAnchors } from './levelAnchors.ts';
import { IMAGENET, type Normalization } from './preprocess.ts';
import { RESNETS, type ResNetConfig, type ResNetName } from './resnet.ts';
import { legacyDetectionName } from './torchNames.ts';

/** Everything that shapes a RetinaNet; saved with its weights. */
export interface RetinaNetConfig {
  readonly numClasses: number;
  readonly backbone: ResNetConfig;
  /** Channels of the pyramid and the heads. */
  readonly pyramidWidth: number;
  /** Pyramid levels beyond the three of the backbone. */
  readonly extraLevels: Exclude<ExtraLevels, 'pool'>;
  /** 3x3 convolutions in each head before the last. */
  readonly headDepth: number;
  /**
   * `group`: group norm after each convolution of the heads, which all levels share: their statistics differ, and one set
   * of running ones would fit none of them. `none`, as in the paper.
   */
  readonly headNorm: 'none' | 'group';
  /** Sides of the anchors at each level, in pixels. Default: 4 cells, at three sizes an octave (Lin et al. 2017, §4). */
  readonly anchorSizes?: readonly (readonly number[])[];
  /** Height / width of the anchors. Default: 0.5, 1, 2. */
  readonly aspectRatios?: readonly number[];
  /** IoU from which on an anchor learns a box (default 0.5), and below which it learns background (default 0.4). */
  readonly foregroundIou?: number;
  readonly backgroundIou?: number;
  readonly normalization: Normalization;
  /** For images in an array. */
  readonly resize: ResizeConfig;
  /** What `detect` does where it is not told otherwise. */
  readonly detect?: DetectOptions;
}

/** For training from scratch on few pictures, on any adapter. */
export const RETINANET_DEFAULTS: Omit<RetinaNetConfig, 'numClasses'> = {
  // Batch norm makes crops and whole pictures see the same network; see UNET_DEFAULTS.
  backbone: { block: 'basic', depth: [1, 1, 1, 1], width: 16, stem: 'small', norm: 'batch' },
  pyramidWidth: 32,
  extraLevels: 'p6',
  headDepth: 1,
  headNorm: 'group',
  normalization: IMAGENET,
  resize: DEFAULT_RESIZE,
};

/** Three sizes an octave: pixels, of an anchor of 4 cells, rounded down as torchvision does. */
const octaves = (stride: number): number[] =>
  [0, 1 / 3, 2 / 3].map((power) => Math.floor(4 * stride * 2 ** power));

/** The probability that an anchor is said to show an object before training (§4.1): keeps the first losses small. */
const PRIOR = 0.01;

/** Convolutions that all levels share. */
abstract class Head extends Module {
  conv: Layer[][];

  constructor(random: Generator, { pyramidWidth, headDepth, headNorm }: RetinaNetConfig) {
    super();
    const normalised = headNorm === 'group';
    this.conv = Array.from({ length: headDepth }, () => {
      const conv = new Conv2d(random, pyramidWidth, pyramidWidth, {
        padding: 1,
        bias: !normalised,
        ...(normalised ? {} : { std: 0.01 }),
      });
      return [conv, ...(normalised ? [normLayer('group', pyramidWidth)] : []), relu];
    });
  }

  protected features(x: Tensor): Tensor {
    return this.conv.reduce((y, block) => sequential(block, y), x);
  }

  /** [N,H,W,C] to [N, H W A, values]: by reshape alone. */
  abstract forward(x: Tensor): Tensor;
}

class ClassificationHead extends Head {
  cls_logits: Conv2d;
  readonly #classes: number;

  constructor(random: Generator, config: RetinaNetConfig, perCell: number) {
    super(random, config);
    const { pyramidWidth, numClasses } = config;
    this.cls_logits = new Conv2d(random, pyramidWidth, perCell * numClasses, { padding: 1, std: 0.01 });
    this.cls_logits.bias!.state.initial.fill(-Math.log((1 - PRIOR) / PRIOR));
    this.#classes = numClasses;
  }

  forward(x: Tensor): Tensor {
    return this.cls_logits.forward(this.features(x)).reshape([x.shape[0]!, -1, this.#classes]);
  }
}

class RegressionHead extends Head {
  bbox_reg: Conv2d;

  constructor(random: Generator, config: RetinaNetConfig, perCell: number) {
    super(random, config);
    this.bbox_reg = new Conv2d(random, config.pyramidWidth, perCell * 4, { padding: 1, std: 0.01 });
  }

  forward(x: Tensor): Tensor {
    return this.bbox_reg.forward(this.features(x)).reshape([x.shape[0]!, -1, 4]);
  }
}

class RetinaNetHead extends Module {
  classification_head: ClassificationHead;
  regression_head: RegressionHead;

  constructor(random: Generator, config: RetinaNetConfig, perCell: number) {
    super();
    this.classification_head = new ClassificationHead(random, config, perCell);
    this.regression_head = new RegressionHead(random, config, perCell);
  }
}

/** The outputs of one pyramid level. */
interface Level {
  /** [N,A,K]. */
  readonly logits: Tensor;
  /** [N,A,4]. */
  readonly deltas: Tensor;
}

/**
 * RetinaNet (Lin et al. 2017, Focal loss for dense object detection): backbone, feature pyramid, and two heads that
 * score classes and refine boxes at every anchor. Matching, losses and NMS are part of the graph: a training step
 * and a detection are one submission each. Weights have torchvision's names.
 */
export class RetinaNet extends Module {
  backbone: ResNetFPN;
  head: RetinaNetHead;
  readonly config: RetinaNetConfig;
  /** The label of the first class. */
  readonly firstLabel = 0;

  constructor(config: RetinaNetConfig, seed = 0) {
    super();
    const random = generator(seed);
    this.config = config;
    this.backbone = new ResNetFPN(random, config.backbone, {
      stages: 3,
      channels: config.pyramidWidth,
      extra: config.extraLevels,
    });
    this.head = new RetinaNetHead(random, config, this.#sizes[0]!.length * this.#ratios.length);
  }

  /** Strides of the pyramid's levels. Sizes of batches should be multiples of the first. */
  get strides(): readonly number[] {
    return this.backbone.strides;
  }

  get #sizes(): readonly (readonly number[])[] {
    return this.config.anchorSizes ?? this.strides.map(octaves);
  }

  get #ratios(): readonly number[] {
    return this.config.aspectRatios ?? [0.5, 1, 2];
  }

  /** All anchors of an image size: [A,4]. */
  anchors(imageSize: readonly [number, number]): Tensor {
    return concat(this.#anchors(imageSize), 0);
  }

  /** The anchors of each level: [A,4]. */
  #anchors(imageSize: readonly [number, number]): Tensor[] {
    return levelAnchors({
      imageSize,
      strides: this.strides,
      sizes: this.#sizes,
      aspectRatios: this.#ratios,
    });
  }

  #levels({ images }: ImageBatch): Level[] {
    return this.backbone.forward(images).map((features) => ({
      logits: this.head.classification_head.forward(features),
      deltas: this.head.regression_head.forward(features),
    }));
  }

  #batch(images: Tensor | readonly Tensor[], resize = this.config.resize): ImageBatch {
    return imageBatch('RetinaNet', images, this.config.normalization, resize);
  }

  /** images: [N,H,W,3] in 0..1, or [H,W,3] each in an array. logits: [N,A,K]; deltas: [N,A,4]. */
  forward(images: Tensor | readonly Tensor[]): { logits: Tensor; deltas: Tensor } {
    return joined(this.#levels(this.#batch(images)));
  }

  /**
   * Focal loss over all anchors that are not between the thresholds, and L1 loss over the matched ones, each divided
   * by the number of matched anchors of the image (at least 1), then the mean over images.
   */
  losses(
    images: Tensor | readonly Tensor[],
    { boxes, labels, counts }: DetectionTargets,
  ): { classification: Tensor; bbox_regression: Tensor } {
    const batch = this.#batch(images);
    const { logits, deltas } = joined(this.#levels(batch));
    const truth = toNetwork(boxes, batch);
    const anchors = this.anchors([batch.images.shape[1]!, batch.images.shape[2]!]);
    const { foregroundIou = 0.5, backgroundIou = 0.4 } = this.config;
    const matches = matchAnchors(anchors, truth, counts, {
      highThreshold: foregroundIou,
      lowThreshold: backgroundIou,
    });
    const [N, A] = matches.shape as [number, number];
    const matched = cast(greaterEqual(matches, 0), 'f32');
    const counted = cast(greater(matches, -2), 'f32').reshape([N, A, 1]);
    // Rows outside of the table are zeros, so labels are looked up one higher: 0 becomes "no class".
    const label = sub(gatherRows(add(labels, 1), matches, 1), 1);
    const target = oneHot(label, this.config.numClasses);
    const share = maximum(sum(matched, { dim: 1 }), 1);
    const perImage = (loss: Tensor) => mean(div(sum(loss, { dim: [1, 2] }), share));
    const goal = boxEncode(gatherRows(truth, matches, 1), anchors);
    return {
      classification: perImage(mul(sigmoidFocalLoss(logits, target), counted)),
      bbox_regression: perImage(mul(l1Loss(deltas, goal, { reduction: 'none' }), matched.reshape([N, A, 1]))),
    };
  }

  /**
   * The best detections of each image: of every level the best candidates, then NMS of each class by itself. Defaults:
   * scores over 0.05, IoU 0.5, 300 detections, 1000 candidates a level.
   */
  detect(images: Tensor | readonly Tensor[], options: DetectOptions = {}): Detections {
    const {
      scoreThreshold = 0.05,
      iouThreshold = 0.5,
      maxDetections = 300,
      candidates = 1000,
    } = { ...this.config.detect, ...options };
    const batch = this.#batch(images, options.resize);
    const size = [batch.images.shape[1]!, batch.images.shape[2]!] as const;
    const anchors = this.#anchors(size);
    const K = this.config.numClasses;
    const best = this.#levels(batch).map(({ logits, deltas }, i) => {
      const [N, A] = logits.shape as [number, number];
      const { values, indices } = topk(sigmoid(logits).reshape([N, A * K]), Math.min(candidates, A * K));
      const anchor = div(indices, K);
      const around = gatherRows(anchors[i]!, anchor);
      return {
        scores: values,
        labels: remainder(indices, K),
        boxes: boxDecode(gatherRows(deltas, anchor, 1), around),
      };
    });
    const all = (name: 'scores' | 'labels' | 'boxes') =>
      concat(
        best.map((level) => level[name]),
        1,
      );
    const [scores, labels] = [all('scores'), all('labels')];
    const boxes = minimum(clipBoxesToImage(all('boxes'), size), limitsOf(batch.sizes));
    const most = Math.min(maxDetections, scores.shape[1]!);
    const kept = nms(boxes, scores, { iouThreshold, scoreThreshold, maxDetections: most }, labels);
    return {
      boxes: toImages(gatherRows(boxes, kept.indices, 1), batch),
      scores: gatherRows(scores, kept.indices, 1),
      labels: gatherRows(labels, kept.indices, 1),
      count: kept.count,
    };
  }

  protected override torchName(name: string): string {
    return legacyDetectionName(name);
  }
}

/** The outputs of all levels, one after another. */
const joined = (levels: readonly Level[]): Level => ({
  logits: concat(
    levels.map(({ logits }) => logits),
    1,
  ),
  deltas: concat(
    levels.map(({ deltas }) => deltas),
    1,
  ),
});

/** RetinaNet as torchvision builds it: four convolutions a head without norms, 256 channels, levels P3 to P7. */
export const retinanet = (
  backbone: ResNetName | ResNetConfig,
  { numClasses, ...config }: Partial<RetinaNetConfig> & Pick<RetinaNetConfig, 'numClasses'>,
  seed = 0,
): RetinaNet =>
  new RetinaNet(
    {
      numClasses,
      backbone: typeof backbone === 'string' ? { ...RESNETS[backbone], norm: 'frozen' } : backbone,
      pyramidWidth: 256,
      extraLevels: 'p6p7',
      headDepth: 4,
      headNorm: 'none',
      normalization: IMAGENET,
      resize: DEFAULT_RESIZE,
      ...config,
    },
    seed,
  );
