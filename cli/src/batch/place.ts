/** Where a batch keeps its parts, for everyone who works on it: named contents, each whole or not there. */
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { DataError, UsageError } from 'fovea';
import { fileProblem, writeFileAtomic } from '../files.ts';

/** A folder, or what stands for one in an object store. Names have slashes between their parts. */
export interface Place {
  /** As the user gave it: what workers are told. */
  readonly url: string;
  /** Undefined where there is nothing of that name. */
  read(name: string): Promise<Uint8Array | undefined>;
  has(name: string): Promise<boolean>;
  /** Whole or not at all; what was there is replaced. */
  write(name: string, content: Uint8Array | string): Promise<void>;
  /** The names below a folder, in no order, without that folder's own. */
  list(folder: string): Promise<string[]>;
  /** Removes a name, or all below a folder. What is not there is no error. */
  remove(name: string): Promise<void>;
}

/** A folder of the file system; workers on other machines need it under the same path. */
class FolderPlace implements Place {
  readonly url: string;

  constructor(folder: string) {
    this.url = path.resolve(folder);
  }

  async #try<T>(name: string, doing: string, work: (file: string) => Promise<T>): Promise<T> {
    const file = path.join(this.url, name);
    try {
      return await work(file);
    } catch (error) {
      if (error instanceof DataError) throw error;
      throw new DataError(
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

  list(folder: string): Promise<string[]> {
    return this.#try(folder, 'read', (file) =>
      readdir(file).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return [];
        throw error;
      }),
    );
  }

  remove(name: string): Promise<void> {
    return this.#try(name, 'removed', (file) => rm(file, { recursive: true, force: true }));
  }
}

/** The place that a path or an address stands for. Throws UsageError for an address of a kind that is not known. */
export function openPlace(url: string): Place {
  const scheme = /^([a-z][a-z0-9+.-]+):\/\//i.exec(url)?.[1];
  if (scheme !== undefined) {
    throw new UsageError(`${url}: places are folders, not addresses of the kind ${scheme}://; give a folder`);
  }
  return new FolderPlace(url);
}
