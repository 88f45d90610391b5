/** Entries of a COCO file that are there more than once. */
import { BadData } from '../../faults.ts';
import { joinPath } from '../paths.ts';
import type { Reading } from '../reading.ts';
import { noteNames } from '../repeated.ts';
import { type CocoCategory, type CocoImage, FIX_FILE } from './schema.ts';

/** Entries by what they share, in the order in which they come. */
function grouped<T, K>(entries: readonly T[], keyOf: (entry: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const entry of entries) {
    const key = keyOf(entry);
    const group = groups.get(key);
    if (group) group.push(entry);
    else groups.set(key, [entry]);
  }
  return groups;
}

/**
 * Leaves out entries whose id another one has: of those of one name all but the first, of others all, since annotations do not tell
 * which one they belong to.
 *
 * @param said Names an entry and another one of its id by their positions, for messages.
 */
function distinctIds<T extends { readonly id: number }>(
  reading: Reading,
  file: string,
  level: 'class' | 'image',
  entries: readonly T[],
  nameOf: (entry: T) => string,
  said: (index: number, other: number) => string,
): T[] {
  const numbered = entries.map((entry, index) => ({ entry, index }));
  const groups = new Map(
    [...grouped(numbered, ({ entry }) => entry.id)].map(([id, group]) => {
      const [first, second] = group;
      const alike = group.every(({ entry }) => nameOf(entry) === nameOf(first!.entry));
      return [id, { first: first!.index, second: second?.index, alike }];
    }),
  );
  return entries.filter(({ id }, index) => {
    const { first, second, alike } = groups.get(id)!;
    if (second === undefined || (alike && index === first)) return true;
    const other = index === first ? second : first;
    return (
      reading.attempt(level, () => {
        throw new BadData('duplicate', `${file}: ${said(index, other)} both have id ${id}; ${FIX_FILE}`);
      }) ?? false
    );
  });
}

/** Leaves out categories whose id another one has: of those of one name all but the first, of others all. */
export function distinctCategories(
  reading: Reading,
  file: string,
  categories: readonly CocoCategory[],
): readonly CocoCategory[] {
  noteNames(
    reading,
    file,
    [...grouped(categories, ({ id }) => id).values()].map(([first]) => first!.name),
  );
  const said = (index: number, other: number) =>
    `categories[${Math.min(index, other)}] and categories[${Math.max(index, other)}]`;
  return distinctIds(reading, file, 'class', categories, ({ name }) => name, said);
}

/**
 * Leaves out images whose id another one has: of entries that are alike all but the first, of others all, since annotations do not
 * tell which one they belong to.
 */
export const distinctImages = (reading: Reading, file: string, images: readonly CocoImage[]): CocoImage[] =>
  distinctIds(
    reading,
    file,
    'image',
    images,
    (image) => image.file_name,
    (index, other) => `images[${index}] and images[${other}]`,
  );

/**
 * Leaves out images whose file another one names. Entries that are alike but for the id are one image: the first, with the objects of
 * all. Of others none is left, since it is not clear whose objects fit.
 *
 * @returns The images, and the position among them of each id.
 */
export function mergedImages(
  reading: Reading,
  file: string,
  listed: readonly CocoImage[],
): { readonly images: readonly CocoImage[]; readonly positions: ReadonlyMap<number, number> } {
  const byFile = grouped(listed, (image) => joinPath(image.file_name));
  const images: CocoImage[] = [];
  const positions = new Map<number, number>();
  for (const same of byFile.values()) {
    const [first] = same as [CocoImage];
    const alike = same.every(({ width, height }) => width === first.width && height === first.height);
    for (const { id, file_name } of alike ? same.slice(1) : same) {
      const other = id === first.id ? same[1]!.id : first.id;
      if (same.length === 1) continue;
      reading.attempt('image', () => {
        throw new BadData(
          'duplicate',
          `${file}: the images with id ${other} and ${id} are both ${file_name}; give it one id, which its annotations have`,
        );
      });
    }
    if (!alike) continue;
    for (const { id } of same) positions.set(id, images.length);
    images.push(first);
  }
  return { images, positions };
}
