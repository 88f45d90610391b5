import { boxDecode, boxEncode, matchAnchors } from '../graph/functions/boxes.ts';
import {
  add,
  div,
  greater,
  greaterEqual,
  maximum,
  mul,
  sigmoid,
  sub,
} from '../graph/functions/elementwise.ts';
import { l1Loss, sigmoidFocalLoss } from '../graph/functions/losses.ts';
import { mean, sum } from '../graph/functions/reduce.ts';
import { cast, concat, gatherRows, oneHot } from '../graph/functions/shape.ts';
import type { Tensor } from '../graph/tensor.ts';
import { ReLU } from '../nn/activations.ts';
import { Sequential } from '../nn/containers.ts';
import { Conv2d } from '../nn/layers.ts';
import { Module } from '../nn/module.ts';
import { normLayer } from '../nn/norms.ts';
import { type Generator, generatorOf, type SeedOptions } from '../nn/random.ts';
import { objectOf, withDefaults } from '../options.ts';
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
import { legacyDetectionName } from './torchNames.ts';

/** Everything that shapes a RetinaNet; saved with its weights. Defaults are those of `new RetinaNet`. */
export interface RetinaNetConfig {
  /** The number of classes, labels 0 to numClasses - 1. */
  readonly numClasses: number;
  /** Default SMALL_RESNET. */
  readonly backbone: ResNetConfig;
  /** Channels of the pyramid and the heads. Default 32. */
  readonly pyramidWidth: number;
  /** Pyramid levels beyond the three of the backbone. Default p6. */
  readonly extraLevels: Exclude<ExtraLevels, 'pool'>;
  /** 3x3 convolutions in each head before the last. Default 1. */
  readonly headDepth: number;
  /**
   * `group` (the default): group norm after each convolution of the heads, which all levels share: their statistics differ, and
   * one set of running ones would fit none of them. `none`, as in the paper.
   */
  readonly headNorm: 'none' | 'group';
  /** Sides of the anchors at each level, in pixels. Default: 4 cells, at three sizes per octave (Lin et al. 2017, §4). */
  readonly anchorSizes?: readonly (readonly number[])[];
  /** Height / width of the anchors. Default: 0.5, 1, 2. */
  readonly aspectRatios?: readonly number[];
  /** The IoU with an object from which an anchor is trained as foreground. Default 0.5. */
  readonly foregroundIou?: number;
  /** The IoU with all objects below which an anchor is trained as background. Default 0.4. */
  readonly backgroundIou?: number;
  /** Mean and standard deviation that images are normalised by. Default ImageNet's. */
  readonly normalization: Normalization;
  /** How images in an array are resized. Default: the shorter side to 800 pixels, the longer one to at most 1333. */
  readonly resize: ResizeConfig;
  /** Defaults of `detect`. */
  readonly detect?: DetectOptions;
}

/** Options of `RetinaNet`: numClasses must be given. */
export interface RetinaNetOptions extends Partial<Omit<RetinaNetConfig, 'numClasses'>>, SeedOptions {
  readonly numClasses: number;
}

/** The defaults of `new RetinaNet`: for training from scratch on few images, on any adapter. */
const SMALL: Omit<RetinaNetConfig, 'numClasses'> = {
  backbone: SMALL_RESNET,
  pyramidWidth: 32,
  extraLevels: 'p6',
  headDepth: 1,
  headNorm: 'group',
  normalization: IMAGENET,
  resize: DEFAULT_RESIZE,
};

/** The configuration that options describe. */
export function retinaNetConfig({
  seed: _seed,
  generator: _generator,
  ...options
}: RetinaNetOptions): RetinaNetConfig {
  expectCount('RetinaNet', 'numClasses', options.numClasses);
  return withDefaults('RetinaNet', options, {
    ...SMALL,
    numClasses: options.numClasses,
    anchorSizes: undefined,
    aspectRatios: undefined,
    foregroundIou: undefined,
    backgroundIou: undefined,
    detect: undefined,
  });
}

/** Three anchor sizes per octave from 4 cells on, in pixels, rounded down as torchvision does. */
const octaves = (stride: number): number[] =>
  [0, 1 / 3, 2 / 3].map((power) => Math.floor(4 * stride * 2 ** power));

/** The score of every anchor before training (§4.1): keeps the first losses small. */
const PRIOR = 0.01;

/** Convolutions that all levels share. */
abstract class Head extends Module {
  conv: Sequential;

  constructor({ pyramidWidth, headDepth, headNorm }: RetinaNetConfig, generator: Generator) {
    super();
    const normalised = headNorm === 'group';
    this.conv = new Sequential();
    for (let i = 0; i < headDepth; i++) {
      const std = normalised ? undefined : 0.01;
      const options = { padding: 1, bias: !normalised, std, generator };
      const block = new Sequential(new Conv2d(pyramidWidth, pyramidWidth, 3, options));
      if (normalised) block.append(normLayer('group', pyramidWidth));
      this.conv.append(block.append(new ReLU()));
    }
  }

  protected abstract get last(): Conv2d;

  /** [N,1,P,anchors of a cell * values]. */
  forward({ x, levels }: Pyramid): Tensor {
    return this.last.forward(this.conv.forward(x, levels), levels);
  }
}

class ClassificationHead extends Head {
  cls_logits: Conv2d;

  constructor(config: RetinaNetConfig, perCell: number, generator: Generator) {
    super(config, generator);
    const { pyramidWidth, numClasses } = config;
    const options = { padding: 1, std: 0.01, generator };
    this.cls_logits = new Conv2d(pyramidWidth, perCell * numClasses, 3, options);
    this.cls_logits.bias!.state.initial.fill(-Math.log((1 - PRIOR) / PRIOR));
  }

  protected get last(): Conv2d {
    return this.cls_logits;
  }
}

class RegressionHead extends Head {
  bbox_reg: Conv2d;

  constructor(config: RetinaNetConfig, perCell: number, generator: Generator) {
    super(config, generator);
    this.bbox_reg = new Conv2d(config.pyramidWidth, perCell * 4, 3, { padding: 1, std: 0.01, generator });
  }

  protected get last(): Conv2d {
    return this.bbox_reg;
  }
}

class RetinaNetHead extends Module {
  classification_head: ClassificationHead;
  regression_head: RegressionHead;

  constructor(config: RetinaNetConfig, perCell: number, generator: Generator) {
    super();
    this.classification_head = new ClassificationHead(config, perCell, generator);
    this.regression_head = new RegressionHead(config, perCell, generator);
  }
}

/** The outputs of the heads for the anchors of all levels. */
interface Outputs {
  /** [N,A,K]. */
  readonly logits: Tensor;
  /** [N,A,4]. */
  readonly deltas: Tensor;
}

/**
 * RetinaNet (Lin et al. 2017, Focal loss for dense object detection): a ResNet, a feature pyramid, and two heads that score
 * classes and refine boxes at every anchor. Matching, losses and NMS are part of the graph: a training step and a detection are
 * one submission each. `new RetinaNet({ numClasses })` is small, for training from scratch on few images;
 * `retinanet('resnet50', { numClasses })` is torchvision's. Weights have torchvision's names.
 */
export class RetinaNet extends Module {
  /** @internal */
  backbone: ResNetFPN;
  /** @internal */
  head: RetinaNetHead;
  readonly config: RetinaNetConfig;

  /**
   * @param options `numClasses` must be given; the others have the defaults of RetinaNetConfig. Throws UsageError for other
   * counts.
   */
  constructor(options: RetinaNetOptions) {
    super();
    const random = generatorOf('RetinaNet', options);
    const config = retinaNetConfig(options);
    this.config = fixed(config);
    this.backbone = new ResNetFPN(config.backbone, {
      stages: 3,
      channels: config.pyramidWidth,
      extra: config.extraLevels,
      generator: random,
    });
    this.head = new RetinaNetHead(config, this.#sizes[0]!.length * this.#ratios.length, random);
  }

  /** The stride of each level of the pyramid, in pixels. Sides of batches should be multiples of 32. */
  get strides(): readonly number[] {
    return this.backbone.strides;
  }

  get #sizes(): readonly (readonly number[])[] {
    return this.config.anchorSizes ?? this.strides.map(octaves);
  }

  get #ratios(): readonly number[] {
    return this.config.aspectRatios ?? [0.5, 1, 2];
  }

  /**
   * All anchors of an image, f32 [A,4]: x1, y1, x2, y2 in pixels.
   * @param imageSize [height, width] in pixels.
   */
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

  #outputs({ images }: ImageBatch): Outputs {
    const pyramid = joinLevels(this.backbone.forward(images));
    const { classification_head, regression_head } = this.head;
    const outputs = (head: Head, values: number) =>
      head.forward(pyramid).reshape([images.shape[0]!, -1, values]);
    return {
      logits: outputs(classification_head, this.config.numClasses),
      deltas: outputs(regression_head, 4),
    };
  }

  #batch(images: Tensor | readonly Tensor[], resize = this.config.resize): ImageBatch {
    return imageBatch('RetinaNet', images, { normalization: this.config.normalization, resize });
  }

  /**
   * The outputs of the heads for all A anchors: `logits` [N,A,numClasses] and `deltas` [N,A,4].
   * @param images f32 [N,H,W,3] in 0..1, or [H,W,3] each in an array, which are resized.
   */
  forward(images: Tensor | readonly Tensor[]): { logits: Tensor; deltas: Tensor } {
    return this.#outputs(this.#batch(images));
  }

  /**
   * The losses of a batch: `classification`, focal loss over all anchors that are not between the thresholds, and
   * `bbox_regression`, L1 loss over the matched ones; each divided by the number of matched anchors of the image (at least 1),
   * and averaged over images.
   * @param images f32 [N,H,W,3] in 0..1, H and W multiples of 32; or [H,W,3] each in an array, which are resized.
   * @param targets The objects of the images.
   */
  losses(
    images: Tensor | readonly Tensor[],
    { boxes, labels, counts, ignored }: DetectionTargets,
  ): { classification: Tensor; bbox_regression: Tensor } {
    const batch = this.#batch(images);
    const { logits, deltas } = this.#outputs(batch);
    const truth = toNetwork(boxes, batch);
    const size = [batch.images.shape[1]!, batch.images.shape[2]!] as const;
    const anchors = this.anchors(size);
    const { foregroundIou = 0.5, backgroundIou = 0.4 } = this.config;
    const best = matchAnchors(anchors, truth, counts, {
      highThreshold: foregroundIou,
      lowThreshold: backgroundIou,
    });
    const matches = ignoreMatches(best, anchors, ignored && toNetwork(ignored, batch), size);
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
   * The best detections of each image: the best candidates of every level, then NMS per class.
   * @param images f32 [N,H,W,3] in 0..1, H and W multiples of 32; or [H,W,3] each in an array, which are resized.
   * @param options Defaults: those of the configuration, else scoreThreshold 0.05, iouThreshold 0.5, maxDetections 300,
   * candidates 1000.
   */
  detect(images: Tensor | readonly Tensor[], options: DetectOptions = {}): Detections {
    const { scoreThreshold, iouThreshold, maxDetections, candidates } = withDefaults(
      'RetinaNet: detect',
      { ...this.config.detect, ...options },
      { scoreThreshold: 0.05, iouThreshold: 0.5, maxDetections: 300, candidates: 1000, resize: undefined },
    );
    const batch = this.#batch(images, options.resize);
    const anchors = this.#anchors([batch.images.shape[1]!, batch.images.shape[2]!]);
    const { logits, deltas } = this.#outputs(batch);
    const predictions = {
      scores: sigmoid(logits),
      levels: anchors.map(({ shape }) => shape[0]!),
      boxesOf: (indices: Tensor) =>
        boxDecode(gatherRows(deltas, indices, 1), gatherRows(concat(anchors, 0), indices)),
    };
    return detectDense(predictions, batch, { scoreThreshold, iouThreshold, maxDetections, candidates });
  }

  protected override torchName(name: string): string {
    return legacyDetectionName(name);
  }
}

/**
 * RetinaNet as torchvision builds it (retinanet_resnet50_fpn): 256 channels, levels P3 to P7, four convolutions per head
 * without norms.
 * @param backbone The name of a ResNet, whose batch norm is frozen as in torchvision, or a configuration.
 * @param options `numClasses` must be given; it is torchvision's num_classes.
 */
export const retinanet = (backbone: ResNetName | ResNetConfig, options: RetinaNetOptions): RetinaNet =>
  new RetinaNet({
    ...objectOf('retinanet', options),
    backbone: options.backbone ?? namedConfig('retinanet', backbone, RESNETS, { norm: 'frozen' }),
    pyramidWidth: options.pyramidWidth ?? 256,
    extraLevels: options.extraLevels ?? 'p6p7',
    headDepth: options.headDepth ?? 4,
    headNorm: options.headNorm ?? 'none',
  });
