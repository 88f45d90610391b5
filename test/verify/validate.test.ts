import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { NumericError } from '../../src/errors.ts';
import { backward } from '../../src/graph/backward.ts';
import { conv2d, maxPool2d } from '../../src/graph/functions/conv.ts';
import { add, exp, mul, neg, relu } from '../../src/graph/functions/elementwise.ts';
import { sum, topk } from '../../src/graph/functions/reduce.ts';
import { assign } from '../../src/graph/recorder.ts';
import { State } from '../../src/graph/state.ts';
import { stateTensor, tensor } from '../../src/graph/tensor.ts';
import type { OpName } from '../../src/kernels/ops.ts';
import { Parameter } from '../../src/nn/module.ts';
import { AdamW, type Optimizer, SGD } from '../../src/nn/optimizers.ts';
import type { Gpu } from '../../src/plan/gpu.ts';
import { references } from '../../src/reference/ops.ts';
import type { Reference } from '../../src/reference/reference.ts';
import { validate } from '../../src/verify/validate.ts';
import { random } from '../plan/graphs.ts';
import { sharedGpu } from '../sharedGpu.ts';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu({ validate });
});
afterAll(() => gpu?.dispose());

const table = references as Record<OpName, Reference>;
const original = { ...table };
afterEach(() => Object.assign(references, original));

/** Makes an operation's reference disagree at one element: as if its kernel computed that one wrongly. */
function spoil(op: OpName, index: number, value = 1, output = 0): void {
  const reference = original[op];
  table[op] = (inputs, attrs, outputs) => {
    const results = reference(inputs, attrs, outputs);
    const array = Object.values(results)[output]!;
    array[index] = value;
    return results;
  };
}

const graph = () => {
  const y = relu(add(conv2d(random('x', [1, 4, 4, 3]), random('w', [3, 3, 3, 4])), random('b', [4])));
  return { y: sum(exp(maxPool2d(y, 2))), best: topk(y.reshape([-1]), 3).indices };
};

describe('validation', () => {
  it('lets a graph pass that computes what its references say', async () => {
    const { y } = await gpu.run(graph);
    expect(y[0]).toBeGreaterThan(0);
  });

  it.each([
    ['conv2d', 3, /^conv2d\+add\+relu \(operation 1 of 4\): element 3 of .* is .*, its reference 1\d\d/],
    ['exp', 2, /exp \(operation 2 of 4\): element 2 /],
    ['sum', 0, /^sum \(operation 3 of 4\): element 0 of sum\.y \[\] is [\d.]+, its reference 123$/],
  ] as const)('stops at a wrong %s and says which element', async (op, index, message) => {
    spoil(op, index, 123);
    const run = gpu.run(graph);
    await expect(run).rejects.toThrow(NumericError);
    await expect(run).rejects.toThrow(message);
  });

  it('says which operation alone, where nothing is fused', async () => {
    spoil('conv2d', 3, 123);
    using plain = await sharedGpu({ validate, fusion: false });
    await expect(plain.run(graph)).rejects.toThrow(
      /^conv2d \(operation 1 of 7\): element 3 of conv2d\.y \[1,2,2,4\] is/,
    );
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

  it('takes no integer for its neighbour, however large', async () => {
    spoil('topk', 0, 2_999_998, 1);
    const rising = tensor(Float32Array.from({ length: 3_000_000 }, (_, i) => i));
    await expect(gpu.run(() => ({ y: topk(rising, 2).indices }))).rejects.toThrow(
      /^topk \(operation 1 of 1\): element 0 of topk\.indices \[2\] is 2999999, its reference 2999998$/,
    );
  });

  describe('an optimizer step, which overwrites what it reads', () => {
    const START = [1, -2, 3, 0.5];
    /** The weight after steps on sum(w^2). */
    async function descend(on: Gpu, make: (parameters: Parameter[]) => Optimizer): Promise<number[]> {
      const weight = new Parameter([1, 4], Float32Array.from(START));
      const optimizer = make([weight]);
      const step = on.capture(() => {
        backward(sum(mul(weight.tensor, weight.tensor)));
        optimizer.step();
        return {};
      });
      for (let i = 0; i < 3; i++) {
        await step();
      }
      return Array.from(await on.download(weight.state));
    }
    const adamw = (parameters: Parameter[]) => new AdamW(parameters, { lr: 0.1, weightDecay: 0.01 });
    const sgd = (parameters: Parameter[]) => new SGD(parameters, { lr: 0.1, momentum: 0.9 });

    it.each([
      ['AdamW', adamw],
      ['SGD', sgd],
    ])('%s passes, and gives what it gives unwatched', async (_name, make) => {
      const watched = await descend(gpu, make);
      using unwatched = await sharedGpu({ validate: false });
      expect(watched).toEqual(await descend(unwatched, make));
      expect(watched).not.toEqual(START);
    });

    it.each([
      ['adamw_step', adamw, 0, 'newParam'],
      ['adamw_step', adamw, 2, 'newV'],
      ['sgd_step', sgd, 1, 'newMomentum'],
    ] as const)('%s that is wrong is found', async (op, make, output, name) => {
      spoil(op, 2, 7, output);
      const message = new RegExp(
        `^${op} \\(operation \\d+ of \\d+\\): element 2 of ${op}\\.${name} .* is .*, its reference 7$`,
      );
      await expect(descend(gpu, make)).rejects.toThrow(message);
    });
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
