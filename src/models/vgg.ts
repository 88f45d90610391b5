import { adaptiveAvgPool2d, maxPool2d } from '../graph/functions/conv.ts';
import { relu } from '../graph/functions/elementwise.ts';
import type { Tensor } from '../graph/tensor.ts';
import { Sequential } from '../nn/containers.ts';
import { Dropout } from '../nn/dropout.ts';
import { Conv2d, Linear } from '../nn/layers.ts';
import { Module } from '../nn/module.ts';
import { BatchNorm2d } from '../nn/norms.ts';
import { generatorOf, type SeedOptions } from '../nn/random.ts';
import { objectOf, withDefaults } from '../options.ts';
import { fixed } from './options.ts';
import { IMAGENET, type Normalization, normalizeImages } from './preprocess.ts';
import { checkImages } from './segmentation.ts';

/** Everything that shapes a VGG. */
export interface VGGConfig {
  /** 3x3 convolutions in each of the five stages (Simonyan and Zisserman 2015, table 1). Default 2, 2, 3, 3, 3: VGG-16. */
  readonly depth?: readonly [number, number, number, number, number];
  /** Channels of the first stage; the next three have twice as many each, the last as many as the fourth. Default 64. */
  readonly width?: number;
  /** Whether batch norm follows each convolution (torchvision's _bn). Default false. */
  readonly batchNorm?: boolean;
  /** The number of classes, labels 0 to numClasses - 1. Default: none, and no classifier. */
  readonly numClasses?: number;
  /** Features of the two hidden layers of the classifier. Default 4096. */
  readonly hidden?: number;
  /** The probability that a hidden feature of the classifier is left out in training. Default 0.5. */
  readonly dropout?: number;
  /** Mean and standard deviation that images are normalised by. Default ImageNet's. */
  readonly normalization?: Normalization;
}

/** Options of `VGG`. */
export interface VGGOptions extends VGGConfig, SeedOptions {}

/** The configurations of torchvision's VGGs. */
export const VGGS = {
  vgg11: { depth: [1, 1, 2, 2, 2] },
  vgg13: { depth: [2, 2, 2, 2, 2] },
  vgg16: { depth: [2, 2, 3, 3, 3] },
  vgg19: { depth: [2, 2, 4, 4, 4] },
  vgg11_bn: { depth: [1, 1, 2, 2, 2], batchNorm: true },
  vgg13_bn: { depth: [2, 2, 2, 2, 2], batchNorm: true },
  vgg16_bn: { depth: [2, 2, 3, 3, 3], batchNorm: true },
  vgg19_bn: { depth: [2, 2, 4, 4, 4], batchNorm: true },
} as const satisfies Record<string, VGGConfig>;

/** The name of one of torchvision's VGGs. */
export type VGGName = keyof typeof VGGS;

/** Rows and columns that maps are pooled to before the classifier. */
const POOLED = 7;

/** The number of channels of each of the five stages. */
export const vggChannels = (width: number): number[] => [1, 2, 4, 8, 8].map((factor) => factor * width);

/**
 * VGG (Simonyan and Zisserman 2015, Very deep convolutional networks), with torchvision's names. With `numClasses` it
 * classifies; without, it has no classifier.
 * `forward` takes images in 0..1 and normalises them by `normalization`, where torchvision's transforms do that before the model.
 */
export class VGG extends Module {
  features: Sequential;
  classifier: Sequential | undefined;
  readonly config: VGGConfig;

  /** @param options All have defaults, those of VGG-16: `{ ...VGGS.vgg19_bn, numClasses: 10 }`. */
  constructor(options: VGGOptions = {}) {
    super();
    const generator = generatorOf('VGG', options);
    const { seed: _seed, generator: _generator, ...config } = options;
    this.config = fixed(config);
    const { depth, width, batchNorm, numClasses, hidden, dropout } = withDefaults('VGG', config, {
      depth: VGGS.vgg16.depth,
      width: 64,
      batchNorm: false,
      numClasses: undefined,
      hidden: 4096,
      dropout: 0.5,
      normalization: undefined,
    });
    this.features = new Sequential();
    let from = 3;
    vggChannels(width).forEach((to, stage) => {
      for (let i = 0; i < depth[stage]!; i++) {
        this.features.append(new Conv2d(from, to, 3, { padding: 1, generator }));
        if (batchNorm) this.features.append(new BatchNorm2d(to));
        this.features.append(relu);
        from = to;
      }
      this.features.append((x) => maxPool2d(x, 2, { stride: 2 }));
    });
    const plain = { std: 0.01, generator };
    const pixels = POOLED ** 2;
    this.classifier =
      numClasses === undefined
        ? undefined
        : new Sequential(
            new Linear(from * pixels, hidden, { ...plain, pixels }),
            relu,
            new Dropout(dropout, { generator }),
            new Linear(hidden, hidden, plain),
            relu,
            new Dropout(dropout, { generator }),
            new Linear(hidden, numClasses, plain),
          );
  }

  /**
   * Logits [N,numClasses]; without a classifier, the features pooled to [N,7,7,C].
   * @param images f32 [N,H,W,3] in 0..1, with sides of at least 32.
   */
  forward(images: Tensor): Tensor {
    checkImages('VGG', images);
    const normal = normalizeImages(images, this.config.normalization ?? IMAGENET);
    const pooled = adaptiveAvgPool2d(this.features.forward(normal), POOLED);
    return this.classifier?.forward(pooled.reshape([images.shape[0]!, -1])) ?? pooled;
  }
}

/** VGG-16 as torchvision's vgg16, with 1000 classes by default. */
export const vgg16 = (options: VGGOptions = {}): VGG =>
  new VGG({ ...objectOf('vgg16', options), numClasses: options.numClasses ?? 1000 });
