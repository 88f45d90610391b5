import { interpolate, maxPool2d } from '../graph/functions/conv.ts';
import { add, relu } from '../graph/functions/elementwise.ts';
import type { Tensor } from '../graph/tensor.ts';
import { Conv2d } from '../nn/layers.ts';
import { Module } from '../nn/module.ts';
import type { Generator } from '../nn/random.ts';
import { MobileNetV3Features, type MobileNetV3FeaturesConfig } from './mobilenetV3.ts';
import { ResNet, type ResNetConfig } from './resnet.ts';

/**
 * Levels beyond the last one of the backbone: `none`; `pool`, one more that takes every other cell (Lin et al. 2017, Feature
 * pyramid networks, §4.2); `p6` or `p6p7`, strided convolutions (Lin et al. 2017, Focal loss, §4).
 */
export type ExtraLevels = 'none' | 'pool' | 'p6' | 'p6p7';

interface PyramidShape {
  /** Channels of every level. */
  readonly channels: number;
  readonly extra: ExtraLevels;
  readonly generator: Generator;
}

/** P6 and P7, as torchvision's LastLevelP6P7 names them. */
class ExtraBlocks extends Module {
  p6: Conv2d;
  p7: Conv2d | undefined;

  constructor({ channels, extra, generator }: PyramidShape) {
    super();
    const make = () => new Conv2d(channels, channels, 3, { stride: 2, padding: 1, generator });
    this.p6 = make();
    this.p7 = extra === 'p6p7' ? make() : undefined;
  }

  forward(last: Tensor): Tensor[] {
    const p6 = this.p6.forward(last);
    return this.p7 ? [p6, this.p7.forward(relu(p6))] : [p6];
  }
}

/**
 * Feature pyramid network (Lin et al. 2017, §3): every level gets the next coarser one, enlarged by nearest
 * neighbours, and is smoothed by a 3x3 convolution.
 */
export class FeaturePyramid extends Module {
  inner_blocks: [Conv2d][];
  layer_blocks: [Conv2d][];
  extra_blocks: ExtraBlocks | undefined;
  readonly #extra: ExtraLevels;

  constructor(inChannels: readonly number[], shape: PyramidShape) {
    super();
    const { channels, extra, generator } = shape;
    this.inner_blocks = inChannels.map((from) => [new Conv2d(from, channels, 1, { generator })]);
    this.layer_blocks = inChannels.map(() => [new Conv2d(channels, channels, 3, { padding: 1, generator })]);
    this.extra_blocks = extra === 'p6' || extra === 'p6p7' ? new ExtraBlocks(shape) : undefined;
    this.#extra = extra;
  }

  forward(features: readonly Tensor[]): Tensor[] {
    const inner: Tensor[] = [];
    for (let i = features.length - 1; i >= 0; i--) {
      const lateral = this.inner_blocks[i]![0].forward(features[i]!);
      const above = inner[0];
      const size = [lateral.shape[1]!, lateral.shape[2]!] as const;
      inner.unshift(above ? add(interpolate(above, { size, mode: 'nearest' }), lateral) : lateral);
    }
    const levels = inner.map((level, i) => this.layer_blocks[i]![0].forward(level));
    const last = levels.at(-1)!;
    if (this.#extra === 'pool') levels.push(maxPool2d(last, 1, { stride: 2 }));
    return this.extra_blocks ? [...levels, ...this.extra_blocks.forward(last)] : levels;
  }
}

/** A ResNet and the pyramid on its last stages, under torchvision's names. */
export class ResNetFPN extends Module {
  body: ResNet;
  fpn: FeaturePyramid;
  readonly #stages: number;
  /** Pixels of the image for one cell of each level. */
  readonly strides: readonly number[];

  /** `stages`: how many of the backbone's four stages, counted from the last, feed the pyramid. */
  constructor(config: ResNetConfig, shape: PyramidShape & { readonly stages: 3 | 4 }) {
    super();
    const { stages, extra, generator } = shape;
    this.body = new ResNet({ ...config, generator });
    this.fpn = new FeaturePyramid(this.body.channels.slice(-stages), shape);
    this.#stages = stages;
    const levels = stages + { none: 0, pool: 1, p6: 1, p6p7: 2 }[extra];
    this.strides = Array.from({ length: levels }, (_, i) => (stages === 4 ? 4 : 8) * 2 ** i);
  }

  forward(x: Tensor): Tensor[] {
    return this.fpn.forward(this.body.features(x).slice(-this.#stages));
  }
}

/**
 * A MobileNetV3 and the pyramid on its last two stages, both of stride 32, under torchvision's names (its mobilenet_backbone): the
 * first block of the last stage that halves the size, and the last layer.
 */
export class MobileNetFPN extends Module {
  body: MobileNetV3Features;
  fpn: FeaturePyramid;
  /** Pixels of the image for one cell of each level. */
  readonly strides: readonly number[];

  constructor(config: MobileNetV3FeaturesConfig, shape: PyramidShape & { readonly extra: 'pool' }) {
    super();
    this.body = new MobileNetV3Features({ ...config, generator: shape.generator });
    const { channels } = this.body;
    this.fpn = new FeaturePyramid(
      this.#stages.map((index) => channels[index]!),
      shape,
    );
    const stride = config.dilated ? 16 : 32;
    this.strides = [stride, stride, 2 * stride];
  }

  get #stages(): readonly number[] {
    return this.body.stages.slice(-2);
  }

  forward(x: Tensor): Tensor[] {
    const maps = this.body.maps(x);
    return this.fpn.forward(this.#stages.map((index) => maps[index]!));
  }
}
