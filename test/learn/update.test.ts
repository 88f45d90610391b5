import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NumericError, UsageError } from '../../src/errors.ts';
import { affine, relu } from '../../src/graph/functions/elementwise.ts';
import { crossEntropy } from '../../src/graph/functions/losses.ts';
import { mean } from '../../src/graph/functions/reduce.ts';
import { cast } from '../../src/graph/functions/shape.ts';
import type { Tensor } from '../../src/graph/tensor.ts';
import { trainMode } from '../../src/learn/groups.ts';
import {
  bestWeights,
  type LearnerCheckpoint,
  type LearnerOptions,
  type Logs,
  type Task,
  type TensorsOf,
} from '../../src/learn/index.ts';
import { TrainingProgram } from '../../src/learn/trainingProgram.ts';
import { Update } from '../../src/learn/update.ts';
import type { EMAOptions } from '../../src/nn/ema.ts';
import { SGD } from '../../src/nn/optimizers/sgd.ts';
import type { Gpu } from '../../src/plan/gpu.ts';
import { sharedGpu } from '../sharedGpu.ts';
import { type ColourBatch, canAmp, colourLearner, type Item, Net, task, weightsOf } from './colourLearner.ts';
import { pointItems, tinyLearner } from './tinyLearner.ts';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});
afterAll(() => gpu?.dispose());

type Options = Partial<LearnerOptions<Item, Net, ColourBatch>>;
const learnerOf = (options: Options = {}) => colourLearner(gpu, options);

const ALL = { ema: 0.9, accumulate: 2, amp: true } as const;

describe('averaged weights', () => {
  it.each([
    ['with less of them at first', 0.8, (n: number) => Math.min(0.8, (1 + n) / (10 + n))],
    ['with one decay', { decay: 0.8, warmup: false }, () => 0.8],
  ] as const)('are judged after each epoch, and are the weights at the end, %s', async (_name, ema, decay) => {
    const steps: Map<string, number[]>[] = [];
    const read: Map<string, number[]>[] = [];
    let last: LearnerCheckpoint | undefined;
    const learner = learnerOf({ ema, best: false });
    await learner.fit(2, {
      lr: 0.05,
      checkpointEvery: 1,
      onCheckpoint: (checkpoint) => {
        last = checkpoint;
        steps.push(new Map([...checkpoint.weights].map(([name, { data }]) => [name, [...data]])));
      },
      callbacks: [
        {
          onEpochEnd: async (training) => {
            const weights = await training.weights();
            read.push(new Map([...weights].map(([name, { data }]) => [name, [...data]])));
          },
        },
      ],
    });
    expect(steps.length).toBe(10);
    const averaged = await weightsOf(learner);
    // Running statistics are averaged as they were before each step.
    for (const name of averaged.keys()) {
      if (name.includes('running')) continue;
      const expected = steps
        .map((weights) => weights.get(name)!)
        .reduce((average, weights, n) =>
          average.map((value, i) => value + (1 - decay(n)) * (weights[i]! - value)),
        );
      averaged.get(name)!.forEach((value, i) => {
        expect(value).toBeCloseTo(expected[i]!, 5);
      });
    }
    expect(averaged.get('fc.weight')).not.toEqual(steps.at(-1)!.get('fc.weight'));
    expect(read.at(-1)).toEqual(averaged);
    const { val_loss } = await learner.validate();
    expect(val_loss).toBe(learner.history.epochs.at(-1)!.val_loss);
    const kept = new Map([...bestWeights(last!)].map(([name, { data }]) => [name, [...data]]));
    expect(kept).toEqual(averaged);
    learner.dispose();
  });

  it('of a short training have learned, with a decay for a long one', async () => {
    const losses = async (ema?: number | EMAOptions) => {
      const learner = learnerOf({ best: false, ...(ema === undefined ? {} : { ema }) });
      const before = (await learner.validate()).val_loss!;
      await learner.fit(8, { lr: 0.02 });
      learner.dispose();
      return [before, learner.history.epochs.at(-1)!.val_loss!] as const;
    };
    const [before, last] = await losses();
    expect(last).toBeLessThan(0.9 * before);
    const learned = before - last;
    // 40 steps: nearly as much, and nearly nothing.
    expect(before - (await losses(0.999))[1]).toBeGreaterThan(0.7 * learned);
    expect(before - (await losses({ decay: 0.999, warmup: false }))[1]).toBeLessThan(0.3 * learned);
  });

  it('of the best epoch are restored', async () => {
    const read: Map<string, number[]>[] = [];
    const learner = learnerOf({ ema: 0.8, best: 'val_loss' });
    const { best } = await learner.fit(3, {
      lr: 0.05,
      callbacks: [
        {
          onEpochEnd: async (training) => {
            const weights = await training.weights();
            read.push(new Map([...weights].map(([name, { data }]) => [name, [...data]])));
          },
        },
      ],
    });
    expect(await weightsOf(learner)).toEqual(read[best!.epoch]);
    learner.dispose();
  });
});

describe('accumulated batches', () => {
  const sgd = { optimizer: (groups: never) => new SGD(groups, { lr: 0.1, momentum: 0.9 }) };

  it('of 4 times 2 items are steps of 8', async () => {
    const train = pointItems(32, 'train');
    const [whole, parts] = [
      tinyLearner(gpu, { train, batchSize: 8, best: false }),
      tinyLearner(gpu, { train, batchSize: 2, accumulate: 4, best: false }),
    ];
    expect([whole.stepsPerEpoch, parts.stepsPerEpoch]).toEqual([4, 4]);
    const cycles = [await whole.fitOneCycle(3, { lrMax: 0.05 }), await parts.fitOneCycle(3, { lrMax: 0.05 })];
    expect(cycles.map(({ step, epochs }) => [step, epochs])).toEqual([
      [12, 3],
      [12, 3],
    ]);
    const [expected, weights] = [await weightsOf(whole), await weightsOf(parts)];
    for (const [name, values] of expected) {
      values.forEach((value, i) => {
        expect(Math.abs(weights.get(name)![i]! - value)).toBeLessThan(1e-5);
      });
    }
    whole.history.steps.forEach(({ losses, ...step }, i) => {
      const { losses: others, ...other } = parts.history.steps[i]!;
      expect(other).toEqual(step);
      expect(others.loss).toBeCloseTo(losses.loss!, 5);
    });
    whole.history.epochs.forEach(({ loss }, i) => {
      expect(parts.history.epochs[i]!.loss).toBeCloseTo(loss!, 5);
    });
    whole.dispose();
    parts.dispose();
  });

  it('take those that are left at the end of an epoch, as a smaller batch', async () => {
    // 5 batches of 4: 3 and 2 of them.
    const train = pointItems(20, 'train');
    const learner = tinyLearner(gpu, { train, accumulate: 3, best: false, ...sgd } as never);
    expect(learner.stepsPerEpoch).toBe(2);
    const seen: [number, number][] = [];
    const { step } = await learner.fit(1.4, {
      callbacks: [
        {
          onEpochBegin: ({ epoch, epochs, steps }) => {
            seen.push([epoch, epochs]);
            expect(steps).toBe(3);
          },
        },
      ],
    });
    expect(step).toBe(3);
    expect(seen).toEqual([
      [0, 2],
      [1, 2],
    ]);
    expect(learner.history.steps.map(({ epoch }) => epoch)).toEqual([0, 0, 1]);
    learner.dispose();
  });

  it('are skipped together', async () => {
    const learner = learnerOf({ accumulate: 2, best: false });
    const before = await weightsOf(learner);
    await learner.fit(1, { callbacks: [{ onBatchBegin: () => 'skip' }] });
    expect(learner.history.steps).toEqual([]);
    expect(await weightsOf(learner)).toEqual(before);
    learner.dispose();
  });

  it('fewer at the highest rate and more at the ends, along a cycle', async () => {
    const train = pointItems(80, 'train');
    const options = { train, batchSize: 2, best: false, ...sgd } as never;
    const cycle = { lrMax: 0.05, pctStart: 0.5, accumulate: [4, 1, 4] } as const;
    const run = async (resume?: LearnerCheckpoint, epochs = 2) => {
      const learner = tinyLearner(gpu, options);
      const checkpoints: LearnerCheckpoint[] = [];
      await learner.fitOneCycle(epochs, {
        ...cycle,
        ...(resume ? { resume } : {}),
        checkpointEvery: 7,
        onCheckpoint: (checkpoint) => {
          checkpoints.push(structuredClone(checkpoint));
        },
      });
      const { history } = learner;
      learner.dispose();
      return { history, weights: await weightsOf(learner), checkpoints };
    };
    const { history, weights, checkpoints } = await run();
    const batches = checkpoints.map(({ progress }) => (progress as { batches: number }).batches);
    expect(batches.at(-1)).toBe(80);
    const rates = history.steps.map(({ lr }) => lr);
    const peak = rates.indexOf(Math.max(...rates));
    expect(rates[0]).toBeCloseTo(0.05 / 25, 8);
    expect(rates.at(-1)).toBeCloseTo(0.05 / 1e5, 8);
    expect(rates[peak]!).toBeGreaterThan(0.0495);
    // Fewer batches per step at the peak than on either side.
    expect(history.steps.length).toBeGreaterThan(30);
    expect(history.steps.length).toBeLessThan(45);
    for (const checkpoint of checkpoints.slice(0, -1)) {
      const again = await run(checkpoint);
      expect(again.weights).toEqual(weights);
      expect(again.history).toEqual(history);
    }
    await expect(run(checkpoints[1]!, 5)).rejects.toThrow(
      'where the number of batches per step changes, continue with the same number of epochs',
    );
  });
});

describe('mixed precision', () => {
  it('computes in f16, learns as f32 does, and judges in f32', async () => {
    if (!canAmp(gpu)) return;
    const [amp, f32] = [learnerOf({ amp: true, best: false }), learnerOf({ best: false })];
    const options = { lr: 0.02 };
    const [half, full] = [await amp.fit(3, options), await f32.fit(3, options)];
    const losses = ({ history }: typeof half) => history.steps.map(({ losses }) => losses.loss!);
    // Not the same, as f16 was used, and close.
    expect(losses(half)).not.toEqual(losses(full));
    losses(half).forEach((loss, i) => {
      expect(Math.abs(loss - losses(full)[i]!)).toBeLessThan(0.02);
    });
    f32.model.loadStateDict(await amp.model.stateDict((state) => gpu.download(state)));
    expect((await f32.validate()).val_loss).toBe(amp.history.epochs.at(-1)!.val_loss);
    amp.dispose();
    f32.dispose();
  });

  /** A loss that is multiplied by 8 in f16: its gradient is infinite where the scale is above 4096. */
  const narrow: Task<Item, Net, ColourBatch> = {
    ...task,
    losses: (model, batch) => cast(affine(cast(task.losses(model, batch) as Tensor, 'f16'), 8), 'f32'),
  };

  it('leaves out steps whose gradients overflow, and halves the scale', async () => {
    if (!canAmp(gpu)) return;
    const logs: Logs[] = [];
    const learner = learnerOf({ amp: true, task: narrow, best: false });
    const before = await weightsOf(learner);
    const weights: boolean[] = [];
    await learner.fit(2, {
      lr: 0.01,
      checkpointEvery: 1,
      onCheckpoint: async ({ weights: now }) => {
        weights.push(
          [...now.get('fc.weight')!.data].every((value, i) => value === before.get('fc.weight')![i]),
        );
      },
      callbacks: [{ onEpochEnd: (_, epoch) => void logs.push(epoch) }],
    });
    const { steps } = learner.history;
    const left = 4;
    expect(steps.filter(({ skipped }) => skipped).length).toBe(left);
    // The scale of each step, and whether weights are those of the start after it.
    expect(steps.map(({ scale }) => scale)).toEqual(steps.map((_, i) => 65536 / 2 ** Math.min(i, left)));
    expect(weights).toEqual(steps.map((_, i) => i < left));
    for (const { losses } of steps) expect(losses.loss).toBeLessThan(16);
    expect(logs.at(-1)!.scale).toBe(65536 / 2 ** left);
    learner.dispose();
  });

  it('ends in an error where the loss is never finite', async () => {
    if (!canAmp(gpu)) return;
    const endless: Task<Item, Net, ColourBatch> = {
      ...task,
      losses: (model, batch) => affine(task.losses(model, batch) as Tensor, 1e30, 3e38),
    };
    const learner = learnerOf({ amp: true, task: endless, best: false });
    await expect(learner.fit(10)).rejects.toThrow(NumericError);
    await expect(learner.fit(10)).rejects.toThrow(/the loss is (Infinity|NaN)/);
    expect(learner.history.steps.length).toBeLessThan(31);
    learner.dispose();
  });
});

describe('frozen groups', () => {
  it('stay bit for bit with averages, accumulated batches and mixed precision', async () => {
    if (!canAmp(gpu)) return;
    const learner = learnerOf({ ...ALL, best: false });
    const before = await weightsOf(learner);
    learner.freeze();
    await learner.fit(3, { lr: 0.05 });
    for (const [name, values] of await weightsOf(learner)) {
      if (name.startsWith('features')) expect([name, values]).toEqual([name, before.get(name)]);
      else expect([name, values]).not.toEqual([name, before.get(name)]);
    }
    learner.dispose();
  });
});

describe('the memory of a step', () => {
  it('has no gradients of frozen groups', async () => {
    const planned = async (how: 'free' | 'frozen' | 'detached') => {
      const model = new Net();
      const learner = learnerOf({
        model,
        ...(how === 'detached' ? { task: { ...task, losses: (_, batch) => detached(model, batch) } } : {}),
      });
      if (how === 'frozen') learner.freeze();
      const update = new Update(gpu, model, learner.optimizer, {});
      const program = new TrainingProgram(gpu, learner.task, model, update, {
        accumulates: false,
        averages: false,
      });
      trainMode(model);
      // As if its batch norm were frozen.
      if (how === 'detached') model.features[1].eval();
      const { value } = await learner.train.batches(0).next();
      const { plannedBytes } = await program.prepare((value as { batch: ColourBatch }).batch);
      program.dispose();
      learner.dispose();
      return plannedBytes;
    };
    /** The losses of a head on features that nothing goes back into. */
    const detached = (model: Net, { images, labels }: TensorsOf<ColourBatch>) => {
      const { features } = model;
      const [conv, norm] = features;
      const found = relu(norm.forward(conv.forward(images))).detach();
      const logits = model.fc.forward(model.dropout.forward(mean(found, { dim: [1, 2] })));
      return mean(crossEntropy(logits, labels));
    };
    const [free, frozen, none] = [await planned('free'), await planned('frozen'), await planned('detached')];
    expect(frozen).toBe(none);
    expect(frozen).toBeLessThan(free);
  });
});

describe('options', () => {
  it('that cannot be used are refused by name', () => {
    const refused = (options: object, message: string) => {
      expect(() => learnerOf(options as never)).toThrow(UsageError);
      expect(() => learnerOf(options as never)).toThrow(message);
    };
    refused({ ema: 1 }, 'Learner: ema is 1; give the decay, a number of at least 0 and below 1');
    refused({ ema: true }, 'Learner: ema is true');
    refused({ ema: { decay: -1 } }, 'Learner: ema is -1');
    refused({ ema: { decay: 0.9, warmUp: true } }, 'Learner: ema: takes [decay,warmup], got [decay,warmUp]');
    refused({ accumulate: 0 }, 'Learner: accumulate is 0; give a whole number of at least 1');
    refused({ accumulate: 1.5 }, 'Learner: accumulate is 1.5');
    refused({ amp: 'f16' }, 'Learner: amp is f16; give true or false');
    refused(
      { clipNorm: 1, optimizer: () => undefined },
      'Learner: clipNorm is 1 beside an optimizer; give it to that optimizer',
    );
    refused({ clipNorm: 0 }, 'AdamW: clipNorm must be above 0');
  });

  it('clip the gradients of all groups together', async () => {
    const norms = async (clipNorm?: number) => {
      const learner = learnerOf({
        best: false,
        ...(clipNorm === undefined ? {} : { clipNorm }),
      });
      await learner.fit(1, { lr: 0.01 });
      const weights = await weightsOf(learner);
      learner.dispose();
      return weights.get('fc.weight')!;
    };
    expect(await norms(1e-3)).not.toEqual(await norms());
    expect(await norms(1e6)).toEqual(await norms());
  });
});
