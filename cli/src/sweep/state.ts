/** What is known of a sweep, kept as it becomes known: `sweep.json`. */
import { randomBytes } from 'node:crypto';
import { DataError, UsageError } from 'fovea';
import * as v from 'valibot';
import { below } from '../address.ts';
import { parseAs } from '../checked.ts';
import { openPlace, type Place } from '../place/place.ts';
import { sha256 } from '../sha256.ts';
import type { SweepConfig } from './config.ts';

const STATE = 'sweep.json';
const VERSION = 1;
const whole = v.pipe(v.number(), v.integer(), v.minValue(0));

/** Where a worker keeps the files of a training: in the folder of that training alone. */
export const keptAt = v.pipe(v.string(), v.regex(/^trials\/\d{3,}(?:\/fold-\d+)?\/[0-9a-f]{8}$/));

/** What a training came to. */
export const outcomeSchema = v.object({
  /** The values of the metric after each epoch so far; null for what is no number. */
  epochs: v.pipe(v.array(v.nullable(v.number())), v.readonly()),
  /** As the logs have it, such as `val_ap`. */
  metric: v.optional(v.string()),
  /** Where its files are, below the place of the sweep. Default: in the folder of the training itself. */
  at: v.optional(keptAt),
});
export type Outcome = v.InferOutput<typeof outcomeSchema>;

const runSchema = v.object({
  trial: whole,
  /** From 1; 0 where there are none. */
  fold: whole,
  /** The step after which it stopped. */
  until: whole,
  ...outcomeSchema.entries,
  failed: v.optional(v.string()),
});
/** One training at one rung. */
export type Run = v.InferOutput<typeof runSchema>;

export const sweepIdSchema = v.pipe(v.string(), v.regex(/^[0-9a-f]{16}$/));
const stateSchema = v.object({
  version: v.literal(VERSION),
  /** Another one for each sweep that is begun: nothing of an earlier one counts. */
  id: sweepIdSchema,
  /** What tells configurations apart. */
  config: v.string(),
  /** The most trainings that there may be, each rung of one counted. */
  most: whole,
  runs: v.array(runSchema),
});
export type StateFile = v.InferOutput<typeof stateSchema>;

/** The folder of all trainings. */
export const TRIALS = 'trials';
const PARTS = '.fovea-sweep';
/** Where the results of trainings are until the sweep has ended. */
export const partsPlace = (out: string): Place => openPlace(below(out, PARTS));
/** The folder there. */
export const RESULTS = 'results';

/** Reads what is known of the sweep at a place; undefined where there is none. */
export async function readState(place: Place): Promise<StateFile | undefined> {
  const content = await place.read(STATE);
  try {
    return content && parseAs(stateSchema, content, `${place.url}/${STATE}`);
  } catch (error) {
    throw new DataError(`${(error as Error).message}; begin the sweep anew with --force`, { cause: error });
  }
}

const keyOf = ({ trial, fold, until }: Pick<Run, 'trial' | 'fold' | 'until'>): string =>
  `${trial}-${fold}-${until}`;

/** Whether a sweep was begun at a place. */
export const hasSweep = (place: Place): Promise<boolean> => place.has(STATE);

/** Whether anything is known by it. */
const hasValue = ({ epochs, failed }: Run): boolean =>
  failed === undefined && epochs.some((value) => value !== null);

/** The same sweep may be given more trials, or fewer: the trainings of the others stay as they are. */
function hashOf({ train, space, search }: SweepConfig): string {
  const { trials: _, ...same } = { trials: 0, ...search };
  return sha256(JSON.stringify([VERSION, train, space, same])).slice(0, 16);
}

export class State {
  readonly id: string;
  readonly #place: Place;
  readonly #config: string;
  readonly #most: number;
  readonly #runs: Map<string, Run>;

  private constructor(place: Place, { id, config, most, runs }: Omit<StateFile, 'version'>) {
    this.id = id;
    this.#config = config;
    this.#place = place;
    this.#most = most;
    this.#runs = new Map(runs.map((run) => [keyOf(run), run]));
  }

  /**
   * Goes on with the sweep at a place, and tries again what failed, or begins it.
   *
   * @throws UsageError where another one was begun there.
   */
  static async open(
    place: Place,
    config: SweepConfig,
    { most, force }: { readonly most: number; readonly force: boolean },
  ): Promise<State> {
    const wanted = hashOf(config);
    const found = force ? undefined : await readState(place);
    const isSame = found?.config === wanted;
    // Where all there is has failed, nothing is lost.
    const isOfUse = found && (found.runs.length === 0 || found.runs.some(hasValue));
    if (isOfUse && !isSame) {
      throw new UsageError(
        `${place.url}: has trainings of a sweep of another configuration (only trials of [search] may differ); go on with that, choose another --out, or remove them with --force`,
      );
    }
    if (!found && !force && (await place.list(TRIALS)).length > 0) {
      throw new UsageError(
        `${place.url}: has a folder ${TRIALS} and no ${STATE}; choose another --out, or remove ${TRIALS} with --force`,
      );
    }
    if (!isSame) for (const folder of [TRIALS, PARTS]) await place.remove(folder);
    const id = isSame ? found.id : randomBytes(8).toString('hex');
    const runs = isSame ? found.runs.filter(hasValue) : [];
    const state = new State(place, { id, config: wanted, most, runs });
    await state.#save();
    return state;
  }

  find(trial: number, fold: number, until: number): Run | undefined {
    return this.#runs.get(keyOf({ trial, fold, until }));
  }

  async add(run: Run): Promise<void> {
    this.#runs.set(keyOf(run), run);
    await this.#save();
  }

  #save(): Promise<void> {
    const lines = [...this.#runs.values()].map((run) => `  ${JSON.stringify(run)}`).join(',\n');
    const head = { version: VERSION, id: this.id, config: this.#config, most: this.#most };
    return this.#place.write(
      STATE,
      `${JSON.stringify(head, undefined, 2).slice(0, -2)},\n  "runs": [\n${lines}\n]}\n`,
    );
  }
}
