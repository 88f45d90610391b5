import { describe, expect, it } from 'vitest';
import type { State } from '../../src/graph/state.ts';
import { add, gelu, matmul, mean, mul, relu, softmax, type Tensor, transpose } from '../../src/index.ts';
import { ResNet, SMALL_RESNET, UNet } from '../../src/models/index.ts';
import {
  BatchNorm2d,
  Conv2d,
  ConvTranspose2d,
  GroupNorm,
  LayerNorm,
  Linear,
  Module,
  MultiheadAttention,
  manualSeed,
  Parameter,
} from '../../src/nn/index.ts';
import { exportOnnx, loadOnnx, readOnnxWeights } from '../../src/onnx/index.ts';

const download = async ({ initial }: State) => initial;

class Convolutions extends Module {
  readonly conv = new Conv2d(3, 3, 3, { padding: 1 });
  readonly norm = new BatchNorm2d(3);
  readonly up = new ConvTranspose2d(3, 3, 3);
  readonly group = new GroupNorm(3, 3);
  readonly fc = new Linear(3, 3);
  forward(x: Tensor): Tensor {
    const y = relu(this.norm.forward(this.conv.forward(x)));
    return this.fc.forward(mean(this.group.forward(this.up.forward(y)), { dim: [1, 2] }));
  }
}

class Attention extends Module {
  readonly attention = new MultiheadAttention(8, 2);
  readonly norm = new LayerNorm(8);
  readonly q = new Linear(8, 8);
  readonly out = new Linear(8, 8);
  forward(x: Tensor): Tensor {
    const y = add(x, this.attention.forward(x, x, x));
    const q = this.q.forward(this.norm.forward(y));
    return gelu(this.out.forward(matmul(softmax(matmul(q, transpose(q)), -1), q)));
  }
}

/** A linear layer on a flattened map, whose channels PyTorch has before its pixels; and a parameter that is stretched over images. */
class Pixels extends Module {
  readonly fc = new Linear(48, 48, { pixels: 16 });
  readonly scale = new Parameter([1, 1, 1, 3], [1, 2, 3]);
  forward(x: Tensor): Tensor {
    return this.fc.forward(mul(x, this.scale.tensor).reshape([x.shape[0]!, 48]));
  }
}

const MODELS: readonly (readonly [string, () => Module, Record<string, number[]>])[] = [
  ['convolutions', () => new Convolutions(), { x: [1, 8, 8, 3] }],
  ['attention', () => new Attention(), { x: [1, 5, 8] }],
  ['U-Net', () => new UNet({ numClasses: 2, width: 4, depth: 2 }), { x: [1, 32, 32, 3] }],
  ['pixels', () => new Pixels(), { x: [1, 4, 4, 3] }],
  ['ResNet', () => new ResNet({ ...SMALL_RESNET, width: 4, numClasses: 32 }), { x: [1, 32, 32, 3] }],
];

describe('weights of an exported model', () => {
  it.each(MODELS)('are its state dict: %s', async (_, make, inputs) => {
    manualSeed(1);
    const model = make();
    const bytes = await exportOnnx(model, inputs);
    manualSeed(2);
    const other = make();
    const report = other.loadStateDict(readOnnxWeights(bytes));
    expect(report.matched).toEqual(model.namedStates().map(([name]) => name));
    expect(await other.stateDict(download)).toEqual(await model.stateDict(download));
    const loaded = loadOnnx(bytes);
    expect(loaded.parameters().length).toBe(model.parameters().length);
    expect([...loaded.namedStates()].map(([name]) => name).sort()).toEqual(
      model
        .namedStates()
        .map(([name]) => name)
        .sort(),
    );
  });
});
