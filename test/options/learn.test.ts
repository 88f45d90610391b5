import { describe, expect, it } from 'vitest';
import { UsageError } from '../../src/errors.ts';
import * as learn from '../../src/learn/index.ts';
import { Linear } from '../../src/nn/layers.ts';

/** Options with one that nothing has; of any type, as JavaScript passes them. */
const mistake = { paddding: 1 } as never;

const collate = () => ({});

/** Everything of fovea/learn that takes options, called with one that it does not have, where no device is needed. */
const calls: Readonly<Record<string, () => unknown>> = {
  Learner: () => new learn.Learner({} as never, mistake),
  DataLoader: () => new learn.DataLoader([1], { collate, paddding: 1 } as never),
  EarlyStopping: () => new learn.EarlyStopping(mistake),
  ReduceLROnPlateau: () => new learn.ReduceLROnPlateau(mistake),
  ModelCheckpoint: () => new learn.ModelCheckpoint({ path: 'a', paddding: 1 } as never),
  CSVLogger: () => new learn.CSVLogger({ path: 'a.csv', paddding: 1 } as never),
  LambdaCallback: () => new learn.LambdaCallback(mistake),
  accuracy: () => learn.accuracy(mistake),
  meanAbsoluteError: () => learn.meanAbsoluteError(mistake),
  meanSquaredError: () => learn.meanSquaredError(mistake),
  mattingTask: () => learn.mattingTask({ size: [8, 8], paddding: 1 } as never),
};

describe('functions and classes of fovea/learn', () => {
  it.each(Object.entries(calls))('%s refuses an option that it does not have', (_, call) => {
    expect(call).toThrow(UsageError);
    expect(call).toThrow('paddding');
  });

  it.each<[string, () => unknown, string]>([
    [
      'a loader without collate',
      () => new learn.DataLoader([1], {} as never),
      'DataLoader: needs collate, or workers',
    ],
    ['a batch of no items', () => new learn.DataLoader([1], { collate, batchSize: 0 }), 'batchSize is 0'],
    ['a factor that does not reduce', () => new learn.ReduceLROnPlateau({ factor: 1 }), 'factor is 1'],
    ['no path', () => new learn.ModelCheckpoint({} as never), 'path is undefined; give the name of a file'],
    ['topK of 0', () => learn.accuracy({ topK: 0 }), 'topK is 0; give a whole number of at least 1'],
    ['a text to log', () => learn.logged('a' as never), 'logged: a is no tensor'],
    ['no model', () => learn.layerGroups({} as never), 'layerGroups: takes a model'],
    [
      'no module',
      () => new learn.KerasModel({} as never, {} as never),
      'KerasModel: takes a module with forward(x)',
    ],
    [
      'no task',
      () => new learn.Learner({} as never, { model: new Linear(2, 2), train: [1] } as never),
      'Learner: task needs the function losses; see Task',
    ],
    [
      'items without collate',
      () =>
        new learn.Learner(
          {} as never,
          { model: new Linear(2, 2), train: [1], task: { losses: () => {} } } as never,
        ),
      'Learner: train are items, and the task has no collate; give it one, or a loader',
    ],
  ])('refuse %s', (_, call, message) => {
    expect(call).toThrow(UsageError);
    expect(call).toThrow(message);
  });
});
