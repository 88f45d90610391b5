import { describe, expect, it } from 'vitest';
import type { SweepConfig } from '../../../cli/src/sweep/config.ts';
import { type Need, Schedule } from '../../../cli/src/sweep/schedule.ts';
import type { Run } from '../../../cli/src/sweep/state.ts';
import { Random } from '../../../src/vision/random.ts';

const config = (search: SweepConfig['search']): SweepConfig => ({
  train: { steps: 81 },
  space: { lr: { low: 1e-4, high: 1e-2, log: true, integer: false } },
  search,
});
const halving = (trials: number, reduction: number, folds: number): SweepConfig =>
  config({ kind: 'halving', trials, reduction, folds, seed: 0, 'min-steps': 3 });

const keyOf = (trial: number, fold: number, until: number): string => `${trial}-${fold}-${until}`;

/** What trainings come to: ties and failures among them. */
function outcomeOf(seed: number, { trial, fold, until }: Need): Run {
  const random = new Random(seed).fork(keyOf(trial.number, fold, until));
  const run = { trial: trial.number, fold, until };
  if (random.uniform() < 0.15) return { ...run, epochs: [], failed: 'no number' };
  return { ...run, epochs: [random.integer(5) / 5], metric: 'val_ap' };
}

/** Trains what is needed, several at a time; `pick` says which of those that run ends next. */
function play(schedule: Schedule, seed: number, pick: (running: number) => number) {
  const runs = new Map<string, Run>();
  const state = {
    find: (trial: number, fold: number, until: number) => runs.get(keyOf(trial, fold, until)),
  };
  const running: Need[] = [];
  const given = new Set<string>();
  let early = 0;
  for (;;) {
    for (const need of schedule.needs(state)) {
      const key = keyOf(need.trial.number, need.fold, need.until);
      if (given.has(key)) continue;
      given.add(key);
      if (running.some(({ until }) => until < need.until)) early++;
      running.push(need);
    }
    if (running.length === 0) break;
    const [one] = running.splice(pick(running.length), 1) as [Need];
    const run = outcomeOf(seed, one);
    runs.set(keyOf(run.trial, run.fold, run.until), run);
  }
  const table = schedule.order(state).map(({ trial, until, value }) => [trial.number, until, value]);
  return { trained: [...given].sort(), table, early };
}

describe('successive halving', () => {
  it('trains the same, and comes to the same table, whichever training ends first', () => {
    let early = 0;
    for (let seed = 0; seed < 200; seed++) {
      const random = new Random(seed);
      const own = halving(1 + random.integer(15), 2 + random.integer(3), random.integer(2) * 2);
      const schedule = new Schedule(own);
      const inOrder = play(schedule, seed, () => 0);
      const anyOrder = play(schedule, seed, (count) => random.integer(count));
      expect(anyOrder.trained).toEqual(inOrder.trained);
      expect(anyOrder.table).toEqual(inOrder.table);
      expect(anyOrder.table).toHaveLength(schedule.trials.length);
      expect(anyOrder.trained.length).toBeLessThanOrEqual(schedule.most);
      early += anyOrder.early;
    }
    // Some go on before all of their rung have ended.
    expect(early).toBeGreaterThan(100);
  });

  it('gives the best of a rung the next one as soon as none can push it out', () => {
    const schedule = new Schedule(halving(9, 3, 0));
    const runs: Run[] = [];
    const state = {
      find: (trial: number, fold: number, until: number) =>
        runs.find((run) => run.trial === trial && run.fold === fold && run.until === until),
    };
    const next = () =>
      schedule
        .needs(state)
        .filter(({ until }) => until === 9)
        .map(({ trial }) => trial.number);
    for (let trial = 1; trial <= 6; trial++)
      runs.push({ trial, fold: 0, until: 3, epochs: [trial / 10], metric: 'val_ap' });
    expect(next()).toEqual([]);
    runs.push({ trial: 7, fold: 0, until: 3, epochs: [], failed: 'no number' });
    expect(next()).toEqual([6]);
    runs.push({ trial: 8, fold: 0, until: 3, epochs: [0.55], metric: 'val_ap' });
    expect(next()).toEqual([6, 8]);
    expect(schedule.most).toBe(9 + 3 + 1 + 1);
  });
});
