import { UsageError } from '../errors.ts';
import { add, relu } from '../graph/functions/elementwise.ts';
import { mean } from '../graph/functions/reduce.ts';
import { pad, slice } from '../graph/functions/shape.ts';
import type { Tensor } from '../graph/tensor.ts';
import { Sequential } from '../nn/containers.ts';
import { Conv2d, Linear } from '../nn/layers.ts';
import { Module } from '../nn/module.ts';
import { BatchNorm2d } from '../nn/norms.ts';
import { type Generator, generatorOf, type SeedOptions } from '../nn/random.ts';
import { objectOf, withDefaults } from '../options.ts';
import { expectCount, fixed, oneOf } from './options.ts';
import { IMAGENET, type Normalization, normalizeImages } from './preprocess.ts';
import { checkImages } from './segmentation.ts';

/** Everything that shapes a ResNet for small images. Defaults are those of ResNet-20. */
export interface CifarResNetConfig {
  /** The number of classes, labels 0 to numClasses - 1. */
  readonly numClasses: number;
  /** Blocks in each of the three stages. Default [3, 3, 3]: 20 layers. */
  readonly depth?: readonly [number, number, number];
  /** Channels of the first stage; the next two have twice and four times as many. Default 16. */
  readonly width?: number;
  /**
   * What a shortcut is where the size changes. `pad`: every second pixel, with channels of zeros around (option A of the paper, no
   * parameters). `conv`: a 1x1 convolution and a batch norm (option B). Default pad.
   */
  readonly shortcut?: 'pad' | 'conv';
  /** Mean and standard deviation that images are normalised by. Default ImageNet's. */
  readonly normalization?: Normalization;
}

/** Options of `CifarResNet`: `numClasses` must be given. */
export interface CifarResNetOptions extends CifarResNetConfig, SeedOptions {}

interface BlockShape {
  readonly from: number;
  readonly to: number;
  readonly stride: number;
  readonly shortcut: 'pad' | 'conv';
  readonly generator: Generator;
}

/** Two 3x3 convolutions around a shortcut. */
class CifarBlock extends Module {
  conv1: Conv2d;
  bn1: BatchNorm2d;
  conv2: Conv2d;
  bn2: BatchNorm2d;
  shortcut: Sequential | undefined;
  /** Channels of zeros on each side of the shortcut's. */
  readonly #padding: number;
  readonly #stride: number;

  constructor({ from, to, stride, shortcut, generator }: BlockShape) {
    super();
    const plain = { padding: 1, bias: false, generator };
    this.conv1 = new Conv2d(from, to, 3, { ...plain, stride });
    this.bn1 = new BatchNorm2d(to);
    this.conv2 = new Conv2d(to, to, 3, plain);
    this.bn2 = new BatchNorm2d(to);
    this.shortcut =
      shortcut === 'conv' && (stride > 1 || from !== to)
        ? new Sequential(new Conv2d(from, to, 1, { stride, bias: false, generator }), new BatchNorm2d(to))
        : undefined;
    this.#padding = (to - from) / 2;
    this.#stride = stride;
  }

  forward(x: Tensor): Tensor {
    const inner = relu(this.bn1.forward(this.conv1.forward(x)));
    return relu(add(this.bn2.forward(this.conv2.forward(inner)), this.#shortcut(x)));
  }

  #shortcut(x: Tensor): Tensor {
    if (this.shortcut) return this.shortcut.forward(x);
    if (this.#stride === 1) return x;
    const step = [null, null, this.#stride] as const;
    const small = slice(x, [[], step, step]);
    return pad(small, [
      [0, 0],
      [0, 0],
      [0, 0],
      [this.#padding, this.#padding],
    ]);
  }
}

/**
 * ResNet for small images (He et al. 2016, Deep residual learning, §4.2): a 3x3 convolution and three stages of basic blocks of
 * strides 1, 2 and 2, with the names of akamaster's pytorch_resnet_cifar10. Weights of its resnet20 to resnet110 fit.
 * `forward` takes images in 0..1 and normalises them by `normalization`. The paper's are of 32x32 pixels; any size can be classified.
 */
export class CifarResNet extends Module {
  conv1: Conv2d;
  bn1: BatchNorm2d;
  /** @internal */
  layer1: CifarBlock[];
  /** @internal */
  layer2: CifarBlock[];
  /** @internal */
  layer3: CifarBlock[];
  linear: Linear;
  readonly config: CifarResNetConfig;

  /** @param options `numClasses` must be given. Throws UsageError for counts that cannot be, and an odd width with `pad`. */
  constructor(options: CifarResNetOptions) {
    super();
    const generator = generatorOf('CifarResNet', options);
    const { seed: _seed, generator: _generator, ...config } = options;
    const { numClasses, depth, width, shortcut } = withDefaults('CifarResNet', config, {
      numClasses: config.numClasses,
      depth: [3, 3, 3] as const,
      width: 16,
      shortcut: 'pad',
      normalization: undefined,
    });
    expectCount('CifarResNet', 'numClasses', numClasses);
    expectCount('CifarResNet', 'width', width);
    for (const [i, blocks] of depth.entries()) expectCount('CifarResNet', `depth[${i}]`, blocks);
    oneOf('CifarResNet', 'shortcut', shortcut, { pad: 0, conv: 0 });
    if (shortcut === 'pad' && width % 2 !== 0) {
      throw new UsageError(
        `CifarResNet: width is ${width}; give an even one, or shortcut conv: half of the new channels go on each side`,
      );
    }
    this.config = fixed(config);
    this.conv1 = new Conv2d(3, width, 3, { padding: 1, bias: false, generator });
    this.bn1 = new BatchNorm2d(width);
    let from = width;
    const stage = (i: 0 | 1 | 2): CifarBlock[] =>
      Array.from({ length: depth[i] }, (_, n) => {
        const to = width * 2 ** i;
        const block = new CifarBlock({ from, to, stride: i > 0 && n === 0 ? 2 : 1, shortcut, generator });
        from = to;
        return block;
      });
    this.layer1 = stage(0);
    this.layer2 = stage(1);
    this.layer3 = stage(2);
    this.linear = new Linear(4 * width, numClasses, { generator });
  }

  /**
   * Logits [N,numClasses].
   * @param images f32 [N,H,W,3] in 0..1.
   */
  forward(images: Tensor): Tensor {
    checkImages('CifarResNet', images);
    const normal = normalizeImages(images, this.config.normalization ?? IMAGENET);
    const stem = relu(this.bn1.forward(this.conv1.forward(normal)));
    const blocks = [...this.layer1, ...this.layer2, ...this.layer3];
    const features = blocks.reduce((x, block) => block.forward(x), stem);
    return this.linear.forward(mean(features, { dim: [1, 2] }));
  }
}

/** Options of `resnet20`. Default: numClasses 10, as CIFAR-10 has. */
export type CifarResNetBuilderOptions = Partial<Omit<CifarResNetOptions, 'depth'>>;

/** ResNet-20 for small images, with 10 classes by default. */
export const resnet20 = (options: CifarResNetBuilderOptions = {}): CifarResNet =>
  new CifarResNet({ ...objectOf('resnet20', options), numClasses: options.numClasses ?? 10 });
