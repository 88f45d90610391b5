import { interpolate } from '../graph/functions/conv.ts';
import { add, relu } from '../graph/functions/elementwise.ts';
import type { Tensor } from '../graph/tensor.ts';
import type { Generator } from '../nn/init.ts';
import { Conv2d } from '../nn/layers.ts';
import { Module } from '../nn/module.ts';

/**
 * Feature pyramid network (Lin et al. 2017, §3): every level gets the next coarser one, enlarged by nearest
 * neighbours, and is smoothed by a 3x3 convolution. Extra levels are strided convolutions of the last.
 */
export class FeaturePyramid extends Module {
  inner_blocks: Conv2d[];
  layer_blocks: Conv2d[];
  extra_blocks: Conv2d[];

  constructor(random: Generator, inChannels: readonly number[], channels: number, extraLevels: number) {
    super();
    this.inner_blocks = inChannels.map((from) => new Conv2d(random, from, channels, { kernelSize: 1 }));
    this.layer_blocks = inChannels.map(() => new Conv2d(random, channels, channels, { padding: 1 }));
    this.extra_blocks = Array.from(
      { length: extraLevels },
      () => new Conv2d(random, channels, channels, { stride: 2, padding: 1 }),
    );
  }

  forward(features: readonly Tensor[]): Tensor[] {
    const inner: Tensor[] = [];
    for (let i = features.length - 1; i >= 0; i--) {
      const lateral = this.inner_blocks[i]!.forward(features[i]!);
      const above = inner[0];
      const size = [lateral.shape[1]!, lateral.shape[2]!] as const;
      inner.unshift(above ? add(interpolate(above, { size, mode: 'nearest' }), lateral) : lateral);
    }
    const levels = inner.map((level, i) => this.layer_blocks[i]!.forward(level));
    for (const [i, block] of this.extra_blocks.entries()) {
      const last = levels.at(-1)!;
      levels.push(block.forward(i === 0 ? last : relu(last)));
    }
    return levels;
  }
}
