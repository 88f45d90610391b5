import { isSuccess, type Outcome, pathOf, type Success } from './records.ts';
import type { Store } from './store.ts';

/** Which images of the same bytes are kept: the first, or all. */
export const DEDUPE = ['bytes', 'none'] as const;
export type Dedupe = (typeof DEDUPE)[number];

/** The images of the rows, by the row's index in the list, which rises. */
export type Outcomes = ReadonlyMap<number, Outcome>;

/** The rows whose images have the same bytes, each list rising. */
export function sameBytes(outcomes: Outcomes): Map<string, number[]> {
  const groups = new Map<string, number[]>();
  for (const index of [...outcomes.keys()].sort((a, b) => a - b)) {
    const outcome = outcomes.get(index);
    if (!isSuccess(outcome)) continue;
    const group = groups.get(outcome.sha256);
    if (group) group.push(index);
    else groups.set(outcome.sha256, [index]);
  }
  return groups;
}

const extensionIn = (file: string): string => file.slice(file.lastIndexOf('.'));

/**
 * Where the image of a group is now: under the name of one of its rows. A run that was killed while it arranged them may have moved it
 * from where the manifest says it is.
 */
const placeOf = (
  group: readonly number[],
  extension: string,
  images: ReadonlySet<string>,
): string | undefined => group.map((index) => pathOf(index, extension)).find((file) => images.has(file));

/**
 * Compares what a manifest says with the files that are there. Successes whose image is gone are forgotten, so that they are fetched
 * again; files that belong to no success are removed: a run was killed before it said so.
 *
 * @returns The outcomes that hold, successes with the file that is there.
 */
export async function checkFiles(outcomes: Outcomes, store: Store): Promise<Map<number, Outcome>> {
  const images = await store.images();
  const held = new Map(outcomes);
  const known = new Set<string>();
  for (const group of sameBytes(outcomes).values()) {
    const extension = extensionIn((outcomes.get(group[0]!) as Success).file);
    const file = placeOf(group, extension, images);
    for (const index of group) {
      known.add(pathOf(index, extension));
      if (file === undefined) held.delete(index);
      else held.set(index, { ...outcomes.get(index)!, file });
    }
  }
  for (const file of images) if (!known.has(file)) await store.remove(file);
  return held;
}

/**
 * Gives images their last names, which depend on the outcomes alone and not on the order in which they came: of the same bytes the image
 * of the first row is kept, under its key; or each row has its own.
 *
 * @returns The outcomes with the files as they are then.
 */
export async function arrangeFiles(
  outcomes: Outcomes,
  dedupe: Dedupe,
  store: Store,
): Promise<Map<number, Outcome>> {
  const images = await store.images();
  const arranged = new Map(outcomes);
  const wanted = new Set<string>();
  for (const group of sameBytes(outcomes).values()) {
    const success = outcomes.get(group[0]!) as Success;
    const extension = extensionIn(success.file);
    const first = pathOf(group[0]!, extension);
    if (!images.has(first)) {
      const file = placeOf(group, extension, images)!;
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
