import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { DataError, UsageError } from 'fovea';
import { DataFolder, type ImageMode, LIST, namesOf } from './dataFolder.ts';
import { fileProblem, filesBelow, makeFolder, realPath, temporaryFor } from './files.ts';

/** A file in a folder that is not on its list of files that were written; undefined where there is none. */
async function strayIn(folder: string): Promise<string | undefined> {
  const names = namesOf(await readFile(path.join(folder, LIST), 'utf8').catch(() => undefined));
  return (await filesBelow(folder)).find((name) => name !== LIST && !names.has(name));
}

/**
 * A folder that comes to be whole or not at all: everything is written into a folder of another name beside it, which `finish`
 * renames. Throws DataError with the path where the disk refuses.
 */
export class DiskSink extends DataFolder {
  readonly #folder: string;
  readonly #temporary: string;
  /** Where a folder that is replaced is until the new one is in its place. */
  readonly #old: string;
  /** Whatever ends the process, a full disk behind stderr for one, nothing half-written stays. */
  readonly #atExit = (): void => {
    // Rename the folder first: another thread that is still writing would create files in it while it is removed.
    const gone = `${this.#temporary}.gone`;
    try {
      renameSync(this.#temporary, gone);
    } catch {
      // It is not made yet, or in its place already.
    }
    for (const left of [gone, this.#old]) {
      for (let tries = 0; existsSync(left) && tries < 20; tries++) {
        try {
          rmSync(left, { recursive: true, force: true });
        } catch {
          // A file that was open already came into it meanwhile.
        }
      }
    }
  };

  private constructor(folder: string, mode: ImageMode) {
    const temporary = temporaryFor(folder);
    super({ home: folder, begun: temporary, mode });
    this.#folder = folder;
    this.#temporary = temporary;
    this.#old = `${temporary}.old`;
  }

  /**
   * Throws UsageError where something is at the path already and `force` is not set, or where it holds files that no earlier
   * sink wrote; DataError where it cannot be written.
   */
  static async create(
    folder: string,
    { mode, force }: { readonly mode: ImageMode; readonly force: boolean },
  ): Promise<DiskSink> {
    const whole = await realPath(folder);
    const found = await stat(whole).catch(() => undefined);
    if (found && !found.isDirectory())
      throw new DataError(`${folder}: is a file; give the path of a new folder`);
    const held = found ? await readdir(whole) : [];
    if (held.length > 0 && !force) {
      throw new UsageError(`${folder}: already exists; choose another folder, or replace it with --force`);
    }
    const other = held.length > 0 ? await strayIn(whole) : undefined;
    if (other !== undefined) {
      throw new UsageError(
        `${folder}: contains ${other}, which fovea convert did not write there, and which --force would remove; choose another folder`,
      );
    }
    await makeFolder(path.dirname(whole));
    const sink = new DiskSink(whole, mode);
    process.once('exit', sink.#atExit);
    try {
      mkdirSync(sink.#temporary);
    } catch (error) {
      throw new DataError(
        `${folder}: cannot be written (${fileProblem(error)}); make room, or choose another folder`,
        { cause: error },
      );
    }
    return sink;
  }

  /** Puts the folder in its place, for what was there. */
  async finish(): Promise<void> {
    await this.write(LIST, JSON.stringify(this.files));
    const old = this.#old;
    const found = await stat(this.#folder).catch(() => undefined);
    // Nothing can come between the two.
    if (found) renameSync(this.#folder, old);
    try {
      renameSync(this.#temporary, this.#folder);
    } catch (error) {
      if (found) renameSync(old, this.#folder);
      throw error;
    }
    await rm(old, { recursive: true, force: true });
    process.off('exit', this.#atExit);
  }

  /** Removes what was written so far. */
  async discard(): Promise<void> {
    await rm(this.#temporary, { recursive: true, force: true });
    process.off('exit', this.#atExit);
  }
}
