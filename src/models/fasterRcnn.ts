import type { Tensor } from '../graph/tensor.ts';
import { Module } from '../nn/module.ts';
import { type Generator, generatorOf, type SeedOptions, spawnSeed } from '../nn/random.ts';
import { RandomState } from '../nn/randomState.ts';
import { objectOf, withDefaults } from '../options.ts';
import {
  DEFAULT_RESIZE,
  type Detections,
  type DetectionTargets,
  type DetectOptions,
  type ImageBatch,
  imageBatch,
  type ResizeConfig,
  toImages,
  toNetwork,
} from './detection.ts';
import { MobileNetFPN, ResNetFPN } from './fpn.ts';
import type { MobileNetV3FeaturesConfig } from './mobilenetV3.ts';
import { expectCount, fixed, namedConfig } from './options.ts';
import { IMAGENET, type Normalization } from './preprocess.ts';
import { RESNETS, type ResNetConfig, type ResNetName, SMALL_RESNET } from './resnet.ts';
import { BOX_DEFAULTS, type BoxConfig, BoxStage, type Pyramid, type RegionSample } from './roiHeads.ts';
import { type Levels, type Proposals, RegionProposalNetwork, RPN_DEFAULTS, type RPNConfig } from './rpn.ts';
import { legacyDetectionName } from './torchNames.ts';

/** Everything that shapes a Faster R-CNN; saved with its weights. Defaults are those of `new FasterRCNN`. */
export interface FasterRCNNConfig {
  /**
   * The number of classes, labels 0 to numClasses - 1. The background is not counted. torchvision's num_classes is one more,
   * and its labels are, because class 0 there is the background.
   */
  readonly numClasses: number;
  /** A ResNet, or a MobileNetV3. Default SMALL_RESNET. */
  readonly backbone: ResNetConfig | MobileNetV3FeaturesConfig;
  /** Channels of the pyramid. Default 32. */
  readonly pyramidWidth: number;
  /** The first stage, which proposes regions. */
  readonly rpn: RPNConfig;
  /** The second stage, which classifies regions and refines their boxes. */
  readonly box: BoxConfig;
  /** Mean and standard deviation that images are normalised by. Default ImageNet's. */
  readonly normalization: Normalization;
  /** How images in an array are resized. Default: the shorter side to 800 pixels, the longer one to at most 1333. */
  readonly resize: ResizeConfig;
  /** Defaults of `detect`. */
  readonly detect?: DetectOptions;
}

/** Options of `FasterRCNN`: numClasses must be given. Parts of `rpn` and `box` that are left out have their defaults. */
export interface FasterRCNNOptions
  extends Partial<Omit<FasterRCNNConfig, 'numClasses' | 'rpn' | 'box'>>,
    SeedOptions {
  readonly numClasses: number;
  readonly rpn?: Partial<RPNConfig>;
  readonly box?: Partial<BoxConfig>;
}

/** The defaults of `new FasterRCNN`: for training from scratch on few images, on any adapter. */
export const SMALL_FASTER_RCNN: Omit<FasterRCNNConfig, 'numClasses'> = {
  backbone: SMALL_RESNET,
  pyramidWidth: 32,
  rpn: {
    ...RPN_DEFAULTS,
    anchorSizes: [[16], [32], [64], [128], [256]],
    preNmsTopN: { training: 400, testing: 400 },
    postNmsTopN: { training: 200, testing: 200 },
  },
  box: { ...BOX_DEFAULTS, width: 128, batchSizePerImage: 64 },
  normalization: IMAGENET,
  resize: DEFAULT_RESIZE,
};

/** The configuration that options describe, with `defaults` for what they leave out. */
export function fasterRCNNConfig(
  { seed: _seed, generator: _generator, rpn = {}, box = {}, ...options }: FasterRCNNOptions,
  defaults: Omit<FasterRCNNConfig, 'numClasses'> = SMALL_FASTER_RCNN,
): FasterRCNNConfig {
  expectCount('FasterRCNN', 'numClasses', options.numClasses);
  return {
    ...withDefaults('FasterRCNN', options, {
      detect: undefined,
      ...defaults,
      numClasses: options.numClasses,
    }),
    rpn: withDefaults('FasterRCNN: rpn', rpn, defaults.rpn),
    box: withDefaults('FasterRCNN: box', box, defaults.box),
  };
}

/** The losses of a training step, scalars to be added. */
export type FasterRCNNLosses = {
  /** Cross-entropy of the classes of the sampled proposals. */
  readonly classifier: Tensor;
  /** Smooth L1 loss of the box deltas of the sampled proposals that contain an object. */
  readonly box_reg: Tensor;
  /** Binary cross-entropy of the sampled anchors: whether they contain an object. */
  readonly objectness: Tensor;
  /** Smooth L1 loss of the box deltas of the sampled anchors that contain an object. */
  readonly rpn_box_reg: Tensor;
};

/** A batch as both stages see it. */
export interface SeenBatch {
  readonly batch: ImageBatch;
  /** The pyramid's levels, all of them. */
  readonly levels: Levels;
  /** Those that regions are pooled from. */
  readonly pyramid: Pyramid;
}

/**
 * Faster R-CNN on a feature pyramid (Ren et al. 2015; Lin et al. 2017): one network proposes regions, a second one classifies
 * them and refines their boxes. Proposals, matching, sampling, RoIAlign, losses and NMS are part of the graph: a training step
 * and a detection are one submission each. `new FasterRCNN({ numClasses })` is small, for training from scratch on few images;
 * `fasterrcnn('resnet50', { numClasses })` is torchvision's. Weights have torchvision's names.
 */
export class FasterRCNN extends Module {
  /** @internal */
  backbone: ResNetFPN | MobileNetFPN;
  /** @internal */
  rpn: RegionProposalNetwork;
  /** @internal */
  roi_heads: BoxStage;
  readonly config: FasterRCNNConfig;
  /** @internal */
  protected readonly random: RandomState;

  /**
   * @param options `numClasses` must be given; the others have the defaults of FasterRCNNConfig. Throws UsageError for other
   * counts.
   */
  constructor(options: FasterRCNNOptions) {
    super();
    const random = generatorOf(this.constructor.name, options);
    const config = this.configOf(options);
    this.config = fixed(config);
    const shape = { channels: config.pyramidWidth, extra: 'pool', generator: random } as const;
    this.backbone =
      'variant' in config.backbone
        ? new MobileNetFPN(config.backbone, shape)
        : new ResNetFPN(config.backbone, { stages: 4, ...shape });
    this.rpn = new RegionProposalNetwork(config.pyramidWidth, config.rpn, random);
    this.roi_heads = this.makeHeads(config, random);
    this.random = new RandomState(options.seed ?? spawnSeed(random));
  }

  /** @internal */
  protected configOf(options: FasterRCNNOptions): FasterRCNNConfig {
    return fasterRCNNConfig(options);
  }

  /**
   * The second stage.
   * @internal
   */
  protected makeHeads(config: FasterRCNNConfig, generator: Generator): BoxStage {
    return new BoxStage(config, generator);
  }

  /** The stride of each level of the pyramid, in pixels. Sides of batches should be multiples of 32. */
  get strides(): readonly number[] {
    return this.backbone.strides;
  }

  /**
   * The batch and its pyramid. images: [N,H,W,3] in 0..1, or [H,W,3] each in an array.
   * @internal
   */
  protected see(images: Tensor | readonly Tensor[], resize = this.config.resize): SeenBatch {
    const { normalization } = this.config;
    const batch = imageBatch(this.constructor.name, images, { normalization, resize });
    const levels = this.backbone.forward(batch.images);
    const { strides } = this;
    // The pooled level is for proposals only. Of levels of one stride torchvision pools regions from the first.
    const pooled = strides.slice(0, -1).map((stride, i) => strides.indexOf(stride) === i);
    const pyramid = {
      features: levels.filter((_, i) => pooled[i]),
      strides: strides.filter((_, i) => pooled[i]),
    };
    return { batch, levels: { batch, levels, strides }, pyramid };
  }

  /**
   * The first stage, its losses, and what the second one learns from.
   * @internal
   */
  protected learn(
    { batch, levels }: SeenBatch,
    targets: DetectionTargets,
    seed: Tensor | undefined,
  ): { losses: { objectness: Tensor; rpn_box_reg: Tensor }; sample: RegionSample; truth: Tensor } {
    const truth = toNetwork(targets.boxes, batch);
    const known = {
      ...targets,
      boxes: truth,
      ...(targets.ignored ? { ignored: toNetwork(targets.ignored, batch) } : {}),
      seed: seed ?? this.random.next(),
    };
    const { proposals, losses } = this.rpn.forward(levels, known);
    return { losses: losses!, sample: this.roi_heads.sample(proposals, known), truth };
  }

  /**
   * Computes the four losses of a batch. The anchors and proposals to train on are sampled at random, on the GPU.
   * @param images f32 [N,H,W,3] in 0..1, H and W multiples of 32; or [H,W,3] each in an array, which are resized.
   * @param targets The objects of the images.
   * @param options `seed`: i32 [], of the draw; give another one at each step. Default: a number that the model counts up at
   * each run.
   */
  losses(
    images: Tensor | readonly Tensor[],
    targets: DetectionTargets,
    options: { readonly seed?: Tensor } = {},
  ): FasterRCNNLosses {
    const { seed } = withDefaults('FasterRCNN: losses', options, { seed: undefined });
    const seen = this.see(images);
    const { losses, sample, truth } = this.learn(seen, targets, seed);
    return { ...this.roi_heads.losses(seen.pyramid, sample, truth), ...losses };
  }

  /**
   * Regions that may show an object, best first, in pixels of the network's input.
   * @param images As of `losses`.
   */
  propose(images: Tensor | readonly Tensor[]): Proposals {
    return this.rpn.forward(this.see(images).levels).proposals;
  }

  /** @internal */
  protected readonly detectDefaults: { readonly [K in keyof Required<DetectOptions>]: DetectOptions[K] } = {
    scoreThreshold: 0.05,
    iouThreshold: 0.5,
    maxDetections: 100,
    candidates: undefined,
    resize: undefined,
  };

  /**
   * Detections in pixels of the network's input.
   * @internal
   */
  protected find({ batch, levels, pyramid }: SeenBatch, options: DetectOptions): Detections {
    const { proposals } = this.rpn.forward(levels);
    const chosen = withDefaults(
      `${this.constructor.name}: detect`,
      { ...this.config.detect, ...options },
      this.detectDefaults,
    );
    return this.roi_heads.detect({ batch, ...pyramid }, proposals, chosen);
  }

  /**
   * The best detections of each image, by NMS per class.
   * @param images f32 [N,H,W,3] in 0..1, H and W multiples of 32; or [H,W,3] each in an array, which are resized.
   * @param options Defaults: those of the configuration, else scoreThreshold 0.05, iouThreshold 0.5, maxDetections 100.
   * `candidates` has no effect: see RPNConfig.preNmsTopN.
   */
  detect(images: Tensor | readonly Tensor[], options: DetectOptions = {}): Detections {
    const seen = this.see(images, options.resize);
    const found = this.find(seen, options);
    return { ...found, boxes: toImages(found.boxes, seen.batch) };
  }

  /** Runs `detect` with its default options. */
  forward(images: Tensor | readonly Tensor[]): Detections {
    return this.detect(images);
  }

  protected override torchName(name: string): string {
    return legacyDetectionName(name);
  }
}

/** The backbones that torchvision's two-stage detectors have by name. */
export type RCNNBackbone = ResNetName | 'mobilenet_v3_large';

/** torchvision's first stage on a MobileNetV3: all sizes of anchors at each of the three levels, and a threshold. */
const MOBILE_RPN: RPNConfig = {
  ...RPN_DEFAULTS,
  anchorSizes: new Array<number[]>(3).fill([32, 64, 128, 256, 512]),
  scoreThreshold: 0.05,
};

function namedBackbone(
  call: string,
  backbone: RCNNBackbone | FasterRCNNConfig['backbone'],
): FasterRCNNConfig['backbone'] {
  // torchvision's FrozenBatchNorm2d has an eps of 1e-5 there too.
  if (backbone === 'mobilenet_v3_large')
    return { variant: 'large', norm: 'frozen', batchNorm: { eps: 1e-5 } };
  return namedConfig<FasterRCNNConfig['backbone']>(call, backbone, RESNETS, { norm: 'frozen' });
}

/** The configuration of torchvision's two-stage detectors: 256 channels, its anchors, samples and thresholds. */
export const torchvisionRCNN = (
  call: string,
  backbone: RCNNBackbone | FasterRCNNConfig['backbone'],
): Omit<FasterRCNNConfig, 'numClasses'> => ({
  backbone: namedBackbone(call, backbone),
  pyramidWidth: 256,
  rpn: 'variant' in namedBackbone(call, backbone) ? MOBILE_RPN : RPN_DEFAULTS,
  box: BOX_DEFAULTS,
  normalization: IMAGENET,
  resize: DEFAULT_RESIZE,
});

/**
 * Faster R-CNN as torchvision builds it (fasterrcnn_resnet50_fpn, fasterrcnn_mobilenet_v3_large_fpn). The defaults of `options`
 * are torchvision's.
 * @param backbone The name of a ResNet or `mobilenet_v3_large`, whose batch norm is frozen as in torchvision, or a configuration.
 * @param options `numClasses` must be given, without the background.
 */
export const fasterrcnn = (
  backbone: RCNNBackbone | FasterRCNNConfig['backbone'],
  options: FasterRCNNOptions,
): FasterRCNN => {
  const config = fasterRCNNConfig(objectOf('fasterrcnn', options), torchvisionRCNN('fasterrcnn', backbone));
  return new FasterRCNN({ ...options, ...config });
};
