import { checkpoint } from '../graph/checkpoint.ts';
import { maxPool2d } from '../graph/functions/conv.ts';
import { add, relu } from '../graph/functions/elementwise.ts';
import { mean } from '../graph/functions/reduce.ts';
import type { Tensor } from '../graph/tensor.ts';
import { type Generator, generator } from '../nn/init.ts';
import { Conv2d, type Layer, Linear, type Norm, type NormKind, normLayer, sequential } from '../nn/layers.ts';
import { Module } from '../nn/module.ts';
import { IMAGENET, type Normalization, normalizeImages } from './preprocess.ts';
import { checkImages } from './segmentation.ts';

/** Everything that shapes a ResNet. */
export interface ResNetConfig {
  /** `basic`: two 3x3 convolutions a block; `bottleneck`: 1x1, 3x3, 1x1, with four times the channels behind. */
  readonly block: 'basic' | 'bottleneck';
  /** Blocks in each of the four stages. */
  readonly depth: readonly [number, number, number, number];
  /** Channels of the stem and the first stage; each later stage has twice as many, up to `maxWidth`. Default 64. */
  readonly width?: number;
  readonly maxWidth?: number;
  /**
   * `imagenet`: a 7x7 convolution of stride 2 and a max pooling of stride 2, then stages of strides 1, 2, 2, 2. `small`,
   * for training from scratch on small pictures: a 3x3 convolution of stride 2, then four stages of stride 2. Both end at
   * stride 32. Default imagenet.
   */
  readonly stem?: 'imagenet' | 'small';
  /** Default batch. */
  readonly norm?: NormKind;
  /** Stages 2, 3 and 4: whether they keep the resolution and spread their kernels instead (torchvision's replace_stride_with_dilation). */
  readonly dilated?: readonly [boolean, boolean, boolean];
}

/** Everything that shapes a classifier; saved with its weights. */
export interface ClassifierConfig extends ResNetConfig {
  /** Without it there is no `fc`. */
  readonly numClasses?: number;
  /** Of the images that `forward` takes. Default ImageNet's. */
  readonly normalization?: Normalization;
}

/** What torchvision calls resnet18, 34, 50 and 101. */
export const RESNETS = {
  resnet18: { block: 'basic', depth: [2, 2, 2, 2] },
  resnet34: { block: 'basic', depth: [3, 4, 6, 3] },
  resnet50: { block: 'bottleneck', depth: [3, 4, 6, 3] },
  resnet101: { block: 'bottleneck', depth: [3, 4, 23, 3] },
} as const satisfies Record<string, ResNetConfig>;

export type ResNetName = keyof typeof RESNETS;

interface BlockShape {
  readonly from: number;
  readonly width: number;
  readonly stride: number;
  readonly dilation: number;
  readonly norm: NormKind;
}

/** The shortcut's convolution, where a block changes the size or the channels. */
const shortcut = (
  random: Generator,
  { from, stride, norm }: BlockShape,
  to: number,
): readonly Exclude<Layer, (x: Tensor) => Tensor>[] =>
  stride === 1 && from === to
    ? []
    : [new Conv2d(random, from, to, { kernelSize: 1, stride, bias: false }), normLayer(norm, to)];

/** Two 3x3 convolutions around a shortcut (He et al. 2016, Deep residual learning, §3.3). */
class BasicBlock extends Module {
  conv1: Conv2d;
  bn1: Norm;
  conv2: Conv2d;
  bn2: Norm;
  downsample: ReturnType<typeof shortcut>;

  constructor(random: Generator, shape: BlockShape) {
    super();
    const { from, width, stride, dilation, norm } = shape;
    this.conv1 = new Conv2d(random, from, width, { stride, padding: dilation, dilation, bias: false });
    this.bn1 = normLayer(norm, width);
    this.conv2 = new Conv2d(random, width, width, { padding: 1, bias: false });
    this.bn2 = normLayer(norm, width);
    this.downsample = shortcut(random, shape, width);
  }

  forward(x: Tensor): Tensor {
    const inner = relu(this.bn1.forward(this.conv1.forward(x)));
    return relu(add(this.bn2.forward(this.conv2.forward(inner)), sequential(this.downsample, x)));
  }
}

/** 1x1, 3x3 and 1x1 convolutions around a shortcut (§4.1); the stride is the 3x3's, as in torchvision. */
class Bottleneck extends Module {
  conv1: Conv2d;
  bn1: Norm;
  conv2: Conv2d;
  bn2: Norm;
  conv3: Conv2d;
  bn3: Norm;
  downsample: ReturnType<typeof shortcut>;

  constructor(random: Generator, shape: BlockShape) {
    super();
    const { from, width, stride, dilation, norm } = shape;
    const plain = { kernelSize: 1, bias: false };
    this.conv1 = new Conv2d(random, from, width, plain);
    this.bn1 = normLayer(norm, width);
    this.conv2 = new Conv2d(random, width, width, { stride, padding: dilation, dilation, bias: false });
    this.bn2 = normLayer(norm, width);
    this.conv3 = new Conv2d(random, width, 4 * width, plain);
    this.bn3 = normLayer(norm, 4 * width);
    this.downsample = shortcut(random, shape, 4 * width);
  }

  forward(x: Tensor): Tensor {
    const narrow = relu(this.bn1.forward(this.conv1.forward(x)));
    const inner = relu(this.bn2.forward(this.conv2.forward(narrow)));
    return relu(add(this.bn3.forward(this.conv3.forward(inner)), sequential(this.downsample, x)));
  }
}

/**
 * ResNet (He et al. 2016), with torchvision's names. With `numClasses` it classifies; without, it has no `fc` and is a
 * backbone, whose `features` detectors and segmenters take.
 */
export class ResNet extends Module {
  conv1: Conv2d;
  bn1: Norm;
  layer1: (BasicBlock | Bottleneck)[];
  layer2: (BasicBlock | Bottleneck)[];
  layer3: (BasicBlock | Bottleneck)[];
  layer4: (BasicBlock | Bottleneck)[];
  fc: Linear | undefined;
  /** Whether the backward pass computes each block's activations again instead of keeping them: see `checkpoint`. */
  checkpoint = false;
  /** Channels behind each stage. */
  readonly channels: readonly [number, number, number, number];
  readonly config: ClassifierConfig;

  constructor(config: ClassifierConfig, seedOrRandom: number | Generator = 0) {
    super();
    const random = typeof seedOrRandom === 'number' ? generator(seedOrRandom) : seedOrRandom;
    const { block, depth, width = 64, maxWidth = Number.POSITIVE_INFINITY, norm = 'batch' } = config;
    const { stem = 'imagenet', dilated = [false, false, false], numClasses } = config;
    const Block = block === 'basic' ? BasicBlock : Bottleneck;
    const expansion = block === 'basic' ? 1 : 4;
    const widths = [0, 1, 2, 3].map((i) => Math.min(width * 2 ** i, maxWidth));
    this.config = config;
    this.conv1 =
      stem === 'imagenet'
        ? new Conv2d(random, 3, width, { kernelSize: 7, stride: 2, padding: 3, bias: false })
        : new Conv2d(random, 3, width, { stride: 2, padding: 1, bias: false });
    this.bn1 = normLayer(norm, width);
    let from = width;
    let dilation = 1;
    const stage = (i: number) => {
      const before = dilation;
      const step = i === 0 ? (stem === 'imagenet' ? 1 : 2) : 2;
      const spread = i > 0 && dilated[i - 1]!;
      if (spread) dilation *= step;
      return Array.from({ length: depth[i]! }, (_, n) => {
        const shape = {
          from,
          width: widths[i]!,
          stride: n > 0 || spread ? 1 : step,
          // torchvision's first block of a dilated stage keeps the dilation of the stage before.
          dilation: n > 0 ? dilation : before,
          norm,
        };
        from = expansion * widths[i]!;
        return new Block(random, shape);
      });
    };
    this.layer1 = stage(0);
    this.layer2 = stage(1);
    this.layer3 = stage(2);
    this.layer4 = stage(3);
    this.channels = widths.map((value) => expansion * value) as [number, number, number, number];
    this.fc = numClasses === undefined ? undefined : new Linear(random, this.channels[3], numClasses);
  }

  /** The feature maps behind the four stages, of strides 4, 8, 16 and 32 where nothing is dilated. x: [N,H,W,3], normalised. */
  features(x: Tensor): [Tensor, Tensor, Tensor, Tensor] {
    return this.stages(x).maps;
  }

  /** The same, and what the first convolution gives, of stride 2. */
  stages(x: Tensor): { readonly stem: Tensor; readonly maps: [Tensor, Tensor, Tensor, Tensor] } {
    const one = (z: Tensor, block: BasicBlock | Bottleneck) =>
      this.checkpoint ? checkpoint((input) => block.forward(input), z) : block.forward(z);
    const run = (blocks: readonly (BasicBlock | Bottleneck)[], y: Tensor) => blocks.reduce(one, y);
    const stem = relu(this.bn1.forward(this.conv1.forward(x)));
    const pooled = this.config.stem === 'small' ? stem : maxPool2d(stem, 3, { stride: 2, padding: 1 });
    const c2 = run(this.layer1, pooled);
    const c3 = run(this.layer2, c2);
    const c4 = run(this.layer3, c3);
    return { stem, maps: [c2, c3, c4, run(this.layer4, c4)] };
  }

  /** Logits [N,numClasses] of images [N,H,W,3] in 0..1; the pooled features where there is no `fc`. */
  forward(images: Tensor): Tensor {
    checkImages('ResNet', images);
    const normal = normalizeImages(images, this.config.normalization ?? IMAGENET);
    const pooled = mean(this.features(normal)[3], { dim: [1, 2] });
    return this.fc ? this.fc.forward(pooled) : pooled;
  }
}

const classifier =
  (name: ResNetName) =>
  (numClasses = 1000, seed = 0): ResNet =>
    new ResNet({ ...RESNETS[name], numClasses }, seed);

/** ResNet-18 (He et al. 2016, table 1). */
export const resnet18 = classifier('resnet18');
export const resnet34 = classifier('resnet34');
/** ResNet-50, the stride in the 3x3 convolution ("v1.5"), as torchvision's. */
export const resnet50 = classifier('resnet50');
export const resnet101 = classifier('resnet101');
