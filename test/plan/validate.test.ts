import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { NumericError } from '../../src/errors.ts';
import { conv2d, maxPool2d } from '../../src/graph/functions/conv.ts';
import { add, exp, neg, relu } from '../../src/graph/functions/elementwise.ts';
import { sum, topk } from '../../src/graph/functions/reduce.ts';
import { assign } from '../../src/graph/recorder.ts';
import { State, stateTensor, tensor } from '../../src/graph/tensor.ts';
import { Gpu, openGpu } from '../../src/plan/gpu.ts';
import { references } from '../../src/reference/ops.ts';
import { random } from './graphs.ts';

let gpu: Gpu;
beforeAll(async () => {
  process.env.FOVEA_VALIDATE = '1';
  gpu = await openGpu();
  delete process.env.FOVEA_VALIDATE;
});
afterAll(() => gpu?.dispose());

const original = { ...references };
afterEach(() => Object.assign(references, original));

/** Makes an operation's reference disagree at one element: as if its kernel computed that one wrongly. */
function spoil(op: 'conv2d' | 'exp' | 'sum', index: number, value = 1): void {
  const reference = original[op];
  references[op] = (inputs, attrs, outputs) => {
    const results = reference(inputs, attrs, outputs);
    const array = Object.values(results)[0]!;
    array[index] = value;
    return results;
  };
}

const graph = () => {
  const y = relu(add(conv2d(random('x', [1, 4, 4, 3]), random('w', [3, 3, 3, 4])), random('b', [4])));
  return { y: sum(exp(maxPool2d(y, 2))), best: topk(y.reshape([-1]), 3).indices };
};

describe('FOVEA_VALIDATE=1', () => {
  it('lets a graph pass that computes what its references say', async () => {
    const { y } = await gpu.run(graph);
    expect(y[0]).toBeGreaterThan(0);
  });

  it.each([
    ['conv2d', 3, /^conv2d\+add\+relu: element 3 of .* is .*, its reference 1\d\d/],
    ['exp', 2, /exp: element 2 /],
    ['sum', 0, /sum: element 0 /],
  ] as const)('stops at a wrong %s and says which element', async (op, index, message) => {
    spoil(op, index, 123);
    const run = gpu.run(graph);
    await expect(run).rejects.toThrow(NumericError);
    await expect(run).rejects.toThrow(message);
  });

  it('says which operation alone, where nothing is fused', async () => {
    spoil('conv2d', 3, 123);
    const plain = new Gpu(gpu.device, { validate: true, fusion: false });
    await expect(plain.run(graph)).rejects.toThrow(/^conv2d: element 3 of conv2d\.y is/);
  });

  it('sees NaN on either side, and values beside infinities', async () => {
    spoil('exp', 1, Number.NaN);
    await expect(gpu.run(() => ({ y: exp(tensor([1, 2])) }))).rejects.toThrow(NumericError);
    spoil('exp', 1, Number.POSITIVE_INFINITY);
    await expect(gpu.run(() => ({ y: exp(tensor([1, 2])) }))).rejects.toThrow(NumericError);
    Object.assign(references, original);
    const { y } = await gpu.run(() => ({ y: neg(tensor([Number.NaN, Number.POSITIVE_INFINITY, 1])) }));
    expect([...y]).toEqual([Number.NaN, Number.NEGATIVE_INFINITY, -1]);
  });

  it('still changes states', async () => {
    const state = new State('counter', { shape: [1], dtype: 'f32' }, Float32Array.of(1));
    const step = gpu.capture(() => {
      assign(state, add(stateTensor(state), 1));
      return {};
    });
    await step();
    await step();
    expect([...(await gpu.download(state))]).toEqual([3]);
  });
});
