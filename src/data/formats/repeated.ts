import { DataError } from '../../errors.ts';
import { BadData } from '../faults.ts';
import { baseName, withoutExtension } from './paths.ts';
import type { Reading } from './reading.ts';

const stemOf = (path: string): string => withoutExtension(baseName(path));

/** The fault of an annotation whose image another annotation has. */
const repeated = (image: string, source: string, other: string): BadData =>
  new BadData(
    'duplicate',
    `${source}: is of the image ${image}, and so is ${other}; keep one of them, with the objects of both`,
  );

/**
 * Throws DataError for an annotation file that is not named after its image (`a (1).json` of `a.png`) where one that is named so is
 * of that image, too: whichever comes first, the other one is a copy.
 *
 * @param others The annotation files by their names without folder and extension.
 * @param imageOf Finds the image of an annotation file. What it throws says nothing here.
 */
export async function checkNamesake(
  reading: Reading,
  image: string | Uint8Array,
  source: string,
  others: ReadonlyMap<string, readonly string[]>,
  imageOf: (file: string) => Promise<string | Uint8Array>,
): Promise<void> {
  if (typeof image !== 'string' || stemOf(image) === stemOf(source)) return;
  for (const other of others.get(stemOf(image)) ?? []) {
    const same = await imageOf(other).catch((error: unknown) => {
      if (!(error instanceof DataError)) throw error;
      return undefined;
    });
    if (typeof same !== 'string') continue;
    if ((await reading.realFile(same)) === (await reading.realFile(image)))
      throw repeated(image, source, other);
  }
}

/** The files by their names without folder and extension. */
export function byStem(files: readonly string[]): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const file of files) {
    const same = found.get(stemOf(file));
    if (same) same.push(file);
    else found.set(stemOf(file), [file]);
  }
  return found;
}

/** The images of one pass over a data set by their files, whatever names and links lead to them. */
export class SeenImages {
  readonly #sources = new Map<string, string>();
  readonly #reading: Reading;

  constructor(reading: Reading) {
    this.#reading = reading;
  }

  /**
   * Throws DataError for an image that an annotation before has had: neither knows the objects of the other. Images that need not be
   * there, and those that are part of their annotation, are not compared.
   */
  async check(image: string | Uint8Array, source: string): Promise<void> {
    if (typeof image !== 'string' || this.#reading.options.imagesOptional) return;
    const file = await this.#reading.realFile(image);
    const other = this.#sources.get(file);
    if (other !== undefined) {
      throw repeated(image, source, other);
    }
    this.#sources.set(file, source);
  }
}

/** Names in a list without those that occurred before, which are noted. */
export function distinctNames(reading: Reading, list: string, names: readonly string[]): string[] {
  const seen = new Set<string>();
  return names.filter((name) => {
    if (seen.has(name)) reading.note('duplicate', `${list}: lists ${name} more than once; it counts once`);
    return !seen.has(name) && seen.add(name);
  });
}

/** Notes names that several classes have: objects have labels and no numbers, so that these are one class. */
export function noteNames(reading: Reading, list: string, names: readonly string[]): void {
  const seen = new Set<string>();
  for (const name of names) {
    if (seen.has(name)) {
      reading.note('duplicate', `${list}: several classes are called ${JSON.stringify(name)}; they are one`);
    }
    seen.add(name);
  }
}

/** VOC's trainval is train and val together. */
const areNested = (a: string, b: string): boolean => a === 'trainval' && (b === 'train' || b === 'val');

/**
 * Notes images that several parts have in common, once per pair of parts: what is measured on one is then not new to a model that has
 * learned from the other.
 *
 * @param where What lists the parts, for messages.
 * @param parts The images of each part.
 * @param chosen The part that is read. Default: all.
 */
export function noteShared(
  reading: Reading,
  where: string,
  parts: ReadonlyMap<string, ReadonlySet<string>>,
  chosen?: string,
): void {
  const names = [...parts.keys()];
  for (const [i, a] of names.entries()) {
    for (const b of names.slice(i + 1)) {
      if ((chosen !== undefined && a !== chosen && b !== chosen) || areNested(a, b) || areNested(b, a))
        continue;
      const shared = [...parts.get(a)!].filter((name) => parts.get(b)!.has(name));
      if (shared.length === 0) continue;
      const what = shared.length === 1 ? 'the image' : `${shared.length} images, the first of which is`;
      reading.note('in several parts', `${where}: the parts ${a} and ${b} both have ${what} ${shared[0]}`);
    }
  }
}
