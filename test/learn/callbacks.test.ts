import { describe, expect, it } from 'vitest';
import {
  type Callback,
  EarlyStopping,
  type EarlyStoppingOptions,
  ReduceLROnPlateau,
} from '../../src/learn/index.ts';
import * as nn from '../../src/nn/index.ts';

/** Runs a callback on the values of epochs, and says after how many it ended, at which rates, and the weights at the end. */
async function run(callback: Callback, values: readonly number[], resumeAt?: Callback) {
  let stopped = false;
  let weights = 0;
  const history: { epochs: object[] } = { epochs: [] };
  const training = {
    history,
    step: 0,
    best: undefined,
    lrScale: 1,
    mode: () => 'min',
    stop: () => {
      stopped = true;
    },
    weights: async () => new Map([['w', { dtype: 'f32', shape: [1], data: Float32Array.of(weights) }]]),
    loadWeights: (given: Map<string, { data: Float32Array }>) => {
      weights = given.get('w')!.data[0]!;
    },
  };
  const rates: number[] = [];
  let one = callback;
  await one.onTrainBegin?.(training as never);
  for (const [i, value] of values.entries()) {
    weights = i;
    training.step++;
    rates.push(0.1 * training.lrScale);
    const logs = { val_loss: value, lr: rates.at(-1)! };
    history.epochs.push(logs);
    await one.onEpochEnd?.(training as never, logs);
    if (resumeAt && i === 1) {
      resumeAt.loadState!(JSON.parse(JSON.stringify(one.state!())));
      one = resumeAt;
      await one.onTrainBegin?.(training as never);
    }
    if (stopped) break;
  }
  await one.onTrainEnd?.(training as never);
  return { epochs: history.epochs.length, rates, weights };
}

describe('EarlyStopping, by the rules of Keras', () => {
  it.each<[string, EarlyStoppingOptions, number[], number]>([
    [
      'never, with a patience of Infinity',
      { monitor: 'val_loss', patience: Number.POSITIVE_INFINITY },
      [1, 2, 3, 4],
      4,
    ],
    ['ends after the first epoch without an improvement', {}, [3, 2, 2, 1], 3],
    ['but never after the first one', {}, [Number.NaN, Number.NaN, 1], 2],
    ['waits for as many epochs as patience', { patience: 2 }, [3, 2, 2.5, 2, 1], 4],
    [
      'counts an improvement of no more than minDelta as none',
      { minDelta: 0.5, patience: 1 },
      [3, 2.6, 1],
      2,
    ],
    ['compares with the best, not the last', { patience: 2 }, [3, 1, 2, 1.5, 0], 4],
    // Epochs that are better and above the baseline count, and end nothing.
    ['counts until the baseline is reached', { patience: 2, baseline: 1 }, [5, 4, 3, 2, 2.5, 0], 5],
    ['begins anew once it is', { patience: 2, baseline: 4 }, [5, 3, 3, 3, 0], 4],
    ['leaves out the first epochs', { startFromEpoch: 2 }, [1, 2, 3, 4, 5], 4],
    ['compares with max', { mode: 'max' }, [1, 2, 3, 3, 4], 4],
  ])('%s', async (_, options, values, epochs) => {
    expect((await run(new EarlyStopping(options), values)).epochs).toBe(epochs);
  });

  it('restores the best weights where that is wanted, also in a training that is resumed or not stopped', async () => {
    const options = { patience: 3, restoreBestWeights: true };
    const values = [3, 1, 2, 2, 2, 0];
    expect((await run(new EarlyStopping(options), values)).weights).toBe(1);
    expect((await run(new EarlyStopping(options), values, new EarlyStopping(options))).weights).toBe(1);
    expect((await run(new EarlyStopping({ ...options, patience: 9 }), [3, 1, 2])).weights).toBe(1);
    expect((await run(new EarlyStopping({ patience: 3 }), values)).weights).toBe(4);
  });

  it('begins anew with each training', async () => {
    const callback = new EarlyStopping({ patience: 1 });
    expect((await run(callback, [1, 2])).epochs).toBe(2);
    expect((await run(callback, [5, 4, 3])).epochs).toBe(3);
  });
});

describe('ReduceLROnPlateau', () => {
  const close = (rates: readonly number[], expected: readonly number[]) => {
    expect(rates.map((rate) => Number(rate.toPrecision(6)))).toEqual(expected);
  };

  it('reduces by the rules of Keras', async () => {
    const values = [1, 1, 1, 1, 1, 1, 1];
    const plain = new ReduceLROnPlateau({ factor: 0.5, patience: 2 });
    close((await run(plain, values)).rates, [0.1, 0.1, 0.1, 0.05, 0.05, 0.025, 0.025]);
    // The last epoch of the cooldown counts.
    const cooling = new ReduceLROnPlateau({ factor: 0.5, patience: 2, cooldown: 2 });
    close((await run(cooling, values)).rates, [0.1, 0.1, 0.1, 0.05, 0.05, 0.05, 0.025]);
    const least = new ReduceLROnPlateau({ factor: 0.1, patience: 1, minLr: 0.03 });
    close((await run(least, values)).rates, [0.1, 0.1, 0.03, 0.03, 0.03, 0.03, 0.03]);
    const small = new ReduceLROnPlateau({ factor: 0.5, patience: 1, minDelta: 0.2 });
    close((await run(small, [1, 0.9, 0.5])).rates, [0.1, 0.1, 0.05]);
  });

  it('differs from that of fovea/nn, which has the rules of PyTorch', async () => {
    const optimizer = { lr: 0.1 };
    const torch = new nn.ReduceLROnPlateau(optimizer, { factor: 0.5, patience: 2, cooldown: 2 });
    const rates = Array.from({ length: 10 }, () => {
      const { lr } = optimizer;
      torch.step(1);
      return lr;
    });
    close(rates, [0.1, 0.1, 0.1, 0.1, 0.05, 0.05, 0.05, 0.05, 0.05, 0.025]);
  });
});
