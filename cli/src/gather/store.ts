import { randomUUID } from 'node:crypto';
import { copyFile, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { DataError, UsageError } from 'fovea';
import { fileProblem, makeFolder, readWhole, writeFileAtomic } from '../files.ts';
import { printable } from '../printable.ts';
import type { EncodeOptions } from './inspect.ts';

/** Where files are until they are whole. */
const PARTIAL = '.partial';
/** What cannot change from one run to the next: all images of a folder are encoded in one way. */
const SETTINGS = 'gather.json';
const SHARD = /^\d{5,}$/;
const IMAGE = /^\d{9,}\.[a-z]+$/;
/** Written in pieces, so that a manifest may be longer than a string. */
const LINES = 10_000;

/** The settings of a folder as options: `--size none --format keep --quality 95`. */
function flagsOf(text: string): string {
  try {
    const { size, format, quality } = JSON.parse(text);
    return printable(`--size ${size ?? 'none'} --format ${format} --quality ${quality}`);
  } catch {
    return `other settings (${SETTINGS})`;
  }
}

/** The folder of gathered images. Its paths are below it, with slashes. Files appear whole or not at all. DataError where the disk refuses. */
export class Store {
  readonly folder: string;
  readonly #folders = new Set<string>();

  private constructor(folder: string) {
    this.folder = folder;
  }

  /**
   * Opens the folder of an earlier run, or begins one, and removes what a killed run left half-written.
   *
   * @param settings What the images are encoded as. UsageError where those that are there were encoded in another way.
   */
  static async open(folder: string, settings: EncodeOptions): Promise<Store> {
    await makeFolder(folder);
    const store = new Store(folder);
    const text = `${JSON.stringify({ version: 1, ...settings, size: settings.size ?? null }, null, 2)}\n`;
    const before = await readWhole(store.at(SETTINGS)).then(String, () => undefined);
    if (before === undefined) {
      const others = (await readdir(folder)).filter(
        (name) => !name.startsWith('.') && name !== 'gather.lock',
      );
      if (others.length > 0) {
        throw new UsageError(
          `${folder}: has files, and none of an earlier fovea gather; choose an empty or new folder (--out)`,
        );
      }
      await writeFileAtomic(store.at(SETTINGS), text);
    } else if (before !== text) {
      throw new UsageError(
        `${folder}: its images were gathered with ${flagsOf(before)}, not ${flagsOf(text)}; give the same, or choose another --out`,
      );
    }
    await store.#try(PARTIAL, async (place) => {
      await rm(place, { recursive: true, force: true });
      await mkdir(place);
      for (const name of await readdir(folder)) {
        if (/^\.(gather|manifest)\..*\.tmp$/.test(name)) await rm(store.at(name));
      }
    });
    return store;
  }

  at(file: string): string {
    return path.join(this.folder, file);
  }

  async #try<T>(file: string, work: (place: string) => Promise<T>): Promise<T> {
    const place = this.at(file);
    try {
      return await work(place);
    } catch (error) {
      if (error instanceof DataError) throw error;
      throw new DataError(
        `${place}: cannot be written (${fileProblem(error)}); make room, and run the command again`,
        { cause: error },
      );
    }
  }

  /** The folder of a file, which is made. */
  async #folderOf(place: string): Promise<void> {
    const folder = path.dirname(place);
    if (this.#folders.has(folder)) return;
    await makeFolder(folder);
    this.#folders.add(folder);
  }

  /** Fills a new file under a name of its own, and then gives it its name. */
  #place(file: string, fill: (temporary: string) => Promise<void>): Promise<void> {
    return this.#try(file, async (place) => {
      await this.#folderOf(place);
      const temporary = path.join(this.at(PARTIAL), randomUUID());
      try {
        await fill(temporary);
        const handle = await open(temporary, 'r+');
        await handle.sync().finally(() => handle.close());
        await rename(temporary, place);
      } catch (error) {
        await rm(temporary, { force: true });
        throw error;
      }
    });
  }

  /** Writes a file, in the place of one that is there. */
  write(file: string, bytes: Uint8Array): Promise<void> {
    return this.#place(file, async (temporary) => {
      const handle = await open(temporary, 'wx');
      await handle.writeFile(bytes).finally(() => handle.close());
    });
  }

  /** Writes a text file of many lines, each with its line break. */
  writeLines(file: string, lines: Iterable<string>): Promise<void> {
    return this.#place(file, async (temporary) => {
      const handle = await open(temporary, 'wx');
      try {
        let waiting: string[] = [];
        for (const line of lines) {
          waiting.push(line);
          if (waiting.length < LINES) continue;
          await handle.appendFile(waiting.join(''));
          waiting = [];
        }
        await handle.appendFile(waiting.join(''));
      } finally {
        await handle.close();
      }
    });
  }

  copy(from: string, to: string): Promise<void> {
    return this.#place(to, (temporary) => copyFile(this.at(from), temporary));
  }

  move(from: string, to: string): Promise<void> {
    return this.#try(to, async (place) => {
      await this.#folderOf(place);
      await rename(this.at(from), place);
    });
  }

  remove(file: string): Promise<void> {
    return this.#try(file, (place) => rm(place, { force: true }));
  }

  /** The images that are there, also those below `aside`. */
  async images(aside: string): Promise<Set<string>> {
    const found = new Set<string>();
    for (const parent of ['', `${aside}/`]) {
      const shards = await readdir(this.at(parent)).catch(() => []);
      for (const shard of shards.filter((name) => SHARD.test(name))) {
        const names = await readdir(this.at(`${parent}${shard}`));
        for (const name of names) if (IMAGE.test(name)) found.add(`${parent}${shard}/${name}`);
      }
    }
    return found;
  }

  /** Removes the place of half-written files, at the end of a run. */
  async close(): Promise<void> {
    await rm(this.at(PARTIAL), { recursive: true, force: true });
  }
}
