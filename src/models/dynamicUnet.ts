import { interpolate } from '../graph/functions/conv.ts';
import { add, relu } from '../graph/functions/elementwise.ts';
import { concat, pixelShuffle } from '../graph/functions/shape.ts';
import type { Tensor } from '../graph/tensor.ts';
import { ReLU } from '../nn/activations.ts';
import { Sequential } from '../nn/containers.ts';
import { Conv2d } from '../nn/layers.ts';
import { Module } from '../nn/module.ts';
import { type Norm, type NormKind, normLayer } from '../nn/norms.ts';
import { type Generator, generatorOf, type SeedOptions } from '../nn/random.ts';
import { withDefaults } from '../options.ts';
import { expectCount, fixed } from './options.ts';
import { IMAGENET, type Normalization, normalizeImages } from './preprocess.ts';
import { ResNet, type ResNetConfig, SMALL_RESNET } from './resnet.ts';
import {
  checkImages,
  type SegmentationLossConfig,
  type SegmentationLossOptions,
  segmentationLoss,
} from './segmentation.ts';

/** Everything that shapes a dynamic U-Net; saved with its weights. Defaults are those of `new DynamicUNet`. */
export interface DynamicUNetConfig extends SegmentationLossConfig {
  /** The number of classes, labels 0 to numClasses - 1 of each pixel. The background, if there is one, is a class: label 0. */
  readonly numClasses: number;
  /** Default: SMALL_RESNET with at most 64 channels. */
  readonly backbone: ResNetConfig;
  /** The normalisation layers of the decoder. Default batch. */
  readonly norm?: NormKind;
  /** Mean and standard deviation that images are normalised by. Default ImageNet's. */
  readonly normalization: Normalization;
}

/** Options of `DynamicUNet`: numClasses must be given. */
export interface DynamicUNetOptions extends Partial<Omit<DynamicUNetConfig, 'numClasses'>>, SeedOptions {
  readonly numClasses: number;
}

/** The configuration that options describe. */
export function dynamicUNetConfig(given: DynamicUNetOptions): DynamicUNetConfig {
  const { seed: _seed, generator: _generator, ...options } = given;
  const { numClasses } = options;
  expectCount('DynamicUNet', 'numClasses', numClasses);
  const backbone = { ...SMALL_RESNET, maxWidth: 64 };
  return withDefaults('DynamicUNet', options, {
    numClasses,
    backbone,
    normalization: IMAGENET,
    norm: undefined,
    dice: undefined,
  });
}

/** What all layers of the decoder share. */
interface Shared {
  readonly norm: NormKind;
  readonly generator: Generator;
}

/** Doubles the size: a 1x1 convolution to four values per cell, which pixel shuffle lays out (Shi et al. 2016). */
const enlarge = (from: number, to: number, { generator }: Shared): Sequential =>
  new Sequential(new Conv2d(from, 4 * to, 1, { generator }), new ReLU(), (x) => pixelShuffle(x, 2));

/** A 3x3 convolution, a norm, ReLU. */
const convNorm = (from: number, to: number, { norm, generator }: Shared) =>
  [new Conv2d(from, to, 3, { padding: 1, bias: false, generator }), normLayer(norm, to), new ReLU()] as const;

interface UNetBlockShape {
  /** Channels of the map from below, and of the encoder's map that is joined. */
  readonly below: number;
  readonly skip: number;
  /** Whether the block is the last one, which halves its channels. */
  readonly last: boolean;
}

/** Enlarges the map from below, joins the encoder's map of that size, and convolves twice (fastai's UnetBlock). */
class UNetBlock extends Module {
  shuf: Sequential;
  bn: Norm;
  conv1: Sequential;
  conv2: Sequential;
  readonly channels: number;

  constructor({ below, skip, last }: UNetBlockShape, shared: Shared) {
    super();
    const up = Math.floor(below / 2);
    const joined = up + skip;
    this.channels = last ? Math.floor(joined / 2) : joined;
    this.shuf = enlarge(below, up, shared);
    this.bn = normLayer(shared.norm, skip);
    this.conv1 = new Sequential(...convNorm(joined, this.channels, shared));
    this.conv2 = new Sequential(...convNorm(this.channels, this.channels, shared));
  }

  forward(below: Tensor, skip: Tensor): Tensor {
    const up = this.shuf.forward(below);
    const size = [skip.shape[1]!, skip.shape[2]!] as const;
    const fits = up.shape[1] === size[0] && up.shape[2] === size[1];
    const there = fits ? up : interpolate(up, { size: [...size], mode: 'nearest' });
    return this.conv2.forward(this.conv1.forward(relu(concat([there, this.bn.forward(skip)], 3))));
  }
}

/**
 * U-Net on a ResNet (fastai's DynamicUnet, Howard and Gugger 2020): the decoder enlarges by pixel shuffle and joins the
 * encoder's maps, and the image itself at full size. The encoder's weights have torchvision's names under `encoder.`, so that
 * those of a classifier can be loaded. Images of any size. The defaults are for training from scratch on few images, on any
 * adapter.
 */
export class DynamicUNet extends Module {
  encoder: ResNet;
  bn: Norm;
  middle: Sequential;
  /** @internal */
  blocks: UNetBlock[];
  shuf: Sequential;
  res: Sequential;
  head: Conv2d;
  readonly config: DynamicUNetConfig;

  /**
   * @param options `numClasses` must be given; the others have the defaults of DynamicUNetConfig. Throws UsageError for other
   * counts.
   */
  constructor(options: DynamicUNetOptions) {
    super();
    const random = generatorOf('DynamicUNet', options);
    const config = dynamicUNetConfig(options);
    const { norm = 'batch' } = config;
    const shared = { norm, generator: random };
    this.config = fixed(config);
    this.encoder = new ResNet({ ...config.backbone, generator: random });
    const [c2, c3, c4, c5] = this.encoder.channels;
    this.bn = normLayer(norm, c5);
    this.middle = new Sequential(...convNorm(c5, 2 * c5, shared), ...convNorm(2 * c5, c5, shared));
    let channels = c5;
    this.blocks = [c4, c3, c2, config.backbone.width ?? 64].map((skip, i) => {
      const block = new UNetBlock({ below: channels, skip, last: i === 3 }, shared);
      channels = block.channels;
      return block;
    });
    this.shuf = enlarge(channels, channels, shared);
    const joined = channels + 3;
    this.res = new Sequential(
      ...convNorm(joined, joined, shared),
      new Conv2d(joined, joined, 3, { padding: 1, bias: false, generator: random }),
      normLayer(norm, joined),
    );
    this.head = new Conv2d(joined, config.numClasses, 1, { std: 0.05, generator: random });
  }

  /**
   * Logits [N,H,W,numClasses].
   * @param images f32 [N,H,W,3] in 0..1, of any size.
   */
  forward(images: Tensor): Tensor {
    const [H, W] = checkImages('DynamicUNet', images);
    const normal = normalizeImages(images, this.config.normalization);
    const { stem, maps } = this.encoder.stages(normal);
    const [c2, c3, c4, c5] = maps;
    const bottom = this.middle.forward(relu(this.bn.forward(c5)));
    const skips = [c4, c3, c2, stem];
    const up = this.blocks.reduce((x, block, i) => block.forward(x, skips[i]!), bottom);
    const large = this.shuf.forward(up);
    const fits = large.shape[1] === H && large.shape[2] === W;
    const there = fits ? large : interpolate(large, { size: [H, W], mode: 'nearest' });
    const joined = concat([there, normal], 3);
    return this.head.forward(relu(add(joined, this.res.forward(joined))));
  }

  /**
   * The loss of a batch, `segmentation`: the mean cross-entropy over pixels; with `dice` in the configuration, plus 1 - Dice.
   * @param images As of `forward`.
   * @param masks i32 [N,H,W]: the label of each pixel, 0 to numClasses - 1; 255 is ignored.
   * @param options Weights of the classes.
   */
  losses(images: Tensor, masks: Tensor, options: SegmentationLossOptions = {}): { segmentation: Tensor } {
    return { segmentation: segmentationLoss(this.forward(images), masks, this.config, options) };
  }
}
