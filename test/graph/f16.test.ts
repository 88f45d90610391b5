import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DeviceLimitError, ShapeError } from '../../src/errors.ts';
import { grad } from '../../src/graph/backward.ts';
import { add, mul, sub } from '../../src/graph/functions/elementwise.ts';
import { crossEntropy, mseLoss } from '../../src/graph/functions/losses.ts';
import { linear, mean, sum } from '../../src/graph/functions/reduce.ts';
import { cast, concat } from '../../src/graph/functions/shape.ts';
import { Tensor, tensor } from '../../src/graph/tensor.ts';
import type { Gpu } from '../../src/plan/gpu.ts';
import type { HostArray } from '../../src/shape.ts';
import { sharedGpu } from '../sharedGpu.ts';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});
afterAll(() => gpu.dispose());

const parameter = (values: readonly number[], shape: readonly number[], dtype: 'f32' | 'f16'): Tensor => {
  const { origin } = tensor(values, shape, dtype);
  return new Tensor({ shape, dtype }, origin, true);
};

/** Where the adapter lacks shader-f16 the same graph must be refused, by name. */
async function onDevice(value: Tensor, check: (values: HostArray) => void): Promise<void> {
  if (gpu.device.caps.f16) return check((await gpu.read(value))[0]!);
  const refused = gpu.read(value);
  await expect(refused).rejects.toThrow(DeviceLimitError);
  await expect(refused).rejects.toThrow(/f16 needs shader-f16.*cast it to f32/);
}

describe('f16 tensors', () => {
  const half = tensor([1, 2, 3], [3], 'f16');

  it('stay f16 with one another and with scalars, and become f32 with f32 tensors', () => {
    expect(add(half, half).dtype).toBe('f16');
    expect(mul(half, 0.1).dtype).toBe('f16');
    expect(mul(half, tensor([0.5], [])).dtype).toBe('f16');
    expect(sub(half, tensor([1, 1, 1])).dtype).toBe('f32');
    expect(sub(half, tensor([1])).dtype).toBe('f32');
  });

  it('do not mix with integers, nor in concat', () => {
    expect(() => add(half, tensor(Int32Array.of(1, 2, 3)))).toThrow(ShapeError);
    expect(() => concat([half, tensor([1, 2, 3])], 0)).toThrow(/concat: x1 \[3\] and x0 \[3\] f16/);
  });

  it('give f32 losses, and f16 gradients', () => {
    const x = parameter([1, -2, 0.5, 3], [2, 2], 'f16');
    const losses = [mseLoss(x, tensor([0, 0, 0, 0], [2, 2])), crossEntropy(x, tensor(Int32Array.of(0, 1)))];
    for (const loss of losses) {
      expect(loss.dtype).toBe('f32');
      expect(grad([loss], [x])[0]!.dtype).toBe('f16');
    }
  });

  it('come back as the values that halves hold, an odd number of them too', () =>
    onDevice(add(tensor([0.1, 1 / 3, 65504], [3], 'f16'), 0), (values) => {
      expect([...values]).toEqual([0.0999755859375, 0.333251953125, 65504]);
    }));

  it('are computed in f32: a sum that halves cannot hold has a mean', () =>
    onDevice(mean(tensor(new Float32Array(4096).fill(300), [64, 64], 'f16')), ([value]) => {
      expect(value).toBe(300);
    }));

  it('round once at the end of a fused chain', () =>
    // In halves 2048 + 1 is 2048.
    onDevice(sub(add(tensor([2048], [1], 'f16'), 1), 2048), ([value]) => expect(value).toBe(1)));

  it('pass gradients through a cast to f32 weights', () => {
    const weight = parameter([0.5, -1, 2, 0.25, 1, -0.75], [3, 2], 'f32');
    const x = tensor([1, 2, 3, 4, 5, 6], [2, 3], 'f16');
    const y = linear(x, cast(weight, 'f16'));
    const [gradient] = grad([sum(cast(y, 'f32'))], [weight]);
    expect(gradient!.dtype).toBe('f32');
    return onDevice(gradient!, (values) => expect([...values]).toEqual([5, 5, 7, 7, 9, 9]));
  });
});
