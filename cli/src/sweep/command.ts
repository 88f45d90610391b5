import { copyFile } from 'node:fs/promises';
import path from 'node:path';
import { DataError, UsageError } from 'fovea';
import * as v from 'valibot';
import { openPlace, type Place } from '../batch/place.ts';
import { parseAs } from '../checked.ts';
import { type Config, configText } from '../config.ts';
import { counted } from '../counted.ts';
import { endBySignal, onInterrupt } from '../errors.ts';
import { makeFolder } from '../files.ts';
import { withLock } from '../lock.ts';
import { printable } from '../printable.ts';
import { sha256 } from '../sha256.ts';
import { readSweep, rungsOf, type SweepConfig, type Trial, trialsOf } from './config.ts';
import { ranked, survivors } from './halving.ts';
import { type Result, writeTables } from './results.ts';
import { modelIn, trainUntil } from './training.ts';

export interface SweepOptions {
  readonly out: string;
  readonly force?: boolean;
  readonly adapter?: string;
}

const STATE = 'sweep.json';
const VERSION = 1;

/** One training at one rung. */
const runSchema = v.object({
  trial: v.number(),
  /** From 1; 0 where there are none. */
  fold: v.number(),
  until: v.number(),
  /** The values of the metric after each epoch so far; null for what is no number. */
  epochs: v.pipe(v.array(v.nullable(v.number())), v.readonly()),
  metric: v.optional(v.string()),
  failed: v.optional(v.string()),
});
type Run = v.InferOutput<typeof runSchema>;
const stateSchema = v.object({ version: v.literal(VERSION), id: v.string(), runs: v.array(runSchema) });

/** What is known of a sweep, kept as it becomes known. */
class State {
  readonly #place: Place;
  readonly #id: string;
  readonly runs: Run[];

  private constructor(place: Place, id: string, runs: Run[]) {
    this.#place = place;
    this.#id = id;
    this.runs = runs;
  }

  /** Goes on with the sweep in a folder, and tries again what failed, or begins it. Throws UsageError where another one was begun there. */
  static async open(place: Place, config: SweepConfig, force: boolean): Promise<State> {
    const id = sha256(JSON.stringify([VERSION, config]));
    const content = await place.read(STATE);
    const known = content && !force ? parseAs(stateSchema, content, `${place.url}/${STATE}`) : undefined;
    if (known && known.id !== id) {
      throw new UsageError(
        `${place.url}: has a sweep of another configuration; go on with that, choose another --out, or replace it with --force`,
      );
    }
    if (content && force) await place.remove('trials');
    const state = new State(place, id, known?.runs.filter(({ failed }) => failed === undefined) ?? []);
    await state.#save();
    return state;
  }

  find(trial: number, fold: number, until: number): Run | undefined {
    return this.runs.find((run) => run.trial === trial && run.fold === fold && run.until === until);
  }

  async add(run: Run): Promise<void> {
    this.runs.push(run);
    await this.#save();
  }

  #save(): Promise<void> {
    const { runs } = this;
    const lines = runs.map((run) => `  ${JSON.stringify(run)}`).join(',\n');
    const head = `"version": ${VERSION},\n"id": ${JSON.stringify(this.#id)},\n`;
    return this.#place.write(STATE, `{${head}"runs": [\n${lines}\n]}\n`);
  }
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

/** What is tried, as a person reads it. */
const shown = ({ values }: Trial): string =>
  Object.entries(values)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ');

/** Options of a training of a sweep, as `fovea train --config` takes them. */
function optionsOf({ train, search }: SweepConfig, { values }: Trial, fold: number): Config {
  return {
    ...train,
    ...values,
    ...(search.metric === undefined ? {} : { best: search.metric }),
    ...(fold === 0 ? {} : { val: `${fold}/${search.folds}` }),
  };
}

const folderOf = (out: string, trial: number, fold: number): string =>
  path.join(out, 'trials', String(trial).padStart(3, '0'), ...(fold === 0 ? [] : [`fold-${fold}`]));

/** fovea sweep: trainings that differ in some options, compared. */
export async function sweepCommand(file: string, options: SweepOptions): Promise<void> {
  const config = await readSweep(file);
  const { out } = options;
  await makeFolder(out);
  await withLock(path.join(out, 'sweep'), () => sweep(config, options), 'sweep');
}

async function sweep(config: SweepConfig, { out, force = false, adapter }: SweepOptions): Promise<void> {
  const place = openPlace(out);
  const state = await State.open(place, config, force);
  const trials = trialsOf(config);
  const rungs = rungsOf(config);
  const { metric, folds } = config.search;
  const lowerIsBetter = metric === 'loss';
  const all = folds === 0 ? [0] : Array.from({ length: folds }, (_, i) => i + 1);
  let stop: ((signal: NodeJS.Signals) => void) | undefined;
  let stopped = false;
  const release = onInterrupt(() => {
    stopped = true;
    stop?.('SIGTERM');
  });
  const results = new Map<number, Result>();
  let left = trials.map(({ number }) => number);
  for (const [i, { until, keep }] of rungs.entries()) {
    for (const number of left) {
      const trial = trials[number - 1]!;
      const runs: Run[] = [];
      for (const fold of all) {
        const known = state.find(number, fold, until);
        if (known) {
          runs.push(known);
          continue;
        }
        const run = {
          folder: folderOf(out, number, fold),
          options: optionsOf(config, trial, fold),
          ...{ until, adapter },
          onStart: (how: typeof stop) => {
            stop = how;
          },
        };
        const trained = await trainUntil(run, metric);
        if (stopped) {
          process.stderr.write('stopped: the same command goes on\n');
          endBySignal();
        }
        const made = {
          trial: number,
          fold,
          until,
          ...('failed' in trained ? { epochs: [], ...trained } : trained),
        };
        await state.add(made);
        runs.push(made);
      }
      const value = meanOf(runs, lowerIsBetter);
      const failed = runs.find((run) => run.failed !== undefined)?.failed;
      const name = runs[0]!.metric ?? 'value';
      results.set(number, { trial, until, value, failed, metric: name, epochs: runs[0]!.epochs });
      const came = failed ?? (value === undefined ? 'no epoch has ended yet' : `${name} ${value.toFixed(4)}`);
      process.stderr.write(
        `${printable(`trial ${number} of ${trials.length}, ${shown(trial)}: step ${until}: ${came}`)}\n`,
      );
    }
    if (i === rungs.length - 1) break;
    const scores = left.map((trial) => ({ trial, value: results.get(trial)!.value }));
    if (scores.every(({ value }) => value === undefined)) {
      throw new DataError(
        `${out}: no trial has a value at step ${until}; the first: ${results.get(left[0]!)!.failed ?? 'no epoch has ended by then, or nothing is judged: give val, or more min-steps'}`,
      );
    }
    left = survivors(scores, keep, lowerIsBetter);
  }
  release();
  await finish(config, out, [...results.values()], lowerIsBetter);
}

/** Writes the tables, the best settings, and the best model. */
async function finish(
  config: SweepConfig,
  out: string,
  results: readonly Result[],
  lowerIsBetter: boolean,
): Promise<void> {
  // Trials that went further are before those that were stopped earlier.
  const lengths = [...new Set(results.map(({ until }) => until))].sort((a, b) => b - a);
  const order = lengths.flatMap((until) =>
    ranked(
      results
        .filter((one) => one.until === until)
        .map((one) => ({ ...one, trial: one.trial.number, of: one })),
      lowerIsBetter,
    ).map(({ of }) => of),
  );
  const [best] = order as [Result];
  await writeTables(out, config, order);
  if (best.value === undefined) {
    throw new DataError(
      `${out}: no trial that was trained to the end has a value; the first: ${best.failed ?? 'nothing is judged: give val'}; the same command tries again what failed`,
    );
  }
  const { folds } = config.search;
  const settings: Config = { ...config.train, ...best.trial.values };
  await openPlace(out).write('best.toml', configText(settings, 'toml'));
  if (folds === 0)
    await copyFile(modelIn(folderOf(out, best.trial.number, 0)), path.join(out, 'best.safetensors'));
  const what = folds === 0 ? ' (best.safetensors, best.toml)' : ' (best.toml)';
  process.stdout.write(
    `${printable(out)}: ${counted(results.length, 'trial')}; the best is ${best.trial.number}, ${printable(shown(best.trial))}${what}\n`,
  );
}
