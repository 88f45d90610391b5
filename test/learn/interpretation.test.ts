import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ShapeError, UsageError } from '../../src/errors.ts';
import { DataLoader, Interpretation } from '../../src/learn/index.ts';
import type { Gpu } from '../../src/plan/gpu.ts';
import { sharedGpu } from '../sharedGpu.ts';
import { pointItems, pointTask, tinyLearner } from './tinyLearner.ts';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});
afterAll(() => gpu?.dispose());

const classNames = ['middle', 'right', 'top'];

describe('Interpretation', () => {
  it('has the losses, the predictions and the confusions of each item', async () => {
    const valid = pointItems(50, 'valid');
    const learner = tinyLearner(gpu, { train: pointItems(60, 'train'), valid });
    await learner.fit(5, { lr: 0.05 });
    learner.model.train();
    const found = await Interpretation.of(learner, { classNames });
    expect(learner.model.training).toBe(true);
    expect(found.items.map(({ item }) => item)).toEqual(valid);
    expect(found.items.map(({ target }) => target)).toEqual(valid.map(({ label }) => label));
    const logs = await learner.validate();
    const mean = found.items.reduce((sum, { loss }) => sum + loss, 0) / 50;
    expect(mean).toBeCloseTo(logs.val_loss!, 5);
    for (const { loss, probability, predicted, target } of found.items) {
      expect(probability).toBeGreaterThanOrEqual(1 / 3);
      if (predicted === target) expect(loss).toBeCloseTo(-Math.log(probability), 10);
      else expect(Math.exp(-loss)).toBeLessThanOrEqual(probability);
    }
    const { counts } = found.confusionMatrix();
    const right = found.items.filter(({ predicted, target }) => predicted === target).length;
    expect(counts[0]! + counts[4]! + counts[8]!).toBe(right);
    const report = found.report();
    expect(report.accuracy).toBeCloseTo(logs.val_accuracy!, 12);
    expect(report.accuracy).toBeGreaterThan(0.6);
    expect(report.classes.map(({ name, support }) => [name, support])).toEqual([
      ['middle', 17],
      ['right', 17],
      ['top', 16],
    ]);
    const confused = found.mostConfused();
    expect(confused.reduce((sum, { count }) => sum + count, 0)).toBe(50 - right);
    expect(confused.map(({ count }) => count)).toEqual(
      confused.map(({ count }) => count).toSorted((a, b) => b - a),
    );
    const most = confused[0]!;
    expect(counts[classNames.indexOf(most.target) * 3 + classNames.indexOf(most.predicted)]).toBe(most.count);
    expect(found.mostConfused(most.count + 1)).toEqual([]);
    const top = found.topLosses(4);
    expect(top).toHaveLength(4);
    expect(top[0]!.loss).toBe(Math.max(...found.items.map(({ loss }) => loss)));
    expect(top.map(({ loss }) => loss)).toEqual(
      found
        .topLosses()
        .slice(0, 4)
        .map(({ loss }) => loss),
    );
    expect(valid[top[0]!.index]).toBe(top[0]!.item);
    learner.dispose();
  });

  it('leaves out items without a class, and those that fill up a batch', async () => {
    const items = pointItems(6, 'some').map((item, i) => (i === 1 ? { ...item, label: -1 } : item));
    const learner = tinyLearner(gpu);
    const { collate } = pointTask;
    const loader = new DataLoader(items, { collate: collate!, batchSize: 4, fillLast: true });
    const found = await Interpretation.of(learner, { loader });
    expect(found.items.map(({ index }) => index)).toEqual([0, 2, 3, 4, 5]);
    expect(found.classNames).toEqual(['0', '1', '2']);
    learner.dispose();
  });

  it('refuses what it cannot interpret', async () => {
    const learner = tinyLearner(gpu, { valid: undefined as never });
    await expect(Interpretation.of(learner)).rejects.toThrow(
      'Interpretation: there is nothing to predict; give loader',
    );
    const { train: loader } = learner;
    await expect(Interpretation.of(learner, { loader, prediction: 'scores' })).rejects.toThrow(
      'Interpretation: what is predicted has no scores, but logits',
    );
    await expect(Interpretation.of(learner, { loader, target: 'points' })).rejects.toThrow(ShapeError);
    await expect(Interpretation.of(learner, { loader, classNames: ['a', 'b'] })).rejects.toThrow(
      'Interpretation: scores [4,3] and labels [4] of 4 items and 2 classes; give one row of scores per item',
    );
    await expect(Interpretation.of({} as never)).rejects.toThrow(UsageError);
    learner.dispose();
  });
});
