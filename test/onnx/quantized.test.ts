import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tensor } from '../../src/graph/tensor.ts';
import { loadOnnx } from '../../src/onnx/index.ts';
import type { Gpu } from '../../src/plan/gpu.ts';
import { Random } from '../../src/vision/random.ts';
import { sharedGpu } from '../sharedGpu.ts';
import { initializer, modelBytes, node, port } from './models.ts';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});
afterAll(() => gpu.dispose());

describe('ConvInteger', () => {
  it('is exact where tiles of Winograd would not be', async () => {
    const [channels, size, outputs] = [64, 64, 64];
    const random = new Random(3);
    const whole = (count: number, low: number, high: number) =>
      Int32Array.from({ length: count }, () => low + random.integer(high - low + 1));
    const x = whole(channels * size * size, 0, 255);
    const weight = whole(outputs * channels * 9, -20, 127);
    const zero = 3;
    const model = loadOnnx(
      modelBytes({
        nodes: [node('ConvInteger', ['x', 'w', 'zero'], ['y'], { pads: [1, 1, 1, 1] })],
        inputs: [port('x', 'uint8', [1, channels, size, size])],
        outputs: [port('y', 'int32', [1, outputs, size, size])],
        initializers: [
          initializer('w', { type: 'int8', shape: [outputs, channels, 3, 3], data: [...weight] }),
          initializer('zero', { type: 'uint8', shape: [], data: [zero] }),
        ],
      }),
    );
    const expected = new Int32Array(outputs * size * size);
    for (let o = 0, i = 0; o < outputs; o++) {
      for (let row = 0; row < size; row++) {
        for (let column = 0; column < size; column++, i++) {
          for (let c = 0; c < channels; c++) {
            for (let tap = 0; tap < 9; tap++) {
              const [u, v] = [row + Math.floor(tap / 3) - 1, column + (tap % 3) - 1];
              if (u < 0 || v < 0 || u >= size || v >= size) continue;
              expected[i]! += (x[(c * size + u) * size + v]! - zero) * weight[(o * channels + c) * 9 + tap]!;
            }
          }
        }
      }
    }
    const step = gpu.capture((input) => model.forward({ x: input }));
    const { y } = await step(tensor(x, [1, channels, size, size]));
    const found = await y!.data();
    expect(found).toHaveLength(expected.length);
    expect(expected.filter((value, i) => value !== found[i])).toHaveLength(0);
  });
});
