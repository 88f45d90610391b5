/**
 * A training whose files are at a place, so that any worker can go on with it. It runs in a folder for temporary files. Each time that it has
 * saved a checkpoint, its files are copied into a new folder at the place, and `state.json` then names that one: what it names is whole, also
 * where two workers train the same.
 */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DataError } from 'fovea';
import * as v from 'valibot';
import { parseAs } from '../checked.ts';
import { fileProblem } from '../files.ts';
import { historyPath } from '../history.ts';
import { openPlace, type Place } from '../place/place.ts';
import { PlaceError } from '../place/placeError.ts';
import { CANCELLED } from '../queue/handout.ts';
import { type Outcome, outcomeSchema, partsPlace, readState } from './state.ts';
import { resultName, type TrainingTask, trainingFolder } from './task.ts';
import { CHECKPOINT, LOG, MODEL, trainUntil } from './training.ts';

const STATE = 'state.json';
const keptSchema = v.object({
  /** The folder of the files, below the place of the sweep. */
  at: v.string(),
  /** Paths below that lead nowhere else. */
  files: v.array(v.pipe(v.string(), v.regex(/^(?:[\w-][\w.-]*\/)*[\w-][\w.-]*$/))),
});

/** The folder of a copy. */
const COPY = /\/[0-9a-f]{8}$/;

/** How often the checkpoint is looked at, in milliseconds, and the least of the time that goes by between copies, in times of a copy. */
const LOOK = 2000;
const PAUSE = 10;

/** Whether a training has files at a place that a worker left there. */
export const hasStored = (place: Place, folder: string): Promise<boolean> => place.has(`${folder}/${STATE}`);

/** Reads the result of a training; undefined where there is none. */
export async function readOutcome(parts: Place, task: TrainingTask): Promise<Outcome | undefined> {
  const name = resultName(task);
  const content = await parts.read(name);
  return content && parseAs(outcomeSchema, content, `${parts.url}/${name}`);
}

/** Files below a folder, but for those that are being written, and locks. */
async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && !entry.name.startsWith('.') && !entry.name.endsWith('.lock'))
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)).split(path.sep).join('/'));
}

/** The files of a training, here and at the place. */
class Files {
  readonly #place: Place;
  readonly #folder: string;
  readonly #local: string;
  /** The folder at the place that those came from, or went to. */
  #at: string | undefined;

  constructor(place: Place, folder: string, local: string) {
    this.#place = place;
    this.#folder = folder;
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
          `${this.#place.url}/${at}: files are missing; begin the sweep anew with --force`,
        );
      }
      before = at;
    }
  }

  async #newest(): Promise<v.InferOutput<typeof keptSchema>> {
    const name = `${this.#folder}/${STATE}`;
    const content = await this.#place.read(name);
    // Of a sweep that was begun without a queue they are in the folder itself.
    if (!content) return { at: this.#folder, files: await this.#direct() };
    const kept = parseAs(keptSchema, content, `${this.#place.url}/${name}`);
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
      await this.#place.write(`${this.#folder}/${STATE}`, `${JSON.stringify({ at, files }, undefined, 2)}\n`);
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
    const { at } = parseAs(keptSchema, content, `${place.url}/${folder}/${STATE}`);
    const names = (await place.list(folder)).map((name) => `${folder}/${name.split('/')[0]}`);
    for (const name of new Set(names)) if (COPY.test(name) && name !== at) await place.remove(name);
  }
}

/** Copies the files whenever there is another checkpoint, until `stop` is called, and looks whether the sweep was cancelled. */
class Keeper {
  readonly #files: Files;
  readonly #checkpoint: string;
  readonly #parts: Place;
  readonly #onCancel: () => void;
  #stopped = false;
  #timer: NodeJS.Timeout | undefined;
  #wake: () => void = () => undefined;
  readonly #done: Promise<void>;

  constructor(files: Files, local: string, parts: Place, onCancel: () => void) {
    this.#files = files;
    this.#checkpoint = path.join(local, CHECKPOINT);
    this.#parts = parts;
    this.#onCancel = onCancel;
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
        if (await this.#parts.has(CANCELLED)) this.#onCancel();
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
}

/**
 * Trains until a step, from what is at the place, and writes the result there.
 *
 * @throws PlaceError where the place cannot be used, DataError where there is no room for temporary files.
 */
export async function trainStored(task: TrainingTask, { adapter, signal }: HowToTrain): Promise<End> {
  const { out, sweep, options, until, metric, folder } = task;
  const place = openPlace(out);
  const parts = partsPlace(out);
  const state = await readState(place);
  const isOver = state?.runs.some(
    ({ trial, fold, until: end }) => trial === task.trial && fold === task.fold && end === until,
  );
  if (state?.id !== sweep || isOver) return { kind: 'gone' };
  const known = await readOutcome(parts, task);
  if (known) return { kind: 'trained', outcome: known };
  const temporary = await mkdtemp(path.join(tmpdir(), 'fovea-training-')).catch((error) => {
    throw new DataError(
      `${tmpdir()}: no training can run there (${fileProblem(error)}); make room, or choose another folder with TMPDIR`,
      { cause: error },
    );
  });
  try {
    const local = path.join(temporary, 'training');
    const files = new Files(place, trainingFolder(task), local);
    await files.fetch();
    const cancel = new AbortController();
    const keeper = new Keeper(files, local, parts, () => cancel.abort());
    const trained = await trainUntil({
      ...{ folder: local, options, until, metric, adapter },
      // What a training cannot find there is said by it.
      cwd: existsSync(folder) ? folder : temporary,
      signal: AbortSignal.any([signal, cancel.signal]),
    }).finally(() => keeper.stop());
    const at = await files.keep();
    if (cancel.signal.aborted) return { kind: 'cancelled' };
    if (signal.aborted) return { kind: 'stopped' };
    if ('failed' in trained) return { kind: 'failed', reason: trained.failed };
    const outcome = { ...trained, at };
    await parts.write(resultName(task), `${JSON.stringify(outcome)}\n`);
    return { kind: 'trained', outcome };
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}
