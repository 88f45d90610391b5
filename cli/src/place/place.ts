/** Where a batch or a sweep keeps its parts, for everyone who works on it: named contents, each whole or not there. */
import { copyFile, readFile, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { DataError } from 'fovea';
import { addressOf } from '../address.ts';
import {
  fileProblem,
  filesBelow,
  makeFolder,
  temporaryFor,
  withTemporary,
  writeFileAtomic,
} from '../files.ts';
import { withLock } from '../lock.ts';
import { PlaceError } from './placeError.ts';
import { S3Place } from './s3Place.ts';

/** A folder, or what stands for one in an object store. Names have slashes between their parts. */
export interface Place {
  /** As the user gave it: what workers are told. */
  readonly url: string;
  /** Whether it is a folder of the file system. */
  readonly isFolder: boolean;
  /** Undefined where there is nothing of that name. */
  read(name: string): Promise<Uint8Array | undefined>;
  has(name: string): Promise<boolean>;
  /** Whole or not at all; what was there is replaced. */
  write(name: string, content: Uint8Array | string): Promise<void>;
  /** As `write`, of what a file of this machine holds. */
  store(name: string, file: string): Promise<void>;
  /** Copies what is there into a file of this machine, whose folder is there; false where there is nothing of that name. */
  fetch(name: string, file: string): Promise<boolean>;
  /**
   * The names of all that is below a folder, in no order, without that folder's own.
   *
   * @param after Only those that come after this one by their characters. Default: all.
   */
  list(folder: string, after?: string): Promise<string[]>;
  /** Removes a name, or all below a folder. What is not there is no error. */
  remove(name: string): Promise<void>;
  /**
   * Runs what writes here, while nobody else does. Throws UsageError where somebody does, DataError where nothing can be written.
   *
   * @param what What runs; its lock is `WHAT.lock`.
   * @param run Is given what lets others write again, for the case that the process ends before it does.
   */
  locked<T>(what: Writer, run: (release: () => Promise<void>) => Promise<T>): Promise<T>;
  /** Runs what writes files into a folder of this machine; they are here when it is done, each whole. */
  assemble<T>(run: (folder: string) => Promise<T>): Promise<T>;
}

/** What writes to a place as a whole. */
export type Writer = 'batch' | 'sweep';

/** A folder of the file system; workers on other machines need it under the same path. */
class FolderPlace implements Place {
  readonly url: string;
  readonly isFolder = true;
  /** As the user gave it. */
  readonly #given: string;

  constructor(folder: string) {
    this.url = path.resolve(folder);
    this.#given = folder;
  }

  async #try<T>(name: string, doing: string, work: (file: string) => Promise<T>): Promise<T> {
    const file = path.join(this.url, name);
    try {
      return await work(file);
    } catch (error) {
      if (error instanceof DataError) throw new PlaceError(error.message, { cause: error });
      throw new PlaceError(
        `${file}: cannot be ${doing} (${fileProblem(error)}); make room, or check its permissions`,
        {
          cause: error,
        },
      );
    }
  }

  read(name: string): Promise<Uint8Array | undefined> {
    return this.#try(name, 'read', (file) =>
      readFile(file).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return undefined;
        throw error;
      }),
    );
  }

  has(name: string): Promise<boolean> {
    return stat(path.join(this.url, name)).then(
      () => true,
      () => false,
    );
  }

  write(name: string, content: Uint8Array | string): Promise<void> {
    return this.#try(name, 'written', (file) => writeFileAtomic(file, content));
  }

  store(name: string, file: string): Promise<void> {
    return this.#try(name, 'written', async (to) => {
      await makeFolder(path.dirname(to));
      const begun = temporaryFor(to);
      await withTemporary(to, begun, async () => {
        await copyFile(file, begun);
        await rename(begun, to);
      });
    });
  }

  fetch(name: string, file: string): Promise<boolean> {
    return this.#try(name, 'read', (from) =>
      copyFile(from, file).then(
        () => true,
        (error: NodeJS.ErrnoException) => {
          if (error.code === 'ENOENT') return false;
          throw error;
        },
      ),
    );
  }

  async list(folder: string, after = ''): Promise<string[]> {
    const names = await this.#try(folder, 'read', (file) =>
      filesBelow(file).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return [];
        throw error;
      }),
    );
    return names.filter((name) => name > after);
  }

  remove(name: string): Promise<void> {
    return this.#try(name, 'removed', (file) => rm(file, { recursive: true, force: true }));
  }

  async locked<T>(what: Writer, run: (release: () => Promise<void>) => Promise<T>): Promise<T> {
    await makeFolder(this.#given);
    // Its lock is released as the process ends.
    return withLock(path.join(this.#given, what), () => run(async () => undefined), what);
  }

  assemble<T>(run: (folder: string) => Promise<T>): Promise<T> {
    return run(this.#given);
  }
}

/** The place that a path or an address stands for. Throws UsageError for an address that is none, or of a kind that is not known. */
export function openPlace(url: string): Place {
  const address = addressOf(url);
  return address ? new S3Place(address) : new FolderPlace(url);
}
