import { add, mul, sigmoid } from '../graph/functions/elementwise.ts';
import { mean } from '../graph/functions/reduce.ts';
import type { Tensor } from '../graph/tensor.ts';
import { ReLU } from '../nn/activations.ts';
import { Sequential } from '../nn/containers.ts';
import { Conv2d } from '../nn/layers.ts';
import { Module } from '../nn/module.ts';
import { BatchNorm2d } from '../nn/norms.ts';
import { type Generator, generatorOf, type SeedOptions } from '../nn/random.ts';
import { withDefaults } from '../options.ts';
import { MobileNetV3Features, type MobileNetV3FeaturesConfig } from './mobilenetV3.ts';
import { expectCount, fixed } from './options.ts';
import { IMAGENET, type Normalization, normalizeImages } from './preprocess.ts';
import {
  checkImages,
  enlarge,
  outputLosses,
  type SegmentationLossConfig,
  type SegmentationLossOptions,
} from './segmentation.ts';

/** Everything that shapes an LR-ASPP; saved with its weights. Defaults are those of `new LRASPP`. */
export interface LRASPPConfig extends SegmentationLossConfig {
  /** The number of classes, labels 0 to numClasses - 1 of each pixel. The background, if there is one, is a class: label 0. */
  readonly numClasses: number;
  /** Default: the small MobileNetV3 with half of its channels, dilated. */
  readonly backbone: MobileNetV3FeaturesConfig;
  /** Channels between backbone and classifier. Default 64; torchvision's 128. */
  readonly width: number;
  /** Mean and standard deviation that images are normalised by. Default ImageNet's. */
  readonly normalization: Normalization;
}

/** Options of `LRASPP`: numClasses must be given. */
export interface LRASPPOptions extends Partial<Omit<LRASPPConfig, 'numClasses'>>, SeedOptions {
  readonly numClasses: number;
}

/** For training from scratch on few images, on any adapter. */
export const SMALL_LRASPP: Omit<LRASPPConfig, 'numClasses'> = {
  // With a momentum of 0.01, running statistics would lag behind a short training.
  backbone: { variant: 'small', widthMult: 0.5, dilated: true, batchNorm: { eps: 1e-3, momentum: 0.1 } },
  width: 64,
  normalization: IMAGENET,
};

/** The configuration that options describe. */
export function lrasppConfig({
  seed: _seed,
  generator: _generator,
  ...options
}: LRASPPOptions): LRASPPConfig {
  expectCount('LRASPP', 'numClasses', options.numClasses);
  return withDefaults('LRASPP', options, {
    ...SMALL_LRASPP,
    numClasses: options.numClasses,
    dice: undefined,
  });
}

/** Two classifiers, of fine and of coarse features, whose logits are added (torchvision's LRASPPHead). */
class LRASPPHead extends Module {
  cbr: Sequential;
  scale: Sequential;
  low_classifier: Conv2d;
  high_classifier: Conv2d;

  constructor(
    { low, high }: { readonly low: number; readonly high: number },
    { width, numClasses }: LRASPPConfig,
    generator: Generator,
  ) {
    super();
    const plain = { bias: false, generator };
    this.cbr = new Sequential(new Conv2d(high, width, 1, plain), new BatchNorm2d(width), new ReLU());
    this.scale = new Sequential(
      (x) => mean(x, { dim: [1, 2], keepdim: true }),
      new Conv2d(high, width, 1, plain),
      sigmoid,
    );
    this.low_classifier = new Conv2d(low, numClasses, 1, { std: 0.05, generator });
    this.high_classifier = new Conv2d(width, numClasses, 1, { std: 0.05, generator });
  }

  forward(low: Tensor, high: Tensor): Tensor {
    const x = mul(this.cbr.forward(high), this.scale.forward(high));
    const coarse = this.high_classifier.forward(enlarge(x, [low.shape[1]!, low.shape[2]!]));
    return add(this.low_classifier.forward(low), coarse);
  }
}

/**
 * LR-ASPP (Howard et al. 2019, Searching for MobileNetV3, §6.4): a light segmenter. A MobileNetV3, whose last map is scaled by
 * factors of its means; a classifier of pixels on this and one on an earlier, finer map; and bilinear enlargement to the size of
 * the image. `new LRASPP({ numClasses })` is small, for training from scratch on few images; `lraspp({ numClasses })` is
 * torchvision's. Weights have torchvision's names.
 */
export class LRASPP extends Module {
  /** @internal */
  backbone: MobileNetV3Features;
  /** @internal */
  classifier: LRASPPHead;
  readonly config: LRASPPConfig;

  /**
   * @param options `numClasses` must be given; the others have the defaults of LRASPPConfig. Throws UsageError for invalid
   * counts.
   */
  constructor(options: LRASPPOptions) {
    super();
    const generator = generatorOf('LRASPP', options);
    const config = lrasppConfig(options);
    this.config = fixed(config);
    this.backbone = new MobileNetV3Features({ ...config.backbone, generator });
    const { channels } = this.backbone;
    const [low, high] = this.#maps.map((index) => channels[index]!) as [number, number];
    this.classifier = new LRASPPHead({ low, high }, config, generator);
  }

  /** What sides of batches should be multiples of. */
  readonly stride = 32;

  /** The indices of the last map of stride 8, and of the last map of all. */
  get #maps(): readonly [number, number] {
    const { stages } = this.backbone;
    return [stages.at(-4)!, stages.at(-1)!];
  }

  /**
   * Logits [N,H,W,numClasses].
   * @param images f32 [N,H,W,3] in 0..1, of any size.
   */
  forward(images: Tensor): Tensor {
    const size = checkImages('LRASPP', images);
    const maps = this.backbone.maps(normalizeImages(images, this.config.normalization));
    const [low, high] = this.#maps.map((index) => maps[index]!) as [Tensor, Tensor];
    return enlarge(this.classifier.forward(low, high), size);
  }

  /** The logits as `out`, as of the other segmenters. */
  outputs(images: Tensor): { readonly out: Tensor } {
    return { out: this.forward(images) };
  }

  /**
   * The loss of a batch, `segmentation`: the mean cross-entropy over pixels; with `dice` in the configuration, plus 1 - Dice.
   * @param images As of `forward`.
   * @param masks i32 [N,H,W]: the label of each pixel, 0 to numClasses - 1; 255 is ignored.
   * @param options Weights of the classes.
   */
  losses(images: Tensor, masks: Tensor, options: SegmentationLossOptions = {}): { segmentation: Tensor } {
    return outputLosses(this.outputs(images), masks, this.config, options);
  }
}

/**
 * LR-ASPP as torchvision builds it (lraspp_mobilenet_v3_large).
 * @param options `numClasses` must be given; it is torchvision's num_classes, which counts the background.
 */
export const lraspp = (options: LRASPPOptions): LRASPP =>
  new LRASPP({ backbone: { variant: 'large', dilated: true }, width: 128, ...options });
