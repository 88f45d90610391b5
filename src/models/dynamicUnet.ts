import { interpolate } from '../graph/functions/conv.ts';
import { add, relu } from '../graph/functions/elementwise.ts';
import { concat, pixelShuffle } from '../graph/functions/shape.ts';
import type { Tensor } from '../graph/tensor.ts';
import { type Generator, generator } from '../nn/init.ts';
import { Conv2d, type Layer, type Norm, type NormKind, normLayer, sequential } from '../nn/layers.ts';
import { Module } from '../nn/module.ts';
import { IMAGENET, type Normalization, normalizeImages } from './preprocess.ts';
import { ResNet, type ResNetConfig } from './resnet.ts';
import { checkImages, type SegmentationLossConfig, segmentationLoss } from './segmentation.ts';

/** Everything that shapes a dynamic U-Net; saved with its weights. */
export interface DynamicUNetConfig extends SegmentationLossConfig {
  /** Classes without the background, which is class 0. */
  readonly numClasses: number;
  readonly backbone: ResNetConfig;
  /** Of the decoder. Default batch. */
  readonly norm?: NormKind;
  readonly normalization: Normalization;
}

/** For training from scratch on few pictures, on any adapter. */
export const DYNAMIC_UNET_DEFAULTS: Omit<DynamicUNetConfig, 'numClasses'> = {
  backbone: { block: 'basic', depth: [1, 1, 1, 1], width: 16, maxWidth: 64, stem: 'small', norm: 'batch' },
  normalization: IMAGENET,
};

/** Twice the size: a 1x1 convolution to four values a cell, which pixel shuffle lays out (Shi et al. 2016). */
const enlarge = (random: Generator, from: number, to: number): Layer[] => [
  new Conv2d(random, from, 4 * to, { kernelSize: 1 }),
  relu,
  (x) => pixelShuffle(x, 2),
];

/** A 3x3 convolution, normalised. */
const convNorm = (random: Generator, from: number, to: number, norm: NormKind): Layer[] => [
  new Conv2d(random, from, to, { padding: 1, bias: false }),
  normLayer(norm, to),
  relu,
];

/** Enlarges what comes from below, joins the encoder's map of that size, and convolves twice (fastai's UnetBlock). */
class UNetBlock extends Module {
  shuf: Layer[];
  bn: Norm;
  conv1: Layer[];
  conv2: Layer[];
  readonly channels: number;

  constructor(random: Generator, below: number, skip: number, norm: NormKind, last: boolean) {
    super();
    const up = Math.floor(below / 2);
    const joined = up + skip;
    this.channels = last ? Math.floor(joined / 2) : joined;
    this.shuf = enlarge(random, below, up);
    this.bn = normLayer(norm, skip);
    this.conv1 = convNorm(random, joined, this.channels, norm);
    this.conv2 = convNorm(random, this.channels, this.channels, norm);
  }

  forward(below: Tensor, skip: Tensor): Tensor {
    const up = sequential(this.shuf, below);
    const size = [skip.shape[1]!, skip.shape[2]!] as const;
    const fits = up.shape[1] === size[0] && up.shape[2] === size[1];
    const there = fits ? up : interpolate(up, { size: [...size], mode: 'nearest' });
    return sequential(this.conv2, sequential(this.conv1, relu(concat([there, this.bn.forward(skip)], 3))));
  }
}

/**
 * U-Net on a ResNet (fastai's DynamicUnet, Howard and Gugger 2020): the maps that the encoder halves are joined on the way
 * up, by pixel shuffle; at full size the image itself is joined once more. The encoder's weights have torchvision's names
 * under `encoder.`, so that those of a classifier can be loaded. Images of any size.
 */
export class DynamicUNet extends Module {
  encoder: ResNet;
  bn: Norm;
  middle: Layer[];
  blocks: UNetBlock[];
  shuf: Layer[];
  res: Layer[];
  head: Conv2d;
  readonly config: DynamicUNetConfig;

  constructor(config: DynamicUNetConfig, seed = 0) {
    super();
    const random = generator(seed);
    const { norm = 'batch' } = config;
    this.config = config;
    this.encoder = new ResNet(config.backbone, random);
    const [c2, c3, c4, c5] = this.encoder.channels;
    this.bn = normLayer(norm, c5);
    this.middle = [...convNorm(random, c5, 2 * c5, norm), ...convNorm(random, 2 * c5, c5, norm)];
    let channels = c5;
    this.blocks = [c4, c3, c2, config.backbone.width ?? 64].map((skip, i) => {
      const block = new UNetBlock(random, channels, skip, norm, i === 3);
      channels = block.channels;
      return block;
    });
    this.shuf = enlarge(random, channels, channels);
    const joined = channels + 3;
    this.res = [
      ...convNorm(random, joined, joined, norm),
      new Conv2d(random, joined, joined, { padding: 1, bias: false }),
      normLayer(norm, joined),
    ];
    this.head = new Conv2d(random, joined, config.numClasses + 1, { kernelSize: 1, std: 0.05 });
  }

  /** images: [N,H,W,3] in 0..1, of any size. Logits [N,H,W,numClasses + 1]. */
  forward(images: Tensor): Tensor {
    const [H, W] = checkImages('DynamicUNet', images);
    const normal = normalizeImages(images, this.config.normalization);
    const { stem, maps } = this.encoder.stages(normal);
    const [c2, c3, c4, c5] = maps;
    const bottom = sequential(this.middle, relu(this.bn.forward(c5)));
    const skips = [c4, c3, c2, stem];
    const up = this.blocks.reduce((x, block, i) => block.forward(x, skips[i]!), bottom);
    const large = sequential(this.shuf, up);
    const fits = large.shape[1] === H && large.shape[2] === W;
    const there = fits ? large : interpolate(large, { size: [H, W], mode: 'nearest' });
    const joined = concat([there, normal], 3);
    return this.head.forward(relu(add(joined, sequential(this.res, joined))));
  }

  /** See segmentationLoss. masks: i32 [N,H,W], 255 is ignored. */
  losses(images: Tensor, masks: Tensor): { segmentation: Tensor } {
    return { segmentation: segmentationLoss(this.forward(images), masks, this.config) };
  }
}
