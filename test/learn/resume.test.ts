import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Callback,
  EarlyStopping,
  type LearnerCheckpoint,
  type LearnerOptions,
  ReduceLROnPlateau,
} from '../../src/learn/index.ts';
import type { Gpu } from '../../src/plan/gpu.ts';
import { sharedGpu } from '../sharedGpu.ts';
import { type ColourBatch, canAmp, colourLearner, type Item, type Net, weightsOf } from './colourLearner.ts';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});
afterAll(() => gpu?.dispose());

type Options = Partial<LearnerOptions<Item, Net, ColourBatch>>;
const learnerOf = (options: Options = {}) => colourLearner(gpu, options);

/** An amount of what is counted, as a state of a callback. */
class Counter implements Callback {
  batches = 0;
  readonly seen: number[] = [];

  onBatchEnd(): void {
    this.batches++;
  }

  onEpochEnd(): void {
    this.seen.push(this.batches);
  }

  state(): unknown {
    return { batches: this.batches, seen: this.seen };
  }

  loadState(state: unknown): void {
    const { batches, seen } = state as { batches: number; seen: number[] };
    this.batches = batches;
    this.seen.splice(0, this.seen.length, ...seen);
  }
}

const ALL = { ema: 0.9, accumulate: 2, amp: true } as const;

describe('resuming', () => {
  for (const [name, options, most] of [
    ['averages', { ema: 0.9 }, 1],
    ['averages of one decay', { ema: { decay: 0.9, warmup: false } }, 1],
    ['accumulated batches', { accumulate: 2 }, 2],
    ['mixed precision', { amp: true }, 1],
    ['all of them', ALL, 2],
  ] as const) {
    it(`with ${name} gives the same bits, callbacks included`, async () => {
      if ('amp' in options && !canAmp(gpu)) return;
      const counters: Counter[] = [];
      const callbacks = (): Callback[] => {
        counters.push(new Counter());
        return [
          counters.at(-1)!,
          new EarlyStopping({ monitor: 'loss', patience: 50 }),
          new ReduceLROnPlateau({ monitor: 'val_loss', patience: 1, factor: 0.5, minDelta: 10 }),
        ];
      };
      const checkpoints: LearnerCheckpoint[] = [];
      const onCheckpoint = (checkpoint: LearnerCheckpoint) => {
        checkpoints.push(structuredClone(checkpoint));
      };
      const whole = learnerOf({ ...options, callbacks: callbacks() });
      const result = await whole.fineTune(2, { baseLr: 0.02, checkpointEvery: 1, onCheckpoint });
      const expected = await weightsOf(whole);
      const steps = checkpoints.map(({ progress }) => (progress as { step: number }).step);
      const perEpoch = Math.ceil(5 / most);
      expect(steps).toEqual(Array.from({ length: 3 * perEpoch }, (_, i) => i + 1));
      for (const i of [0, perEpoch - 1, steps.length - 2]) {
        const again = learnerOf({ ...options, callbacks: callbacks() });
        const ends: LearnerCheckpoint[] = [];
        const resumed = await again.fineTune(2, {
          baseLr: 0.02,
          resume: checkpoints[i]!,
          onCheckpoint: (checkpoint) => {
            ends.push(checkpoint);
          },
        });
        expect(await weightsOf(again)).toEqual(expected);
        // Moments, averages and scale too.
        expect(ends.at(-1)).toEqual(checkpoints.at(-1));
        expect(again.history).toEqual(whole.history);
        expect(counters.at(-1)).toEqual(counters[0]);
        expect(resumed).toEqual({ ...result, history: again.history });
        again.dispose();
      }
      whole.dispose();
    });
  }

  it('of a training that was stopped where an epoch begins logs that epoch once', async () => {
    const whole = learnerOf();
    await whole.fit(3, { lr: 0.02 });
    let last: LearnerCheckpoint | undefined;
    const onCheckpoint = (checkpoint: LearnerCheckpoint) => {
      last = structuredClone(checkpoint);
    };
    // At the start, after an epoch, and again there at once.
    for (const at of [0, 5, 5, undefined]) {
      const learner = learnerOf();
      await learner.fit(3, {
        lr: 0.02,
        ...(last ? { resume: last } : {}),
        onCheckpoint,
        callbacks: [
          {
            onBatchBegin: (training) => {
              if (training.step === at) training.stop();
            },
          },
        ],
      });
      expect(learner.history.epochs).toEqual(
        whole.history.epochs.slice(0, at === undefined ? 3 : Math.floor(at / 5)),
      );
      if (at === undefined) expect(await weightsOf(learner)).toEqual(await weightsOf(whole));
      learner.dispose();
    }
    whole.dispose();
  });

  it('refuses a checkpoint of other options', async () => {
    const checkpoints: LearnerCheckpoint[] = [];
    const whole = learnerOf({ ema: 0.9 });
    await whole.fit(1, {
      onCheckpoint: (checkpoint) => {
        checkpoints.push(checkpoint);
      },
    });
    const resume = checkpoints[0]!;
    const expectRefused = async (options: Options, message: string) => {
      const other = learnerOf(options);
      await expect(other.fit(1, { resume })).rejects.toThrow(message);
      other.dispose();
    };
    await expectRefused({}, 'the checkpoint has ema 0.9, this training not given');
    await expectRefused(
      { ema: { decay: 0.9, warmup: false } },
      'the checkpoint has ema warmup not given, this training false',
    );
    if (canAmp(gpu))
      await expectRefused({ ema: 0.9, amp: true }, 'the checkpoint has amp false, this training true');
    await expectRefused({ ema: 0.9, accumulate: 2 }, 'the checkpoint has accumulate 1, this training 2');
    whole.dispose();
  });
});

describe('lrFind', () => {
  it('restores everything with averages, accumulated batches and mixed precision', async () => {
    if (!canAmp(gpu)) return;
    const [found, untouched] = [learnerOf(ALL), learnerOf(ALL)];
    const ends: LearnerCheckpoint[] = [];
    const onCheckpoint = (checkpoint: LearnerCheckpoint) => {
      ends.push(checkpoint);
    };
    await found.fit(1);
    await untouched.fit(1);
    const { lrs } = await found.lrFind({ numIt: 15, endLr: 1 });
    expect(lrs.length).toBeGreaterThan(5);
    await found.fit(2, { lr: 0.01, onCheckpoint });
    await untouched.fit(2, { lr: 0.01, onCheckpoint });
    expect(await weightsOf(found)).toEqual(await weightsOf(untouched));
    expect(found.history).toEqual(untouched.history);
    expect(ends.slice(0, ends.length / 2)).toEqual(ends.slice(ends.length / 2));
    found.dispose();
    untouched.dispose();
  });
});
