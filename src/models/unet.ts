import { checkpoint } from '../graph/checkpoint.ts';
import { maxPool2d } from '../graph/functions/conv.ts';
import { relu } from '../graph/functions/elementwise.ts';
import { concat } from '../graph/functions/shape.ts';
import type { Tensor } from '../graph/tensor.ts';
import { Conv2d, ConvTranspose2d } from '../nn/layers.ts';
import { Module } from '../nn/module.ts';
import { type Norm, type NormKind, normLayer } from '../nn/norms.ts';
import { type Generator, generatorOf, type SeedOptions } from '../nn/random.ts';
import { withDefaults } from '../options.ts';
import { expectCount, fixed } from './options.ts';
import { IMAGENET, type Normalization, normalizeImages } from './preprocess.ts';
import {
  checkImages,
  type SegmentationLossConfig,
  type SegmentationLossOptions,
  segmentationLoss,
} from './segmentation.ts';

/** Everything that shapes a U-Net; saved with its weights. Defaults are those of `new UNet`. */
export interface UNetConfig extends SegmentationLossConfig {
  /** The number of classes, labels 0 to numClasses - 1 of each pixel. The background, if there is one, is a class: label 0. */
  readonly numClasses: number;
  /** Channels at full resolution; each level below has twice as many. Default 16. */
  readonly width: number;
  /** How many times the resolution is halved. Default 3. */
  readonly depth: number;
  /**
   * The normalisation layers. Default batch: a crop that shows one object has other statistics than a whole image, so a network
   * that normalises by each image's own statistics would see other values in use than in training.
   */
  readonly norm: NormKind;
  /** Mean and standard deviation that images are normalised by. Default ImageNet's. */
  readonly normalization: Normalization;
}

/** Options of `UNet`: numClasses must be given. */
export interface UNetOptions extends Partial<Omit<UNetConfig, 'numClasses'>>, SeedOptions {
  readonly numClasses: number;
}

/** The configuration that options describe. */
export function unetConfig({ seed: _seed, generator: _generator, ...options }: UNetOptions): UNetConfig {
  const { numClasses } = options;
  const config = withDefaults('UNet', options, {
    numClasses,
    width: 16,
    depth: 3,
    norm: 'batch',
    normalization: IMAGENET,
    dice: undefined,
  });
  for (const name of ['numClasses', 'width', 'depth'] as const) expectCount('UNet', name, config[name]);
  return config;
}

class DoubleConv extends Module {
  conv1: Conv2d;
  norm1: Norm;
  conv2: Conv2d;
  norm2: Norm;

  constructor(from: number, to: number, { norm, generator }: { norm: NormKind; generator: Generator }) {
    super();
    const options = { padding: 1, bias: false, generator };
    this.conv1 = new Conv2d(from, to, 3, options);
    this.norm1 = normLayer(norm, to);
    this.conv2 = new Conv2d(to, to, 3, options);
    this.norm2 = normLayer(norm, to);
  }

  forward(x: Tensor): Tensor {
    const inner = relu(this.norm1.forward(this.conv1.forward(x)));
    return relu(this.norm2.forward(this.conv2.forward(inner)));
  }
}

/**
 * U-Net (Ronneberger et al. 2015) with padded convolutions and normalisation, so that the result is as large as the image. The
 * defaults are for training from scratch on few images, on any adapter.
 */
export class UNet extends Module {
  /** @internal */
  down: DoubleConv[];
  up: ConvTranspose2d[];
  /** @internal */
  merge: DoubleConv[];
  out: Conv2d;
  /**
   * Whether the backward pass computes each level's activations again instead of keeping them: see `checkpoint`. Default false.
   */
  checkpoint = false;
  readonly config: UNetConfig;

  /**
   * @param options `numClasses` must be given; the others have the defaults of UNetConfig. Throws UsageError for invalid counts.
   */
  constructor(options: UNetOptions) {
    super();
    const random = generatorOf('UNet', options);
    const config = unetConfig(options);
    const { width, depth, norm, numClasses } = config;
    const shared = { norm, generator: random };
    const widths = Array.from({ length: depth + 1 }, (_, level) => width * 2 ** level);
    this.config = fixed(config);
    this.down = widths.map((to, level) => new DoubleConv(level === 0 ? 3 : widths[level - 1]!, to, shared));
    const levels = Array.from({ length: depth }, (_, i) => depth - 1 - i);
    this.up = levels.map(
      (level) => new ConvTranspose2d(widths[level + 1]!, widths[level]!, 2, { stride: 2, generator: random }),
    );
    this.merge = levels.map((level) => new DoubleConv(2 * widths[level]!, widths[level]!, shared));
    this.out = new Conv2d(width, numClasses, 1, { std: 0.05, generator: random });
  }

  /** The number that the sides of images must be multiples of: 2 to the power of `depth`. */
  get stride(): number {
    return 2 ** this.config.depth;
  }

  /**
   * Logits [N,H,W,numClasses].
   * @param images f32 [N,H,W,3] in 0..1, H and W multiples of `stride`. Throws ShapeError for other shapes.
   */
  forward(images: Tensor): Tensor {
    checkImages('UNet', images, this.stride);
    const run: typeof checkpoint = (fn, ...inputs) =>
      this.checkpoint ? checkpoint(fn, ...inputs) : fn(...inputs);
    const skips: Tensor[] = [];
    let x = normalizeImages(images, this.config.normalization);
    this.down.forEach((block, level) => {
      x = run((above) => block.forward(level === 0 ? above : maxPool2d(above, 2)), x);
      skips.push(x);
    });
    skips.pop();
    this.up.forEach((up, i) => {
      const join = (skip: Tensor, below: Tensor) =>
        this.merge[i]!.forward(concat([skip, up.forward(below)], 3));
      x = run(join, skips.pop()!, x);
    });
    return this.out.forward(x);
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
