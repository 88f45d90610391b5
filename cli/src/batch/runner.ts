/** Runs shards in this process, with one model at a time on the device. */

import { openPlace } from '../place/place.ts';
import { fetchFiles } from './files.ts';
import { kindOf } from './kinds/index.ts';
import { type Computing, computeShard, encodeShard, type ShardOptions } from './shard.ts';
import { type BatchInput, type BatchWork, hasWork, readWork, shardName, workPlace } from './work.ts';

/** A shard as workers are told of it. */
export interface ShardTask {
  /** The id of the batch. */
  readonly batch: string;
  /** The place of its results; its parts are in a folder there. */
  readonly out: string;
  readonly shard: number;
  readonly inputs: readonly BatchInput[];
}

/** What is said of a shard that is done. */
export interface ShardDone {
  readonly shard: number;
  readonly images: number;
  readonly faults: number;
  /** Its batch is not where it was: it has ended, or its folder cannot be seen from here. */
  readonly gone?: boolean;
}

/** How a shard is run: see `computeShard`. */
export type RunOptions = Pick<ShardOptions, 'skip' | 'careful' | 'onImage'>;

interface Opened {
  readonly work: BatchWork;
  readonly computing: Computing;
}

export interface RunnerOptions {
  /** Default: the best one. */
  readonly adapter?: string | undefined;
  /** Called once a device is open. */
  readonly onAdapter?: (adapter: NonNullable<Computing['adapter']>) => void;
}

export class ShardRunner {
  readonly #options: RunnerOptions;
  #opened: Opened | undefined;

  constructor(options: RunnerOptions) {
    this.#options = options;
  }

  /**
   * Computes a shard, and writes its file, whole or not at all. One that is there already is left as it is.
   *
   * @throws DataError where its files are missing or damaged, or it cannot be written.
   */
  async run(task: ShardTask, options: RunOptions = {}): Promise<ShardDone> {
    const { out, shard, inputs } = task;
    const results = openPlace(out);
    const place = workPlace(out);
    const done = { shard, images: inputs.length };
    const gone = { shard, images: 0, faults: 0, gone: true };
    if (await place.has(shardName(shard))) return { ...done, faults: 0 };
    const computing = await this.#open(task);
    if (!computing) return gone;
    const write = (name: string, content: Uint8Array) => results.write(name, content);
    const outcomes = await computeShard(computing, inputs, { ...options, write });
    // Another worker may have been faster, and all be done: nothing is to stay where nobody looks any more.
    if (!(await hasWork(place))) return gone;
    await place.write(shardName(shard), await encodeShard(outcomes));
    return { ...done, faults: outcomes.filter((one) => 'fault' in one).length };
  }

  /** Undefined where there is no such batch: a shard that was taken from a worker may come up again when all is done. */
  async #open({ batch, out }: ShardTask): Promise<Computing | undefined> {
    const place = workPlace(out);
    if (this.#opened?.work.id === batch) return (await hasWork(place)) ? this.#opened.computing : undefined;
    this.close();
    const work = await readWork(place);
    if (work?.id !== batch) return undefined;
    const kind = await kindOf(work.name);
    const files = await fetchFiles(place, work);
    const computing = await kind.open(kind.check(work.options), files, this.#options.adapter);
    if (computing.adapter) this.#options.onAdapter?.(computing.adapter);
    this.#opened = { work, computing };
    return computing;
  }

  /** Closes the device. */
  close(): void {
    this.#opened?.computing.close();
    this.#opened = undefined;
  }
}
