/** What an image looks like from afar. */
export interface Fingerprint {
  /** Grey values [8, 8]. */
  readonly grey: Uint8Array;
}

const SIDE = 8;
/** An image with less contrast than this looks like every other one. */
const LEAST_CONTRAST = 8;
/** The mean difference of two images that look the same, in 255 levels: an image saved again as JPEG differs by about one. */
const MOST_DIFFERENCE = 3;

/** Which of two neighbours is lighter (a difference hash, N. Krawetz 2013): the same after an image was scaled or saved again. */
function hashOf({ grey }: Fingerprint): string {
  let bits = '';
  for (let y = 0; y < SIDE; y++) {
    for (let x = 1; x < SIDE; x++) bits += grey[y * SIDE + x]! > grey[y * SIDE + x - 1]! ? '1' : '0';
  }
  return bits;
}

const differenceOf = (a: Fingerprint, b: Fingerprint): number =>
  a.grey.reduce((sum, value, i) => sum + Math.abs(value - b.grey[i]!), 0) / a.grey.length;

/**
 * Groups of images that look the same, as their places in the list; the first image first.
 *
 * @param fingerprints Of each image; undefined for one that is left out.
 */
export function sameImages(fingerprints: readonly (Fingerprint | undefined)[]): number[][] {
  const groups = new Map<string, number[][]>();
  fingerprints.forEach((own, i) => {
    if (!own || Math.max(...own.grey) - Math.min(...own.grey) < LEAST_CONTRAST) return;
    const hash = hashOf(own);
    const list = groups.get(hash) ?? [];
    groups.set(hash, list);
    const group = list.find(([first]) => differenceOf(fingerprints[first!]!, own) <= MOST_DIFFERENCE);
    if (group) group.push(i);
    else list.push([i]);
  });
  return [...groups.values()]
    .flat()
    .filter(({ length }) => length > 1)
    .sort((a, b) => a[0]! - b[0]!);
}

/** Images with what they look like from afar. */
export class AlikeImages<T> {
  readonly #images: T[] = [];
  readonly #fingerprints: (Fingerprint | undefined)[] = [];
  #groups: readonly (readonly T[])[] | undefined;

  /** @param fingerprint Undefined: it is not compared. */
  add(image: T, fingerprint: Fingerprint | undefined): void {
    this.#images.push(image);
    this.#fingerprints.push(fingerprint);
    this.#groups = undefined;
  }

  /** Groups of images that look the same. */
  get groups(): readonly (readonly T[])[] {
    this.#groups ??= sameImages(this.#fingerprints).map((group) => group.map((i) => this.#images[i]!));
    return this.#groups;
  }
}
