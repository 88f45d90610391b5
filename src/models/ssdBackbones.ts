import { maxPool2d } from '../graph/functions/conv.ts';
import { div, maximum, mul, relu, relu6 } from '../graph/functions/elementwise.ts';
import { norm } from '../graph/functions/reduce.ts';
import { cast } from '../graph/functions/shape.ts';
import type { Tensor } from '../graph/tensor.ts';
import { type Layer, Sequential } from '../nn/containers.ts';
import { constant } from '../nn/init.ts';
import { Conv2d } from '../nn/layers.ts';
import { Module, Parameter } from '../nn/module.ts';
import type { Generator } from '../nn/random.ts';
import { convNormActivation, type SharedLayers } from './convBlocks.ts';
import { MobileBlock, MobileNetV3Features, type MobileNetV3FeaturesConfig } from './mobilenetV3.ts';
import { VGGS, vggChannels } from './vgg.ts';

/** The VGG that an SSD is built on. */
export interface SSDVGGConfig {
  /** 3x3 convolutions in each of the five stages. Default 2, 2, 3, 3, 3: VGG-16. */
  readonly depth?: readonly [number, number, number, number, number];
  /** Channels of the first stage; those of all other layers are in proportion. Default 64. */
  readonly width?: number;
}

/** The MobileNetV3 that an SSDlite is built on. */
export interface SSDMobileNetConfig extends MobileNetV3FeaturesConfig {
  /** What the channels of the additional maps are multiplied by, which are at least 16. Default 1: 512, 256, 256, 128. */
  readonly extraWidthMult?: number;
}

/** The maps that an SSD predicts from, and how it does. */
export interface SSDBackbone {
  /** The channels of each map. */
  readonly channels: readonly number[];
  /** The maps, the finest first. x: f32 [N,H,W,3], normalised. */
  forward(x: Tensor): Tensor[];
  /** A layer that predicts `to` numbers at each pixel of a map of `from` channels. */
  predictor(from: number, to: number): Conv2d | Sequential;
}

/** Xavier's initial weights. */
const xavier = (from: number, to: number, kernelSize: number, generator: Generator) => ({
  std: Math.sqrt(2 / (kernelSize ** 2 * (from + to))),
  generator,
});

/** Channels within and after each additional block, in multiples of the width, and whether it halves the size. */
const BLOCKS = [
  [4, 8, true],
  [2, 4, true],
  [2, 4, false],
  [2, 4, false],
] as const;

/** torchvision's SSDFeatureExtractorVGG, for images of 300 pixels (Liu et al. 2016, fig. 2). */
export class SSDVGG extends Module implements SSDBackbone {
  scale_weight: Parameter;
  features: Sequential;
  extra: Sequential[];
  readonly channels: readonly number[];
  readonly #generator: Generator;

  constructor({ depth = VGGS.vgg16.depth, width = 64 }: SSDVGGConfig, generator: Generator) {
    super();
    this.#generator = generator;
    const channels = vggChannels(width);
    const stage = (i: number): Layer[] =>
      Array.from({ length: depth[i]! }, (_, n) => {
        const from = n > 0 ? channels[i]! : (channels[i - 1] ?? 3);
        return [new Conv2d(from, channels[i]!, 3, { padding: 1, generator }), relu];
      }).flat();
    const pool = (x: Tensor) => maxPool2d(x, 2, { stride: 2 });
    const [fourth, hidden] = [8 * width, 16 * width];
    this.scale_weight = new Parameter([fourth], constant([fourth], 20));
    // The paper's maps of 38 pixels need the third pooling to round up.
    const third = (x: Tensor) => maxPool2d(x, 2, { stride: 2, ceilMode: true });
    this.features = new Sequential(...stage(0), pool, ...stage(1), pool, ...stage(2), third, ...stage(3));
    const dilated = { padding: 6, dilation: 6, ...xavier(fourth, hidden, 3, generator) };
    const fc = new Sequential(
      (x) => maxPool2d(x, 3, { stride: 1, padding: 1 }),
      new Conv2d(fourth, hidden, 3, dilated),
      relu,
      new Conv2d(hidden, hidden, 1, xavier(hidden, hidden, 1, generator)),
      relu,
    );
    this.extra = [new Sequential(pool, ...stage(4), fc)];
    let from = hidden;
    for (const [within, after, halves] of BLOCKS) {
      const [inner, to] = [within * width, after * width];
      const spread = halves ? { stride: 2, padding: 1 } : {};
      this.extra.push(
        new Sequential(
          new Conv2d(from, inner, 1, xavier(from, inner, 1, generator)),
          relu,
          new Conv2d(inner, to, 3, { ...spread, ...xavier(inner, to, 3, generator) }),
          relu,
        ),
      );
      from = to;
    }
    this.channels = [fourth, hidden, ...BLOCKS.map(([, after]) => after * width)];
  }

  forward(x: Tensor): Tensor[] {
    const fine = this.features.forward(x);
    const length = maximum(norm(fine, { dim: 3, keepdim: true }), 1e-12);
    const maps = [cast(mul(div(fine, length), this.scale_weight.tensor), fine.dtype)];
    let y = fine;
    for (const block of this.extra) {
      y = block.forward(y);
      maps.push(y);
    }
    return maps;
  }

  predictor(from: number, to: number): Conv2d {
    return new Conv2d(from, to, 3, { padding: 1, ...xavier(from, to, 3, this.#generator) });
  }
}

/** The layers of a block but the first, under their indices in the whole one. */
class BlockRest extends Module {
  [index: number]: Layer;
  readonly #layers: readonly Layer[];

  constructor({ block }: MobileBlock) {
    super();
    this.#layers = [...block].slice(1);
    this.#layers.forEach((layer, i) => {
      this[i + 1] = layer;
    });
  }

  forward(x: Tensor): Tensor {
    return new Sequential(...this.#layers).forward(x);
  }
}

/** Channels of the additional maps. */
const EXTRA = [512, 256, 256, 128] as const;

/** torchvision's SSDLiteFeatureExtractorMobileNet (Howard et al. 2019, §6.3; Sandler et al. 2018, §6.2). */
export class SSDMobileNet extends Module implements SSDBackbone {
  features: [Sequential, Sequential];
  extra: Sequential[];
  readonly channels: readonly number[];
  readonly #shared: SharedLayers;

  constructor({ extraWidthMult = 1, ...config }: SSDMobileNetConfig, generator: Generator) {
    super();
    const body = new MobileNetV3Features({ ...config, generator });
    const layers = [...body];
    const last = body.stages.at(-2)!;
    const block = layers[last];
    if (!(block instanceof MobileBlock)) throw new Error('SSDMobileNet: the last stage begins with a block');
    // The first map is that of the expansion in the last stage's first block.
    this.features = [
      new Sequential(...layers.slice(0, last), block.block[0]!),
      new Sequential(new BlockRest(block), ...layers.slice(last + 1)),
    ];
    this.#shared = { norm: config.norm ?? 'batch', batchNorm: body.batchNorm, generator };
    const extra = EXTRA.map((channels) => Math.max(16, Math.floor(channels * extraWidthMult)));
    this.extra = [];
    let from = body.channels.at(-1)!;
    this.channels = [block.expanded, from, ...extra];
    for (const to of extra) {
      const inner = Math.floor(to / 2);
      const depthwise = { from: inner, to: inner, kernelSize: 3, stride: 2, groups: inner };
      this.extra.push(
        new Sequential(
          convNormActivation({ from, to: inner, kernelSize: 1 }, this.#shared, relu6),
          convNormActivation(depthwise, this.#shared, relu6),
          convNormActivation({ from: inner, to, kernelSize: 1 }, this.#shared, relu6),
        ),
      );
      from = to;
    }
  }

  forward(x: Tensor): Tensor[] {
    const maps: Tensor[] = [];
    for (const part of [...this.features, ...this.extra]) maps.push(part.forward(maps.at(-1) ?? x));
    return maps;
  }

  predictor(from: number, to: number): Sequential {
    const depthwise = { from, to: from, kernelSize: 3, groups: from };
    return new Sequential(
      convNormActivation(depthwise, this.#shared, relu6),
      new Conv2d(from, to, 1, { std: 0.03, generator: this.#shared.generator }),
    );
  }
}
