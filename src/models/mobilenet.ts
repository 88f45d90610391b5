import { add, relu6 } from '../graph/functions/elementwise.ts';
import { mean } from '../graph/functions/reduce.ts';
import type { Tensor } from '../graph/tensor.ts';
import { type Generator, generator } from '../nn/init.ts';
import { Conv2d, type Layer, Linear, type NormKind, normLayer, sequential } from '../nn/layers.ts';
import { Module } from '../nn/module.ts';
import { IMAGENET, type Normalization, normalizeImages } from './preprocess.ts';
import { checkImages } from './segmentation.ts';

/** Everything that shapes a MobileNetV2; saved with its weights. */
export interface MobileNetV2Config {
  /** Without it there is no classifier. */
  readonly numClasses?: number;
  /** Factor of all channels; to multiples of 8. Default 1. */
  readonly widthMult?: number;
  /** Default batch. */
  readonly norm?: NormKind;
  /** Of the images that `forward` takes. Default ImageNet's. */
  readonly normalization?: Normalization;
}

/** Expansion, channels, blocks and stride of each group (Sandler et al. 2018, table 2). */
const GROUPS = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
] as const;

/** To the nearest multiple of 8, but not more than a tenth below (torchvision's _make_divisible). */
function multipleOf8(channels: number): number {
  const rounded = Math.max(8, Math.floor((channels + 4) / 8) * 8);
  return rounded < 0.9 * channels ? rounded + 8 : rounded;
}

interface ConvShape {
  readonly kernelSize: number;
  readonly stride?: number;
  readonly groups?: number;
}

/** Convolution, norm, ReLU6. */
const convNormRelu = (
  random: Generator,
  from: number,
  to: number,
  { kernelSize, stride = 1, groups = 1 }: ConvShape,
  norm: NormKind,
): Layer[] => [
  new Conv2d(random, from, to, {
    kernelSize,
    stride,
    groups,
    padding: Math.floor(kernelSize / 2),
    bias: false,
  }),
  normLayer(norm, to),
  relu6,
];

/** 1x1 to more channels, 3x3 depthwise, 1x1 to few, around a shortcut where the shape stays (§3.3). */
class InvertedResidual extends Module {
  conv: (Layer | Layer[])[];
  readonly #shortcut: boolean;

  constructor(
    random: Generator,
    from: number,
    to: number,
    stride: number,
    expansion: number,
    norm: NormKind,
  ) {
    super();
    const inner = from * expansion;
    this.conv = [
      ...(expansion === 1 ? [] : [convNormRelu(random, from, inner, { kernelSize: 1 }, norm)]),
      convNormRelu(random, inner, inner, { kernelSize: 3, stride, groups: inner }, norm),
      new Conv2d(random, inner, to, { kernelSize: 1, bias: false }),
      normLayer(norm, to),
    ];
    this.#shortcut = stride === 1 && from === to;
  }

  forward(x: Tensor): Tensor {
    const y = sequential(this.conv.flat(), x);
    return this.#shortcut ? add(x, y) : y;
  }
}

/**
 * MobileNetV2 (Sandler et al. 2018, Inverted residuals and linear bottlenecks), without its dropout, with torchvision's
 * names. With `numClasses` it classifies; without, it is a backbone.
 */
export class MobileNetV2 extends Module {
  features: (Layer | Layer[])[];
  classifier: Layer[] | undefined;
  readonly config: MobileNetV2Config;

  constructor(config: MobileNetV2Config, seedOrRandom: number | Generator = 0) {
    super();
    const random = typeof seedOrRandom === 'number' ? generator(seedOrRandom) : seedOrRandom;
    const { numClasses, widthMult = 1, norm = 'batch' } = config;
    this.config = config;
    let from = multipleOf8(32 * widthMult);
    this.features = [convNormRelu(random, 3, from, { kernelSize: 3, stride: 2 }, norm)];
    for (const [expansion, channels, blocks, stride] of GROUPS) {
      const to = multipleOf8(channels * widthMult);
      for (let i = 0; i < blocks; i++) {
        this.features.push(new InvertedResidual(random, from, to, i === 0 ? stride : 1, expansion, norm));
        from = to;
      }
    }
    const last = multipleOf8(1280 * Math.max(1, widthMult));
    this.features.push(convNormRelu(random, from, last, { kernelSize: 1 }, norm));
    // torchvision's dropout stands first; it has no weights.
    this.classifier =
      numClasses === undefined ? undefined : [(x) => x, new Linear(random, last, numClasses, { std: 0.01 })];
  }

  /** Logits [N,numClasses] of images [N,H,W,3] in 0..1; the pooled features where there is no classifier. */
  forward(images: Tensor): Tensor {
    checkImages('MobileNetV2', images);
    const normal = normalizeImages(images, this.config.normalization ?? IMAGENET);
    const pooled = mean(sequential(this.features.flat(), normal), { dim: [1, 2] });
    return this.classifier ? sequential(this.classifier, pooled) : pooled;
  }
}

/** MobileNetV2 of width 1, as torchvision's mobilenet_v2. */
export const mobilenetV2 = (numClasses = 1000, seed = 0): MobileNetV2 =>
  new MobileNetV2({ numClasses }, seed);
