import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readSweep, rungsOf, type SweepConfig, trialsOf } from '../../../cli/src/sweep/config.ts';
import { promoted, ranked } from '../../../cli/src/sweep/halving.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'fovea-sweep-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const GOOD = {
  train: { model: 'unet', data: 'DIR', steps: 900 },
  space: { lr: { low: 1e-4, high: 1e-2, log: true }, batch: [2, 4, 8] },
  search: { kind: 'random', trials: 50 },
};
/** Reads a configuration as it is in a file. */
async function read(config: unknown): Promise<SweepConfig> {
  const file = path.join(folder, 'sweep.json');
  await writeFile(file, JSON.stringify(config));
  return readSweep(file);
}

describe('the trials of a sweep', () => {
  it('are all combinations of a grid, in order', async () => {
    const space = { batch: [2, 4], optimizer: ['adamw', 'sgd'], amp: [true] };
    const config = await read({ ...GOOD, space, search: { kind: 'grid' } });
    expect(trialsOf(config)).toEqual([
      { number: 1, values: { batch: 2, optimizer: 'adamw', amp: true } },
      { number: 2, values: { batch: 2, optimizer: 'sgd', amp: true } },
      { number: 3, values: { batch: 4, optimizer: 'adamw', amp: true } },
      { number: 4, values: { batch: 4, optimizer: 'sgd', amp: true } },
    ]);
    expect(rungsOf(config)).toEqual([{ until: 900, keep: 4 }]);
  });

  it('are drawn from their ranges, evenly by decade where that is asked for', async () => {
    const space = {
      ...GOOD.space,
      width: { low: 4, high: 6, integer: true },
      momentum: { low: 0, high: 0.9 },
    };
    const trials = trialsOf(await read({ ...GOOD, space, search: { kind: 'random', trials: 400 } }));
    const of = (name: string) => trials.map(({ values }) => values[name] as number);
    expect(Math.min(...of('lr'))).toBeGreaterThanOrEqual(1e-4);
    expect(Math.max(...of('lr'))).toBeLessThanOrEqual(1e-2);
    // Half of them lie in each decade: 200, give or take five standard deviations of 10.
    expect(Math.abs(of('lr').filter((value) => value < 1e-3).length - 200)).toBeLessThan(50);
    expect(new Set(of('width'))).toEqual(new Set([4, 5, 6]));
    expect(new Set(of('batch'))).toEqual(new Set([2, 4, 8]));
    expect(Math.abs(of('momentum').reduce((a, b) => a + b, 0) / 400 - 0.45)).toBeLessThan(0.07);
  });

  it('stay as they are where more are drawn, or another option is tried', async () => {
    const few = trialsOf(await read({ ...GOOD, search: { kind: 'random', trials: 3 } }));
    const many = trialsOf(await read(GOOD));
    expect(many.slice(0, 3)).toEqual(few);
    const space = { optimizer: ['adamw', 'sgd'], ...GOOD.space };
    const more = trialsOf(await read({ ...GOOD, space }));
    expect(more.map(({ values: { optimizer: _, ...values } }) => values)).toEqual(
      many.map(({ values }) => values),
    );
    const other = trialsOf(await read({ ...GOOD, search: { kind: 'random', trials: 3, seed: 1 } }));
    expect(other).not.toEqual(few);
  });
});

describe('successive halving', () => {
  it.each([
    [
      { trials: 27, 'min-steps': 100 },
      [
        [100, 9],
        [300, 3],
        [900, 3],
      ],
    ],
    [
      { trials: 4 },
      [
        [100, 1],
        [300, 1],
        [900, 1],
      ],
    ],
    [
      { trials: 16, reduction: 4 },
      [
        [56, 4],
        [224, 1],
        [896, 1],
        [900, 1],
      ],
    ],
    [
      { trials: 8, reduction: 2, 'min-steps': 500 },
      [
        [500, 4],
        [900, 4],
      ],
    ],
    [{ trials: 5, 'min-steps': 900 }, [[900, 5]]],
  ])('has rungs: %j', async (search, rungs) => {
    const config = await read({ ...GOOD, search: { kind: 'halving', ...search } });
    expect(rungsOf(config)).toEqual(rungs.map(([until, keep]) => ({ until, keep })));
  });

  it('keeps the best, the earlier one of equals, and none that failed', () => {
    const scores = [0.2, undefined, 0.5, 0.5, 0.1].map((value, i) => ({ trial: i + 1, value }));
    expect(ranked(scores, false).map(({ trial }) => trial)).toEqual([3, 4, 1, 5, 2]);
    expect(ranked(scores, true).map(({ trial }) => trial)).toEqual([5, 1, 3, 4, 2]);
    const rung = { trials: scores.map(({ trial }) => trial), open: 0 };
    expect(promoted(rung, scores, 2, false)).toEqual({ trials: [3, 4], open: 0 });
    expect(promoted(rung, scores, 2, true)).toEqual({ trials: [1, 5], open: 0 });
    expect(promoted(rung, scores, 9, false)).toEqual({ trials: [1, 3, 4, 5], open: 0 });
    // Without the last one, that may be the best: one of two is certain.
    expect(promoted(rung, scores.slice(0, 4), 2, false)).toEqual({ trials: [3], open: 1 });
  });
});

describe('a configuration', () => {
  it.each([
    [{ ...GOOD, space: {} }, /space: give at least one option/],
    [{ ...GOOD, space: { lr: [] } }, /space\.lr/],
    [
      { ...GOOD, space: { lr: { low: 1, hihg: 2 } } },
      /space\.lr\.hihg: there is no such name; did you mean high\?/,
    ],
    [
      { ...GOOD, space: { lr: 0.01 } },
      /space\.lr: give a list of values, or a range .*; a single value belongs in \[train\]/,
    ],
    [
      { ...GOOD, search: undefined, serch: GOOD.search },
      /serch: there is no such name; did you mean search\?/,
    ],
    [
      { ...GOOD, search: { kind: 'random', trails: 3 } },
      /search\.trails: there is no such name; did you mean trials\?/,
    ],
    [{ ...GOOD, search: { kind: 'random' } }, /search\.trials: is missing/],
    [{ ...GOOD, search: { kind: 'grdi' } }, /search\.kind: give "grid", "random" or "halving"/],
    [{ ...GOOD, search: { kind: 'random', trials: 1e15 } }, /1000000000000000 trials; give fewer/],
    [{ ...GOOD, space: { batch: { low: 2, high: 8 } } }, /batch is .*: add integer = true to its range/],
    [
      { ...GOOD, space: { batch: { low: 0.5, high: 3, integer: true } } },
      /space\.batch.*must be whole numbers/,
    ],
    [{ ...GOOD, space: { lr: { low: -1e308, high: 1e308 } } }, /the range is too wide/],
    [
      { ...GOOD, train: { ...GOOD.train, 'learning-rate': 1 } },
      /learning-rate is no option .*; fovea train --help has all/,
    ],
    [{ ...GOOD, space: { lr: { low: 1, high: 1 } } }, /low must be below high|space\.lr/],
    [{ ...GOOD, space: { lr: { low: 0, high: 1, log: true } } }, /above 0|space\.lr/],
    [
      { ...GOOD, space: { rate: [1] } },
      /trial 1: rate is no option of fovea train that a file can set; did you mean/,
    ],
    [{ ...GOOD, space: { batch: [2, 'many'] } }, /trial \d+: batch is "many"; give a whole number/],
    [{ ...GOOD, space: { epochs: [1, 2] } }, /epochs is not for a sweep; give steps/],
    [{ ...GOOD, train: { ...GOOD.train, best: 'ap' } }, /best is not for a sweep; give metric in \[search\]/],
    [{ ...GOOD, train: { ...GOOD.train, out: 'x' } }, /out is not for a sweep/],
    [{ ...GOOD, train: { ...GOOD.train, batch: 2 } }, /batch is in \[train\] and in \[space\]/],
    [{ ...GOOD, train: { model: 'unet', data: 'DIR' } }, /give steps in \[train\]/],
    [{ ...GOOD, search: { kind: 'grid' } }, /lr is a range, and a grid tries lists/],
    [{ ...GOOD, search: { kind: 'genetic' } }, /search\.kind/],
    [{ ...GOOD, search: { kind: 'random' } }, /search\.trials/],
    [{ ...GOOD, search: { kind: 'random', trials: 2, rungs: 3 } }, /search\.rungs/],
    [{ ...GOOD, search: { kind: 'random', trials: 2, folds: 1 } }, /search\.folds/],
    [{ ...GOOD, search: { kind: 'random', trials: 20_000 } }, /20000 trials; give fewer, at most 10000/],
    [
      { ...GOOD, search: { kind: 'halving', trials: 2, 'min-steps': 901 } },
      /min-steps = 901 are more than the 900 steps/,
    ],
    [
      { ...GOOD, train: { ...GOOD.train, val: '0.2' }, search: { kind: 'random', trials: 2, folds: 3 } },
      /folds = 3 says what trials are judged by, as does val/,
    ],
  ])('is refused: %#', async (config, message) => {
    await expect(read(config)).rejects.toThrow(message);
  });
});
