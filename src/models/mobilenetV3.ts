import { add, hardsigmoid, hardswish, relu } from '../graph/functions/elementwise.ts';
import type { Tensor } from '../graph/tensor.ts';
import { Sequential } from '../nn/containers.ts';
import { Dropout } from '../nn/dropout.ts';
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
import { fixed, oneOf } from './options.ts';
import type { Normalization } from './preprocess.ts';

/** Everything that shapes the features of a MobileNetV3, which detectors and segmenters use. */
export interface MobileNetV3FeaturesConfig {
  /** Which of the two networks (Howard et al. 2019, tables 1 and 2). */
  readonly variant: 'large' | 'small';
  /** What all numbers of channels are multiplied by; the results are rounded to multiples of 8. Default 1. */
  readonly widthMult?: number;
  /** Whether the last blocks have half of the channels (table 6). Default false. */
  readonly reducedTail?: boolean;
  /** Whether the last blocks keep the resolution and dilate their kernels instead. Default false. */
  readonly dilated?: boolean;
  /** The normalisation layers. Default batch. */
  readonly norm?: NormKind;
  /** Constants of the normalisation layers. Default: eps 0.001, momentum 0.01. */
  readonly batchNorm?: BatchNormOptions;
}

/** Everything that shapes a MobileNetV3. */
export interface MobileNetV3Config extends MobileNetV3FeaturesConfig {
  /** The number of classes, labels 0 to numClasses - 1. Default: none, and no classifier. */
  readonly numClasses?: number;
  /** The probability that a feature before the last layer is left out in training. Default 0.2. */
  readonly dropout?: number;
  /** Mean and standard deviation that images are normalised by. Default ImageNet's. */
  readonly normalization?: Normalization;
}

/** Options of `MobileNetV3`: `variant` must be given. */
export interface MobileNetV3Options extends MobileNetV3Config, SeedOptions {}

type Row = readonly [
  kernelSize: number,
  expanded: number,
  channels: number,
  squeeze: boolean,
  activation: 'RE' | 'HS',
  stride: number,
];

/** Table 1. The last three blocks are the tail. */
const LARGE: readonly Row[] = [
  [3, 16, 16, false, 'RE', 1],
  [3, 64, 24, false, 'RE', 2],
  [3, 72, 24, false, 'RE', 1],
  [5, 72, 40, true, 'RE', 2],
  [5, 120, 40, true, 'RE', 1],
  [5, 120, 40, true, 'RE', 1],
  [3, 240, 80, false, 'HS', 2],
  [3, 200, 80, false, 'HS', 1],
  [3, 184, 80, false, 'HS', 1],
  [3, 184, 80, false, 'HS', 1],
  [3, 480, 112, true, 'HS', 1],
  [3, 672, 112, true, 'HS', 1],
  [5, 672, 160, true, 'HS', 2],
  [5, 960, 160, true, 'HS', 1],
  [5, 960, 160, true, 'HS', 1],
];

/** Table 2. The last three blocks are the tail. */
const SMALL: readonly Row[] = [
  [3, 16, 16, true, 'RE', 2],
  [3, 72, 24, false, 'RE', 2],
  [3, 88, 24, false, 'RE', 1],
  [5, 96, 40, true, 'HS', 2],
  [5, 240, 40, true, 'HS', 1],
  [5, 240, 40, true, 'HS', 1],
  [5, 120, 48, true, 'HS', 1],
  [5, 144, 48, true, 'HS', 1],
  [5, 288, 96, true, 'HS', 2],
  [5, 576, 96, true, 'HS', 1],
  [5, 576, 96, true, 'HS', 1],
];

const TABLES = { large: LARGE, small: SMALL } as const;
/** Features of the hidden layer of the classifier. */
const HIDDEN = { large: 1280, small: 1024 } as const;
const TAIL = 3;

interface BlockShape {
  readonly from: number;
  readonly expanded: number;
  readonly to: number;
  readonly kernelSize: number;
  readonly stride: number;
  readonly dilation: number;
  readonly squeeze: boolean;
  readonly hardswish: boolean;
}

/**
 * 1x1 to more channels, depthwise, squeeze and excitation, 1x1 to few, around a shortcut where the shape stays (Howard et al.
 * 2019, §4 and 5; torchvision's InvertedResidual).
 */
export class MobileBlock extends Module {
  block: Sequential;
  /** Channels of its depthwise convolution. */
  readonly expanded: number;
  readonly #shortcut: boolean;

  constructor(shape: BlockShape, shared: SharedLayers) {
    super();
    const { from, expanded, to, kernelSize, dilation, squeeze } = shape;
    const activation = shape.hardswish ? hardswish : relu;
    const stride = dilation > 1 ? 1 : shape.stride;
    this.block = new Sequential();
    if (expanded !== from) {
      this.block.append(convNormActivation({ from, to: expanded, kernelSize: 1 }, shared, activation));
    }
    const depthwise = { from: expanded, to: expanded, kernelSize, stride, dilation, groups: expanded };
    this.block.append(convNormActivation(depthwise, shared, activation));
    if (squeeze) {
      const options = { activation: relu, scale: hardsigmoid, generator: shared.generator };
      this.block.append(new SqueezeExcitation(expanded, multipleOf8(Math.floor(expanded / 4)), options));
    }
    this.block.append(convNormActivation({ from: expanded, to, kernelSize: 1 }, shared));
    this.expanded = expanded;
    this.#shortcut = shape.stride === 1 && from === to;
  }

  forward(x: Tensor): Tensor {
    const y = this.block.forward(x);
    return this.#shortcut ? add(x, y) : y;
  }
}

/** The layers of a MobileNetV3 up to its classifier, under torchvision's indices. */
export class MobileNetV3Features extends Sequential {
  /** The channels of each layer's result. */
  readonly channels: readonly number[];
  /** The indices of torchvision's stages: the first layer, those that halve the size (or would), and the last. */
  readonly stages: readonly number[];
  /** Constants of its normalisation layers. */
  readonly batchNorm: BatchNormOptions;

  constructor(config: MobileNetV3FeaturesConfig & Required<Pick<SeedOptions, 'generator'>>) {
    super();
    const { variant, widthMult = 1, reducedTail = false, dilated = false, generator } = config;
    const { norm = 'batch', batchNorm = { eps: 1e-3, momentum: 0.01 } } = config;
    const shared = { norm, batchNorm, generator };
    this.batchNorm = batchNorm;
    const width = (channels: number) => multipleOf8(channels * widthMult);
    const table = oneOf('MobileNetV3', 'variant', variant, TABLES);
    let from = width(16);
    const channels = [from];
    this.append(convNormActivation({ from: 3, to: from, kernelSize: 3, stride: 2 }, shared, hardswish));
    table.forEach(([kernelSize, expanded, to, squeeze, activation, stride], i) => {
      const tail = i - (table.length - TAIL);
      const less = (value: number, first: number) =>
        width(reducedTail && tail >= first ? Math.floor(value / 2) : value);
      const shape = {
        from,
        // The first block of the tail is expanded as before, and only its result is narrower.
        expanded: less(expanded, 1),
        to: less(to, 0),
        kernelSize,
        stride,
        dilation: dilated && tail >= 0 ? 2 : 1,
        squeeze,
        hardswish: activation === 'HS',
      };
      this.append(new MobileBlock(shape, shared));
      from = shape.to;
      channels.push(from);
    });
    const last = 6 * from;
    this.append(convNormActivation({ from, to: last, kernelSize: 1 }, shared, hardswish));
    this.channels = [...channels, last];
    const strided = table.flatMap(([, , , , , stride], i) => (stride > 1 ? [i + 1] : []));
    this.stages = [0, ...strided, table.length + 1];
  }

  /** The results of all layers, in order. */
  maps(x: Tensor): Tensor[] {
    const maps: Tensor[] = [];
    for (const layer of this) {
      const y = maps.at(-1) ?? x;
      maps.push(typeof layer === 'function' ? layer(y) : layer.forward(y));
    }
    return maps;
  }
}

/**
 * MobileNetV3 (Howard et al. 2019, Searching for MobileNetV3), with torchvision's names. With `numClasses` it classifies;
 * without, it has no classifier.
 * `forward` takes images in 0..1 and normalises them by `normalization`, where torchvision's transforms do that before the model.
 */
export class MobileNetV3 extends Module {
  /** @internal */
  features: MobileNetV3Features;
  classifier: Sequential | undefined;
  readonly config: MobileNetV3Config;

  /** @param options `variant` must be given: large or small. Without numClasses there is no classifier. */
  constructor(options: MobileNetV3Options) {
    super();
    const generator = generatorOf('MobileNetV3', options);
    const { seed: _seed, generator: _generator, ...config } = options;
    this.config = fixed(config);
    const {
      numClasses,
      dropout,
      normalization: _normalization,
      ...features
    } = withDefaults('MobileNetV3', config, {
      variant: config.variant,
      widthMult: 1,
      reducedTail: false,
      dilated: false,
      norm: 'batch',
      batchNorm: { eps: 1e-3, momentum: 0.01 },
      numClasses: undefined,
      dropout: 0.2,
      normalization: undefined,
    });
    this.features = new MobileNetV3Features({ ...features, generator });
    const { variant, widthMult, reducedTail } = features;
    const hidden = multipleOf8(Math.floor(HIDDEN[variant] / (reducedTail ? 2 : 1)) * widthMult);
    const plain = { std: 0.01, generator };
    this.classifier =
      numClasses === undefined
        ? undefined
        : new Sequential(
            new Linear(this.features.channels.at(-1)!, hidden, plain),
            hardswish,
            new Dropout(dropout, { generator }),
            new Linear(hidden, numClasses, plain),
          );
  }

  /**
   * Logits [N,numClasses]; without a classifier, the pooled features.
   * @param images f32 [N,H,W,3] in 0..1.
   */
  forward(images: Tensor): Tensor {
    return pooledLogits('MobileNetV3', this, images);
  }
}

/** Options of `mobilenetV3Large` and `mobilenetV3Small`. Default: numClasses 1000. */
export type MobileNetV3BuilderOptions = Omit<MobileNetV3Options, 'variant'>;

/** MobileNetV3 large as torchvision's mobilenet_v3_large, with 1000 classes by default. */
export const mobilenetV3Large = (options: MobileNetV3BuilderOptions = {}): MobileNetV3 =>
  new MobileNetV3({
    ...objectOf('mobilenetV3Large', options),
    variant: 'large',
    numClasses: options.numClasses ?? 1000,
  });
/** MobileNetV3 small as torchvision's mobilenet_v3_small, with 1000 classes by default. */
export const mobilenetV3Small = (options: MobileNetV3BuilderOptions = {}): MobileNetV3 =>
  new MobileNetV3({
    ...objectOf('mobilenetV3Small', options),
    variant: 'small',
    numClasses: options.numClasses ?? 1000,
  });
