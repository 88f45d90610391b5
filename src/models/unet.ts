import { checkpoint } from '../graph/checkpoint.ts';
import { maxPool2d } from '../graph/functions/conv.ts';
import { relu } from '../graph/functions/elementwise.ts';
import { concat } from '../graph/functions/shape.ts';
import type { Tensor } from '../graph/tensor.ts';
import { type Generator, generator } from '../nn/init.ts';
import { Conv2d, ConvTranspose2d, type NormKind, normLayer } from '../nn/layers.ts';
import { Module } from '../nn/module.ts';
import { IMAGENET, type Normalization, normalizeImages } from './preprocess.ts';
import { checkImages, type SegmentationLossConfig, segmentationLoss } from './segmentation.ts';

/** Everything that shapes a U-Net; saved with its weights. */
export interface UNetConfig extends SegmentationLossConfig {
  /** Classes without the background. */
  readonly numClasses: number;
  /** Channels at full resolution; each level below has twice as many. */
  readonly width: number;
  /** Times that the resolution is halved. */
  readonly depth: number;
  readonly norm: NormKind;
  readonly normalization: Normalization;
}

/**
 * Batch norm and not group norm: a crop that shows one object only has other statistics than a whole picture, and a
 * network that normalises by each picture's own is then trained for something else than it is used for.
 */
export const UNET_DEFAULTS: Omit<UNetConfig, 'numClasses'> = {
  width: 16,
  depth: 3,
  norm: 'batch',
  normalization: IMAGENET,
};

class DoubleConv extends Module {
  conv1: Conv2d;
  norm1: Module & { forward(x: Tensor): Tensor };
  conv2: Conv2d;
  norm2: Module & { forward(x: Tensor): Tensor };

  constructor(random: Generator, from: number, to: number, norm: NormKind) {
    super();
    this.conv1 = new Conv2d(random, from, to, { padding: 1, bias: false });
    this.norm1 = normLayer(norm, to);
    this.conv2 = new Conv2d(random, to, to, { padding: 1, bias: false });
    this.norm2 = normLayer(norm, to);
  }

  forward(x: Tensor): Tensor {
    const inner = relu(this.norm1.forward(this.conv1.forward(x)));
    return relu(this.norm2.forward(this.conv2.forward(inner)));
  }
}

/**
 * U-Net (Ronneberger et al. 2015), with padded convolutions and normalisation: logits of numClasses + 1 classes for
 * every pixel, 0 being the background.
 */
export class UNet extends Module {
  down: DoubleConv[];
  up: ConvTranspose2d[];
  merge: DoubleConv[];
  out: Conv2d;
  /** Whether the backward pass computes each level's activations again instead of keeping them: see `checkpoint`. */
  checkpoint = false;
  readonly config: UNetConfig;

  constructor(config: UNetConfig, seed = 0) {
    super();
    const random = generator(seed);
    const { width, depth, norm, numClasses } = config;
    const widths = Array.from({ length: depth + 1 }, (_, level) => width * 2 ** level);
    this.config = config;
    this.down = widths.map(
      (to, level) => new DoubleConv(random, level === 0 ? 3 : widths[level - 1]!, to, norm),
    );
    const levels = Array.from({ length: depth }, (_, i) => depth - 1 - i);
    this.up = levels.map(
      (level) =>
        new ConvTranspose2d(random, widths[level + 1]!, widths[level]!, { kernelSize: 2, stride: 2 }),
    );
    this.merge = levels.map((level) => new DoubleConv(random, 2 * widths[level]!, widths[level]!, norm));
    this.out = new Conv2d(random, width, numClasses + 1, { kernelSize: 1, std: 0.05 });
  }

  /** Image sizes must be multiples of this. */
  get stride(): number {
    return 2 ** this.config.depth;
  }

  /** images: [N,H,W,3] in 0..1. Returns logits [N,H,W,numClasses + 1]. */
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

  /** See segmentationLoss. masks: i32 [N,H,W], 255 is ignored. */
  losses(images: Tensor, masks: Tensor): { segmentation: Tensor } {
    return { segmentation: segmentationLoss(this.forward(images), masks, this.config) };
  }
}
