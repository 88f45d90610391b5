import { concat } from '../graph/functions/shape.ts';
import type { Tensor } from '../graph/tensor.ts';
import { ReLU } from '../nn/activations.ts';
import { Sequential } from '../nn/containers.ts';
import { Dropout } from '../nn/dropout.ts';
import { Conv2d } from '../nn/layers.ts';
import { Module } from '../nn/module.ts';
import { BatchNorm2d } from '../nn/norms.ts';
import { type Generator, generatorOf, type SeedOptions } from '../nn/random.ts';
import { objectOf, withDefaults } from '../options.ts';
import { expectCount, fixed, namedConfig } from './options.ts';
import { IMAGENET, type Normalization, normalizeImages } from './preprocess.ts';
import { RESNETS, ResNet, type ResNetConfig, type ResNetName, SMALL_RESNET } from './resnet.ts';
import {
  checkImages,
  enlarge,
  enlargedOutputs,
  outputLosses,
  type SegmentationLossConfig,
  type SegmentationLossOptions,
  type SegmentationOutputs,
} from './segmentation.ts';

/** Everything that shapes an FCN; saved with its weights. Defaults are those of `new FCN`. */
export interface FCNConfig extends SegmentationLossConfig {
  /** The number of classes, labels 0 to numClasses - 1 of each pixel. The background, if there is one, is a class: label 0. */
  readonly numClasses: number;
  /** Default: SMALL_RESNET with at most 64 channels. */
  readonly backbone: ResNetConfig;
  /**
   * Whether there is a second classifier on the third stage, whose loss counts half: more gradient for the stages before.
   * Default false.
   */
  readonly auxiliary?: boolean;
  /**
   * Whether the classifier sees the maps of all four stages, enlarged to the size of the first one, instead of the last alone:
   * hypercolumns (Hariharan et al. 2015). Default true in `new FCN`, false in `fcn`.
   */
  readonly hypercolumns?: boolean;
  /** The probability that a value before the classifier's last layer is left out in training. Default 0.1, as torchvision's. */
  readonly dropout?: number;
  /** Mean and standard deviation that images are normalised by. Default ImageNet's. */
  readonly normalization: Normalization;
}

/** Options of `FCN`: numClasses must be given. */
export interface FCNOptions extends Partial<Omit<FCNConfig, 'numClasses'>>, SeedOptions {
  readonly numClasses: number;
}

/** For training from scratch on few images, on any adapter. */
const SMALL: Omit<FCNConfig, 'numClasses'> = {
  backbone: { ...SMALL_RESNET, maxWidth: 64 },
  hypercolumns: true,
  normalization: IMAGENET,
};

/** The configuration that options describe. */
export function fcnConfig({ seed: _seed, generator: _generator, ...options }: FCNOptions): FCNConfig {
  expectCount('FCN', 'numClasses', options.numClasses);
  return withDefaults('FCN', options, {
    hypercolumns: undefined,
    ...SMALL,
    numClasses: options.numClasses,
    auxiliary: undefined,
    dropout: undefined,
    dice: undefined,
  });
}

/** A 3x3 convolution to a quarter of the channels, and a 1x1 classifier (torchvision's FCNHead). */
export const fcnHead = (
  from: number,
  { numClasses, dropout }: { readonly numClasses: number; readonly dropout?: number },
  generator: Generator,
): Sequential => {
  const inner = Math.max(Math.floor(from / 4), 1);
  return new Sequential(
    new Conv2d(from, inner, 3, { padding: 1, bias: false, generator }),
    new BatchNorm2d(inner),
    new ReLU(),
    new Dropout(dropout ?? 0.1, { generator }),
    new Conv2d(inner, numClasses, 1, { std: 0.05, generator }),
  );
};

/**
 * Fully convolutional network (Long et al. 2015; torchvision's form of it): a ResNet, a classifier of pixels, and bilinear
 * enlargement to the size of the image. `new FCN({ numClasses })` is small, for training from scratch on few images;
 * `fcn('resnet50', { numClasses })` is torchvision's. Weights have torchvision's names.
 */
export class FCN extends Module {
  backbone: ResNet;
  classifier: Sequential;
  aux_classifier: Sequential | undefined;
  readonly config: FCNConfig;

  /**
   * @param options `numClasses` must be given; the others have the defaults of FCNConfig. Throws UsageError for invalid counts.
   */
  constructor(options: FCNOptions) {
    super();
    const random = generatorOf('FCN', options);
    const config = fcnConfig(options);
    this.config = fixed(config);
    this.backbone = new ResNet({ ...config.backbone, generator: random });
    const { channels } = this.backbone;
    const from = config.hypercolumns ? channels.reduce((a, b) => a + b) : channels[3];
    this.classifier = fcnHead(from, config, random);
    this.aux_classifier = config.auxiliary ? fcnHead(channels[2], config, random) : undefined;
  }

  /** What sides of batches should be multiples of. */
  readonly stride = 32;

  /**
   * Logits [N,H,W,numClasses].
   * @param images f32 [N,H,W,3] in 0..1, of any size.
   */
  forward(images: Tensor): Tensor {
    return this.outputs(images).out;
  }

  /** The logits `out`, and `aux` of the auxiliary classifier where there is one, both [N,H,W,numClasses]. */
  outputs(images: Tensor): SegmentationOutputs {
    const size = checkImages('FCN', images);
    const maps = this.backbone.features(normalizeImages(images, this.config.normalization));
    const first = [maps[0].shape[1]!, maps[0].shape[2]!] as const;
    const seen = this.config.hypercolumns
      ? concat(
          maps.map((map, i) => (i === 0 ? map : enlarge(map, first))),
          3,
        )
      : maps[3];
    const aux = this.aux_classifier?.forward(maps[2]);
    return enlargedOutputs(this.classifier.forward(seen), aux, size);
  }

  /**
   * The loss of a batch, `segmentation`: the mean cross-entropy over pixels; with `dice` in the configuration, plus 1 - Dice.
   * Half of the auxiliary classifier's is added.
   * @param images As of `forward`.
   * @param masks i32 [N,H,W]: the label of each pixel, 0 to numClasses - 1; 255 is ignored.
   * @param options Weights of the classes.
   */
  losses(images: Tensor, masks: Tensor, options: SegmentationLossOptions = {}): { segmentation: Tensor } {
    return outputLosses(this.outputs(images), masks, this.config, options);
  }
}

/**
 * FCN as torchvision builds it (fcn_resnet50): stages 3 and 4 of the backbone are dilated.
 * @param backbone The name of a ResNet, or a configuration.
 * @param options `numClasses` must be given; it is torchvision's num_classes, which counts the background.
 */
export const fcn = (backbone: ResNetName | ResNetConfig, options: FCNOptions): FCN =>
  new FCN({
    backbone: namedConfig('fcn', backbone, RESNETS, { dilated: [false, true, true] }),
    ...objectOf('fcn', options),
    hypercolumns: options.hypercolumns ?? false,
  });
