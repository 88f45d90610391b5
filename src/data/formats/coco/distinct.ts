/** Entries of a COCO file that are there more than once. */
import { BadData } from '../../faults.ts';
import { joinPath } from '../paths.ts';
import type { Reading } from '../reading.ts';
import { noteNames } from '../repeated.ts';
import { type CocoCategory, type CocoImage, FIX_FILE } from './schema.ts';

/** Leaves out categories whose id another one has: of those of one name all but the first, of others all. */
export function distinctCategories(
  reading: Reading,
  file: string,
  categories: readonly CocoCategory[],
): readonly CocoCategory[] {
  const byId = new Map<number, CocoCategory[]>();
  for (const category of categories) {
    const same = byId.get(category.id);
    if (same) same.push(category);
    else byId.set(category.id, [category]);
  }
  noteNames(
    reading,
    file,
    [...byId.values()].map(([first]) => first!.name),
  );
  return categories.filter((category, i) => {
    const same = byId.get(category.id)!;
    if (same.length === 1) return true;
    if (same[0] === category && same.every(({ name }) => name === category.name)) return true;
    return (
      reading.attempt('class', () => {
        const other = categories.indexOf(same.find((one) => one !== category)!);
        throw new BadData(
          'duplicate',
          `${file}: categories[${Math.min(i, other)}] and categories[${Math.max(i, other)}] both have id ${category.id}; ${FIX_FILE}`,
        );
      }) ?? false
    );
  });
}

/**
 * Leaves out images whose id another one has: of entries that are alike all but the first, of others all, since annotations do not
 * tell which one they belong to.
 */
export function distinctImages(reading: Reading, file: string, images: readonly CocoImage[]): CocoImage[] {
  const byId = new Map<number, CocoImage[]>();
  for (const image of images) {
    const same = byId.get(image.id);
    if (same) same.push(image);
    else byId.set(image.id, [image]);
  }
  return images.filter((image, i) => {
    const same = byId.get(image.id)!;
    if (same.length === 1) return true;
    const alike = same.every(({ file_name }) => file_name === image.file_name);
    if (alike && same[0] === image) return true;
    return (
      reading.attempt('image', () => {
        const other = images.indexOf(same.find((one) => one !== image)!);
        throw new BadData(
          'duplicate',
          `${file}: images[${i}] and images[${other}] both have id ${image.id}; ${FIX_FILE}`,
        );
      }) ?? false
    );
  });
}

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
  const byFile = new Map<string, CocoImage[]>();
  for (const image of listed) {
    const name = joinPath(image.file_name);
    const same = byFile.get(name);
    if (same) same.push(image);
    else byFile.set(name, [image]);
  }
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
