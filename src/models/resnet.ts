import { expectArguments } from '../arguments.ts';
import { UsageError } from '../errors.ts';
import { checkpoint } from '../graph/checkpoint.ts';
import { maxPool2d } from '../graph/functions/conv.ts';
import { add, relu } from '../graph/functions/elementwise.ts';
import { mean } from '../graph/functions/reduce.ts';
import type { Tensor } from '../graph/tensor.ts';
import { Sequential } from '../nn/containers.ts';
import { Conv2d, Linear } from '../nn/layers.ts';
import { Module } from '../nn/module.ts';
import { type Norm, type NormKind, normLayer } from '../nn/norms.ts';
import { type Generator, generatorOf, type SeedOptions } from '../nn/random.ts';
import { objectOf, withDefaults } from '../options.ts';
import { fixed, oneOf } from './options.ts';
import { IMAGENET, type Normalization, normalizeImages } from './preprocess.ts';
import { checkImages } from './segmentation.ts';

/** Everything that shapes a ResNet. */
export interface ResNetConfig {
  /** `basic`: blocks of two 3x3 convolutions; `bottleneck`: of 1x1, 3x3 and 1x1, whose last one has four times the channels. */
  readonly block: 'basic' | 'bottleneck';
  /** Blocks in each of the four stages. */
  readonly depth: readonly [number, number, number, number];
  /** Channels of the stem and the first stage; each later stage has twice as many. Default 64. */
  readonly width?: number;
  /** The largest number of channels of a stage (of bottlenecks a quarter of it). Default: no limit. */
  readonly maxWidth?: number;
  /**
   * `imagenet`: a 7x7 convolution of stride 2 and a max pooling of stride 2, then stages of strides 1, 2, 2, 2. `small`,
   * for training from scratch on small images: a 3x3 convolution of stride 2, then four stages of stride 2. Both end at
   * stride 32. Default imagenet.
   */
  readonly stem?: 'imagenet' | 'small';
  /** Groups of the 3x3 convolutions of bottlenecks: more than 1 makes a ResNeXt (Xie et al. 2017). Default 1. */
  readonly groups?: number;
  /**
   * Channels of each group of the 3x3 convolutions of bottlenecks, where the stage has 64 channels; in proportion where it has
   * others. 128 with one group makes a Wide ResNet (Zagoruyko and Komodakis 2016). Default 64.
   */
  readonly widthPerGroup?: number;
  /** The normalisation layers. Default batch. */
  readonly norm?: NormKind;
  /**
   * Whether stages 2, 3 and 4 keep the resolution and dilate their kernels instead (torchvision's
   * replace_stride_with_dilation). Default: none does.
   */
  readonly dilated?: readonly [boolean, boolean, boolean];
}

/** Everything that shapes a ResNet that classifies. */
export interface ClassifierConfig extends ResNetConfig {
  /** The number of classes, labels 0 to numClasses - 1. Default: none, and no `fc`. */
  readonly numClasses?: number;
  /** Mean and standard deviation that images are normalised by. Default ImageNet's. */
  readonly normalization?: Normalization;
}

/** Options of `ResNet`: `block` and `depth` must be given, as in `RESNETS`. */
export interface ResNetOptions extends ClassifierConfig, SeedOptions {}

/** The configurations of torchvision's ResNets, ResNeXts and Wide ResNets. */
export const RESNETS = {
  resnet18: { block: 'basic', depth: [2, 2, 2, 2] },
  resnet34: { block: 'basic', depth: [3, 4, 6, 3] },
  resnet50: { block: 'bottleneck', depth: [3, 4, 6, 3] },
  resnet101: { block: 'bottleneck', depth: [3, 4, 23, 3] },
  resnet152: { block: 'bottleneck', depth: [3, 8, 36, 3] },
  resnext50_32x4d: { block: 'bottleneck', depth: [3, 4, 6, 3], groups: 32, widthPerGroup: 4 },
  resnext101_32x8d: { block: 'bottleneck', depth: [3, 4, 23, 3], groups: 32, widthPerGroup: 8 },
  resnext101_64x4d: { block: 'bottleneck', depth: [3, 4, 23, 3], groups: 64, widthPerGroup: 4 },
  wide_resnet50_2: { block: 'bottleneck', depth: [3, 4, 6, 3], widthPerGroup: 128 },
  wide_resnet101_2: { block: 'bottleneck', depth: [3, 4, 23, 3], widthPerGroup: 128 },
} as const satisfies Record<string, ResNetConfig>;

/** The name of one of torchvision's ResNets. */
export type ResNetName = keyof typeof RESNETS;

/** A small ResNet for training from scratch on few images, on any adapter: the backbone of `new RetinaNet({ numClasses })`. */
export const SMALL_RESNET: ResNetConfig = {
  block: 'basic',
  depth: [1, 1, 1, 1],
  width: 16,
  stem: 'small',
  // Batch norm makes crops and whole images see the same network: see UNetConfig.norm.
  norm: 'batch',
};

interface BlockShape {
  readonly from: number;
  readonly width: number;
  /** Channels of the 3x3 convolution of a bottleneck. */
  readonly inner: number;
  readonly groups: number;
  readonly stride: number;
  readonly dilation: number;
  readonly norm: NormKind;
  readonly generator: Generator;
}

/** The shortcut's convolution, where a block changes the size or the channels. */
const shortcut = ({ from, stride, norm, generator }: BlockShape, to: number): Sequential | undefined =>
  stride === 1 && from === to
    ? undefined
    : new Sequential(new Conv2d(from, to, 1, { stride, bias: false, generator }), normLayer(norm, to));

/** Two 3x3 convolutions around a shortcut (He et al. 2016, Deep residual learning, §3.3). */
class BasicBlock extends Module {
  conv1: Conv2d;
  bn1: Norm;
  conv2: Conv2d;
  bn2: Norm;
  downsample: Sequential | undefined;

  constructor(shape: BlockShape) {
    super();
    const { from, width, stride, dilation, norm, generator } = shape;
    const spread = { stride, padding: dilation, dilation };
    this.conv1 = new Conv2d(from, width, 3, { ...spread, bias: false, generator });
    this.bn1 = normLayer(norm, width);
    this.conv2 = new Conv2d(width, width, 3, { padding: 1, bias: false, generator });
    this.bn2 = normLayer(norm, width);
    this.downsample = shortcut(shape, width);
  }

  forward(x: Tensor): Tensor {
    const inner = relu(this.bn1.forward(this.conv1.forward(x)));
    return relu(add(this.bn2.forward(this.conv2.forward(inner)), this.downsample?.forward(x) ?? x));
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
  downsample: Sequential | undefined;

  constructor(shape: BlockShape) {
    super();
    const { from, width, inner, groups, stride, dilation, norm, generator } = shape;
    const plain = { bias: false, generator };
    this.conv1 = new Conv2d(from, inner, 1, plain);
    this.bn1 = normLayer(norm, inner);
    this.conv2 = new Conv2d(inner, inner, 3, { stride, padding: dilation, dilation, groups, ...plain });
    this.bn2 = normLayer(norm, inner);
    this.conv3 = new Conv2d(inner, 4 * width, 1, plain);
    this.bn3 = normLayer(norm, 4 * width);
    this.downsample = shortcut(shape, 4 * width);
  }

  forward(x: Tensor): Tensor {
    const narrow = relu(this.bn1.forward(this.conv1.forward(x)));
    const inner = relu(this.bn2.forward(this.conv2.forward(narrow)));
    return relu(add(this.bn3.forward(this.conv3.forward(inner)), this.downsample?.forward(x) ?? x));
  }
}

/**
 * ResNet (He et al. 2016, Deep residual learning), with torchvision's names. With `numClasses` it classifies; without, it has
 * no `fc` and is a backbone, whose `features` detectors and segmenters use.
 * `forward` takes images in 0..1 and normalises them by `normalization`, where torchvision's transforms do that before the model.
 */
export class ResNet extends Module {
  conv1: Conv2d;
  bn1: Norm;
  /** @internal */
  layer1: (BasicBlock | Bottleneck)[];
  /** @internal */
  layer2: (BasicBlock | Bottleneck)[];
  /** @internal */
  layer3: (BasicBlock | Bottleneck)[];
  /** @internal */
  layer4: (BasicBlock | Bottleneck)[];
  fc: Linear | undefined;
  /**
   * Whether the backward pass computes each block's activations again instead of keeping them: see `checkpoint`. Default false.
   */
  checkpoint = false;
  /** The channels of each stage's result. */
  readonly channels: readonly [number, number, number, number];
  readonly config: ClassifierConfig;

  /** @param options `block` and `depth` must be given: `{ ...RESNETS.resnet18, numClasses: 10 }`. */
  constructor(options: ResNetOptions) {
    super();
    const random = generatorOf('ResNet', options);
    const { seed: _seed, generator: _generator, ...config } = options;
    const { block, depth, width, maxWidth, groups, widthPerGroup, norm, stem, dilated, numClasses } =
      withDefaults('ResNet', config, {
        block: config.block,
        depth: config.depth,
        width: 64,
        maxWidth: Number.POSITIVE_INFINITY,
        groups: 1,
        widthPerGroup: 64,
        norm: 'batch',
        stem: 'imagenet',
        dilated: [false, false, false],
        numClasses: undefined,
        normalization: undefined,
      });
    oneOf('ResNet', 'block', block, { basic: 0, bottleneck: 0 });
    expectArguments('ResNet', { depth }, { depth: 'values' });
    if (block === 'basic' && (groups !== 1 || widthPerGroup !== 64)) {
      throw new UsageError(
        `ResNet: groups ${groups} and widthPerGroup ${widthPerGroup} with basic blocks; only bottlenecks have them`,
      );
    }
    const Block = block === 'basic' ? BasicBlock : Bottleneck;
    const expansion = block === 'basic' ? 1 : 4;
    const widths = [0, 1, 2, 3].map((i) => Math.min(width * 2 ** i, maxWidth));
    this.config = fixed(config);
    const [kernelSize, padding] = stem === 'imagenet' ? [7, 3] : [3, 1];
    this.conv1 = new Conv2d(3, width, kernelSize, { stride: 2, padding, bias: false, generator: random });
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
          inner: Math.floor((widths[i]! * widthPerGroup) / 64) * groups,
          groups,
          stride: n > 0 || spread ? 1 : step,
          // torchvision's first block of a dilated stage keeps the dilation of the stage before.
          dilation: n > 0 ? dilation : before,
          norm,
          generator: random,
        };
        from = expansion * widths[i]!;
        return new Block(shape);
      });
    };
    this.layer1 = stage(0);
    this.layer2 = stage(1);
    this.layer3 = stage(2);
    this.layer4 = stage(3);
    this.channels = widths.map((value) => expansion * value) as [number, number, number, number];
    this.fc =
      numClasses === undefined ? undefined : new Linear(this.channels[3], numClasses, { generator: random });
  }

  /**
   * The results of the four stages, of strides 4, 8, 16 and 32 where nothing is dilated.
   * @param x f32 [N,H,W,3], normalised: see `normalizeImages`.
   */
  features(x: Tensor): [Tensor, Tensor, Tensor, Tensor] {
    return this.stages(x).maps;
  }

  /** As `features`, with the result of the first convolution, of stride 2. */
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

  /**
   * Logits [N,numClasses]; without `fc`, the pooled features.
   * @param images f32 [N,H,W,3] in 0..1.
   */
  forward(images: Tensor): Tensor {
    checkImages('ResNet', images);
    const normal = normalizeImages(images, this.config.normalization ?? IMAGENET);
    const pooled = mean(this.features(normal)[3], { dim: [1, 2] });
    return this.fc ? this.fc.forward(pooled) : pooled;
  }
}

/** Options of `resnet18` and the others: those of `ResNet` without what the name says. Default: numClasses 1000. */
export type ResNetBuilderOptions = Omit<ResNetOptions, 'block' | 'depth' | 'groups' | 'widthPerGroup'>;

const classifier = (name: ResNetName, options: ResNetBuilderOptions): ResNet =>
  new ResNet({ ...objectOf(name, options), ...RESNETS[name], numClasses: options.numClasses ?? 1000 });

/** ResNet-18 (He et al. 2016, table 1) as torchvision's, with 1000 classes by default. */
export const resnet18 = (options: ResNetBuilderOptions = {}): ResNet => classifier('resnet18', options);
/** ResNet-34 as torchvision's, with 1000 classes by default. */
export const resnet34 = (options: ResNetBuilderOptions = {}): ResNet => classifier('resnet34', options);
/** ResNet-50 as torchvision's, with the stride in the 3x3 convolution ("v1.5") and 1000 classes by default. */
export const resnet50 = (options: ResNetBuilderOptions = {}): ResNet => classifier('resnet50', options);
/** ResNet-101 as torchvision's, with 1000 classes by default. */
export const resnet101 = (options: ResNetBuilderOptions = {}): ResNet => classifier('resnet101', options);
/** ResNet-152 as torchvision's, with 1000 classes by default. */
export const resnet152 = (options: ResNetBuilderOptions = {}): ResNet => classifier('resnet152', options);
/** ResNeXt-50 32x4d (Xie et al. 2017, Aggregated residual transformations) as torchvision's, with 1000 classes by default. */
export const resnext50 = (options: ResNetBuilderOptions = {}): ResNet =>
  classifier('resnext50_32x4d', options);
