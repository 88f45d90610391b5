/**
 * A training whose files are at a place, so that any worker can go on with it. It runs in a folder for temporary files. Each time that it has
 * saved a checkpoint, its files are copied into a new folder at the place, and `state.json` then names that one: what it names is whole, also
 * where two workers train the same.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, rmSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DataError } from 'fovea';
import * as v from 'valibot';
import { parseAs } from '../checked.ts';
import { fileProblem, filesBelow } from '../files.ts';
import { historyPath } from '../history.ts';
import { openPlace, type Place } from '../place/place.ts';
import { PlaceError } from '../place/placeError.ts';
import { CANCELLED } from '../queue/handout.ts';
import { keptAt, type Outcome, outcomeSchema, partsPlace, readState, sweepIdSchema } from './state.ts';
import { resultName, type TrainingTask, trainingFolder } from './task.ts';
import { CHECKPOINT, LOG, MODEL, trainUntil } from './training.ts';

const STATE = 'state.json';
const keptSchema = v.object({
  /** The id of the sweep. */
  sweep: sweepIdSchema,
  /** The folder of the files, below the place of the sweep. */
  at: keptAt,
  /** Paths below that lead nowhere else. */
  files: v.array(v.pipe(v.string(), v.regex(/^(?:[\w-][\w.-]*\/)*[\w-][\w.-]*$/))),
});

/** The folder of a copy. */
const COPY = /\/[0-9a-f]{8}$/;
/** A result as it is stored. */
const resultSchema = v.object({ sweep: sweepIdSchema, ...outcomeSchema.entries });

type Kept = v.InferOutput<typeof keptSchema>;
const damaged = (file: string): DataError =>
  new DataError(`${file}: is damaged; remove the folder that it is in, and the trial is trained again`);

function readKept(content: Uint8Array, file: string): Kept {
  try {
    return parseAs(keptSchema, content, file);
  } catch {
    throw damaged(file);
  }
}

/** How often the checkpoint is looked at, in milliseconds, and the least of the time that goes by between copies, in times of a copy. */
const LOOK = 2000;
const PAUSE = 10;

/** Whether a training has files at a place that a worker left there. */
export const hasStored = (place: Place, folder: string): Promise<boolean> => place.has(`${folder}/${STATE}`);

/** Reads the result of a training; undefined where there is none, or one of an earlier sweep, or a damaged one: it is trained again then. */
export async function readOutcome(parts: Place, task: TrainingTask): Promise<Outcome | undefined> {
  const name = resultName(task);
  const content = await parts.read(name);
  if (!content) return undefined;
  try {
    const { sweep, ...outcome } = parseAs(resultSchema, content, name);
    if (sweep === task.sweep) return outcome;
  } catch {
    // As a damaged one.
  }
  await parts.remove(name);
  return undefined;
}

/** Files of a training, but for those that are being written, and locks. */
const filesIn = async (folder: string): Promise<string[]> =>
  (await filesBelow(folder)).filter((name) => !/(?:^|\/)\.[^/]*$|\.lock$/.test(name));

/** The files of a training, here and at the place. */
class Files {
  readonly #place: Place;
  readonly #sweep: string;
  readonly #folder: string;
  readonly #local: string;
  /** The folder at the place that those came from, or went to. */
  #at: string | undefined;

  constructor(place: Place, task: TrainingTask, local: string) {
    this.#place = place;
    this.#sweep = task.sweep;
    this.#folder = trainingFolder(task);
    this.#local = local;
  }

  /** Brings the newest here. */
  async fetch(): Promise<void> {
    let before: string | undefined;
    for (;;) {
      const { at, files } = await this.#newest();
      if (await this.#fetchAll(at, files)) return;
      if (at === before) {
        throw new PlaceError(
          `${this.#place.url}/${at}: files are missing; remove ${this.#folder}, and the trial is trained again`,
        );
      }
      before = at;
    }
  }

  async #newest(): Promise<Pick<Kept, 'at' | 'files'>> {
    const name = `${this.#folder}/${STATE}`;
    const content = await this.#place.read(name);
    // Of a sweep that was begun without a queue they are in the folder itself.
    if (!content) return { at: this.#folder, files: await this.#direct() };
    const kept = readKept(content, `${this.#place.url}/${name}`);
    // What a worker left there that had not heard of the end of an earlier sweep.
    if (kept.sweep !== this.#sweep) return { at: kept.at, files: [] };
    if (!kept.at.startsWith(`${this.#folder}/`)) throw damaged(`${this.#place.url}/${name}`);
    this.#at = kept.at;
    return kept;
  }

  async #direct(): Promise<string[]> {
    if (!(await this.#place.has(`${this.#folder}/${CHECKPOINT}`))) return [];
    const logs = await this.#place.list(`${this.#folder}/log`);
    return [CHECKPOINT, historyPath(MODEL), LOG, ...logs.map((name) => `log/${name}`)];
  }

  /** False where one is not there any more: a worker has just replaced them. */
  async #fetchAll(at: string, files: readonly string[]): Promise<boolean> {
    await rm(this.#local, { recursive: true, force: true });
    await mkdir(this.#local, { recursive: true });
    for (const name of files) {
      const file = path.join(this.#local, name);
      await mkdir(path.dirname(file), { recursive: true });
      if (!(await this.#place.fetch(`${at}/${name}`, file))) return false;
    }
    return true;
  }

  /** Copies them to the place. Returns their folder there. */
  async keep(): Promise<string> {
    const snapshot = await mkdtemp(`${this.#local}-kept-`);
    try {
      // The checkpoint is the first: of its steps the others have all, and what comes after it is cut off.
      const files = (await filesIn(this.#local)).sort(
        (a, b) => Number(b === CHECKPOINT) - Number(a === CHECKPOINT),
      );
      for (const name of files) {
        await mkdir(path.dirname(path.join(snapshot, name)), { recursive: true });
        await copyFile(path.join(this.#local, name), path.join(snapshot, name));
      }
      const at = `${this.#folder}/${randomBytes(4).toString('hex')}`;
      for (const name of files) await this.#place.store(`${at}/${name}`, path.join(snapshot, name));
      await this.#place.write(
        `${this.#folder}/${STATE}`,
        `${JSON.stringify({ sweep: this.#sweep, at, files }, undefined, 2)}\n`,
      );
      if (this.#at !== undefined) await this.#place.remove(this.#at);
      this.#at = at;
      return at;
    } finally {
      await rm(snapshot, { recursive: true, force: true });
    }
  }
}

/** Removes what workers that were killed left beside the newest files of trainings. */
export async function tidyStored(place: Place, folders: readonly string[]): Promise<void> {
  for (const folder of folders) {
    const content = await place.read(`${folder}/${STATE}`);
    if (!content) continue;
    const { at } = readKept(content, `${place.url}/${folder}/${STATE}`);
    const names = (await place.list(folder)).map((name) => `${folder}/${name.split('/')[0]}`);
    for (const name of new Set(names)) if (COPY.test(name) && name !== at) await place.remove(name);
  }
}

/** Copies the files whenever there is another checkpoint, until `stop` is called. It looks before whether the training is still wanted. */
class Keeper {
  readonly #files: Files;
  readonly #checkpoint: string;
  readonly #isWanted: () => Promise<boolean>;
  #stopped = false;
  #timer: NodeJS.Timeout | undefined;
  #wake: () => void = () => undefined;
  readonly #done: Promise<void>;

  constructor(files: Files, local: string, isWanted: () => Promise<boolean>) {
    this.#files = files;
    this.#checkpoint = path.join(local, CHECKPOINT);
    this.#isWanted = isWanted;
    this.#done = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#wake();
    await this.#done;
  }

  async #run(): Promise<void> {
    let kept = await this.#time();
    let pause = LOOK;
    while (!this.#stopped) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        this.#timer = setTimeout(resolve, pause);
      });
      clearTimeout(this.#timer);
      if (this.#stopped) return;
      try {
        if (!(await this.#isWanted())) return;
        const now = await this.#time();
        if (now === kept) continue;
        const start = performance.now();
        await this.#files.keep();
        kept = now;
        pause = Math.max(LOOK, PAUSE * (performance.now() - start));
      } catch {
        // A place that is away may be back next time; at the end that is an error.
      }
    }
  }

  /** When the checkpoint was written; 0 where there is none. */
  async #time(): Promise<number> {
    return existsSync(this.#checkpoint) ? (await stat(this.#checkpoint)).mtimeMs : 0;
  }
}

/** What became of a training. */
export type End =
  | { readonly kind: 'trained'; readonly outcome: Outcome }
  | { readonly kind: 'failed'; readonly reason: string }
  /** By its signal; it can be gone on with. */
  | { readonly kind: 'stopped' }
  | { readonly kind: 'cancelled' }
  /** Its sweep has ended, or is not seen from here. */
  | { readonly kind: 'gone' };

export interface HowToTrain {
  readonly adapter: string | undefined;
  /** Asks it to stop. */
  readonly signal: AbortSignal;
  /** Called as it begins, with whether it goes on from a checkpoint. */
  readonly onBegin?: (continued: boolean) => void;
}

/**
 * Trains until a step, from what is at the place, and writes the result there.
 *
 * @throws PlaceError where the place cannot be used, DataError where there is no room for temporary files.
 */
export async function trainStored(
  task: TrainingTask,
  { adapter, signal, onBegin }: HowToTrain,
): Promise<End> {
  const { out, options, until, metric, folder } = task;
  const place = openPlace(out);
  const parts = partsPlace(out);
  if (!(await isOpen(place, task))) return { kind: 'gone' };
  const known = await readOutcome(parts, task);
  if (known) return { kind: 'trained', outcome: known };
  const temporary = await mkdtemp(path.join(tmpdir(), 'fovea-training-')).catch((error) => {
    throw new DataError(
      `${tmpdir()}: no training can run there (${fileProblem(error)}); make room, or choose another folder with TMPDIR`,
      { cause: error },
    );
  });
  const atExit = (): void => rmSync(temporary, { recursive: true, force: true });
  process.once('exit', atExit);
  try {
    const local = path.join(temporary, 'training');
    const files = new Files(place, task, local);
    await files.fetch();
    onBegin?.(existsSync(path.join(local, CHECKPOINT)));
    let over: 'cancelled' | 'gone' | undefined;
    const unwanted = new AbortController();
    const keeper = new Keeper(files, local, async () => {
      if (await parts.has(CANCELLED)) over = 'cancelled';
      else if (!(await isOpen(place, task))) over = 'gone';
      if (over) unwanted.abort();
      return !over;
    });
    const trained = await trainUntil({
      ...{ folder: local, options, until, metric, adapter },
      // What a training cannot find there is said by it.
      cwd: existsSync(folder) ? folder : temporary,
      signal: AbortSignal.any([signal, unwanted.signal]),
    }).finally(() => keeper.stop());
    if (over === 'gone' || !(await isOpen(place, task))) return { kind: 'gone' };
    const at = await files.keep();
    if (over) return { kind: over };
    if (signal.aborted) return { kind: 'stopped' };
    if ('failed' in trained) return { kind: 'failed', reason: trained.failed };
    const outcome = { ...trained, at };
    await parts.write(resultName(task), `${JSON.stringify({ sweep: task.sweep, ...outcome })}\n`);
    return { kind: 'trained', outcome };
  } finally {
    process.off('exit', atExit);
    await rm(temporary, { recursive: true, force: true });
  }
}

/** Whether the sweep of a training is at its place, and has no result of it yet. */
async function isOpen(place: Place, { sweep, trial, fold, until }: TrainingTask): Promise<boolean> {
  const state = await readState(place);
  const isOver = state?.runs.some((run) => run.trial === trial && run.fold === fold && run.until === until);
  return state?.id === sweep && !isOver;
}
