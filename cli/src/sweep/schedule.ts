/** Which trainings a sweep needs, by what is known of it. */
import { type Rung, rungsOf, type SweepConfig, type Trial, trialsOf } from './config.ts';
import { type Entrants, promoted, ranked } from './halving.ts';
import type { Result } from './results.ts';
import type { Run, State } from './state.ts';

/** A training that has to be done. */
export interface Need {
  readonly trial: Trial;
  /** From 1; 0 where there are none. */
  readonly fold: number;
  readonly until: number;
}

/** The best of the values so far, as `--best` has it; undefined where there is none. */
function bestOf(epochs: Run['epochs'], lowerIsBetter: boolean): number | undefined {
  const values = epochs.filter((value) => value !== null);
  if (values.length === 0) return undefined;
  return lowerIsBetter ? Math.min(...values) : Math.max(...values);
}

/** The value of a trial at a rung: the mean of its folds; undefined where one of them failed. */
function meanOf(runs: readonly Run[], lowerIsBetter: boolean): number | undefined {
  const values = runs.map(({ epochs, failed }) =>
    failed === undefined ? bestOf(epochs, lowerIsBetter) : undefined,
  );
  if (values.includes(undefined)) return undefined;
  return (values as number[]).reduce((a, b) => a + b, 0) / values.length;
}

type Known = Pick<State, 'find'>;

export class Schedule {
  readonly trials: readonly Trial[];
  readonly #rungs: readonly Rung[];
  readonly #folds: readonly number[];
  readonly #lowerIsBetter: boolean;

  constructor(config: SweepConfig) {
    const { metric, folds } = config.search;
    this.trials = trialsOf(config);
    this.#rungs = rungsOf(config);
    this.#folds = folds === 0 ? [0] : Array.from({ length: folds }, (_, i) => i + 1);
    this.#lowerIsBetter = metric === 'loss';
  }

  /** The most trainings, each rung of one counted. */
  get most(): number {
    const entrants = [this.trials.length, ...this.#rungs.slice(0, -1).map(({ keep }) => keep)];
    return entrants.reduce((a, b) => a + b, 0) * this.#folds.length;
  }

  /** What a trial came to at a rung; undefined where not all of its folds have ended. */
  resultOf(state: Known, number: number, until: number): Result | undefined {
    const runs = this.#folds
      .map((fold) => state.find(number, fold, until))
      .filter((run) => run !== undefined);
    if (runs.length < this.#folds.length) return undefined;
    const [{ epochs, metric = 'value' }] = runs as [Run];
    return {
      ...{ trial: this.trials[number - 1]!, until, epochs, metric },
      value: meanOf(runs, this.#lowerIsBetter),
      failed: runs.find(({ failed }) => failed !== undefined)?.failed,
    };
  }

  /** The trainings that are not done, of trials that are known to come so far; those of earlier rungs first. */
  needs(state: Known): Need[] {
    return this.#entrants(state).flatMap(({ trials }, i) => {
      const { until } = this.#rungs[i]!;
      return trials.flatMap((number) =>
        this.#folds
          .filter((fold) => !state.find(number, fold, until))
          .map((fold) => ({ trial: this.trials[number - 1]!, fold, until })),
      );
    });
  }

  /** How many of the trainings are done that are known to come so far. */
  done(state: Known): number {
    const entered = this.#entrants(state).reduce((sum, { trials }) => sum + trials.length, 0);
    return entered * this.#folds.length - this.needs(state).length;
  }

  /** Each trial at the last rung that it reached: those that went further first, and of these the better ones. */
  order(state: Known): Result[] {
    const results = new Map<number, Result>();
    for (const [i, { trials }] of this.#entrants(state).entries()) {
      for (const number of trials) {
        const result = this.resultOf(state, number, this.#rungs[i]!.until);
        if (result) results.set(number, result);
      }
    }
    return this.#rungs.toReversed().flatMap(({ until }) => {
      const here = [...results.values()].filter((one) => one.until === until);
      const scored = here.map((of) => ({ trial: of.trial.number, value: of.value, of }));
      return ranked(scored, this.#lowerIsBetter).map(({ of }) => of);
    });
  }

  /** All trainings that there may be, by trial and fold. */
  trainings(): { readonly trial: number; readonly fold: number }[] {
    return this.trials.flatMap(({ number }) => this.#folds.map((fold) => ({ trial: number, fold })));
  }

  /** The trials of each rung. */
  #entrants(state: Known): Entrants[] {
    let entrants: Entrants = { trials: this.trials.map(({ number }) => number), open: 0 };
    return this.#rungs.map(({ until, keep }) => {
      const here = entrants;
      const scores = here.trials.flatMap((trial) => {
        const result = this.resultOf(state, trial, until);
        return result ? [{ trial, value: result.value }] : [];
      });
      entrants = promoted(here, scores, keep, this.#lowerIsBetter);
      return here;
    });
  }
}
