import { createHash, type Hash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { open, truncate } from 'node:fs/promises';
import path from 'node:path';
import { DataError, type StepRecord } from 'fovea';
import { readFileBytes } from 'fovea/io';
import { fileProblem } from './files.ts';

/** Where a training of `model.safetensors` keeps the losses of its steps, a line of JSON per step: `model.history.jsonl`. */
export const historyPath = (out: string): string => {
  const { dir, name } = path.parse(out);
  return path.join(dir, `${name}.history.jsonl`);
};

function isRecord(value: unknown): value is StepRecord {
  if (typeof value !== 'object' || value === null) return false;
  const { step, losses, lr } = value as Partial<StepRecord>;
  return (
    Number.isSafeInteger(step) &&
    step! > 0 &&
    Number.isFinite(lr) &&
    lr! >= 0 &&
    typeof losses === 'object' &&
    losses !== null &&
    Object.values(losses).every(Number.isFinite)
  );
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

const WITHOUT = 'remove the file to go on without the losses of earlier steps';

/** The records of a history up to a step, and how many bytes they take. What was appended after the checkpoint is left out. */
function recordsUpTo(step: number, text: string, file: string): { records: StepRecord[]; bytes: number } {
  const records: StepRecord[] = [];
  let [at, last] = [0, 0];
  for (let line = 1; ; line++) {
    const end = text.indexOf('\n', at);
    // A last line without its end was being written when the process was killed.
    if (end < 0) break;
    const record = parsed(text.slice(at, end));
    if (!isRecord(record) || record.step <= last) {
      throw new DataError(`${file}: line ${line} is not the record of a step after step ${last}; ${WITHOUT}`);
    }
    if (record.step > step) break;
    records.push(record);
    last = record.step;
    at = end + 1;
  }
  return { records, bytes: Buffer.byteLength(text.slice(0, at)) };
}

/** The losses of a training's steps on disk. They are appended, so that no checkpoint writes those of all steps again. */
export class History {
  /** The records of the steps before the checkpoint that is resumed from. */
  readonly before: readonly StepRecord[];
  readonly #file: string;
  #waiting: string[] = [];
  #started: boolean;
  /** Of the whole file. */
  readonly #hash: Hash;

  private constructor(
    file: string,
    before: readonly StepRecord[],
    started: boolean,
    hash = createHash('sha256'),
  ) {
    this.#file = file;
    this.before = before;
    this.#started = started;
    this.#hash = hash;
  }

  /** A new history, which replaces the file when it is first written. */
  static create(file: string): History {
    return new History(file, [], false);
  }

  /**
   * Continues a history after a checkpoint of step `step`: later records are cut off. Where there is no file it begins with the
   * next step.
   *
   * @param checksum What `flush` returned for the checkpoint. Default: it is not compared.
   * @throws DataError for a file that is no history, and for one that was changed since the checkpoint.
   */
  static async resume(file: string, step: number, checksum?: string): Promise<History> {
    if (!existsSync(file)) return new History(file, [], false);
    const content = await readFileBytes(file);
    const { records, bytes } = recordsUpTo(step, new TextDecoder().decode(content), file);
    const hash = createHash('sha256').update(content.subarray(0, bytes));
    if (checksum !== undefined && hash.copy().digest('hex') !== checksum) {
      throw new DataError(
        `${file}: was changed since the checkpoint of step ${step}: it does not match the checksum there; use a copy of it, or ${WITHOUT}`,
      );
    }
    await truncate(file, bytes);
    return new History(file, records, true, hash);
  }

  add(record: StepRecord): void {
    this.#waiting.push(`${JSON.stringify(record)}\n`);
  }

  /**
   * Appends what was added, and waits until it is on the disk: to be called before the checkpoint is written.
   *
   * @returns The SHA-256 of the whole file, in hexadecimal.
   */
  async flush(): Promise<string> {
    if (this.#waiting.length > 0 || !this.#started) await this.#append(this.#waiting.join(''));
    return this.#hash.copy().digest('hex');
  }

  async #append(text: string): Promise<void> {
    try {
      const handle = await open(this.#file, this.#started ? 'a' : 'w');
      try {
        await handle.writeFile(text);
        await handle.sync();
      } finally {
        await handle.close();
      }
    } catch (error) {
      throw new DataError(
        `${this.#file}: cannot be written (${fileProblem(error)}); make room, or check the path`,
        {
          cause: error,
        },
      );
    }
    this.#hash.update(text);
    this.#started = true;
    this.#waiting = [];
  }
}
