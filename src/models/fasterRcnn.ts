import type { Tensor } from '../graph/tensor.ts';
import { type Generator, generator } from '../nn/init.ts';
import { Module } from '../nn/module.ts';
import {
  DEFAULT_RESIZE,
  type Detections,
  type DetectionTargets,
  type DetectOptions,
  Draws,
  type ImageBatch,
  imageBatch,
  type ResizeConfig,
  toImages,
  toNetwork,
} from './detection.ts';
import { ResNetFPN } from './fpn.ts';
import { IMAGENET, type Normalization } from './preprocess.ts';
import { RESNETS, type ResNetConfig, type ResNetName } from './resnet.ts';
import { BOX_DEFAULTS, type BoxConfig, BoxStage, type RegionSample } from './roiHeads.ts';
import { type Proposals, RegionProposalNetwork, RPN_DEFAULTS, type RPNConfig } from './rpn.ts';
import { legacyDetectionName } from './torchNames.ts';

/** Everything that shapes a Faster R-CNN; saved with its weights. */
export interface FasterRCNNConfig {
  /** Classes without the background. Their labels are 1 to numClasses, as in torchvision, whose num_classes counts one more. */
  readonly numClasses: number;
  readonly backbone: ResNetConfig;
  /** Channels of the pyramid. */
  readonly pyramidWidth: number;
  readonly rpn: RPNConfig;
  readonly box: BoxConfig;
  readonly normalization: Normalization;
  /** For images in an array. */
  readonly resize: ResizeConfig;
  /** What `detect` does where it is not told otherwise. */
  readonly detect?: DetectOptions;
}

/** For training from scratch on few pictures, on any adapter. */
export const FASTER_RCNN_DEFAULTS: Omit<FasterRCNNConfig, 'numClasses'> = {
  backbone: { block: 'basic', depth: [1, 1, 1, 1], width: 16, stem: 'small', norm: 'batch' },
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

/** What a training step learns: all of them are added. */
export type FasterRCNNLosses = {
  readonly classifier: Tensor;
  readonly box_reg: Tensor;
  readonly objectness: Tensor;
  readonly rpn_box_reg: Tensor;
};

/** What the heads of the second stage take. */
export interface Regions {
  readonly batch: ImageBatch;
  /** The pyramid's levels that regions are pooled from, and their strides. */
  readonly features: readonly Tensor[];
  readonly strides: readonly number[];
}

/**
 * Faster R-CNN on a feature pyramid (Ren et al. 2015; Lin et al. 2017): a network that proposes regions, and a head that
 * says what each of them shows. Proposals, matching, sampling, RoIAlign, losses and NMS are part of the graph: a training
 * step and a detection are one submission each. Weights have torchvision's names.
 */
export class FasterRCNN extends Module {
  backbone: ResNetFPN;
  rpn: RegionProposalNetwork;
  roi_heads: BoxStage;
  readonly config: FasterRCNNConfig;
  /** The label of the first class; 0 is the background. */
  readonly firstLabel = 1;
  protected readonly draws: Draws;

  constructor(config: FasterRCNNConfig, seed = 0) {
    super();
    const random = generator(seed);
    this.config = config;
    this.backbone = new ResNetFPN(random, config.backbone, {
      stages: 4,
      channels: config.pyramidWidth,
      extra: 'pool',
    });
    this.rpn = new RegionProposalNetwork(random, config.pyramidWidth, config.rpn);
    this.roi_heads = this.makeHeads(random, config);
    this.draws = new Draws(seed);
  }

  /** The second stage. */
  protected makeHeads(random: Generator, { pyramidWidth, numClasses, box }: FasterRCNNConfig): BoxStage {
    return new BoxStage(random, pyramidWidth, numClasses + 1, box);
  }

  /** Strides of the pyramid's levels. Sizes of batches should be multiples of 32. */
  get strides(): readonly number[] {
    return this.backbone.strides;
  }

  /** images: [N,H,W,3] in 0..1, or [H,W,3] each in an array. */
  protected regions(
    images: Tensor | readonly Tensor[],
    resize = this.config.resize,
  ): Regions & { readonly levels: readonly Tensor[] } {
    const batch = imageBatch(this.constructor.name, images, this.config.normalization, resize);
    const levels = this.backbone.forward(batch.images);
    // The pooled level is for proposals only.
    return { batch, levels, features: levels.slice(0, -1), strides: this.strides.slice(0, -1) };
  }

  /** The first stage, its losses, and what the second one learns from. */
  protected learn(
    { batch, levels }: { readonly batch: ImageBatch; readonly levels: readonly Tensor[] },
    targets: DetectionTargets,
    seed: Tensor | undefined,
  ): { losses: { objectness: Tensor; rpn_box_reg: Tensor }; sample: RegionSample; truth: Tensor } {
    const truth = toNetwork(targets.boxes, batch);
    const known = { ...targets, boxes: truth, seed: seed ?? this.draws.next() };
    const { proposals, losses } = this.rpn.forward(batch, levels, this.strides, known);
    return { losses: losses!, sample: this.roi_heads.sample(proposals, known), truth };
  }

  /**
   * The four losses. Which anchors and proposals are learned from is drawn at random: by `seed`, an i32, or else by a number
   * that the model counts on at each step.
   */
  losses(
    images: Tensor | readonly Tensor[],
    targets: DetectionTargets,
    { seed }: { readonly seed?: Tensor } = {},
  ): FasterRCNNLosses {
    const regions = this.regions(images);
    const { losses, sample, truth } = this.learn(regions, targets, seed);
    return { ...this.roi_heads.losses(regions.features, regions.strides, sample, truth), ...losses };
  }

  /** Regions that may show an object, best first, in pixels of the network's input. */
  propose(images: Tensor | readonly Tensor[]): Proposals {
    const { batch, levels } = this.regions(images);
    return this.rpn.forward(batch, levels, this.strides).proposals;
  }

  /** Detections in pixels of the network's input. */
  protected find(
    regions: Regions & { readonly levels: readonly Tensor[] },
    options: DetectOptions,
  ): Detections {
    const { batch, levels, features, strides } = regions;
    const { proposals } = this.rpn.forward(batch, levels, this.strides);
    return this.roi_heads.detect(features, strides, proposals, batch, { ...this.config.detect, ...options });
  }

  /**
   * The best detections of each image. Defaults: scores over 0.05, IoU 0.5, 100 detections. `candidates` plays no part: the
   * configuration of the first stage has their number.
   */
  detect(images: Tensor | readonly Tensor[], options: DetectOptions = {}): Detections {
    const regions = this.regions(images, options.resize);
    const found = this.find(regions, options);
    return { ...found, boxes: toImages(found.boxes, regions.batch) };
  }

  /** detect, with its defaults. */
  forward(images: Tensor | readonly Tensor[]): Detections {
    return this.detect(images);
  }

  protected override torchName(name: string): string {
    return legacyDetectionName(name);
  }
}

/** The parts of a two-stage detector as torchvision builds it: 256 channels, its anchors, samples and thresholds. */
export const torchvisionRCNN = (
  backbone: ResNetName | ResNetConfig,
): Omit<FasterRCNNConfig, 'numClasses'> => ({
  backbone: typeof backbone === 'string' ? { ...RESNETS[backbone], norm: 'frozen' } : backbone,
  pyramidWidth: 256,
  rpn: RPN_DEFAULTS,
  box: BOX_DEFAULTS,
  normalization: IMAGENET,
  resize: DEFAULT_RESIZE,
});

/** Faster R-CNN as torchvision builds it. */
export const fasterrcnn = (
  backbone: ResNetName | ResNetConfig,
  config: Partial<FasterRCNNConfig> & Pick<FasterRCNNConfig, 'numClasses'>,
  seed = 0,
): FasterRCNN => new FasterRCNN({ ...torchvisionRCNN(backbone), ...config }, seed);
