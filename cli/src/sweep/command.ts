import { existsSync } from 'node:fs';
import { DataError } from 'fovea';
import { expectNoBatch } from '../batch/work.ts';
import { type Config, configText } from '../config.ts';
import { counted } from '../counted.ts';
import { endBySignal, onInterrupt } from '../errors.ts';
import { openPlace, type Place } from '../place/place.ts';
import { printable } from '../printable.ts';
import { openQueue, type QueueOptions } from '../queue/backend.ts';
import { CANCELLED } from '../queue/handout.ts';
import { setUpTraining } from '../trainingSetUp.ts';
import { optionsOf, readSweep, type SweepConfig, type Trial, trainOptionsOf, trialsOf } from './config.ts';
import { type Result, writeTables } from './results.ts';
import { type Need, Schedule } from './schedule.ts';
import { partsPlace, State } from './state.ts';
import { tidyStored } from './stored.ts';
import { type TrainingTask, trainingFolder } from './task.ts';
import { LocalTrainer, type Trainer } from './trainer.ts';
import { MODEL } from './training.ts';

export interface SweepOptions extends QueueOptions {
  readonly out: string;
  readonly force?: boolean;
  readonly adapter?: string;
}

/** fovea sweep: trainings that differ in some options, compared. */
export async function sweepCommand(file: string, options: SweepOptions): Promise<void> {
  const config = await readSweep(file);
  const place = openPlace(options.out);
  await expectNoBatch(options.out);
  await expectTraining(config, file, options);
  await place.locked('sweep', async (release) => {
    const schedule = new Schedule(config);
    const { force = false } = options;
    const state = await State.open(place, config, { most: schedule.most, force });
    // That it was cancelled before is over.
    await partsPlace(place.url).remove(CANCELLED);
    const done = schedule.done(state);
    if (done > 0)
      process.stderr.write(`${counted(done, 'training')} ${done === 1 ? 'was' : 'were'} done before\n`);
    const trainer = await trainerFor(options, place);
    const ignoreSignals = onInterrupt(() => {
      void Promise.allSettled([trainer.stop(), release()]).then(() => {
        process.stderr.write('stopped: the same command goes on\n');
        endBySignal();
      });
    });
    try {
      await train(config, schedule, { state, trainer, place });
    } finally {
      ignoreSignals();
      await trainer.stop();
    }
    await finish(config, schedule, { state, place, out: options.out });
  });
}

/** Sets up the first training, where its images can be seen from here: what is wrong with it is wrong with all. */
async function expectTraining(config: SweepConfig, file: string, { queue }: SweepOptions): Promise<void> {
  const [first] = trialsOf(config) as [Trial];
  const options = trainOptionsOf(config, first, config.search.folds === 0 ? 0 : 1, file);
  if (queue && !existsSync(options.data ?? '')) return;
  await setUpTraining('train', options);
}

async function trainerFor(options: SweepOptions, { url }: Place): Promise<Trainer> {
  const { queue, out, adapter } = options;
  if (!queue) return new LocalTrainer(out, adapter);
  const { QueueTrainer } = await import('./queueTrainer.ts');
  return QueueTrainer.begin(await openQueue(options), url);
}

interface Running {
  readonly state: State;
  readonly trainer: Trainer;
  readonly place: Place;
}

/** Trains all that the schedule asks for, as soon as it does. */
async function train(
  config: SweepConfig,
  schedule: Schedule,
  { state, trainer, place }: Running,
): Promise<void> {
  const given = new Set<string>();
  const taskOf = ({ trial, fold, until }: Need): TrainingTask => ({
    ...{ sweep: state.id, out: place.url, trial: trial.number, fold, until },
    options: optionsOf(config, trial, fold),
    metric: config.search.metric,
    folder: process.cwd(),
  });
  const giveNew = (): void => {
    const needs = schedule.needs(state).filter((need) => !given.has(keyOf(need)));
    for (const need of needs) given.add(keyOf(need));
    trainer.give(needs.map(taskOf));
  };
  giveNew();
  for (let one = await trainer.next(); one; one = await trainer.next()) {
    const { task, outcome } = one;
    const { trial, fold, until } = task;
    await state.add({ trial, fold, until, ...('failed' in outcome ? { epochs: [], ...outcome } : outcome) });
    const result = schedule.resultOf(state, trial, until);
    if (result) process.stderr.write(`${printable(described(result, schedule.trials.length))}\n`);
    if (result && result.failed === undefined && result.value === undefined) throw noValue(result);
    giveNew();
  }
}

const keyOf = ({ trial, fold, until }: Need): string => `${trial.number}-${fold}-${until}`;

/** What is tried, as a person reads it. */
const shown = ({ values }: Trial): string =>
  Object.entries(values)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ');

function described({ trial, until, value, failed, metric }: Result, trials: number): string {
  const came = failed ?? (value === undefined ? 'no value' : `${metric} ${value.toFixed(4)}`);
  return `trial ${trial.number} of ${trials}, ${shown(trial)}: step ${until}: ${came}`;
}

/** Of a trial that was trained and has no value there is none to come either, nor of others. */
const noValue = ({ trial, until }: Result): DataError =>
  new DataError(
    `trial ${trial.number} has nothing to be compared by at step ${until}: no epoch had ended, or no images are held out; give more steps or min-steps, or val`,
  );

/** Writes the tables, the best settings, and the best model. */
async function finish(
  config: SweepConfig,
  schedule: Schedule,
  { state, place, out }: Pick<Running, 'state' | 'place'> & { readonly out: string },
): Promise<void> {
  const order = schedule.order(state);
  const [best] = order as [Result];
  const { folds } = config.search;
  const settings: Config = { ...config.train, ...best.trial.values };
  await place.assemble((folder) => writeTables(folder, config, order));
  if (best.value === undefined) {
    throw new DataError(
      `${out}: all trials failed at step ${best.until}; the first: ${best.failed}; the same command tries them again`,
    );
  }
  await place.write('best.toml', configText(settings, 'toml'));
  if (folds === 0) {
    const trial = best.trial.number;
    const { at = trainingFolder({ trial, fold: 0 }) } = state.find(trial, 0, best.until)!;
    const model = await place.read(`${at}/${MODEL}`);
    if (!model)
      throw new DataError(`${place.url}/${at}/${MODEL}: is missing; begin the sweep anew with --force`);
    await place.write('best.safetensors', model);
  }
  await partsPlace(place.url).remove('');
  await tidyStored(place, schedule.trainings().map(trainingFolder));
  const failed = order.filter((one) => one.failed !== undefined);
  if (failed.length > 0) {
    process.stderr.write(
      `${printable(`${counted(failed.length, 'trial')} failed; the first, ${failed[0]!.trial.number}: ${failed[0]!.failed}; the same command tries again what failed`)}\n`,
    );
  }
  const what = folds === 0 ? ' (best.safetensors, best.toml)' : ' (best.toml)';
  process.stdout.write(
    `${printable(out)}: ${counted(order.length, 'trial')}; the best is ${best.trial.number}, ${printable(shown(best.trial))}${what}\n`,
  );
}
