import { BadData } from '../faults.ts';
import type { Reading } from './reading.ts';

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
      throw new BadData(
        'duplicate',
        `${source}: is of the image ${image}, and so is ${other}; keep one of them, with the objects of both`,
      );
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
