/** A Learner that is given what it cannot use: typed errors, and it can be used afterwards. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { UsageError } from '../../src/errors.ts';
import { EarlyStopping, type Loader, ReduceLROnPlateau } from '../../src/learn/index.ts';
import type { Gpu } from '../../src/plan/gpu.ts';
import { sharedGpu } from '../sharedGpu.ts';
import { type PointBatch, type PointItem, pointItems, pointTask, tinyLearner } from './tinyLearner.ts';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});
afterAll(() => gpu?.dispose());

/** A loader that yields what it is given, whatever its length says. */
const loaderOf = (length: number, ...batches: readonly unknown[]): Loader<PointItem, PointBatch> => ({
  length,
  async *batches() {
    for (const batch of batches) yield { batch, items: pointItems(4, 'own'), epoch: 0, index: 0 } as never;
  },
});

const failureOf = async (run: () => unknown): Promise<string> => {
  try {
    await run();
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError);
    return (error as UsageError).message;
  }
  throw new Error('nothing was thrown');
};

describe('a Learner of what cannot be used', () => {
  it('refuses callbacks that are none, and those whose hooks are misspelt', async () => {
    expect(await failureOf(() => tinyLearner(gpu, { callbacks: {} as never }))).toMatch(
      /give a list of them$/,
    );
    for (const callback of [null, () => 3]) {
      expect(await failureOf(() => tinyLearner(gpu, { callbacks: [callback] as never }))).toMatch(
        /a callback is .*; give an object with any of onTrainBegin,/,
      );
    }
    const learner = tinyLearner(gpu);
    expect(await failureOf(() => learner.fit(1, { callbacks: [{ on_epoch_end() {} }] as never }))).toContain(
      'a callback has on_epoch_end, but no hook',
    );
    // Others may have names of their own beside their hooks.
    await learner.fit(1, {
      callbacks: [Object.assign(new EarlyStopping({ patience: 3 }), { onMessage() {} })],
    });
    learner.dispose();
  });

  it.each([
    [
      () => new EarlyStopping({ patience: -1 }),
      'EarlyStopping: patience is -1; give a whole number of epochs of at least 0, or Infinity',
    ],
    [
      () => new EarlyStopping({ minDelta: Number.NaN }),
      'EarlyStopping: minDelta is NaN; give a number of at least 0',
    ],
    [
      () => new EarlyStopping({ mode: 'most' as never }),
      'EarlyStopping: mode is "most"; choose auto, min, max',
    ],
    [
      () => new ReduceLROnPlateau({ cooldown: 0.5 }),
      'ReduceLROnPlateau: cooldown is 0.5; give a whole number of epochs of at least 0, or Infinity',
    ],
  ])('refuses numbers of callbacks: %#', async (make, message) => {
    expect(await failureOf(make)).toBe(message);
  });

  it('refuses data, batches and lengths that are none', async () => {
    const train = (loader: unknown) =>
      failureOf(() => {
        const learner = tinyLearner(gpu, { train: loader as never });
        return learner.fit(1);
      });
    expect(await train(null)).toBe('Learner: train is null; give a list of items, a Dataset, or a loader');
    expect(await train(loaderOf(Number.NaN))).toContain('the length of the loader of train is NaN');
    expect(await train(loaderOf(1, undefined))).toContain(
      'a batch is undefined; collate returns arrays by name',
    );
    expect(await train(loaderOf(1, { points: [1, 2] }))).toContain(
      'points of a batch is Array; give { data, shape }',
    );
    expect(await train(loaderOf(1))).toContain('has given fewer than its 1 batches per epoch');
    const batch = await pointTask.collate!(pointItems(4, 'own'), {} as never);
    for (const epochs of [1, 2]) {
      const learner = tinyLearner(gpu, { train: loaderOf(2, batch, batch, batch) });
      expect(await failureOf(() => learner.fit(epochs))).toBe(
        'Learner: the loader of train has given more than its 2 batches per epoch; batches(epoch, from) must give length - from of them',
      );
      // A part of an epoch takes what it needs.
      expect((await learner.fit(0.5)).step).toBe(1);
      learner.dispose();
    }
    const valid = tinyLearner(gpu, { valid: loaderOf(1) });
    expect(await failureOf(() => valid.validate())).toContain('the loader of valid has given no batches');
    valid.dispose();
  });

  it('refuses losses that are none', async () => {
    for (const [losses, shown] of [
      [() => undefined, 'undefined'],
      [() => 3, '3'],
      [async () => 3, '[object Promise]'],
    ] as const) {
      const learner = tinyLearner(gpu, { task: { ...pointTask, losses: losses as never } });
      expect(await failureOf(() => learner.fit(1))).toBe(
        `Learner: the losses of the task are ${shown}; return a tensor, or tensors by name, and no promise`,
      );
      learner.dispose();
    }
  });

  it('names the item that has a value that is not finite, and trains on after a callback that threw', async () => {
    const items = pointItems(12, 'n').map((item, n) =>
      n === 9 ? { ...item, name: 'the bad one', point: [Number.NaN, 1] as const } : item,
    );
    const learner = tinyLearner(gpu, { train: items });
    await expect(learner.fit(1)).rejects.toThrow(
      'points of the bad one has the value NaN: mend that item, or leave it out',
    );
    learner.dispose();
    const other = tinyLearner(gpu);
    const own = new Error('mine');
    const callbacks = [
      {
        onBatchEnd() {
          throw own;
        },
      },
    ];
    await expect(other.fit(1, { callbacks })).rejects.toBe(own);
    expect((await other.fit(1)).finished).toBe(true);
    other.dispose();
  });
});
