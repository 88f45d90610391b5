import { generalizedBoxIouLoss } from '../graph/functions/boxLosses.ts';
import {
  abs,
  add,
  affine,
  div,
  greater,
  greaterEqual,
  less,
  maximum,
  minimum,
  mul,
  relu,
  sigmoid,
  sqrt,
  sub,
  where,
} from '../graph/functions/elementwise.ts';
import { binaryCrossEntropyWithLogits, sigmoidFocalLoss } from '../graph/functions/losses.ts';
import { amax, argmax, sum } from '../graph/functions/reduce.ts';
import { cast, concat, gatherRows, oneHot } from '../graph/functions/shape.ts';
import { type Tensor, tensor } from '../graph/tensor.ts';
import { Sequential } from '../nn/containers.ts';
import { Conv2d } from '../nn/layers.ts';
import { Module } from '../nn/module.ts';
import { normLayer } from '../nn/norms.ts';
import { type Generator, generatorOf, type SeedOptions } from '../nn/random.ts';
import { withDefaults } from '../options.ts';
import { cellsOf, column, decodeDistances } from './cells.ts';
import { detectDense } from './denseDetection.ts';
import {
  DEFAULT_RESIZE,
  type Detections,
  type DetectionTargets,
  type DetectOptions,
  type ImageBatch,
  imageBatch,
  type ResizeConfig,
  toNetwork,
} from './detection.ts';
import { type ExtraLevels, ResNetFPN } from './fpn.ts';
import { ignoreMatches } from './ignored.ts';
import { levelAnchors } from './levelAnchors.ts';
import { expectCount, fixed, namedConfig } from './options.ts';
import { IMAGENET, type Normalization } from './preprocess.ts';
import { joinLevels, type Pyramid } from './pyramidLevels.ts';
import { RESNETS, type ResNetConfig, type ResNetName, SMALL_RESNET } from './resnet.ts';
import { upTo } from './roiHeads.ts';
import { divideBy } from './sampling.ts';
import { legacyPartName } from './torchNames.ts';

/** Everything that shapes an FCOS; saved with its weights. Defaults are those of `new FCOS`. */
export interface FCOSConfig {
  /** The number of classes, labels 0 to numClasses - 1. */
  readonly numClasses: number;
  /** Default SMALL_RESNET. */
  readonly backbone: ResNetConfig;
  /** Channels of the pyramid and the heads. Default 32. */
  readonly pyramidWidth: number;
  /** Pyramid levels beyond the three of the backbone. Default p6. */
  readonly extraLevels: Exclude<ExtraLevels, 'pool'>;
  /** 3x3 convolutions in each head before the last, each with a group norm. Default 1. */
  readonly headDepth: number;
  /** How far from the centre of an object a location may be that learns it, in cells of its level. Default 1.5. */
  readonly centerSamplingRadius: number;
  /** Mean and standard deviation that images are normalised by. Default ImageNet's. */
  readonly normalization: Normalization;
  /** How images in an array are resized. Default: the shorter side to 800 pixels, the longer one to at most 1333. */
  readonly resize: ResizeConfig;
  /** Defaults of `detect`. */
  readonly detect?: DetectOptions;
}

/** Options of `FCOS`: numClasses must be given. */
export interface FCOSOptions extends Partial<Omit<FCOSConfig, 'numClasses'>>, SeedOptions {
  readonly numClasses: number;
}

/** The defaults of `new FCOS`: for training from scratch on few images, on any adapter. */
const SMALL: Omit<FCOSConfig, 'numClasses'> = {
  backbone: SMALL_RESNET,
  pyramidWidth: 32,
  extraLevels: 'p6',
  headDepth: 1,
  centerSamplingRadius: 1.5,
  normalization: IMAGENET,
  resize: DEFAULT_RESIZE,
};

/** The configuration that options describe. */
export function fcosConfig({ seed: _seed, generator: _generator, ...options }: FCOSOptions): FCOSConfig {
  expectCount('FCOS', 'numClasses', options.numClasses);
  return withDefaults('FCOS', options, { ...SMALL, numClasses: options.numClasses, detect: undefined });
}

/** The score of every location before training: keeps the first losses small. */
const PRIOR = 0.01;
/** Areas up to this, in square pixels, are told apart: torchvision's. */
const LARGEST_AREA = 1e8;

/** Convolutions that all levels share, each with a group norm (§3.2, with the improvements of table 3). */
function tower({ pyramidWidth, headDepth }: FCOSConfig, generator: Generator): Sequential {
  const layers = new Sequential();
  for (let i = 0; i < headDepth; i++) {
    layers
      .append(new Conv2d(pyramidWidth, pyramidWidth, 3, { padding: 1, std: 0.01, generator }))
      .append(normLayer('group', pyramidWidth))
      .append(relu);
  }
  return layers;
}

class ClassificationHead extends Module {
  conv: Sequential;
  cls_logits: Conv2d;

  constructor(config: FCOSConfig, generator: Generator) {
    super();
    this.conv = tower(config, generator);
    const options = { padding: 1, std: 0.01, generator };
    this.cls_logits = new Conv2d(config.pyramidWidth, config.numClasses, 3, options);
    this.cls_logits.bias!.state.initial.fill(-Math.log((1 - PRIOR) / PRIOR));
  }

  /** To [N,P,K]. */
  forward({ x, levels }: Pyramid): Tensor {
    const logits = this.cls_logits.forward(this.conv.forward(x, levels), levels);
    return logits.reshape([x.shape[0]!, -1, logits.shape[3]!]);
  }
}

class RegressionHead extends Module {
  conv: Sequential;
  bbox_reg: Conv2d;
  bbox_ctrness: Conv2d;

  constructor(config: FCOSConfig, generator: Generator) {
    super();
    this.conv = tower(config, generator);
    const options = { padding: 1, std: 0.01, generator };
    this.bbox_reg = new Conv2d(config.pyramidWidth, 4, 3, options);
    this.bbox_ctrness = new Conv2d(config.pyramidWidth, 1, 3, options);
  }

  /** To distances [N,P,4], in cells, and centre-ness [N,P,1]. */
  forward({ x, levels }: Pyramid): { distances: Tensor; centerness: Tensor } {
    const features = this.conv.forward(x, levels);
    const N = x.shape[0]!;
    return {
      distances: relu(this.bbox_reg.forward(features, levels)).reshape([N, -1, 4]),
      centerness: this.bbox_ctrness.forward(features, levels).reshape([N, -1, 1]),
    };
  }
}

class FCOSHead extends Module {
  classification_head: ClassificationHead;
  regression_head: RegressionHead;

  constructor(config: FCOSConfig, generator: Generator) {
    super();
    this.classification_head = new ClassificationHead(config, generator);
    this.regression_head = new RegressionHead(config, generator);
  }
}

/** The outputs of the heads for the locations of all levels. */
export interface FCOSLevel {
  /** [N,A,K]. */
  readonly logits: Tensor;
  /** Distances to the left, top, right and bottom [N,A,4], in cells. */
  readonly distances: Tensor;
  /** [N,A,1], before the sigmoid. */
  readonly centerness: Tensor;
}

/**
 * FCOS (Tian et al. 2019, FCOS: fully convolutional one-stage object detection): a ResNet, a feature pyramid, and two heads that
 * at every location score classes, predict the distances to the sides of the box around it, and how central it is in there.
 * There are no anchors to choose. Matching, losses and NMS are part of the graph: a training step and a detection are one
 * submission each. `new FCOS({ numClasses })` is small, for training from scratch on few images; `fcos('resnet50', { numClasses
 * })` is torchvision's. Weights have torchvision's names.
 */
export class FCOS extends Module {
  /** @internal */
  backbone: ResNetFPN;
  /** @internal */
  head: FCOSHead;
  readonly config: FCOSConfig;

  /**
   * @param options `numClasses` must be given; the others have the defaults of FCOSConfig. Throws UsageError for other counts.
   */
  constructor(options: FCOSOptions) {
    super();
    const generator = generatorOf('FCOS', options);
    const config = fcosConfig(options);
    this.config = fixed(config);
    this.backbone = new ResNetFPN(config.backbone, {
      stages: 3,
      channels: config.pyramidWidth,
      extra: config.extraLevels,
      generator,
    });
    this.head = new FCOSHead(config, generator);
  }

  /** The stride of each level of the pyramid, in pixels. Sides of batches should be multiples of 32. */
  get strides(): readonly number[] {
    return this.backbone.strides;
  }

  /** The cells of each level as boxes [A,4], as large as its stride. */
  #cells({ images }: ImageBatch): Tensor[] {
    return levelAnchors({
      imageSize: [images.shape[1]!, images.shape[2]!],
      strides: this.strides,
      sizes: this.strides.map((stride) => [stride]),
      aspectRatios: [1],
    });
  }

  #outputs({ images }: ImageBatch): FCOSLevel {
    const pyramid = joinLevels(this.backbone.forward(images));
    return {
      logits: this.head.classification_head.forward(pyramid),
      ...this.head.regression_head.forward(pyramid),
    };
  }

  #batch(images: Tensor | readonly Tensor[], resize = this.config.resize): ImageBatch {
    return imageBatch('FCOS', images, { normalization: this.config.normalization, resize });
  }

  /**
   * The outputs of the heads for all A locations: `logits` [N,A,numClasses]; `distances` [N,A,4] to the left, top, right and
   * bottom, in cells of the level; and `centerness` [N,A,1], logits.
   * @param images f32 [N,H,W,3] in 0..1, or [H,W,3] each in an array, which are resized.
   */
  forward(images: Tensor | readonly Tensor[]): FCOSLevel {
    return this.#outputs(this.#batch(images));
  }

  /**
   * Which object each location learns, i32 [N,A], -1 for none: the smallest one that it lies in, near to its centre, and whose
   * size fits the level (§3.2).
   */
  #match(cells: readonly Tensor[], truth: Tensor, counts: Tensor): Tensor {
    const [N, G] = truth.shape as [number, number];
    const { centers, sides: own } = cellsOf(concat(cells, 0));
    const A = own.shape[0]!;
    const sides = own.reshape([1, A, 1]);
    const at = (axis: 0 | 1) => column(centers, axis).reshape([1, A, 1]);
    const corner = (index: number) => column(truth, index).reshape([N, 1, G]);
    const apart = (axis: 0 | 1) => abs(sub(at(axis), affine(add(corner(axis), corner(axis + 2)), 0.5)));
    const both = (a: Tensor, b: Tensor) => mul(cast(a, 'f32'), cast(b, 'f32'));
    const near = less(maximum(apart(0), apart(1)), affine(sides, this.config.centerSamplingRadius));
    const distances = [
      ...[0, 1].map((axis) => sub(at(axis as 0 | 1), corner(axis))),
      ...[0, 1].map((axis) => sub(corner(axis + 2), at(axis as 0 | 1))),
    ];
    const inside = greater(
      distances.reduce((a, b) => minimum(a, b)),
      0,
    );
    const reach = distances.reduce((a, b) => maximum(a, b));
    const limits = (of: (stride: number, level: number) => number) =>
      tensor(
        cells.flatMap((level, i) => new Array<number>(level.shape[0]!).fill(of(this.strides[i]!, i))),
        [1, A, 1],
      );
    const last = cells.length - 1;
    const low = limits((stride, i) => (i === 0 ? 0 : 4 * stride));
    const high = limits((stride, i) => (i === last ? Number.POSITIVE_INFINITY : 8 * stride));
    const sized = both(greater(reach, low), less(reach, high));
    const area = mul(sub(corner(2), corner(0)), sub(corner(3), corner(1)));
    const fits = mul(both(near, inside), mul(sized, upTo(counts, G).reshape([N, 1, G])));
    const preference = mul(fits, affine(area, -1, LARGEST_AREA));
    const found = greaterEqual(amax(preference, { dim: 2 }), 1e-5);
    return where(cast(found, 'i32'), argmax(preference, { dim: 2 }), -1);
  }

  /**
   * The losses of a batch: `classification`, focal loss over all locations; `bbox_regression`, 1 - GIoU of the boxes of those
   * that learn an object; and `bbox_ctrness`, the binary cross-entropy of their centre-ness. Each is divided by the number of
   * those in the batch, at least 1.
   * @param images f32 [N,H,W,3] in 0..1, H and W multiples of 32; or [H,W,3] each in an array, which are resized.
   * @param targets The objects of the images.
   */
  losses(
    images: Tensor | readonly Tensor[],
    { boxes, labels, counts, ignored }: DetectionTargets,
  ): { classification: Tensor; bbox_regression: Tensor; bbox_ctrness: Tensor } {
    const batch = this.#batch(images);
    const { logits, distances, centerness } = this.#outputs(batch);
    const truth = toNetwork(boxes, batch);
    const levels = this.#cells(batch);
    const cells = concat(levels, 0);
    const size = [batch.images.shape[1]!, batch.images.shape[2]!] as const;
    const matches = ignoreMatches(
      this.#match(levels, truth, counts),
      cells,
      ignored && toNetwork(ignored, batch),
      size,
    );
    const [N, A] = matches.shape as [number, number];
    const matched = cast(greaterEqual(matches, 0), 'f32');
    const counted = cast(greater(matches, -2), 'f32').reshape([N, A, 1]);
    // Rows outside of the table are zeros, so labels are looked up one higher: 0 becomes "no class".
    const label = sub(gatherRows(add(labels, 1), matches, 1), 1);
    const target = oneHot(label, this.config.numClasses);
    const total = maximum(sum(matched), 1);
    const goal = gatherRows(truth, matches, 1);
    const overlap = generalizedBoxIouLoss(decodeDistances(distances, cells), goal);
    const central = this.#centralness(cells, goal, matched);
    const entropy = binaryCrossEntropyWithLogits(centerness.reshape([N, A]), central, { reduction: 'none' });
    return {
      classification: divideBy(sum(mul(sigmoidFocalLoss(logits, target), counted)), total),
      bbox_regression: divideBy(sum(mul(overlap, matched)), total),
      bbox_ctrness: divideBy(sum(mul(entropy, matched)), total),
    };
  }

  /** How central cells are in boxes [N,A,4] (eq. 3): [N,A], 0 for those that learn none. */
  #centralness(cells: Tensor, boxes: Tensor, matched: Tensor): Tensor {
    const { centers } = cellsOf(cells);
    const ratio = (axis: 0 | 1) => {
      const [before, after] = [
        sub(column(centers, axis), column(boxes, axis)),
        sub(column(boxes, axis + 2), column(centers, axis)),
      ];
      return div(minimum(before, after), maximum(maximum(before, after), 1e-6));
    };
    const product = mul(ratio(0), ratio(1)).reshape(matched.shape);
    return sqrt(where(matched, product, 0)).detach();
  }

  /**
   * The best detections of each image: the best candidates of every level, then NMS per class. A score is the square root of
   * the class's probability times the centre-ness.
   * @param images f32 [N,H,W,3] in 0..1, H and W multiples of 32; or [H,W,3] each in an array, which are resized.
   * @param options Defaults: those of the configuration, else scoreThreshold 0.2, iouThreshold 0.6, maxDetections 100,
   * candidates 1000.
   */
  detect(images: Tensor | readonly Tensor[], options: DetectOptions = {}): Detections {
    const { resize, ...thresholds } = withDefaults(
      'FCOS: detect',
      { ...this.config.detect, ...options },
      { scoreThreshold: 0.2, iouThreshold: 0.6, maxDetections: 100, candidates: 1000, resize: undefined },
    );
    const batch = this.#batch(images, resize);
    const cells = this.#cells(batch);
    const { logits, distances, centerness } = this.#outputs(batch);
    const predictions = {
      scores: sqrt(mul(sigmoid(logits), sigmoid(centerness))),
      levels: cells.map(({ shape }) => shape[0]!),
      boxesOf: (indices: Tensor) =>
        decodeDistances(gatherRows(distances, indices, 1), gatherRows(concat(cells, 0), indices)),
    };
    return detectDense(predictions, batch, thresholds);
  }

  protected override torchName(name: string): string {
    return legacyPartName(name);
  }
}

/**
 * FCOS as torchvision builds it (fcos_resnet50_fpn): 256 channels, levels P3 to P7, four convolutions per head.
 * @param backbone The name of a ResNet, whose batch norm is frozen as in torchvision, or a configuration.
 * @param options `numClasses` must be given; it is torchvision's num_classes.
 */
export const fcos = (backbone: ResNetName | ResNetConfig, options: FCOSOptions): FCOS =>
  new FCOS({
    backbone: namedConfig('fcos', backbone, RESNETS, { norm: 'frozen' }),
    pyramidWidth: 256,
    extraLevels: 'p6p7',
    headDepth: 4,
    ...options,
  });
