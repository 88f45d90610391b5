/** What is known of a sweep, kept as it becomes known: `sweep.json`. */
import { UsageError } from 'fovea';
import * as v from 'valibot';
import { below } from '../address.ts';
import { parseAs } from '../checked.ts';
import { openPlace, type Place } from '../place/place.ts';
import { sha256 } from '../sha256.ts';
import type { SweepConfig } from './config.ts';

const STATE = 'sweep.json';
const VERSION = 1;
const whole = v.pipe(v.number(), v.integer(), v.minValue(0));

/** What a training came to. */
export const outcomeSchema = v.object({
  /** The values of the metric after each epoch so far; null for what is no number. */
  epochs: v.pipe(v.array(v.nullable(v.number())), v.readonly()),
  /** As the logs have it, such as `val_ap`. */
  metric: v.optional(v.string()),
  /** Where its files are, below the place of the sweep. */
  at: v.optional(v.string()),
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
  id: sweepIdSchema,
  /** The most trainings that there may be, each rung of one counted. */
  most: whole,
  runs: v.array(runSchema),
});
export type StateFile = v.InferOutput<typeof stateSchema>;

const PARTS = '.fovea-sweep';
/** Where the results of trainings are until the sweep has ended. */
export const partsPlace = (out: string): Place => openPlace(below(out, PARTS));
/** The folder there. */
export const RESULTS = 'results';

/** Reads what is known of the sweep at a place; undefined where there is none. */
export async function readState(place: Place): Promise<StateFile | undefined> {
  const content = await place.read(STATE);
  return content && parseAs(stateSchema, content, `${place.url}/${STATE}`);
}

const keyOf = ({ trial, fold, until }: Pick<Run, 'trial' | 'fold' | 'until'>): string =>
  `${trial}-${fold}-${until}`;

export class State {
  readonly id: string;
  readonly #place: Place;
  readonly #most: number;
  readonly #runs: Map<string, Run>;

  private constructor(place: Place, { id, most, runs }: Omit<StateFile, 'version'>) {
    this.id = id;
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
    const id = sha256(JSON.stringify([VERSION, config])).slice(0, 16);
    const known = force ? undefined : await readState(place);
    if (known && known.id !== id) {
      throw new UsageError(
        `${place.url}: has a sweep of another configuration; go on with that, choose another --out, or replace it with --force`,
      );
    }
    if (force) for (const folder of ['trials', PARTS]) await place.remove(folder);
    const runs = known?.runs.filter(({ failed }) => failed === undefined) ?? [];
    const state = new State(place, { id, most, runs });
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
    const head = { version: VERSION, id: this.id, most: this.#most };
    return this.#place.write(
      STATE,
      `${JSON.stringify(head, undefined, 2).slice(0, -2)},\n  "runs": [\n${lines}\n]}\n`,
    );
  }
}
