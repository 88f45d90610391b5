// Describes duplicates on the terminal, on the page and in the JSON file.
import type { HashName } from 'fovea/similarity';
import { counted } from '../counted.ts';
import { fileSize } from '../fileSize.ts';
import { type Group, likeness } from './groups.ts';
import type { Action, Step } from './plan.ts';
import type { DedupeImage, ReadImages } from './readImages.ts';

/** The most duplicates that the line of a group names. */
const MOST_NAMED = 3;

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

/** How many duplicates there are of each kind, and their bytes. */
function totalsOf(groups: readonly Group[]) {
  const all = groups.flatMap(({ duplicates }) => duplicates);
  const exact = all.filter((one) => one.copyOf).length;
  return {
    count: all.length,
    exact,
    alike: all.length - exact,
    bytes: sum(all.map(({ image }) => image.size)),
  };
}

/** What the page has in its table. */
export function metricsOf(read: ReadImages, groups: readonly Group[]): Record<string, number | string> {
  const { exact, alike, bytes } = totalsOf(groups);
  return {
    images: String(read.images.length),
    groups: String(groups.length),
    'same bytes': String(exact),
    'look alike': String(alike),
    size: fileSize(bytes),
  };
}

/** What is said of the groups, each in a line. */
export function linesOf(
  { images, symlinks, unreadable }: ReadImages,
  groups: readonly Group[],
  action: Action,
) {
  const { count, exact, alike, bytes } = totalsOf(groups);
  const line = ({ kept, duplicates }: Group): string => {
    const names = duplicates.map((one) => `${one.image.file} (${likeness(one)})`);
    const more = names.length - MOST_NAMED;
    const named = [...names.slice(0, MOST_NAMED), ...(more > 0 ? [`${more} more`] : [])].join(', ');
    return `kept ${kept.map(({ image }) => image.file).join(', ')}: ${named}`;
  };
  const hardLinks = sum(images.map(({ others }) => others.length));
  const notes = [
    ...(hardLinks > 0 ? [`${counted(hardLinks, 'hard link')} to the same files, not counted`] : []),
    ...(symlinks.length > 0 ? [`${counted(symlinks.length, 'symbolic link')}, left alone`] : []),
    ...(unreadable.length > 0
      ? [`${counted(unreadable.length, 'image')} that cannot be read, left alone`]
      : []),
    ...(action === 'link' && alike > 0
      ? [
          alike === 1
            ? '1 that looks alike is another image, and stays'
            : `${alike} that look alike are other images, and stay`,
        ]
      : []),
  ];
  const kinds = [
    ...(exact > 0 ? [`${exact} of the same bytes`] : []),
    ...(alike > 0 ? [`${alike} that look${alike === 1 ? 's' : ''} alike`] : []),
  ];
  const summary =
    count === 0
      ? `${counted(images.length, 'image')}, no duplicates`
      : `${counted(images.length, 'image')}, ${counted(count, 'duplicate')} in ${counted(groups.length, 'group')} (${fileSize(bytes)}): ${kinds.join(', ')}`;
  return { groups: groups.map(line), notes, summary };
}

/** The rows of the JSON file. */
export function jsonOf(
  { images, symlinks, unreadable }: ReadImages,
  groups: readonly Group[],
  { steps, ...settings }: { hash: HashName; distance: number; action: Action; steps: readonly Step[] },
) {
  const targets = new Map(steps.map(({ file, to }) => [file, to]));
  const row = ({ file, place, others, width, height, size, sha256, hash }: DedupeImage) => ({
    file,
    ...(others.length > 0 ? { hardLinks: others.map((one) => one.file) } : {}),
    width,
    height,
    bytes: size,
    sha256,
    hash: hash?.toString() ?? null,
    ...(targets.get(place) === undefined ? {} : { to: targets.get(place) }),
  });
  return {
    ...settings,
    images: images.length,
    groups: groups.map(({ kept, duplicates }) => ({
      kept: kept.map(({ image, reason }) => ({ ...row(image), reason })),
      duplicates: duplicates.map(({ image, of, distance, copyOf }) => ({
        ...row(image),
        duplicateOf: of.file,
        distance,
        sameBytesAs: copyOf?.file ?? null,
      })),
    })),
    symbolicLinks: symlinks,
    unreadable: unreadable.map(({ file, error }) => ({ file, message: error.message })),
  };
}
