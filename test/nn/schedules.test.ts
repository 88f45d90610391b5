import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { StateDictError, UsageError } from '../../src/errors.ts';
import * as nn from '../../src/nn/index.ts';
import type { PlateauOptions, Schedule } from '../../src/nn/schedules.ts';

// The values of PyTorch's schedulers: fixtures/schedules.py.

interface Row {
  readonly name: string;
  readonly options: { readonly of?: string; readonly given?: object };
  readonly steps: readonly number[];
  readonly lr: readonly number[];
  readonly momentum?: readonly number[];
}

const fixture: {
  readonly schedules: readonly Row[];
  readonly plateau: readonly {
    readonly options: PlateauOptions;
    readonly metrics: readonly number[];
    readonly lr: readonly number[];
  }[];
} = JSON.parse(readFileSync(join(import.meta.dirname, '../fixtures/schedules.json'), 'utf8'));

const makers = nn as unknown as Readonly<Record<string, (...options: readonly unknown[]) => Schedule>>;

/** The schedule of a row. */
function made({ name, options: { of, given, ...options } }: Row): Schedule {
  return of ? makers[name]!(makers[of]!(given), options) : makers[name]!(options);
}

/** Equal to 10 digits, which is what is written. */
const close = (got: readonly number[], want: readonly number[]) =>
  expect(got).toEqual(want.map((value) => expect.closeTo(value, Math.ceil(10 - Math.log10(value || 1)))));

describe('schedules have PyTorch’s values', () => {
  const rows = fixture.schedules.map((row) => [row.name, JSON.stringify(row.options), row] as const);
  it.each(rows)('%s %s', (_name, _options, row) => {
    const schedule = made(row);
    close(row.steps.map(schedule), row.lr);
    if (row.momentum) close(row.steps.map(schedule.momentum!), row.momentum);
  });

  it('a table for each', () => {
    const tables = new Set(fixture.schedules.map(({ name }) => name));
    expect([...tables]).toEqual([
      ...['oneCycle', 'cyclical', 'cosineRestarts', 'stepDecay', 'multiStepDecay', 'exponentialDecay'],
      ...['polynomialDecay', 'warmup'],
    ]);
  });
});

describe('one cycle', () => {
  it('has PyTorch’s values to the digits that it prints', () => {
    const schedule = nn.oneCycle({ maxLr: 1e-3, steps: 100, pctStart: 0.25, divFinal: 1e5 });
    const steps = [0, 10, 24, 25, 50, 99];
    expect(steps.map((step) => Number(schedule(step).toPrecision(9)))).toEqual([
      4e-5, 0.000395766858, 0.001, 0.000999561419, 0.000731650701, 1e-8,
    ]);
    expect(steps.map((step) => Number(schedule.momentum(step).toFixed(6)))).toEqual([
      0.95, 0.912941, 0.85, 0.850044, 0.876835, 0.95,
    ]);
  });

  it('keeps its last values, rises within a step at least, and not where pctStart is 0', () => {
    const schedule = nn.oneCycle({ maxLr: 1, steps: 10 });
    expect([9, 10, 1000].map(schedule)).toEqual([4e-6, 4e-6, 4e-6]);
    expect(schedule.momentum(1000)).toBe(0.95);
    const short = nn.oneCycle({ maxLr: 1, steps: 3 });
    close([0, 1, 2].map(short), [0.04, 1, 4e-6]);
    expect(nn.oneCycle({ maxLr: 1, steps: 1 })(0)).toBeCloseTo(0.04, 12);
    const falls = nn.oneCycle({ maxLr: 1, steps: 10, pctStart: 0 });
    expect(falls(0)).toBeGreaterThan(0.9);
    expect(falls(9)).toBeCloseTo(4e-6, 12);
  });
});

describe('other schedules', () => {
  it('warm up in a line, then go down half a cosine', () => {
    const rate = nn.warmupCosine({ lr: 1, steps: 12, warmup: 2, final: 0.1 });
    close([0, 1, 2, 7, 12].map(rate), [0.5, 1, 1, 0.55, 0.1]);
  });

  it('flatCos keeps the rate for three quarters, as fastai does', () => {
    const rate = nn.flatCos({ lr: 0.1, steps: 100 });
    expect([0, 50, 75].map(rate)).toEqual([0.1, 0.1, 0.1]);
    // fastai: end + (1 + cos(π (1 - pos))) (start - end) / 2, pos being the share of the last quarter.
    const fastai = (step: number) =>
      1e-6 + ((1 + Math.cos(Math.PI * (1 - (1 - (step - 75) / 25)))) * (0.1 - 1e-6)) / 2;
    close([76, 87, 99, 100].map(rate), [76, 87, 99, 100].map(fastai));
    expect(nn.flatCos({ lr: 0.1, steps: 100, pctStart: 1 })(100)).toBe(0.1);
  });

  it('warmup leaves the momentum as it is', () => {
    const schedule = nn.warmup(nn.cyclical({ baseLr: 1, maxLr: 2, stepSizeUp: 2 }), {
      steps: 4,
      startFactor: 0,
    });
    expect([0, 2, 4].map(schedule)).toEqual([0, 1, 1]);
    expect([0, 2, 4].map(schedule.momentum)).toEqual([0.9, 0.8, 0.9]);
  });

  it.each([
    [
      'no rate',
      () => nn.oneCycle({ steps: 3 } as never),
      'oneCycle: maxLr must be a number above 0, got undefined',
    ],
    [
      'no steps',
      () => nn.oneCycle({ maxLr: 1 } as never),
      'oneCycle: steps must be a number of steps of at least 1',
    ],
    [
      'a share above 1',
      () => nn.oneCycle({ maxLr: 1, steps: 3, pctStart: 2 }),
      'pctStart must be a number from 0 to 1, got 2',
    ],
    [
      'two momentums',
      () => nn.oneCycle({ maxLr: 1, steps: 3, moms: [0.9, 0.8] as never }),
      'moms is 0.9,0.8; give three',
    ],
    [
      'a momentum of text',
      () => nn.oneCycle({ maxLr: 1, steps: 3, moms: [0.9, 'a', 0] as never }),
      'moms[1] must be',
    ],
    [
      'another curve',
      () => nn.oneCycle({ maxLr: 1, steps: 3, anneal: 'exp' as never }),
      'choose cos, linear',
    ],
    [
      'three phases with a long rise',
      () => nn.oneCycle({ maxLr: 1, steps: 3, pctStart: 0.6, threePhase: true }),
      'at most 0.5',
    ],
    ['a rate of 0', () => nn.flatCos({ lr: 0, steps: 3 }), 'flatCos: lr must be a number above 0, got 0'],
    [
      'steps of 0',
      () => nn.warmupCosine({ lr: 1, steps: 0 }),
      'warmupCosine: steps must be a number of steps of at least 1',
    ],
    [
      'periods that shrink',
      () => nn.cosineRestarts({ lr: 1, t0: 4, tMult: 0.5 }),
      'cosineRestarts: tMult must be',
    ],
    [
      'another mode',
      () => nn.cyclical({ baseLr: 0, maxLr: 1, mode: 'exp_range' as never }),
      'mode is "exp_range"; choose',
    ],
    [
      'a factor of 0',
      () => nn.stepDecay({ lr: 1, stepSize: 3, gamma: 0 }),
      'stepDecay: gamma must be a number above 0',
    ],
    [
      'milestones that go down',
      () => nn.multiStepDecay({ lr: 1, milestones: [3, 2] }),
      'milestones is 3,2; give',
    ],
    ['no milestones', () => nn.multiStepDecay({ lr: 1 } as never), 'milestones is undefined'],
    ['no options', () => nn.exponentialDecay(undefined as never), 'exponentialDecay: options are undefined'],
    ['a rate for a schedule', () => nn.warmup(1 as never, { steps: 2 }), 'warmup: 1 is no schedule'],
    [
      'no steps of warm-up',
      () => nn.warmup(Math.abs, {} as never),
      'warmup: steps must be a number of steps',
    ],
  ])('refuse %s', (_name, make, message) => {
    expect(make).toThrow(UsageError);
    expect(make).toThrow(message);
  });
});

describe('ReduceLROnPlateau', () => {
  it.each(fixture.plateau)('follows PyTorch’s: $options', ({ options, metrics, lr }) => {
    const optimizer = { lr: 1 };
    let plateau = new nn.ReduceLROnPlateau(optimizer, options);
    const got = metrics.map((metric, i) => {
      const before = optimizer.lr;
      expect(plateau.step(metric)).toBe(optimizer.lr < before);
      if (i === 9) {
        // A resumed one goes on as it was.
        const saved = JSON.parse(JSON.stringify(plateau.stateDict()));
        plateau = new nn.ReduceLROnPlateau(optimizer, options);
        plateau.loadStateDict(saved);
      }
      return optimizer.lr;
    });
    close(got, lr);
  });

  it('takes NaN as no improvement', () => {
    const optimizer = { lr: 1 };
    const plateau = new nn.ReduceLROnPlateau(optimizer, { patience: 1 });
    expect([1, Number.NaN, Number.NaN].map((metric) => plateau.step(metric))).toEqual([false, false, true]);
    expect(optimizer.lr).toBe(0.1);
  });

  it.each([
    ['no optimizer', () => new nn.ReduceLROnPlateau(undefined as never), 'takes an optimizer, got undefined'],
    [
      'a factor of 1',
      () => new nn.ReduceLROnPlateau({ lr: 1 }, { factor: 1 }),
      'factor must be below 1, got 1',
    ],
    ['another mode', () => new nn.ReduceLROnPlateau({ lr: 1 }, { mode: 'low' as never }), 'choose min, max'],
    [
      'a metric of text',
      () => new nn.ReduceLROnPlateau({ lr: 1 }).step('1' as never),
      'the metric is 1; give a number',
    ],
  ])('refuses %s', (_name, call, message) => {
    expect(call).toThrow(UsageError);
    expect(call).toThrow(message);
  });

  it('refuses the state of something else', () => {
    const plateau = new nn.ReduceLROnPlateau({ lr: 1 });
    expect(() => plateau.loadStateDict({ best: 1 } as never)).toThrow(StateDictError);
    expect(() => plateau.loadStateDict(null as never)).toThrow('use what stateDict returned');
    expect(plateau.stateDict()).toEqual({ best: null, badCount: 0, cooldownCount: 0 });
  });
});
