/** Files of a data set that come together in a new folder, and the list of those that a folder has. */
import { mkdirSync } from 'node:fs';
import { appendFile, copyFile, realpath, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { FoveaError, UsageError } from 'fovea';
import type { AnnotatedImage, DataSink } from 'fovea/data';
import { below } from './address.ts';
import { fileProblem } from './files.ts';
import { PlaceError } from './place/placeError.ts';

/** How images get into a data set: copied, or as symbolic links to where they are. */
export type ImageMode = 'copy' | 'link';

/** Lists the files of a data set that was written, so that `--force` replaces these and nothing that somebody put beside them. */
export const LIST = '.fovea-files.json';

/** The names on a list of files; none where it is damaged or not there. */
export function namesOf(list: string | undefined): Set<string> {
  try {
    const names: unknown = JSON.parse(list ?? '[]');
    return new Set(Array.isArray(names) ? names.filter((name) => typeof name === 'string') : []);
  } catch {
    return new Set();
  }
}

/** The folders of a data set that is being written. */
interface Folders {
  /** Where the data set will be, without links: a folder, or an address. */
  readonly home: string;
  /** Where its files are written. */
  readonly begun: string;
  readonly mode: ImageMode;
}

/** Writes files into a new folder. Throws PlaceError with the path where they will be, where the disk refuses. */
export class DataFolder implements DataSink {
  readonly #folders: Folders;
  readonly #made = new Set<string>();
  readonly #files = new Set<string>();

  constructor(folders: Folders) {
    this.#folders = folders;
  }

  /** The names of the files, in the order in which they were begun. */
  get files(): readonly string[] {
    return [...this.#files];
  }

  async #place(file: string): Promise<string> {
    this.#files.add(file);
    const place = path.join(this.#folders.begun, file);
    const folder = path.dirname(place);
    // At once: a folder that is still being made would come back after the end of the process has removed it.
    if (!this.#made.has(folder)) mkdirSync(folder, { recursive: true });
    this.#made.add(folder);
    return place;
  }

  async #try(file: string, work: (place: string) => Promise<unknown>): Promise<void> {
    try {
      await work(await this.#place(file));
    } catch (error) {
      if (error instanceof FoveaError) throw error;
      throw new PlaceError(
        `${below(this.#folders.home, file)}: cannot be written (${fileProblem(error)}); make room, or choose another folder`,
        { cause: error },
      );
    }
  }

  write(file: string, content: string | Uint8Array): Promise<void> {
    return this.#try(file, (place) => writeFile(place, content));
  }

  append(file: string, text: string): Promise<void> {
    return this.#try(file, (place) => appendFile(place, text));
  }

  image({ image }: AnnotatedImage, file: string): Promise<void> {
    const { home, mode } = this.#folders;
    return this.#try(file, async (place) => {
      if (typeof image !== 'string') return writeFile(place, image);
      const source = await realpath(image);
      if (source.startsWith(home + path.sep)) {
        throw new UsageError(`${image}: is in ${home}, which would be replaced; choose another folder`);
      }
      return mode === 'link' ? symlink(source, place) : copyFile(source, place);
    });
  }
}
