import { mean } from '../graph/functions/reduce.ts';
import { concat, expand } from '../graph/functions/shape.ts';
import type { Tensor } from '../graph/tensor.ts';
import { ReLU } from '../nn/activations.ts';
import { type Layer, Sequential } from '../nn/containers.ts';
import { Dropout } from '../nn/dropout.ts';
import { Conv2d } from '../nn/layers.ts';
import { Module } from '../nn/module.ts';
import { BatchNorm2d } from '../nn/norms.ts';
import { type Generator, generatorOf, type SeedOptions } from '../nn/random.ts';
import { withDefaults } from '../options.ts';
import { fcnHead } from './fcn.ts';
import { MobileNetV3Features, type MobileNetV3FeaturesConfig } from './mobilenetV3.ts';
import { expectCount, fixed, namedConfig } from './options.ts';
import { IMAGENET, type Normalization, normalizeImages } from './preprocess.ts';
import { RESNETS, ResNet, type ResNetConfig, type ResNetName, SMALL_RESNET } from './resnet.ts';
import {
  checkImages,
  enlargedOutputs,
  outputLosses,
  type SegmentationLossConfig,
  type SegmentationLossOptions,
  type SegmentationOutputs,
} from './segmentation.ts';

/** Everything that shapes a DeepLabV3; saved with its weights. Defaults are those of `new DeepLabV3`. */
export interface DeepLabV3Config extends SegmentationLossConfig {
  /** The number of classes, labels 0 to numClasses - 1 of each pixel. The background, if there is one, is a class: label 0. */
  readonly numClasses: number;
  /** A ResNet, or a MobileNetV3. Default: SMALL_RESNET with at most 64 channels, whose last two stages are dilated. */
  readonly backbone: ResNetConfig | MobileNetV3FeaturesConfig;
  /** Channels of each branch of the pyramid. Default 32; torchvision's 256. */
  readonly width: number;
  /** Dilations of the 3x3 branches, in cells of the last map. Default 3, 6, 9; torchvision's 12, 24, 36. */
  readonly rates: readonly number[];
  /** Whether there is a second classifier on an earlier map, whose loss counts half. Default false. */
  readonly auxiliary: boolean;
  /** The probability that a value after the pyramid is left out in training. Default 0.5, as torchvision's. */
  readonly dropout: number;
  /** Mean and standard deviation that images are normalised by. Default ImageNet's. */
  readonly normalization: Normalization;
}

/** Options of `DeepLabV3`: numClasses must be given. */
export interface DeepLabV3Options extends Partial<Omit<DeepLabV3Config, 'numClasses'>>, SeedOptions {
  readonly numClasses: number;
}

/** For training from scratch on few images, on any adapter. */
const SMALL: Omit<DeepLabV3Config, 'numClasses'> = {
  backbone: { ...SMALL_RESNET, maxWidth: 64, dilated: [false, true, true] },
  width: 32,
  rates: [3, 6, 9],
  auxiliary: false,
  dropout: 0.5,
  normalization: IMAGENET,
};

/** The configuration that options describe. */
export function deepLabV3Config({
  seed: _seed,
  generator: _generator,
  ...options
}: DeepLabV3Options): DeepLabV3Config {
  expectCount('DeepLabV3', 'numClasses', options.numClasses);
  return withDefaults('DeepLabV3', options, { ...SMALL, numClasses: options.numClasses, dice: undefined });
}

/** Batch norm and ReLU after a convolution without bias. */
const normed = (conv: Conv2d, width: number): Layer[] => [conv, new BatchNorm2d(width), new ReLU()];

/** The mean of the whole map, through a 1x1 convolution, at every pixel (torchvision's ASPPPooling). */
class ImagePooling extends Sequential {
  override forward(x: Tensor): Tensor {
    const pooled = super.forward(mean(x, { dim: [1, 2], keepdim: true }));
    return expand(pooled, [...x.shape.slice(0, 3), pooled.shape[3]!]);
  }
}

/** Atrous spatial pyramid pooling (Chen et al. 2017, §3.3; torchvision's ASPP). */
class SpatialPyramid extends Module {
  convs: Sequential[];
  project: Sequential;

  constructor(from: number, { width, rates, dropout }: DeepLabV3Config, generator: Generator) {
    super();
    const plain = { bias: false, generator };
    const one = (channels: number) => normed(new Conv2d(channels, width, 1, plain), width);
    const dilated = rates.map((rate) => {
      const conv = new Conv2d(from, width, 3, { padding: rate, dilation: rate, ...plain });
      return new Sequential(...normed(conv, width));
    });
    // A function keeps torchvision's index of the pooling.
    const pooling = new ImagePooling((x) => x, ...one(from));
    this.convs = [new Sequential(...one(from)), ...dilated, pooling];
    this.project = new Sequential(...one(this.convs.length * width), new Dropout(dropout, { generator }));
  }

  forward(x: Tensor): Tensor {
    return this.project.forward(
      concat(
        this.convs.map((conv) => conv.forward(x)),
        3,
      ),
    );
  }
}

const isMobile = (config: DeepLabV3Config['backbone']): config is MobileNetV3FeaturesConfig =>
  'variant' in config;

/**
 * DeepLabV3 (Chen et al. 2017, Rethinking atrous convolution): a dilated backbone, convolutions of several dilations side by
 * side on its last map, a classifier of pixels, and bilinear enlargement to the size of the image. `new DeepLabV3({ numClasses
 * })` is small, for training from scratch on few images; `deeplabv3('resnet50', { numClasses })` is torchvision's. Weights have
 * torchvision's names.
 */
export class DeepLabV3 extends Module {
  /** @internal */
  backbone: ResNet | MobileNetV3Features;
  classifier: Sequential;
  aux_classifier: Sequential | undefined;
  readonly config: DeepLabV3Config;

  /**
   * @param options `numClasses` must be given; the others have the defaults of DeepLabV3Config. Throws UsageError for invalid
   * counts.
   */
  constructor(options: DeepLabV3Options) {
    super();
    const generator = generatorOf('DeepLabV3', options);
    const config = deepLabV3Config(options);
    this.config = fixed(config);
    const { backbone, width, numClasses } = config;
    this.backbone = isMobile(backbone)
      ? new MobileNetV3Features({ ...backbone, generator })
      : new ResNet({ ...backbone, generator });
    const { channels } = this.backbone;
    this.classifier = new Sequential(
      new SpatialPyramid(channels.at(-1)!, config, generator),
      ...normed(new Conv2d(width, width, 3, { padding: 1, bias: false, generator }), width),
      new Conv2d(width, numClasses, 1, { std: 0.05, generator }),
    );
    this.aux_classifier = config.auxiliary
      ? fcnHead(channels[this.#auxiliaryMap]!, { numClasses }, generator)
      : undefined;
  }

  /** What sides of batches should be multiples of. */
  readonly stride = 32;

  /** The index, among the backbone's maps, of the one that the auxiliary classifier sees. */
  get #auxiliaryMap(): number {
    // Of MobileNetV3, the last one of stride 8.
    return this.backbone instanceof ResNet ? 2 : this.backbone.stages.at(-4)!;
  }

  /**
   * Logits [N,H,W,numClasses].
   * @param images f32 [N,H,W,3] in 0..1, of any size.
   */
  forward(images: Tensor): Tensor {
    return this.outputs(images).out;
  }

  /** The logits `out`, and `aux` of the auxiliary classifier where there is one, both [N,H,W,numClasses]. */
  outputs(images: Tensor): SegmentationOutputs {
    const size = checkImages('DeepLabV3', images);
    const x = normalizeImages(images, this.config.normalization);
    const { backbone } = this;
    const maps = backbone instanceof ResNet ? backbone.features(x) : backbone.maps(x);
    const aux = this.aux_classifier?.forward(maps[this.#auxiliaryMap]!);
    return enlargedOutputs(this.classifier.forward(maps.at(-1)!), aux, size);
  }

  /**
   * The loss of a batch, `segmentation`: the mean cross-entropy over pixels; with `dice` in the configuration, plus 1 - Dice.
   * Half of the auxiliary classifier's is added.
   * @param images As of `forward`; in training at least two, since a batch norm sees one pixel per image.
   * @param masks i32 [N,H,W]: the label of each pixel, 0 to numClasses - 1; 255 is ignored.
   * @param options Weights of the classes.
   */
  losses(images: Tensor, masks: Tensor, options: SegmentationLossOptions = {}): { segmentation: Tensor } {
    return outputLosses(this.outputs(images), masks, this.config, options);
  }
}

/**
 * DeepLabV3 as torchvision builds it (deeplabv3_resnet50, deeplabv3_mobilenet_v3_large): the last stages of the backbone are
 * dilated.
 * @param backbone The name of a ResNet, `mobilenet_v3_large`, or a configuration.
 * @param options `numClasses` must be given; it is torchvision's num_classes, which counts the background.
 */
export const deeplabv3 = (
  backbone: ResNetName | 'mobilenet_v3_large' | DeepLabV3Config['backbone'],
  options: DeepLabV3Options,
): DeepLabV3 =>
  new DeepLabV3({ backbone: dilatedBackbone(backbone), width: 256, rates: [12, 24, 36], ...options });

function dilatedBackbone(
  backbone: ResNetName | 'mobilenet_v3_large' | DeepLabV3Config['backbone'],
): DeepLabV3Config['backbone'] {
  if (backbone === 'mobilenet_v3_large') return { variant: 'large', dilated: true };
  return namedConfig<DeepLabV3Config['backbone']>('deeplabv3', backbone, RESNETS, {
    dilated: [false, true, true],
  });
}
