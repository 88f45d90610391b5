import { checkpoint } from '../graph/checkpoint.ts';
import { add, relu } from '../graph/functions/elementwise.ts';
import type { Tensor } from '../graph/tensor.ts';
import type { Generator } from '../nn/init.ts';
import { Conv2d, type NormKind, normLayer } from '../nn/layers.ts';
import { Module } from '../nn/module.ts';

/** Two 3x3 convolutions around a shortcut (He et al. 2016, Deep residual learning, §3.3). */
class BasicBlock extends Module {
  conv1: Conv2d;
  bn1: Module & { forward(x: Tensor): Tensor };
  conv2: Conv2d;
  bn2: Module & { forward(x: Tensor): Tensor };
  downsample: (Module & { forward(x: Tensor): Tensor })[];

  constructor(random: Generator, inChannels: number, channels: number, stride: number, norm: NormKind) {
    super();
    this.conv1 = new Conv2d(random, inChannels, channels, { stride, padding: 1, bias: false });
    this.bn1 = normLayer(norm, channels);
    this.conv2 = new Conv2d(random, channels, channels, { padding: 1, bias: false });
    this.bn2 = normLayer(norm, channels);
    this.downsample =
      stride === 1 && inChannels === channels
        ? []
        : [
            new Conv2d(random, inChannels, channels, { kernelSize: 1, stride, bias: false }),
            normLayer(norm, channels),
          ];
  }

  forward(x: Tensor): Tensor {
    const shortcut = this.downsample.reduce((y, layer) => layer.forward(y), x);
    const inner = relu(this.bn1.forward(this.conv1.forward(x)));
    return relu(add(this.bn2.forward(this.conv2.forward(inner)), shortcut));
  }
}

export interface BackboneConfig {
  /** Channels of the stem and the first stage; each later stage has twice as many, up to `maxWidth`. */
  readonly width: number;
  readonly maxWidth: number;
  /** Blocks in each of the four stages. */
  readonly depth: readonly [number, number, number, number];
  readonly norm: NormKind;
}

/**
 * A ResNet-style backbone for training from scratch: a 3x3 stem of stride 2, then four stages of stride 2. Gives the
 * features of strides 8, 16 and 32.
 */
export class Backbone extends Module {
  conv1: Conv2d;
  bn1: Module & { forward(x: Tensor): Tensor };
  layer1: BasicBlock[];
  layer2: BasicBlock[];
  layer3: BasicBlock[];
  layer4: BasicBlock[];
  /** Whether the backward pass computes each block's activations again instead of keeping them: see `checkpoint`. */
  checkpoint = false;
  /** Channels of the three feature maps. */
  readonly channels: readonly [number, number, number];

  constructor(random: Generator, { width, maxWidth, depth, norm }: BackboneConfig) {
    super();
    const widths = [0, 1, 2, 3].map((i) => Math.min(width * 2 ** i, maxWidth)) as [
      number,
      number,
      number,
      number,
    ];
    const stage = (i: 0 | 1 | 2 | 3): BasicBlock[] =>
      Array.from({ length: depth[i] }, (_, block) => {
        const from = block > 0 ? widths[i] : i === 0 ? width : widths[i - 1]!;
        return new BasicBlock(random, from, widths[i], block === 0 ? 2 : 1, norm);
      });
    this.conv1 = new Conv2d(random, 3, width, { stride: 2, padding: 1, bias: false });
    this.bn1 = normLayer(norm, width);
    this.layer1 = stage(0);
    this.layer2 = stage(1);
    this.layer3 = stage(2);
    this.layer4 = stage(3);
    this.channels = [widths[1], widths[2], widths[3]];
  }

  forward(x: Tensor): [Tensor, Tensor, Tensor] {
    const forward = (z: Tensor, block: BasicBlock) =>
      this.checkpoint ? checkpoint((input) => block.forward(input), z) : block.forward(z);
    const run = (blocks: readonly BasicBlock[], y: Tensor) => blocks.reduce(forward, y);
    const c2 = run(this.layer1, relu(this.bn1.forward(this.conv1.forward(x))));
    const c3 = run(this.layer2, c2);
    const c4 = run(this.layer3, c3);
    return [c3, c4, run(this.layer4, c4)];
  }
}
