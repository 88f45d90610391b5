import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ShapeError } from '../../src/errors.ts';
import { add } from '../../src/graph/functions/elementwise.ts';
import { sum } from '../../src/graph/functions/reduce.ts';
import { tensor } from '../../src/graph/tensor.ts';
import { borrowGpu, type Gpu } from '../../src/plan/gpu.ts';
import '../../src/graph/methods.ts';
import { sharedGpu } from '../sharedGpu.ts';

describe('a tensor with a Gpu', () => {
  let gpu: Gpu;
  beforeAll(async () => {
    gpu = await sharedGpu();
  });
  afterAll(() => gpu?.dispose());

  it('computes data and item on the Gpu that was opened last', async () => {
    const x = tensor([1, 2, 3]);
    expect([...(await add(x, 1).data())]).toEqual([2, 3, 4]);
    expect(await sum(x).item()).toBe(6);
    const other = borrowGpu(gpu.device.device);
    expect(await sum(x).item(gpu)).toBe(6);
    expect(await sum(x).item()).toBe(6);
    other.dispose();
    expect(await sum(x).item()).toBe(6);
  });

  it('takes no item of several elements', async () => {
    const two = add(tensor([1, 2]), 1);
    await expect(two.item()).rejects.toThrow(ShapeError);
    await expect(two.item()).rejects.toThrow('item: Tensor [2] f32 (add.y) has 2 elements, not 1');
    const run = await gpu.capture(() => ({ two, one: sum(two) }))();
    expect(await run.one.item()).toBe(5);
    await expect(run.two.item()).rejects.toThrow('has 2 elements, not 1');
  });

  it('has operations as methods where they are imported', async () => {
    const x = tensor([-1, 2, 3, -4], [2, 2]);
    expect([...(await x.add(1).relu().mul(x).data())]).toEqual([-0, 6, 12, -0]);
    expect(await x.sum().item()).toBe(0);
    expect((await x.softmax(0).sum({ dim: 0 }).data())[1]).toBeCloseTo(1);
    expect(x.transpose().slice([[0, 1]]).shape).toEqual([1, 2]);
    expect(x.topk(1).values.shape).toEqual([2, 1]);
  });
});
