import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { DataError, FoveaError } from 'fovea';
import { fileProblem } from '../files.ts';

/** How much is read at a time where the end of the last whole line is looked for. */
const STEP = 65_536;

/** The length of a file up to the end of its last whole line. */
async function wholeLines(handle: FileHandle): Promise<number> {
  const buffer = Buffer.alloc(STEP);
  for (let end = (await handle.stat()).size; end > 0; end -= STEP) {
    const start = Math.max(0, end - STEP);
    const { bytesRead } = await handle.read(buffer, 0, end - start, start);
    const at = buffer.subarray(0, bytesRead).lastIndexOf('\n');
    if (at >= 0) return start + at + 1;
  }
  return 0;
}

/**
 * A file of lines that is appended to, and of which no more than the last line is lost when the process or the machine ends: each line is on
 * the disk when its promise is kept.
 */
export class Journal {
  readonly #file: string;
  readonly #handle: FileHandle;
  #lines: string[] = [];
  /** The write that the waiting lines will be in. */
  #next: Promise<void> | undefined;
  /** The write before it. */
  #last: Promise<void> = Promise.resolve();

  private constructor(file: string, handle: FileHandle) {
    this.#file = file;
    this.#handle = handle;
  }

  /**
   * Opens a journal, or begins it. A last line that was cut off while it was written is removed.
   *
   * @param line Called with each line that is there.
   */
  static async open(file: string, line: (text: string) => void): Promise<Journal> {
    const handle = await open(file, 'a+').catch((error) => {
      throw unusable(file, error);
    });
    try {
      await handle.truncate(await wholeLines(handle));
      const lines = createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY });
      for await (const text of lines) line(text);
      return new Journal(file, handle);
    } catch (error) {
      await handle.close();
      // What `line` throws is not about this file.
      throw error instanceof FoveaError ? error : unusable(file, error);
    }
  }

  /** Adds a line. Lines that come while others are written are written together. Throws DataError where the disk refuses. */
  append(text: string): Promise<void> {
    this.#lines.push(text);
    this.#next ??= this.#last = this.#last.then(() => this.#write());
    return this.#next;
  }

  async #write(): Promise<void> {
    const lines = this.#lines;
    this.#lines = [];
    this.#next = undefined;
    try {
      await this.#handle.appendFile(lines.map((line) => `${line}\n`).join(''));
      await this.#handle.datasync();
    } catch (error) {
      throw unusable(this.#file, error);
    }
  }

  /** Closes the file when all lines are written. */
  async close(): Promise<void> {
    await this.#last.catch(() => undefined);
    await this.#handle.close();
  }
}

const unusable = (file: string, error: unknown): DataError =>
  new DataError(`${file}: cannot be written (${fileProblem(error)}); make room, and run the command again`, {
    cause: error,
  });
