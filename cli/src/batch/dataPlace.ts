/** The place of a data set that a batch writes: nothing else is there, and each attempt replaces what the one before left. */
import { mkdirSync, renameSync } from 'node:fs';
import { rm, rmdir } from 'node:fs/promises';
import path from 'node:path';
import { UsageError } from 'fovea';
import { addressOf } from '../address.ts';
import { DataFolder, type ImageMode, LIST, namesOf } from '../dataFolder.ts';
import { fileProblem, filesBelow, realPath } from '../files.ts';
import { openPlace, type Place } from '../place/place.ts';
import { PlaceError } from '../place/placeError.ts';
import { FAILED, readWork, WORK_FOLDER, workPlace } from './work.ts';

const LOCK = 'batch.lock';
/** What a batch itself has there, and what a kill may leave of it. */
const OWN = new RegExp(
  `^(?:${WORK_FOLDER}/.*|${LOCK}|${FAILED}|\\.(?:${LOCK}|${FAILED}|${LIST})\\.[0-9a-f-]{36}\\.tmp)$`,
);

const listOf = async (place: Place): Promise<Set<string>> => {
  const content = await place.read(LIST);
  return namesOf(content && new TextDecoder().decode(content));
};

const filesIn = (place: Place): Promise<string[]> =>
  place.isFolder ? filesBelow(place.url).catch(() => []) : place.list('');

/**
 * Throws UsageError where a place has other files than a batch that writes a data set there: they would become a part of it. A data set
 * that is there is replaced with `force`, or where such a batch is not ended.
 */
export async function expectNoOtherFiles(out: string, force: boolean): Promise<void> {
  const place = openPlace(out);
  const found = (await filesIn(place)).filter((name) => !OWN.test(name));
  if (found.length === 0) return;
  const listed = await listOf(place);
  const other = found.find((name) => name !== LIST && !listed.has(name));
  if (other !== undefined) {
    throw new UsageError(
      `${out}: contains ${other}, which fovea convert did not write there, and which would be mixed with the data set; choose another folder`,
    );
  }
  if (force || (await readWork(workPlace(out)))?.name === 'convert') return;
  throw new UsageError(`${out}: has a data set already; choose another folder, or replace it with --force`);
}

/** Whether a name on a list leads to a file of a data set, and nowhere else. */
const isInside = (name: string): boolean =>
  !OWN.test(name) &&
  !path.isAbsolute(name) &&
  name.split(/[/\\]/).every((part) => !['', '.', '..'].includes(part));

/**
 * A data set that comes together among the parts of its batch, and is put in its place when it is whole. The list of its files is there
 * before they are: a kill between the two leaves none that nobody knows.
 */
export class AssembledData extends DataFolder {
  readonly #out: string;
  readonly #begun: string;
  readonly #home: Place;

  private constructor(out: string, begun: string, homeUrl: string, home: Place, mode: ImageMode) {
    super({ home: homeUrl, begun, mode });
    this.#out = out;
    this.#begun = begun;
    this.#home = home;
  }

  /**
   * @param out The folder that it is put into.
   * @param home Where it will be: that folder, or an address to which its files are brought.
   */
  static async create(out: string, home: string, mode: ImageMode): Promise<AssembledData> {
    const begun = path.join(out, WORK_FOLDER, 'data');
    // What a kill has left.
    await rm(begun, { recursive: true, force: true });
    const homeUrl = addressOf(home)?.url ?? (await realPath(home));
    return new AssembledData(out, begun, homeUrl, openPlace(home), mode);
  }

  /** Puts the files in their place, and removes those of a data set that was there. */
  async finish(): Promise<void> {
    const wanted = new Set(this.files);
    const old = [...(await listOf(this.#home))].filter((name) => !wanted.has(name) && isInside(name));
    for (const name of old) await this.#home.remove(name);
    if (this.#home.isFolder) await this.#removeEmpty(old);
    await this.#home.write(LIST, JSON.stringify(this.files));
    const made = new Set<string>();
    for (const name of wanted) {
      const place = path.join(this.#out, name);
      const folder = path.dirname(place);
      try {
        if (!made.has(folder)) mkdirSync(folder, { recursive: true });
        made.add(folder);
        renameSync(path.join(this.#begun, name), place);
      } catch (error) {
        throw new PlaceError(
          `${place}: cannot be written (${fileProblem(error)}); make room, or check its permissions`,
          { cause: error },
        );
      }
    }
    await this.discard();
  }

  /** Removes folders of files that were removed, unless something is in them. */
  async #removeEmpty(files: readonly string[]): Promise<void> {
    const folders = new Set<string>();
    for (const file of files) {
      for (let folder = path.dirname(file); folder !== '.'; folder = path.dirname(folder))
        folders.add(folder);
    }
    const deepest = [...folders].sort((a, b) => b.length - a.length);
    for (const folder of deepest) await rmdir(path.join(this.#out, folder)).catch(() => undefined);
  }

  /** Removes what was written so far. */
  discard(): Promise<void> {
    return rm(this.#begun, { recursive: true, force: true });
  }
}
