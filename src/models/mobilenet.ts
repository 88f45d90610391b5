import { add, relu6 } from '../graph/functions/elementwise.ts';
import type { Tensor } from '../graph/tensor.ts';
import { Sequential } from '../nn/containers.ts';
import { Dropout } from '../nn/dropout.ts';
import { Conv2d, Linear } from '../nn/layers.ts';
import { Module } from '../nn/module.ts';
import { type NormKind, normLayer } from '../nn/norms.ts';
import { generatorOf, type SeedOptions } from '../nn/random.ts';
import { objectOf, withDefaults } from '../options.ts';
import { convNormActivation, multipleOf8, pooledLogits, type SharedLayers } from './convBlocks.ts';
import { fixed } from './options.ts';
import type { Normalization } from './preprocess.ts';

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

  constructor({ from, to, stride, expansion }: ResidualShape, shared: SharedLayers) {
    super();
    const inner = from * expansion;
    this.conv = new Sequential();
    if (expansion !== 1)
      this.conv.append(convNormActivation({ from, to: inner, kernelSize: 1 }, shared, relu6));
    this.conv
      .append(
        convNormActivation({ from: inner, to: inner, kernelSize: 3, stride, groups: inner }, shared, relu6),
      )
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
 * `forward` takes images in 0..1 and normalises them by `normalization`, where torchvision's transforms do that before the model.
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
    this.config = fixed(config);
    let from = multipleOf8(32 * widthMult);
    this.features = new Sequential(
      convNormActivation({ from: 3, to: from, kernelSize: 3, stride: 2 }, shared, relu6),
    );
    for (const [expansion, channels, blocks, stride] of GROUPS) {
      const to = multipleOf8(channels * widthMult);
      for (let i = 0; i < blocks; i++) {
        const shape = { from, to, stride: i === 0 ? stride : 1, expansion };
        this.features.append(new InvertedResidual(shape, shared));
        from = to;
      }
    }
    const last = multipleOf8(1280 * Math.max(1, widthMult));
    this.features.append(convNormActivation({ from, to: last, kernelSize: 1 }, shared, relu6));
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
    return pooledLogits('MobileNetV2', this, images);
  }
}

/** MobileNetV2 of width 1 as torchvision's mobilenet_v2, with 1000 classes by default. */
export const mobilenetV2 = (options: MobileNetV2Options = {}): MobileNetV2 =>
  new MobileNetV2({ ...objectOf('mobilenetV2', options), numClasses: options.numClasses ?? 1000 });
