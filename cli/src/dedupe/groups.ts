import path from 'node:path';
import { duplicateGroups } from 'fovea/similarity';
import type { DedupeImage } from './readImages.ts';

/** Why an image of a group is kept. */
export type Reason = 'most pixels' | 'most bytes' | 'first by name' | 'like none that is kept';

/** An image that is kept. */
export interface Kept {
  readonly image: DedupeImage;
  readonly reason: Reason;
}

/** An image that has a kept one in its place. */
export interface Duplicate {
  readonly image: DedupeImage;
  readonly of: DedupeImage;
  /** The number of bits in which their hashes differ. */
  readonly distance: number;
  /** The first of the group with the same bytes: the kept one, or another duplicate. Undefined where there is none before this one. */
  readonly copyOf: DedupeImage | undefined;
}

/** How alike a duplicate and the kept one are, in a few words. */
export const likeness = ({ of, distance, copyOf }: Duplicate): string =>
  copyOf === of
    ? 'same bytes'
    : `distance ${distance}${copyOf ? `, same bytes as ${path.basename(copyOf.file)}` : ''}`;

/** Images that are joined by pairs of the same bytes or of near hashes. */
export interface Group {
  /** The best image first. More than one where an image of the group is not near the best one. */
  readonly kept: readonly [Kept, ...Kept[]];
  /** By the kept one that they are duplicates of. */
  readonly duplicates: readonly Duplicate[];
}

const pixels = ({ width, height }: DedupeImage): number => width * height;

/** The image that is to be kept comes first: more pixels, then more bytes, then the name. */
const byWorth = (a: DedupeImage, b: DedupeImage): number =>
  pixels(b) - pixels(a) || b.size - a.size || (a.file < b.file ? -1 : 1);

/** The reason to keep an image: how it beats the next one that is no copy of it. */
function reasonOf(best: DedupeImage, sorted: readonly DedupeImage[]): Reason {
  const next = sorted.find(({ sha256 }) => sha256 !== best.sha256);
  if (next && pixels(best) > pixels(next)) return 'most pixels';
  return next && best.size > next.size ? 'most bytes' : 'first by name';
}

/** Images of the same bytes, in their order. */
function byBytes(images: readonly DedupeImage[]): DedupeImage[][] {
  const same = new Map<string, DedupeImage[]>();
  for (const image of images) {
    const list = same.get(image.sha256);
    if (list) list.push(image);
    else same.set(image.sha256, [image]);
  }
  return [...same.values()];
}

/**
 * Which image of a group has another in its place: from the best one on, an image is a duplicate of the nearest that is kept, or is kept
 * itself where none is within the distance. So nothing goes that is joined to the kept ones only through others that go.
 */
function choose(members: readonly DedupeImage[], distance: number): Group {
  const sorted = members.toSorted(byWorth);
  const kept: Kept[] = [];
  const duplicates: Duplicate[] = [];
  // Of the same bytes, and so of the same worth but for the name: all of them are near the same one.
  const first = new Map<
    string,
    { readonly image: DedupeImage; readonly of: DedupeImage; readonly bits: number }
  >();
  for (const image of sorted) {
    const same = first.get(image.sha256);
    if (same) {
      duplicates.push({ image, of: same.of, distance: same.bits, copyOf: same.image });
      continue;
    }
    let nearest: { of: DedupeImage; bits: number } | undefined;
    for (const { image: of } of kept) {
      const bits = of.hash && image.hash ? of.hash.distance(image.hash) : Number.POSITIVE_INFINITY;
      if (bits <= distance && bits < (nearest?.bits ?? Number.POSITIVE_INFINITY)) nearest = { of, bits };
    }
    first.set(image.sha256, { image, of: nearest?.of ?? image, bits: nearest?.bits ?? 0 });
    if (nearest) duplicates.push({ image, of: nearest.of, distance: nearest.bits, copyOf: undefined });
    else {
      const reason = kept.length > 0 ? 'like none that is kept' : reasonOf(image, sorted);
      kept.push({ image, reason });
    }
  }
  const place = new Map(kept.map(({ image }, i) => [image, i]));
  duplicates.sort((a, b) => place.get(a.of)! - place.get(b.of)!);
  return { kept: kept as [Kept, ...Kept[]], duplicates };
}

/**
 * Groups of images of which some could go: the connected components of pairs that have the same bytes, or hashes that differ in at most
 * `distance` bits. In the order of their first images.
 */
export async function findGroups(images: readonly DedupeImage[], distance: number): Promise<Group[]> {
  const contents = byBytes(images);
  const hashed = contents.filter(([first]) => first!.hash);
  const near = await duplicateGroups(
    hashed.map(([first]) => first!.hash!),
    { distance },
  );
  const joined = new Set(near.flat().map((i) => hashed[i]));
  const groups = [
    ...near.map((group) => group.flatMap((i) => hashed[i]!)),
    ...contents.filter((content) => content.length > 1 && !joined.has(content)),
  ];
  const order = new Map(images.map((image, i) => [image, i]));
  const firstOf = (group: readonly DedupeImage[]): number => Math.min(...group.map((one) => order.get(one)!));
  return groups.toSorted((a, b) => firstOf(a) - firstOf(b)).map((group) => choose(group, distance));
}
