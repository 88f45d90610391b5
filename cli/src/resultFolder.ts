import { constants, rmSync } from 'node:fs';
import { copyFile, type FileHandle, open, rename } from 'node:fs/promises';
import path from 'node:path';
import { DataError, UsageError } from 'fovea';
import type { AnnotatedImage, DataSink } from 'fovea/data';
import { addressOf, below } from './address.ts';
import { fileProblem, makeFolder, realPath, temporaryFor, writeFileAtomic } from './files.ts';
import type { ImageInput } from './imageInputs.ts';
import { bytesOf } from './images.ts';
import { PlaceError } from './place/placeError.ts';

/** Throws UsageError where results would be written into a folder of the images, also by a link to it: they could overwrite them or their annotations. */
export async function expectOtherFolder(inputs: readonly ImageInput[], out: string): Promise<void> {
  const real = new Map<string, Promise<string>>();
  const folderOf = async (file: string): Promise<string> => {
    const address = addressOf(file);
    if (address) return path.posix.dirname(address.url);
    const folder = path.dirname(path.resolve(file));
    if (!real.has(folder)) real.set(folder, realPath(folder));
    return real.get(folder)!;
  };
  const folders = new Map<string, string>();
  for (const { file } of inputs) folders.set(await folderOf(file), file);
  for (const { name } of inputs) {
    const image = folders.get(await folderOf(below(out, name)));
    if (image === undefined) continue;
    throw new UsageError(
      `${image} is in the folder of --out, and results could overwrite it or its annotation; choose another folder`,
    );
  }
}

/**
 * A folder for results, which may have files already: those of the same names are replaced, each whole or not at all. Files that are
 * appended to get their names when `finish` is called. Throws PlaceError with the path where the disk refuses.
 */
export class ResultFolder implements DataSink {
  readonly folder: string;
  readonly #appended = new Map<string, { readonly place: string; readonly handle: FileHandle }>();
  readonly #copied = new Set<string>();
  readonly #atExit = (): void => {
    for (const place of this.#copied) rmSync(place, { force: true });
    for (const { place } of this.#appended.values()) rmSync(place, { force: true });
  };

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** Makes the folder, and those above it. */
  static async create(folder: string): Promise<ResultFolder> {
    await makeFolder(folder);
    const results = new ResultFolder(folder);
    process.once('exit', results.#atExit);
    return results;
  }

  async #try<T>(file: string, work: (place: string) => Promise<T>): Promise<T> {
    const place = path.join(this.folder, file);
    try {
      return await work(place);
    } catch (error) {
      if (error instanceof DataError) throw new PlaceError(error.message, { cause: error });
      throw new PlaceError(
        `${place}: cannot be written (${fileProblem(error)}); make room, or choose another folder`,
        { cause: error },
      );
    }
  }

  write(file: string, content: string | Uint8Array): Promise<void> {
    return this.#try(file, (place) => writeFileAtomic(place, content));
  }

  append(file: string, text: string): Promise<void> {
    return this.#try(file, async (final) => {
      let begun = this.#appended.get(file);
      if (!begun) {
        const place = temporaryFor(final);
        begun = { place, handle: await open(place, 'wx') };
        this.#appended.set(file, begun);
      }
      await begun.handle.appendFile(text);
    });
  }

  /** Copies the image, whole or not at all. */
  image({ image }: AnnotatedImage, file: string): Promise<void> {
    return this.#try(file, async (final) => {
      if (typeof image !== 'string') return writeFileAtomic(final, image);
      if (addressOf(image)) return writeFileAtomic(final, await bytesOf(image));
      await makeFolder(path.dirname(final));
      const place = temporaryFor(final);
      this.#copied.add(place);
      try {
        // Where the file system can, the copy shares its blocks with the image.
        await copyFile(image, place, constants.COPYFILE_FICLONE);
        await rename(place, final);
      } finally {
        rmSync(place, { force: true });
        this.#copied.delete(place);
      }
    });
  }

  /** Gives the files that were appended to their names. */
  async finish(): Promise<void> {
    for (const [file, { place, handle }] of this.#appended) {
      await this.#try(file, async (final) => {
        await handle.close();
        await rename(place, final);
      });
    }
    this.#end();
  }

  /** Removes the files that were appended to. Those that were written whole stay. */
  async discard(): Promise<void> {
    for (const { handle } of this.#appended.values()) await handle.close().catch(() => undefined);
    this.#atExit();
    this.#end();
  }

  #end(): void {
    this.#appended.clear();
    process.off('exit', this.#atExit);
  }
}
