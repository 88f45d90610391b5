import { add, sigmoid, silu } from '../graph/functions/elementwise.ts';
import type { Tensor } from '../graph/tensor.ts';
import { Sequential } from '../nn/containers.ts';
import { Dropout, StochasticDepth } from '../nn/dropout.ts';
import { Linear } from '../nn/layers.ts';
import { Module } from '../nn/module.ts';
import type { BatchNormOptions, NormKind } from '../nn/norms.ts';
import { generatorOf, type SeedOptions } from '../nn/random.ts';
import { objectOf, withDefaults } from '../options.ts';
import {
  convNormActivation,
  multipleOf8,
  pooledLogits,
  type SharedLayers,
  SqueezeExcitation,
} from './convBlocks.ts';
import { fixed } from './options.ts';
import type { Normalization } from './preprocess.ts';

/** Everything that shapes an EfficientNet. Defaults are those of B0. */
export interface EfficientNetConfig {
  /** The number of classes, labels 0 to numClasses - 1. Default: none, and no classifier. */
  readonly numClasses?: number;
  /** What all numbers of channels are multiplied by; the results are rounded to multiples of 8. Default 1. */
  readonly widthMult?: number;
  /** What the number of blocks of each stage is multiplied by, rounded up. Default 1. */
  readonly depthMult?: number;
  /** The probability that a feature before the classifier is left out in training. Default 0.2. */
  readonly dropout?: number;
  /**
   * The probability that the last block is left out in training; the first one never is, and between them it grows in
   * proportion to the depth. Default 0.2.
   */
  readonly stochasticDepth?: number;
  /** The normalisation layers. Default batch. */
  readonly norm?: NormKind;
  /** Constants of the normalisation layers. Default: eps 1e-5, momentum 0.1; B5 to B7 have 0.001 and 0.01. */
  readonly batchNorm?: BatchNormOptions;
  /** Mean and standard deviation that images are normalised by. Default ImageNet's. */
  readonly normalization?: Normalization;
}

/** Options of `EfficientNet`. */
export interface EfficientNetOptions extends EfficientNetConfig, SeedOptions {}

const WIDE = { batchNorm: { eps: 1e-3, momentum: 0.01 } } as const;

/** The configurations of torchvision's efficientnet_b0 to b7 (Tan and Le 2019, §4). */
export const EFFICIENTNETS = {
  efficientnet_b0: { widthMult: 1, depthMult: 1, dropout: 0.2 },
  efficientnet_b1: { widthMult: 1, depthMult: 1.1, dropout: 0.2 },
  efficientnet_b2: { widthMult: 1.1, depthMult: 1.2, dropout: 0.3 },
  efficientnet_b3: { widthMult: 1.2, depthMult: 1.4, dropout: 0.3 },
  efficientnet_b4: { widthMult: 1.4, depthMult: 1.8, dropout: 0.4 },
  efficientnet_b5: { widthMult: 1.6, depthMult: 2.2, dropout: 0.4, ...WIDE },
  efficientnet_b6: { widthMult: 1.8, depthMult: 2.6, dropout: 0.5, ...WIDE },
  efficientnet_b7: { widthMult: 2, depthMult: 3.1, dropout: 0.5, ...WIDE },
} as const satisfies Record<string, EfficientNetConfig>;

/** The name of one of torchvision's EfficientNets. */
export type EfficientNetName = keyof typeof EFFICIENTNETS;

/** Expansion, kernel size, stride, channels and blocks of each stage (table 1). */
const STAGES = [
  [1, 3, 1, 16, 1],
  [6, 3, 2, 24, 2],
  [6, 5, 2, 40, 2],
  [6, 3, 2, 80, 3],
  [6, 5, 1, 112, 3],
  [6, 5, 2, 192, 4],
  [6, 3, 1, 320, 1],
] as const;

interface BlockShape {
  readonly from: number;
  readonly to: number;
  readonly expansion: number;
  readonly kernelSize: number;
  readonly stride: number;
  /** The probability that it is left out. */
  readonly skipped: number;
}

/** 1x1 to more channels, depthwise, squeeze and excitation, 1x1 to few, around a shortcut where the shape stays. */
class MBConv extends Module {
  block: Sequential;
  /** @internal */
  stochastic_depth: StochasticDepth;
  readonly #shortcut: boolean;

  constructor({ from, to, expansion, kernelSize, stride, skipped }: BlockShape, shared: SharedLayers) {
    super();
    const { generator } = shared;
    const inner = multipleOf8(from * expansion);
    this.block = new Sequential();
    if (inner !== from) {
      this.block.append(convNormActivation({ from, to: inner, kernelSize: 1 }, shared, silu));
    }
    const depthwise = { from: inner, to: inner, kernelSize, stride, groups: inner };
    this.block.append(convNormActivation(depthwise, shared, silu));
    const squeeze = Math.max(1, Math.floor(from / 4));
    this.block.append(new SqueezeExcitation(inner, squeeze, { activation: silu, scale: sigmoid, generator }));
    this.block.append(convNormActivation({ from: inner, to, kernelSize: 1 }, shared));
    this.stochastic_depth = new StochasticDepth(skipped, 'row', { generator });
    this.#shortcut = stride === 1 && from === to;
  }

  forward(x: Tensor): Tensor {
    const y = this.block.forward(x);
    return this.#shortcut ? add(x, this.stochastic_depth.forward(y)) : y;
  }
}

/**
 * EfficientNet (Tan and Le 2019, EfficientNet: rethinking model scaling), with torchvision's names. With `numClasses` it
 * classifies; without, it has no classifier.
 * `forward` takes images in 0..1 and normalises them by `normalization`, where torchvision's transforms do that before the model.
 */
export class EfficientNet extends Module {
  features: Sequential;
  classifier: Sequential | undefined;
  readonly config: EfficientNetConfig;

  /** @param options All have defaults, those of B0: `{ ...EFFICIENTNETS.efficientnet_b3, numClasses: 10 }`. */
  constructor(options: EfficientNetOptions = {}) {
    super();
    const generator = generatorOf('EfficientNet', options);
    const { seed: _seed, generator: _generator, ...config } = options;
    this.config = fixed(config);
    const { numClasses, widthMult, depthMult, dropout, stochasticDepth, norm, batchNorm } = withDefaults(
      'EfficientNet',
      config,
      {
        numClasses: undefined,
        widthMult: 1,
        depthMult: 1,
        dropout: 0.2,
        stochasticDepth: 0.2,
        norm: 'batch',
        batchNorm: { eps: 1e-5, momentum: 0.1 },
        normalization: undefined,
      },
    );
    const shared = { norm, batchNorm, generator };
    const width = (channels: number) => multipleOf8(channels * widthMult);
    const depths = STAGES.map(([, , , , blocks]) => Math.ceil(blocks * depthMult));
    const total = depths.reduce((a, b) => a + b);
    let from = width(32);
    let index = 0;
    this.features = new Sequential(
      convNormActivation({ from: 3, to: from, kernelSize: 3, stride: 2 }, shared, silu),
    );
    STAGES.forEach(([expansion, kernelSize, stride, channels], i) => {
      const to = width(channels);
      const stage = new Sequential();
      for (let n = 0; n < depths[i]!; n++) {
        const skipped = (stochasticDepth * index++) / total;
        const shape = { from, to, expansion, kernelSize, stride: n === 0 ? stride : 1, skipped };
        stage.append(new MBConv(shape, shared));
        from = to;
      }
      this.features.append(stage);
    });
    this.features.append(convNormActivation({ from, to: 4 * from, kernelSize: 1 }, shared, silu));
    this.classifier =
      numClasses === undefined
        ? undefined
        : new Sequential(
            new Dropout(dropout, { generator }),
            // torchvision's are uniform up to 1 / sqrt(numClasses).
            new Linear(4 * from, numClasses, { std: 1 / Math.sqrt(3 * numClasses), generator }),
          );
  }

  /**
   * Logits [N,numClasses]; without a classifier, the pooled features.
   * @param images f32 [N,H,W,3] in 0..1.
   */
  forward(images: Tensor): Tensor {
    return pooledLogits('EfficientNet', this, images);
  }
}

/** EfficientNet-B0 as torchvision's efficientnet_b0, with 1000 classes by default. */
export const efficientnetB0 = (options: EfficientNetOptions = {}): EfficientNet =>
  new EfficientNet({ ...objectOf('efficientnetB0', options), numClasses: options.numClasses ?? 1000 });
