import { lookAlike } from './alike.ts';
import type { Dedupe } from './options.ts';
import { isSuccess, type Outcome, pathOf, type Success } from './records.ts';
import type { Store } from './store.ts';

/** Where images are put that look like others: a hash is no proof. */
export const ASIDE = 'near-duplicates';

/** What came of rows, by their index in the list. */
export type Outcomes = ReadonlyMap<number, Outcome>;

/** Which images are alike. */
export interface Alike {
  /** The rows whose images have the same bytes, each list rising, in the order of their first rows. */
  readonly groups: readonly (readonly number[])[];
  /** For a row the first one of the same bytes. */
  readonly sameAs: ReadonlyMap<number, number>;
  /** For a row the first one whose image looks like its own. */
  readonly looksLike: ReadonlyMap<number, number>;
}

function groupsOf(outcomes: Outcomes): number[][] {
  const groups = new Map<string, number[]>();
  for (const index of [...outcomes.keys()].sort((a, b) => a - b)) {
    const outcome = outcomes.get(index);
    if (!isSuccess(outcome)) continue;
    const group = groups.get(outcome.sha256);
    if (group) group.push(index);
    else groups.set(outcome.sha256, [index]);
  }
  return [...groups.values()];
}

/** Finds images that are alike. `distance`: most bits in which the hashes of images differ that look alike. */
export function findAlike(outcomes: Outcomes, distance: number): Alike {
  const groups = groupsOf(outcomes);
  const like = lookAlike(
    groups.map(([first]) => (outcomes.get(first!) as Success).phash),
    distance,
  );
  const sameAs = new Map<number, number>();
  const looksLike = new Map<number, number>();
  for (const [i, group] of groups.entries()) {
    for (const index of group) {
      sameAs.set(index, group[0]!);
      if (like[i] !== undefined) looksLike.set(index, groups[like[i]]![0]!);
    }
  }
  return { groups, sameAs, looksLike };
}

const extensionIn = (file: string): string => file.slice(file.lastIndexOf('.'));
const aside = (file: string): string => `${ASIDE}/${file}`;

/** Where the image of a group may be: under the key of each of its rows. */
const placesOf = (group: readonly number[], extension: string): string[] =>
  group.map((index) => pathOf(index, extension)).flatMap((file) => [file, aside(file)]);

/**
 * Compares what a manifest says with the files that are there. Successes whose image is gone are forgotten, so that they are fetched
 * again; images that belong to no success are removed: a run was killed before it said so. A run that was killed while it arranged images
 * may have moved one from where the manifest says it is.
 *
 * @returns The outcomes that hold, successes with the file that is there.
 */
export async function checkFiles(outcomes: Outcomes, store: Store): Promise<Map<number, Outcome>> {
  const images = await store.images(ASIDE);
  const held = new Map(outcomes);
  const known = new Set<string>();
  for (const group of groupsOf(outcomes)) {
    const places = placesOf(group, extensionIn((outcomes.get(group[0]!) as Success).file));
    const file = places.find((place) => images.has(place));
    for (const place of places) known.add(place);
    for (const index of group) {
      if (file === undefined) held.delete(index);
      else held.set(index, { ...outcomes.get(index)!, file });
    }
  }
  for (const file of images) if (!known.has(file)) await store.remove(file);
  return held;
}

/**
 * Gives images their last names, which depend on the outcomes alone and not on the order in which they came: of the same bytes the image
 * of the first row is kept, under its key, and put aside where it looks like an earlier one; or each row has its own.
 *
 * @returns The outcomes with the files as they are then.
 */
export async function arrangeFiles(
  outcomes: Outcomes,
  { groups, looksLike }: Pick<Alike, 'groups' | 'looksLike'>,
  dedupe: Dedupe,
  store: Store,
): Promise<Map<number, Outcome>> {
  const images = await store.images(ASIDE);
  const arranged = new Map(outcomes);
  const wanted = new Set<string>();
  for (const group of groups) {
    const index = group[0]!;
    const extension = extensionIn((outcomes.get(index) as Success).file);
    const home = pathOf(index, extension);
    const first = dedupe === 'hash' && looksLike.has(index) ? aside(home) : home;
    if (!images.has(first)) {
      const file = placesOf(group, extension).find((place) => images.has(place))!;
      await store.move(file, first);
      images.delete(file);
      images.add(first);
    }
    for (const index of group) {
      const file = dedupe === 'none' ? pathOf(index, extension) : first;
      if (!images.has(file)) await store.copy(first, file);
      wanted.add(file);
      arranged.set(index, { ...outcomes.get(index)!, file });
    }
  }
  for (const file of images) if (!wanted.has(file)) await store.remove(file);
  return arranged;
}
