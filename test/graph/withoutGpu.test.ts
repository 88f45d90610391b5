import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { FoveaError } from '../../src/errors.ts';
import { add, mul } from '../../src/graph/functions/elementwise.ts';
import { full, tensor } from '../../src/graph/tensor.ts';
import '../../src/graph/methods.ts';

describe('a tensor without a Gpu', () => {
  it('reads constants, in every dtype, as copies', async () => {
    expect([...(await tensor([1, 2.5]).data())]).toEqual([1, 2.5]);
    expect([...(await tensor(Int32Array.of(-3, 4)).data())]).toEqual([-3, 4]);
    expect([...(await tensor([1, 0.1], [2], 'f16').data())]).toEqual([1, 0.0999755859375]);
    const x = tensor([7]);
    (await x.data())[0] = 0;
    expect(await x.item()).toBe(7);
    expect([...(await tensor([1, 2, 3, 4]).reshape([2, 2]).data())]).toEqual([1, 2, 3, 4]);
  });

  it('says that computing needs one', async () => {
    const y = add(tensor([1]), 1);
    await expect(y.data()).rejects.toThrow(FoveaError);
    await expect(y.item()).rejects.toThrow('Tensor [1] f32 (add.y) has no Gpu; await openGpu() first');
  });

  it('prints its shape, dtype and origin', () => {
    expect(`${tensor([1, 2], [2, 1])}`).toBe('Tensor [2,1] f32 (constant)');
    expect(inspect(mul(tensor([1], [1], 'f16'), 2))).toBe('Tensor [1] f16 (mul.y)');
    expect(String(full([], 1, 'i32').reshape([1, 1]))).toBe('Tensor [1,1] i32 (view)');
  });
});
