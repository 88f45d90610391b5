/** A process that computes shards. It may end at any image, and is begun anew; the image that ends it twice is left out. */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { DataError, UsageError } from 'fovea';
import type { FromChild, ToChild } from './messages.ts';
import type { RunnerOptions, ShardDone, ShardTask } from './runner.ts';

/** How often a process may end at an image before that is left out. */
const CRASHES = 2;
/** The last words of a process that are kept. */
const LAST_WORDS = 2000;

/** The program of such a process: beside the command line, as `npm run build` lays it. */
const CHILD = fileURLToPath(new URL('./batchChild.mjs', import.meta.url));

const ERRORS = { usage: UsageError, data: DataError, other: Error } as const;

/** A process ended while it computed. */
class Ended extends Error {
  readonly at: number | undefined;

  constructor(how: string, at: number | undefined) {
    super(how);
    this.at = at;
  }
}

export interface ChildOptions extends RunnerOptions {
  /** The most time, in milliseconds, that an image may take, the opening of its model included. */
  readonly imageTime: number;
  /** The program of the process. Default: Fovea's own. */
  readonly program?: string;
}

export class ComputingProcess {
  readonly #options: ChildOptions;
  #child: ChildProcess | undefined;
  #words = '';
  #closed = false;

  constructor(options: ChildOptions) {
    this.#options = options;
  }

  /**
   * Computes a shard. Where the process ends, it is computed again, image by image; one at which it ends again and again becomes a fault.
   *
   * @throws UsageError for what no process can do, DataError for what else no image is to blame for.
   */
  async run(task: ShardTask): Promise<ShardDone> {
    /** By image; -1 stands for the opening of the model. */
    const crashes = new Map<number, number>();
    const skip = new Map<number, string>();
    for (let careful = false; ; careful = true) {
      try {
        return await this.#once(task, skip, careful);
      } catch (error) {
        if (!(error instanceof Ended) || this.#closed) throw error;
        // While images are decoded ahead, nobody knows which it was.
        if (!careful) continue;
        const { at = -1 } = error;
        const count = (crashes.get(at) ?? 0) + 1;
        crashes.set(at, count);
        if (count < CRASHES) continue;
        const reason = `ended the process that computes ${count} times (${error.message})`;
        if (at < 0) throw new DataError(`the model of the batch ${reason}`);
        skip.set(at, reason);
      }
    }
  }

  #start(): ChildProcess {
    if (this.#child) return this.#child;
    const { adapter, program = CHILD } = this.#options;
    const env = { ...process.env, ...(adapter === undefined ? {} : { FOVEA_BATCH_ADAPTER: adapter }) };
    const child = fork(program, { env, stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
    this.#words = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      this.#words = (this.#words + chunk.toString()).slice(-LAST_WORDS);
    });
    this.#child = child;
    return child;
  }

  #once(task: ShardTask, skip: ReadonlyMap<number, string>, careful: boolean): Promise<ShardDone> {
    const { imageTime, onAdapter } = this.#options;
    const child = this.#start();
    return new Promise((resolve, reject) => {
      let at: number | undefined;
      let timer: NodeJS.Timeout;
      let late = false;
      const wait = () => {
        clearTimeout(timer);
        timer = setTimeout(() => {
          late = true;
          child.kill('SIGKILL');
        }, imageTime);
      };
      const leave = () => {
        clearTimeout(timer);
        child.off('message', hear).off('exit', end).off('error', fail);
      };
      const fail = (error: Error) => {
        leave();
        this.#child = undefined;
        reject(error);
      };
      const end = (code: number | null, signal: string | null) => {
        leave();
        this.#child = undefined;
        const [last = ''] = this.#words.trim().split('\n').slice(-1);
        const how = late
          ? `an image took longer than ${imageTime / 1000} s`
          : `${signal ?? `code ${code}`}${last === '' ? '' : `, ${last}`}`;
        reject(new Ended(how, at));
      };
      const hear = (message: FromChild) => {
        wait();
        if (message.type === 'adapter') onAdapter?.(message);
        else if (message.type === 'image') at = message.at;
        else {
          leave();
          if (message.type === 'done') resolve(message.done);
          else reject(new ERRORS[message.kind](message.message));
        }
      };
      child.on('message', hear).on('exit', end).on('error', fail);
      wait();
      const message: ToChild = { type: 'run', task, skip: [...skip], careful };
      // Where it has just ended, that is what is heard.
      child.send(message, () => undefined);
    });
  }

  /** Ends the process; what it computes is lost. */
  close(): void {
    this.#closed = true;
    this.#child?.kill('SIGKILL');
  }
}
