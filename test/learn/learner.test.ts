import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NumericError, UsageError } from '../../src/errors.ts';
import { affine } from '../../src/graph/functions/elementwise.ts';
import type { Tensor } from '../../src/graph/tensor.ts';
import {
  type Callback,
  EarlyStopping,
  type LearnerCheckpoint,
  type LearnerOptions,
  type Logs,
  ReduceLROnPlateau,
  slice,
  type Task,
  TerminateOnNaN,
} from '../../src/learn/index.ts';
import type { Gpu } from '../../src/plan/gpu.ts';
import { sharedGpu } from '../sharedGpu.ts';
import { type ColourBatch, colourLearner, type Item, type Net, task, weightsOf } from './colourLearner.ts';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});
afterAll(() => gpu?.dispose());

const learnerOf = (options: Partial<LearnerOptions<Item, Net, ColourBatch>> = {}) =>
  colourLearner(gpu, options);

describe('Learner', () => {
  it('learns, validates each epoch, and ends with the weights of the best one', async () => {
    const learner = learnerOf();
    const result = await learner.fitOneCycle(6, { lrMax: 0.05 });
    const { history } = learner;
    expect(result.finished).toBe(true);
    expect(result.step).toBe(30);
    expect(history.steps.map(({ step }) => step)).toEqual(Array.from({ length: 30 }, (_, i) => i + 1));
    expect(Object.keys(history.history).sort()).toEqual(['loss', 'lr', 'val_accuracy', 'val_loss']);
    const epoch = history.steps.slice(0, 5).map(({ losses }) => losses.loss!);
    expect(history.epochs[0]!.loss).toBeCloseTo(epoch.reduce((a, b) => a + b) / 5, 6);
    expect(history.epochs.at(-1)!.loss!).toBeLessThan(history.epochs[0]!.loss!);
    // Of the epochs with the highest accuracy, the one with the lowest loss.
    const { val_accuracy: accuracies, val_loss: losses } = history.history;
    const value = Math.max(...accuracies!);
    const loss = Math.min(...losses!.filter((_, i) => accuracies![i] === value));
    expect(result.best).toEqual({ name: 'val_accuracy', value, loss, epoch: losses!.indexOf(loss) });
    expect((await learner.validate()).val_accuracy).toBe(result.best!.value);
    expect(result.best!.value).toBeGreaterThan(0.8);
    learner.dispose();
  });

  it('gives the same bits each time, and goes on from a checkpoint to the same bits', async () => {
    const checkpoints: LearnerCheckpoint[] = [];
    const callbacks = (): Callback[] => [
      new EarlyStopping({ monitor: 'loss', patience: 50 }),
      new ReduceLROnPlateau({ monitor: 'val_loss', patience: 1, factor: 0.5, minDelta: 10 }),
    ];
    const whole = learnerOf({ callbacks: callbacks() });
    const onCheckpoint = (checkpoint: LearnerCheckpoint) => {
      checkpoints.push(checkpoint);
    };
    const result = await whole.fineTune(2, { baseLr: 0.02, checkpointEvery: 2, onCheckpoint });
    const expected = await weightsOf(whole);
    // 3 epochs of 5 steps: after every other step, and at the end.
    const steps = checkpoints.map(({ progress }) => (progress as { step: number }).step);
    expect(steps).toEqual([2, 4, 6, 8, 10, 12, 14, 15]);
    for (const i of [0, 2, 4, 6]) {
      const again = learnerOf({ callbacks: callbacks() });
      const resumed = await again.fineTune(2, { baseLr: 0.02, resume: structuredClone(checkpoints[i]!) });
      expect(await weightsOf(again)).toEqual(expected);
      expect(again.history.steps).toEqual(whole.history.steps);
      expect(again.history.epochs).toEqual(whole.history.epochs);
      expect(resumed).toEqual({ ...result, history: again.history });
      again.dispose();
    }
    const other = learnerOf({ callbacks: callbacks() });
    await expect(other.fineTune(2, { lrMult: 3, resume: checkpoints[0]! })).rejects.toThrow(
      'resume: the checkpoint has lrMult 100, this training 3; continue with the same data and settings (only epochs and learning rates may change)',
    );
    const longer = await other.fineTune(3.5, { baseLr: 0.01, resume: checkpoints[0]! });
    expect([longer.step, longer.finished, longer.history.epochs.length]).toEqual([5 + 18, true, 5]);
    await expect(
      other.fineTune(2, { baseLr: 0.02, resume: { ...checkpoints[0]!, progress: {} } }),
    ).rejects.toThrow(
      /resume: is no checkpoint of a Learner \(learner: .*\); give what onCheckpoint received/,
    );
    whole.dispose();
    other.dispose();
  });

  it('keeps frozen groups bit for bit, running statistics included', async () => {
    const learner = learnerOf({ best: false });
    expect(learner.groups.map(({ name, parameters }) => [name, parameters.length])).toEqual([
      ['body.0', 2],
      ['body.1', 2],
      ['head', 2],
    ]);
    const before = await weightsOf(learner);
    learner.freeze();
    await learner.fit(2, { lr: 0.05 });
    const frozen = await weightsOf(learner);
    for (const [name, values] of before) {
      if (name.startsWith('features')) expect(frozen.get(name)).toEqual(values);
      else expect(frozen.get(name)).not.toEqual(values);
    }
    learner.unfreeze();
    await learner.fit(1, { lr: slice(1e-3, 1e-2) });
    const free = await weightsOf(learner);
    for (const [name, values] of frozen) expect([name, free.get(name)]).not.toEqual([name, values]);
    learner.dispose();
  });

  it('finds a learning rate, and leaves everything as it was', async () => {
    const [found, untouched] = [learnerOf(), learnerOf()];
    await found.fit(1);
    await untouched.fit(1);
    const before = await weightsOf(found);
    const { lrs, losses, lr, steep, minimum, valley } = await found.lrFind({ numIt: 40, endLr: 100 });
    expect(await weightsOf(found)).toEqual(before);
    expect(lrs[0]).toBe(1e-7);
    expect(losses.length).toBe(lrs.length);
    expect(lr).toBe(valley);
    for (const suggestion of [lr, steep, 10 * minimum]) expect(lrs).toContain(suggestion);
    await found.fit(2, { lr: 0.01 });
    await untouched.fit(2, { lr: 0.01 });
    expect(await weightsOf(found)).toEqual(await weightsOf(untouched));
    found.dispose();
    untouched.dispose();
  });

  it('stops when a value no longer improves, and lowers the rate on a plateau', async () => {
    const rates: number[] = [];
    const logs: Logs[] = [];
    const learner = learnerOf({
      callbacks: [
        new ReduceLROnPlateau({ monitor: 'val_loss', patience: 1, factor: 0.5, minDelta: 10 }),
        new EarlyStopping({ monitor: 'val_accuracy', patience: 3, minDelta: 2 }),
        {
          onBatchEnd: (_, { lr }) => {
            rates.push(lr);
          },
          onEpochEnd: (_, epoch) => {
            logs.push(epoch);
          },
        },
      ],
    });
    const result = await learner.fit(20, { lr: 0.01 });
    // The first epoch is the best; no later one is better by 2.
    expect(result.finished).toBe(false);
    expect(result.step).toBe(4 * 5);
    expect(result.reason).toMatch(/^val_accuracy has not improved in 3 epochs/);
    expect(logs).toEqual(learner.history.epochs);
    expect([0, 5, 10, 15].map((i) => rates[i])).toEqual([0.01, 0.01, 0.005, 0.0025]);
    learner.dispose();
  });

  it('skips batches, and stops by a signal', async () => {
    const controller = new AbortController();
    const learner = learnerOf({ best: false, valid: undefined as never });
    const result = await learner.fit(3, {
      signal: controller.signal,
      callbacks: [
        {
          onBatchBegin: ({ step }) => (step === 1 ? 'skip' : undefined),
          onBatchEnd: (_, { step }) => {
            if (step === 7) controller.abort();
          },
        },
      ],
    });
    expect(result.finished).toBe(false);
    expect(learner.history.steps.map(({ step }) => step).slice(0, 6)).toEqual([1, 3, 4, 5, 6, 7]);
    expect(result.step).toBeLessThan(10);
    learner.dispose();
  });

  it('throws with the items of the batch where a loss is not finite, or stops where that is wanted', async () => {
    const broken: Task<Item, Net, ColourBatch> = {
      ...task,
      losses: (model, batch) => affine(task.losses(model, batch) as Tensor, 1e30, 3e38),
    };
    const learner = learnerOf({ task: broken });
    await expect(learner.fit(1)).rejects.toThrow(NumericError);
    await expect(learner.fit(1)).rejects.toThrow(
      /step 1: the (gradient of the )?loss is (NaN|Infinity); training stops: use a lower learning rate \(now 0.001\), or check the items of this batch: item of class/,
    );
    const quiet = learnerOf({ task: broken, callbacks: [new TerminateOnNaN()] });
    const stopped = await quiet.fit(1);
    quiet.dispose();
    expect(stopped.finished).toBe(false);
    expect(stopped.reason).toMatch(/the (gradient of the )?loss is (NaN|Infinity)/);
    learner.dispose();
  });

  it('refuses what cannot be used', async () => {
    const learner = learnerOf();
    expect(() => learner.freezeTo(3)).toThrow(
      'freezeTo: 3; there are 3 groups (body.0, body.1, head): give the number of the first one to train, from 0 to 2',
    );
    expect(() => learner.fit(0)).toThrow(UsageError);
    expect(() => learner.fineTune(1, { freezeEpochs: -1 })).toThrow(
      'freezeEpochs is -1; give a number above 0',
    );
    expect(() => learner.fit(1, { lr: [1e-3] })).toThrow('fit: 1 learning rates for 3 layer groups');
    expect(() => learner.fit(1, { lr: -1 })).toThrow('fit: a learning rate is -1; give a number above 0');
    expect(() => learner.fitOneCycle(1, { lrmax: 1 } as never)).toThrow('did you mean lrMax?');
    const running = learner.fit(1);
    await expect(learner.fit(1)).rejects.toThrow('Learner: is training already; await that first');
    await running;
    await expect(learner.fit(1, { callbacks: [new EarlyStopping({ monitor: 'val_f1' })] })).rejects.toThrow(
      'EarlyStopping: monitor is val_f1, the logs have loss, val_loss, val_accuracy, lr',
    );
    learner.dispose();
  });
});
