import { adaptiveAvgPool2d, interpolate, maxPool2d } from '../../../src/graph/functions/conv.ts';
import { add, relu, relu6 } from '../../../src/graph/functions/elementwise.ts';
import { concat } from '../../../src/graph/functions/shape.ts';
import type { Tensor } from '../../../src/graph/tensor.ts';
import { normalizeImages } from '../../../src/models/preprocess.ts';
import { Conv2d, ConvTranspose2d, Linear } from '../../../src/nn/layers.ts';
import { Module } from '../../../src/nn/module.ts';
import { BatchNorm2d, GroupNorm } from '../../../src/nn/norms.ts';
import { type Generator, generator } from '../../../src/nn/random.ts';
import { type ConvShape, GROUP, type Layers, MEAN, STD } from './layers.ts';

type Layer = Module & { forward(x: Tensor): Tensor };

/** Fovea's own layers: each is made when it is first asked for, and is a member of this module under its name. */
export class FoveaLayers extends Module implements Layers<Tensor> {
  readonly #generator: Generator = generator(1);

  #layer(name: string, make: () => Layer): Layer {
    const members = this as unknown as Record<string, Layer>;
    members[name] ??= make().train(this.training);
    return members[name];
  }

  conv(name: string, x: Tensor, out: number, shape: ConvShape = {}): Tensor {
    const { kernel = 3, stride = 1, padding = 0, bias = false, depthwise = false } = shape;
    const from = x.shape.at(-1)!;
    const groups = depthwise ? from : 1;
    const options = { stride, padding, bias, groups, generator: this.#generator };
    return this.#layer(name, () => new Conv2d(from, out, kernel, options)).forward(x);
  }
  up(name: string, x: Tensor, out: number): Tensor {
    const options = { stride: 2, generator: this.#generator };
    return this.#layer(name, () => new ConvTranspose2d(x.shape.at(-1)!, out, 2, options)).forward(x);
  }
  batchNorm(name: string, x: Tensor): Tensor {
    return this.#layer(name, () => new BatchNorm2d(x.shape.at(-1)!)).forward(x);
  }
  groupNorm(name: string, x: Tensor): Tensor {
    const channels = x.shape.at(-1)!;
    return this.#layer(name, () => new GroupNorm(channels / GROUP, channels)).forward(x);
  }
  linear(name: string, x: Tensor, out: number): Tensor {
    return this.#layer(name, () => new Linear(x.shape[1]!, out, { generator: this.#generator })).forward(x);
  }
  relu(x: Tensor): Tensor {
    return relu(x);
  }
  relu6(x: Tensor): Tensor {
    return relu6(x);
  }
  add(a: Tensor, b: Tensor): Tensor {
    return add(a, b);
  }
  maxPool(x: Tensor, kernel: number, stride: number, padding: number): Tensor {
    return maxPool2d(x, kernel, { stride, padding });
  }
  pool(x: Tensor): Tensor {
    return adaptiveAvgPool2d(x, 1).reshape([x.shape[0]!, x.shape[3]!]);
  }
  concat(parts: readonly Tensor[]): Tensor {
    return concat(parts, 3);
  }
  enlarge(x: Tensor): Tensor {
    return interpolate(x, { scaleFactor: 2 });
  }
  normalize(x: Tensor): Tensor {
    return normalizeImages(x, { mean: MEAN, std: STD });
  }
  rows(levels: readonly Tensor[], values: number): Tensor {
    return concat(
      levels.map((level) => level.reshape([level.shape[0]!, -1, values])),
      1,
    );
  }
}
