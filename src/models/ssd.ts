import { boxDecode, boxEncode, boxIou, matchAnchors } from '../graph/functions/boxes.ts';
import {
  add,
  greater,
  greaterEqual,
  less,
  maximum,
  mul,
  sub,
  where,
} from '../graph/functions/elementwise.ts';
import { gather, scatter } from '../graph/functions/indexing.ts';
import { crossEntropy, smoothL1Loss } from '../graph/functions/losses.ts';
import { amax, argmax, softmax, sort, sum, topk } from '../graph/functions/reduce.ts';
import { cast, concat, expand, gatherRows, permute, slice } from '../graph/functions/shape.ts';
import { type Tensor, tensor } from '../graph/tensor.ts';
import type { Sequential } from '../nn/containers.ts';
import type { Conv2d } from '../nn/layers.ts';
import { Module } from '../nn/module.ts';
import { generatorOf, type SeedOptions } from '../nn/random.ts';
import { objectOf, withDefaults } from '../options.ts';
import { defaultBoxes } from './defaultBoxes.ts';
import { keepBest } from './denseDetection.ts';
import {
  type Detections,
  type DetectionTargets,
  type DetectOptions,
  type ImageBatch,
  imageBatch,
  toNetwork,
} from './detection.ts';
import { ignoreMatches } from './ignored.ts';
import { expectCount, fixed } from './options.ts';
import type { Normalization } from './preprocess.ts';
import { upTo } from './roiHeads.ts';
import { divideBy } from './sampling.ts';
import { SSDMobileNet, type SSDMobileNetConfig, SSDVGG, type SSDVGGConfig } from './ssdBackbones.ts';

/** Options of an SSD's `detect`. Images in an array always get the size of the configuration. */
export type SSDDetectOptions = Omit<DetectOptions, 'resize'>;

/** Everything that shapes an SSD; saved with its weights. Defaults are those of `new SSD`. */
export interface SSDConfig {
  /** The number of classes, labels 0 to numClasses - 1. The background is not counted; torchvision's num_classes is one more. */
  readonly numClasses: number;
  /** A VGG (SSD), or a MobileNetV3 (SSDlite). Default: the small MobileNetV3 with half of its channels. */
  readonly backbone: SSDVGGConfig | SSDMobileNetConfig;
  /** [height, width] that images in an array get, in pixels. Default [320, 320]. */
  readonly imageSize: readonly [number, number];
  /** Of each of the six maps, the aspect ratios of its boxes apart from 1; each also stands upright. Default 2 and 3. */
  readonly aspectRatios: readonly (readonly number[])[];
  /** Sides of the boxes of each map in proportion to the image, and one more. Default 0.2 to 0.95, and 1. */
  readonly scales: readonly number[];
  /** Pixels between the centres of each map's cells. Default: the image divided by the number of cells. */
  readonly steps?: readonly number[];
  /** The IoU with an object from which a box is trained as foreground. Default 0.5. */
  readonly foregroundIou: number;
  /** The share of foreground among the boxes whose classes are trained: the others are those of the largest loss. Default 0.25. */
  readonly positiveFraction: number;
  /** Mean and standard deviation that images are normalised by. Default 0.5. */
  readonly normalization: Normalization;
  /** Defaults of `detect`. */
  readonly detect?: SSDDetectOptions;
}

/** Options of `SSD`: numClasses must be given. */
export interface SSDOptions extends Partial<Omit<SSDConfig, 'numClasses'>>, SeedOptions {
  readonly numClasses: number;
}

/** torchvision's SSDlite, on another backbone. */
const LITE = {
  imageSize: [320, 320],
  aspectRatios: new Array<number[]>(6).fill([2, 3]),
  scales: [...[0, 1, 2, 3, 4, 5].map((k) => 0.2 + ((0.95 - 0.2) * k) / 5), 1],
  foregroundIou: 0.5,
  positiveFraction: 0.25,
  normalization: { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] },
} as const satisfies Partial<SSDConfig>;

/** The defaults of `new SSD`: for training from scratch on few images, on any adapter. */
export const SMALL_SSD: Omit<SSDConfig, 'numClasses' | 'backbone'> & {
  readonly backbone: SSDMobileNetConfig;
} = {
  ...LITE,
  backbone: {
    variant: 'small',
    widthMult: 0.5,
    extraWidthMult: 0.25,
    batchNorm: { eps: 1e-3, momentum: 0.1 },
  },
};

/** The configuration that options describe. */
export function ssdConfig({ seed: _seed, generator: _generator, ...options }: SSDOptions): SSDConfig {
  expectCount('SSD', 'numClasses', options.numClasses);
  return withDefaults('SSD', options, {
    ...SMALL_SSD,
    numClasses: options.numClasses,
    steps: undefined,
    detect: undefined,
  });
}

/** The weights that box deltas are multiplied by, as torchvision's. */
const WEIGHTS = [10, 10, 5, 5] as const;

/** One predictor for each map. */
class ScoringHead extends Module {
  module_list: (Conv2d | Sequential)[];
  readonly #columns: number;

  constructor(
    backbone: SSDMobileNet | SSDVGG,
    { perCell, columns }: { readonly perCell: readonly number[]; readonly columns: number },
  ) {
    super();
    this.module_list = backbone.channels.map((from, i) => backbone.predictor(from, perCell[i]! * columns));
    this.#columns = columns;
  }

  /** Maps [N,H,W,C] to [N,A,columns], by reshape and concatenation alone. */
  forward(maps: readonly Tensor[]): Tensor {
    return concat(
      maps.map((map, i) => this.module_list[i]!.forward(map).reshape([map.shape[0]!, -1, this.#columns])),
      1,
    );
  }
}

class SSDHead extends Module {
  classification_head: ScoringHead;
  regression_head: ScoringHead;

  constructor(backbone: SSDMobileNet | SSDVGG, { aspectRatios, numClasses }: SSDConfig) {
    super();
    const perCell = aspectRatios.map((ratios) => 2 + 2 * ratios.length);
    this.classification_head = new ScoringHead(backbone, { perCell, columns: numClasses + 1 });
    this.regression_head = new ScoringHead(backbone, { perCell, columns: 4 });
  }
}

/** The outputs of the heads at all A default boxes. */
export interface SSDPredictions {
  /** Logits [N,A,K + 1]; class 0 is the background. */
  readonly logits: Tensor;
  /** [N,A,4]. */
  readonly deltas: Tensor;
  /** [A,4], in pixels of the network's input. */
  readonly anchors: Tensor;
}

/**
 * SSD (Liu et al. 2016, SSD: single shot multibox detector): at every pixel of six maps of a backbone, one layer scores classes
 * and refines boxes of several shapes. On a MobileNetV3, with depthwise layers, it is an SSDlite (Sandler et al. 2018, §6.2).
 * Matching, the choice of hard negatives, losses and NMS are part of the graph: a training step and a detection are one
 * submission each. `new SSD({ numClasses })` is a small SSDlite, for training from scratch on few images; `ssd300({ numClasses
 * })` and `ssdlite320({ numClasses })` are torchvision's. Weights have torchvision's names.
 */
export class SSD extends Module {
  /** @internal */
  backbone: SSDVGG | SSDMobileNet;
  /** @internal */
  head: SSDHead;
  readonly config: SSDConfig;

  /**
   * @param options `numClasses` must be given; the others have the defaults of SSDConfig. Throws UsageError for other counts.
   */
  constructor(options: SSDOptions) {
    super();
    const generator = generatorOf('SSD', options);
    const config = ssdConfig(options);
    this.config = fixed(config);
    const { backbone } = config;
    this.backbone =
      'variant' in backbone ? new SSDMobileNet(backbone, generator) : new SSDVGG(backbone, generator);
    this.head = new SSDHead(this.backbone, config);
  }

  #batch(images: Tensor | readonly Tensor[]): ImageBatch {
    const { normalization, imageSize } = this.config;
    return imageBatch('SSD', images, { normalization, resize: { size: imageSize } });
  }

  #predict({ images }: ImageBatch): SSDPredictions {
    const maps = this.backbone.forward(images);
    const boxes = defaultBoxes({
      ...this.config,
      imageSize: [images.shape[1]!, images.shape[2]!],
      grids: maps.map(({ shape }) => [shape[1]!, shape[2]!] as const),
    });
    return {
      logits: this.head.classification_head.forward(maps),
      deltas: this.head.regression_head.forward(maps),
      anchors: tensor(boxes, [boxes.length / 4, 4]),
    };
  }

  /**
   * The outputs of the heads for all A default boxes `anchors` [A,4]: `logits` [N,A,numClasses + 1], class 0 being the
   * background, and `deltas` [N,A,4].
   * @param images f32 [N,H,W,3] in 0..1; or [H,W,3] each in an array, which are resized to the size of the configuration.
   */
  forward(images: Tensor | readonly Tensor[]): SSDPredictions {
    return this.#predict(this.#batch(images));
  }

  /**
   * Which object each default box learns, i32 [N,A]: the one of the largest IoU, if that is large enough; and each object is
   * learned by the box of the largest IoU with it (§2.2). -1 for none.
   */
  #match(anchors: Tensor, truth: Tensor, counts: Tensor): Tensor {
    const { foregroundIou } = this.config;
    const [N, G] = truth.shape as [number, number];
    const A = anchors.shape[0]!;
    const matches = matchAnchors(anchors, truth, counts, {
      highThreshold: foregroundIou,
      lowThreshold: foregroundIou,
      allowLowQuality: false,
    });
    const overlap = boxIou(truth, expand(anchors.reshape([1, A, 4]), [N, A, 4]));
    const real = mul(upTo(counts, G), cast(greater(amax(overlap, { dim: 2 }), 0), 'f32'));
    const best = where(cast(real, 'i32'), argmax(overlap, { dim: 2 }), -1);
    const objects = tensor(
      Int32Array.from({ length: N * G }, (_, i) => i % G),
      [N, G],
    );
    return scatter(matches, 1, best, objects);
  }

  /**
   * The losses of a batch: `bbox_regression`, smooth L1 of the boxes that learn an object, and `classification`, cross-entropy
   * of these and of the background boxes of the largest loss, three for each (§2.2). Each is divided by the number of boxes that
   * learn an object in the batch, at least 1.
   * @param images f32 [N,H,W,3] in 0..1; or [H,W,3] each in an array, which are resized to the size of the configuration.
   * @param targets The objects of the images.
   */
  losses(
    images: Tensor | readonly Tensor[],
    { boxes, labels, counts, ignored }: DetectionTargets,
  ): { bbox_regression: Tensor; classification: Tensor } {
    const batch = this.#batch(images);
    const { logits, deltas, anchors } = this.#predict(batch);
    const truth = toNetwork(boxes, batch);
    const size = [batch.images.shape[1]!, batch.images.shape[2]!] as const;
    const best = this.#match(anchors, truth, counts);
    const matches = ignoreMatches(best, anchors, ignored && toNetwork(ignored, batch), size);
    const [N, A, K] = logits.shape as [number, number, number];
    const matched = cast(greaterEqual(matches, 0), 'f32');
    const total = maximum(sum(matched), 1);
    const goal = boxEncode(gatherRows(truth, matches, 1), anchors, { weights: WEIGHTS });
    const distance = smoothL1Loss(deltas, goal, { reduction: 'none' });
    // Rows outside of the table are zeros: the background.
    const classes = gatherRows(add(labels, 1), matches, 1);
    const counted = cast(greater(matches, -2), 'f32');
    const options = { reduction: 'none' } as const;
    const entropy = crossEntropy(logits.reshape([N * A, K]), classes.reshape([N * A]), options).reshape([
      N,
      A,
    ]);
    const usable = mul(entropy, counted);
    const negative = sub(counted, matched);
    const order = sort(where(negative, entropy.detach(), -1), { descending: true }).indices;
    const ratio = (1 - this.config.positiveFraction) / this.config.positiveFraction;
    const wanted = mul(sum(matched, { dim: 1, keepdim: true }), ratio);
    const place = tensor(Float32Array.from({ length: A }, (_, i) => i));
    const hard = mul(gather(usable, 1, order), cast(less(place, wanted), 'f32'));
    return {
      bbox_regression: divideBy(sum(mul(distance, matched.reshape([N, A, 1]))), total),
      classification: divideBy(add(sum(mul(usable, matched)), sum(hard)), total),
    };
  }

  /**
   * The best detections of each image: the best candidates of every class, then NMS per class.
   * @param images f32 [N,H,W,3] in 0..1; or [H,W,3] each in an array, which are resized to the size of the configuration.
   * @param options Defaults: those of the configuration, else scoreThreshold 0.01, iouThreshold 0.45, maxDetections 200,
   * candidates 400, which are per class.
   */
  detect(images: Tensor | readonly Tensor[], options: SSDDetectOptions = {}): Detections {
    const { candidates, ...thresholds } = withDefaults(
      'SSD: detect',
      { ...this.config.detect, ...options },
      { scoreThreshold: 0.01, iouThreshold: 0.45, maxDetections: 200, candidates: 400 },
    );
    const batch = this.#batch(images);
    const { logits, deltas, anchors } = this.#predict(batch);
    const [N, A, K] = logits.shape as [number, number, number];
    const scores = slice(softmax(logits), [[], [], [1, K]]);
    const most = Math.min(candidates, A);
    const best = topk(permute(scores, [0, 2, 1]), most);
    const all = (K - 1) * most;
    const decoded = boxDecode(deltas, anchors, { weights: WEIGHTS });
    const labels = Int32Array.from({ length: N * all }, (_, i) => Math.floor((i % all) / most));
    return keepBest(
      {
        boxes: gatherRows(decoded, best.indices.reshape([N, all]), 1),
        scores: best.values.reshape([N, all]),
        labels: tensor(labels, [N, all]),
      },
      batch,
      thresholds,
    );
  }
}

/**
 * SSD as torchvision builds it (ssd300_vgg16): on VGG-16, for images of 300x300.
 * @param options `numClasses` must be given, without the background.
 */
export const ssd300 = (options: SSDOptions): SSD =>
  new SSD({
    backbone: {},
    imageSize: [300, 300],
    aspectRatios: [[2], [2, 3], [2, 3], [2, 3], [2], [2]],
    scales: [0.07, 0.15, 0.33, 0.51, 0.69, 0.87, 1.05],
    steps: [8, 16, 32, 64, 100, 300],
    normalization: { mean: [0.48235, 0.45882, 0.40784], std: [1 / 255, 1 / 255, 1 / 255] },
    ...options,
  });

/**
 * SSDlite as torchvision builds it (ssdlite320_mobilenet_v3_large), for images of 320x320: the tail of the MobileNetV3 has half
 * of its channels, as in torchvision's weights for COCO.
 * @param options `numClasses` must be given, without the background.
 */
export const ssdlite320 = (options: SSDOptions): SSD =>
  new SSD({
    ...LITE,
    backbone: { variant: 'large', reducedTail: true, batchNorm: { eps: 1e-3, momentum: 0.03 } },
    ...objectOf('ssdlite320', options),
    detect: {
      scoreThreshold: 0.001,
      iouThreshold: 0.55,
      maxDetections: 300,
      candidates: 300,
      ...options.detect,
    },
  });
