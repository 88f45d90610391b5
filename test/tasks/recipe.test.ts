import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Checkpoint } from '../../src/io/checkpoint.ts';
import { learnerOf } from '../../src/learn/learnerOf.ts';
import { type TrainResult, train } from '../../src/learn/train.ts';
import { Linear } from '../../src/nn/layers.ts';
import * as schedules from '../../src/nn/schedules.ts';
import type { Gpu } from '../../src/plan/gpu.ts';
import { segmentTask } from '../../src/tasks/cropTasks.ts';
import {
  OPTIMIZER_NAMES,
  optimizerOf,
  type RecipeOptions,
  recipeOf,
  SCHEDULE_NAMES,
  type ScheduleName,
  scheduleOf,
} from '../../src/tasks/recipe.ts';
import { defaultSettings, type SettingsOptions, type TrainSettings } from '../../src/tasks/settings.ts';
import { sharedGpu } from '../sharedGpu.ts';
import { bytesOf, settingsFor, twoScene } from './scenes.ts';

const LR = 0.02;
const STEPS = 21;
const samples = [twoScene(32)];
const settingsOf = (options: SettingsOptions = {}): TrainSettings =>
  settingsFor('unet', samples, { width: 4, batchSize: 1, steps: STEPS, lr: LR, ...options });

/** What the schedules of fovea/nn give, with the settings that the docstring of `ScheduleName` tells. */
const EXPECTED: Readonly<Record<ScheduleName, (step: number) => number>> = {
  'one-cycle': schedules.oneCycle({ maxLr: LR, steps: STEPS }),
  'flat-cos': schedules.flatCos({ lr: LR, steps: STEPS }),
  cosine: schedules.warmupCosine({ lr: LR, steps: STEPS }),
  'cosine-restarts': schedules.cosineRestarts({ lr: LR, t0: 3, tMult: 2 }),
  step: schedules.stepDecay({ lr: LR, stepSize: 7 }),
  exponential: schedules.exponentialDecay({ lr: LR, gamma: 0.01 ** (1 / STEPS) }),
  polynomial: schedules.polynomialDecay({ lr: LR, steps: STEPS, power: 0.9 }),
  cyclical: schedules.cyclical({ baseLr: LR / 4, maxLr: LR, stepSizeUp: 3 }),
  plateau: () => LR,
  constant: () => LR,
};

describe('recipes', () => {
  it.each(SCHEDULE_NAMES)('%s has the rates of fovea/nn', (schedule) => {
    const rates = scheduleOf(recipeOf('test', LR, { schedule }), STEPS);
    for (let step = 0; step < STEPS; step++) expect(rates(step)).toBe(EXPECTED[schedule](step));
    expect(rates.momentum).toBeUndefined();
  });

  it.each(SCHEDULE_NAMES.filter((name) => name !== 'one-cycle'))('%s is warmed up', (schedule) => {
    const rates = scheduleOf(recipeOf('test', LR, { schedule, warmup: 5 }), STEPS);
    const plain =
      schedule === 'cosine'
        ? schedules.warmupCosine({ lr: LR, steps: STEPS, warmup: 5 })
        : schedules.warmup((step: number) => EXPECTED[schedule](step), { steps: 5, startFactor: 1e-3 });
    for (let step = 0; step < STEPS; step++) expect(rates(step)).toBe(plain(step));
    expect(rates(0)).toBeLessThan(LR / 4);
  });

  it('optimizers have the settings, and rates that suit them', () => {
    const rates = { adamw: LR, adam: LR, sgd: 10 * LR, rmsprop: LR, lion: LR / 10 };
    const parameters = () => new Linear(2, 2).parameters();
    for (const optimizer of OPTIMIZER_NAMES) {
      const recipe = recipeOf('test', LR, { optimizer, weightDecay: 0.5 });
      const made = optimizerOf(recipe, [{ parameters: parameters() }]);
      expect(made.constructor.name.toLowerCase()).toBe(optimizer);
      expect(made.lr).toBe(rates[optimizer]);
      expect(made.groups[0]!.weightDecay).toBe(0.5);
    }
    const sgd = recipeOf('test', LR, { optimizer: 'sgd' });
    expect(sgd.momentum).toBe(0.9);
    expect(
      optimizerOf(recipeOf('test', LR, { optimizer: 'sgd', momentum: 0.5 }), [{ parameters: parameters() }])
        .momentum,
    ).toBe(0.5);
  });

  const refused: readonly [RecipeOptions, string][] = [
    [{ warmup: 5 }, 'warmup is 5, and the schedule one-cycle rises by itself'],
    [{ momentum: 0.9 }, 'momentum is 0.9, and the optimizer adamw has none to choose'],
    [{ optimizer: 'lion', momentum: 0.5 }, 'the optimizer lion has none to choose'],
    [{ optimizer: 'sgd', momentum: 1 }, 'momentum is 1; give a number from 0 to below 1'],
    [{ schedule: 'onecycle' as never }, 'schedule is "onecycle"; choose one-cycle, flat-cos'],
    [{ optimizer: 'adagrad' as never }, 'optimizer is "adagrad"; choose adamw'],
    [{ schedule: 'step', warmup: 1.5 }, 'warmup is 1.5; give a number of steps'],
    [{ weightDecay: -1 }, 'weightDecay is -1'],
    [{ accumulate: 0 }, 'accumulate is 0; give a whole number of at least 1'],
    [{ ema: 1 }, 'ema is 1; give a number from 0 to below 1'],
    [{ amp: 1 as never }, 'amp is 1; give true or false'],
    [{ lr: 0 }, 'lr is 0; give a number above 0'],
  ];
  it.each(refused)('%o is refused', (options, message) => {
    expect(() => recipeOf('test', LR, options)).toThrow(message);
    expect(() => settingsOf(options)).toThrow(message);
  });
});

describe('trainings', () => {
  let gpu: Gpu;
  beforeAll(async () => {
    gpu = await sharedGpu();
  });
  afterAll(() => gpu?.dispose());
  const losses = ({ history }: TrainResult) => history.map((record) => record.losses.segmentation!);

  it.each([
    'flat-cos',
    'cosine-restarts',
    'plateau',
  ] as const)('%s: the history has its rates', async (schedule) => {
    const settings = settingsOf({ schedule, warmup: 4, steps: 8 });
    const rates = scheduleOf(settings, 8);
    const { history } = await train(gpu, samples, settings);
    expect(history.map(({ lr }) => lr)).toEqual(Array.from({ length: 8 }, (_, step) => rates(step)));
  });

  it('another optimizer learns otherwise', async () => {
    const steps = 6;
    const plain = await train(gpu, samples, settingsOf({ steps }));
    for (const optimizer of OPTIMIZER_NAMES.filter((name) => name !== 'adamw')) {
      const other = await train(gpu, samples, settingsOf({ steps, optimizer }));
      expect(losses(other)[0], optimizer).toBe(losses(plain)[0]);
      expect(losses(other).at(-1), optimizer).not.toBe(losses(plain).at(-1));
      expect(losses(other).every(Number.isFinite), optimizer).toBe(true);
    }
  });

  it('plateau lowers the rate after three epochs without a lower loss', async () => {
    // Where nothing is learned, the loss does not fall.
    const settings = settingsOf({ schedule: 'plateau', steps: 120, lr: 1e-30 });
    const { history } = await train(gpu, samples, settings);
    // Of 20 steps per epoch, the first is the best, and three more are waited for.
    expect([1, 80, 81, 120].map((step) => history[step - 1]!.lr)).toEqual([1e-30, 1e-30, 1e-31, 1e-31]);
  });

  it('freezeEpochs trains the head alone, then all with lower rates in front', async () => {
    // An image is a crop, so that a pass over the data is a step.
    const settings = settingsOf({ freezeEpochs: 3, epochs: 4, steps: undefined });
    expect(settings.steps).toBe(7);
    const checkpoints: Checkpoint[] = [];
    await train(gpu, samples, settings, {
      checkpointEvery: 1,
      onCheckpoint: async (checkpoint) => void checkpoints.push(checkpoint),
    });
    const first = learnerOf(gpu, samples, settings).model.namedStates();
    const changed = (step: number) =>
      first
        .filter(([name, { initial }]) => {
          const { data } = checkpoints[step - 1]!.weights.get(name)!;
          return data.some((value, i) => value !== Math.fround(initial[i]!));
        })
        .map(([name]) => name);
    const learner = learnerOf(gpu, samples, settings);
    const head = new Set(learner.groups.at(-1)!.parameters);
    const names = [...learner.model.namedParameters()].filter(([, p]) => head.has(p)).map(([name]) => name);
    expect(
      changed(3)
        .filter((name) => !name.includes('running') && !name.includes('num_batches'))
        .sort(),
    ).toEqual(names.sort());
    expect(changed(7).length).toBeGreaterThan(names.length);
  });

  it('weights of classes weigh their pixels', async () => {
    const plain = settingsOf({ steps: 1 });
    const ones = settingsOf({ steps: 1, classWeights: { ball: 1 } });
    expect(ones.classWeights).toEqual([1, 1, 1]);
    const [a, b, c] = [
      await train(gpu, samples, plain),
      await train(gpu, samples, ones),
      await train(gpu, samples, settingsOf({ steps: 1, classWeights: { background: 0.01, crate: 20 } })),
    ];
    expect(losses(b)[0]).toBeCloseTo(losses(a)[0]!, 5);
    expect(Math.abs(losses(c)[0]! - losses(a)[0]!)).toBeGreaterThan(1e-3);
  });

  it.each<SettingsOptions>([
    { schedule: 'step', warmup: 3 },
    { optimizer: 'sgd', momentum: 0.8 },
    { optimizer: 'rmsprop' },
    { optimizer: 'lion', schedule: 'cosine' },
    { optimizer: 'adam', classWeights: 'auto' },
    { freezeEpochs: 3 },
    { accumulate: 2, ema: 0.9 },
  ])('%o resumes bit for bit', async (options) => {
    const settings = settingsOf({ ...options, steps: 8 });
    const checkpoints: Checkpoint[] = [];
    const onCheckpoint = async (checkpoint: Checkpoint) => void checkpoints.push(structuredClone(checkpoint));
    const whole = await train(gpu, samples, settings, { checkpointEvery: 1, onCheckpoint });
    for (const step of [2, 5]) {
      const checkpoint = checkpoints[step - 1]!;
      const rest = await train(gpu, samples, settings, { resume: { checkpoint, file: 'checkpoint' } });
      expect(bytesOf(rest.weights) === bytesOf(whole.weights), `from step ${step}`).toBe(true);
    }
    const other = { ...settings, schedule: 'constant' as const };
    if (options.freezeEpochs) return;
    await expect(
      train(gpu, samples, other, { resume: { checkpoint: checkpoints[1]!, file: 'checkpoint' } }),
    ).rejects.toThrow(`checkpoint: was trained with schedule "${settings.schedule}", now "constant"`);
  });

  const impossible: readonly [SettingsOptions, string][] = [
    [{ freezeEpochs: 2, schedule: 'cosine' }, 'freezeEpochs is 2 and schedule cosine'],
    [{ freezeEpochs: 21 }, 'freezeEpochs 21 take 21 steps, of 21 in all'],
    [{ freezeEpochs: -1 }, 'freezeEpochs is -1; give a number above 0'],
  ];
  it.each(impossible)('%o is refused', async (options, message) => {
    await expect(train(gpu, samples, settingsOf(options))).rejects.toThrow(message);
  });

  it('class weights are refused where they cannot be', async () => {
    expect(() => settingsOf({ classWeights: { bal: 2 } })).toThrow(
      'classWeights: there is no class bal; there are background, ball, crate; did you mean ball?',
    );
    expect(() => settingsOf({ classWeights: { ball: 0 } })).toThrow('ball has the weight 0');
    expect(() => defaultSettings('retinanet', samples, { classWeights: 'auto' })).toThrow(
      'classWeights are for segmenters and classifiers, and retinanet is a detector',
    );
    const wrong = [
      [[1], '1 classWeights for 3 classes, the background first; give one per class'],
      [[1, Number.NaN, 1], 'classWeights[1] is NaN; give a number of at least 0'],
      [[1, 1, Number.POSITIVE_INFINITY], 'classWeights[2] is Infinity; give a number of at least 0'],
      [[1, -2, 1], 'classWeights[1] is -2; give a number of at least 0'],
      [[0, 0, 0], 'all classWeights are 0; give at least one above 0'],
    ] as const;
    const task = { name: 'unet', classNames: ['ball', 'crate'], preprocessing: { maxSide: 32 } } as const;
    for (const [classWeights, message] of wrong) {
      expect(() => segmentTask({ ...task, classWeights })).toThrow(`segmentTask: ${message}`);
      await expect(train(gpu, samples, { ...settingsOf(), classWeights })).rejects.toThrow(
        `train: ${message}`,
      );
    }
    expect(() => segmentTask({ ...task, classWeights: 'auto' as never })).toThrow(
      'segmentTask: classWeights is "auto"; give a list of numbers',
    );
  });
});
