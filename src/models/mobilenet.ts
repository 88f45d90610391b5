import { add, relu6 } from '../graph/functions/elementwise.ts';
import { mean } from '../graph/functions/reduce.ts';
import type { Tensor } from '../graph/tensor.ts';
import { Sequential } from '../nn/containers.ts';
import { Dropout } from '../nn/dropout.ts';
import { Conv2d, Linear } from '../nn/layers.ts';
import { Module } from '../nn/module.ts';
import { type NormKind, normLayer } from '../nn/norms.ts';
import { type Generator, generatorOf, type SeedOptions } from '../nn/random.ts';
import { withDefaults } from '../options.ts';
import { IMAGENET, type Normalization, normalizeImages } from './preprocess.ts';
import { checkImages } from './segmentation.ts';

/** Everything that shapes a MobileNetV2. */
export interface MobileNetV2Config {
  /** The number of classes, labels 0 to numClasses - 1. Default: none, and no classifier. */
  readonly numClasses?: number;
  /** What all numbers of channels are multiplied by; the results are rounded to multiples of 8. Default 1. */
  readonly widthMult?: number;
  /** The probability that a feature before the classifier is left out in training. Default 0.2. */
  readonly dropout?: number;
  /** The normalisation layers. Default batch. */
  readonly norm?: NormKind;
  /** Mean and standard deviation that images are normalised by. Default ImageNet's. */
  readonly normalization?: Normalization;
}

/** Options of `MobileNetV2`. */
export interface MobileNetV2Options extends MobileNetV2Config, SeedOptions {}

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

/** The nearest multiple of 8 that is at most a tenth below (torchvision's _make_divisible). */
function multipleOf8(channels: number): number {
  const rounded = Math.max(8, Math.floor((channels + 4) / 8) * 8);
  return rounded < 0.9 * channels ? rounded + 8 : rounded;
}

interface ConvShape {
  readonly from: number;
  readonly to: number;
  readonly kernelSize: number;
  readonly stride?: number;
  readonly groups?: number;
}

/** What all layers of a network share. */
interface Shared {
  readonly norm: NormKind;
  readonly generator: Generator;
}

/** Convolution, norm, ReLU6. */
const convNormRelu = (
  { from, to, kernelSize, stride = 1, groups = 1 }: ConvShape,
  { norm, generator }: Shared,
): Sequential =>
  new Sequential(
    new Conv2d(from, to, kernelSize, {
      stride,
      groups,
      padding: Math.floor(kernelSize / 2),
      bias: false,
      generator,
    }),
    normLayer(norm, to),
    relu6,
  );

interface ResidualShape {
  readonly from: number;
  readonly to: number;
  readonly stride: number;
  readonly expansion: number;
}

/** 1x1 to more channels, 3x3 depthwise, 1x1 to few, around a shortcut where the shape stays (§3.3). */
class InvertedResidual extends Module {
  conv: Sequential;
  readonly #shortcut: boolean;

  constructor({ from, to, stride, expansion }: ResidualShape, shared: Shared) {
    super();
    const inner = from * expansion;
    this.conv = new Sequential();
    if (expansion !== 1) this.conv.append(convNormRelu({ from, to: inner, kernelSize: 1 }, shared));
    this.conv
      .append(convNormRelu({ from: inner, to: inner, kernelSize: 3, stride, groups: inner }, shared))
      .append(new Conv2d(inner, to, 1, { bias: false, generator: shared.generator }))
      .append(normLayer(shared.norm, to));
    this.#shortcut = stride === 1 && from === to;
  }

  forward(x: Tensor): Tensor {
    const y = this.conv.forward(x);
    return this.#shortcut ? add(x, y) : y;
  }
}

/**
 * MobileNetV2 (Sandler et al. 2018, Inverted residuals and linear bottlenecks), with torchvision's names.
 * With `numClasses` it classifies; without, it is a backbone.
 */
export class MobileNetV2 extends Module {
  features: Sequential;
  classifier: Sequential | undefined;
  readonly config: MobileNetV2Config;

  /** @param options All have defaults: without numClasses there is no classifier. */
  constructor(options: MobileNetV2Options = {}) {
    super();
    const random = generatorOf('MobileNetV2', options);
    const { seed: _seed, generator: _generator, ...config } = options;
    const { numClasses, widthMult, dropout, norm } = withDefaults('MobileNetV2', config, {
      numClasses: undefined,
      widthMult: 1,
      dropout: 0.2,
      norm: 'batch',
      normalization: undefined,
    });
    const shared = { norm, generator: random };
    this.config = config;
    let from = multipleOf8(32 * widthMult);
    this.features = new Sequential(convNormRelu({ from: 3, to: from, kernelSize: 3, stride: 2 }, shared));
    for (const [expansion, channels, blocks, stride] of GROUPS) {
      const to = multipleOf8(channels * widthMult);
      for (let i = 0; i < blocks; i++) {
        const shape = { from, to, stride: i === 0 ? stride : 1, expansion };
        this.features.append(new InvertedResidual(shape, shared));
        from = to;
      }
    }
    const last = multipleOf8(1280 * Math.max(1, widthMult));
    this.features.append(convNormRelu({ from, to: last, kernelSize: 1 }, shared));
    this.classifier =
      numClasses === undefined
        ? undefined
        : new Sequential(
            new Dropout(dropout, { generator: random }),
            new Linear(last, numClasses, { std: 0.01, generator: random }),
          );
  }

  /**
   * Logits [N,numClasses]; without a classifier, the pooled features.
   * @param images f32 [N,H,W,3] in 0..1.
   */
  forward(images: Tensor): Tensor {
    checkImages('MobileNetV2', images);
    const normal = normalizeImages(images, this.config.normalization ?? IMAGENET);
    const pooled = mean(this.features.forward(normal), { dim: [1, 2] });
    return this.classifier?.forward(pooled) ?? pooled;
  }
}

/** MobileNetV2 of width 1 as torchvision's mobilenet_v2, with 1000 classes by default. */
export const mobilenetV2 = (options: MobileNetV2Options = {}): MobileNetV2 =>
  new MobileNetV2({ ...options, numClasses: options.numClasses ?? 1000 });
