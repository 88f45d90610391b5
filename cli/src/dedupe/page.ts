import { counted } from '../counted.ts';
import { fileSize } from '../fileSize.ts';
import { fileThumbnail } from '../fileThumbnail.ts';
import type { Gallery, GalleryImage, GalleryItem } from '../gallery.ts';
import { printable } from '../printable.ts';
import { writeReport } from '../report.ts';
import { type Group, likeness } from './groups.ts';
import type { DedupeImage } from './readImages.ts';

/** The longer side of an image on the page. */
const SIDE = 240;
/** The most groups on the page, and the most images of each; the JSON file has all of them. */
const MOST_GROUPS = 300;
const MOST_IMAGES = 12;

export interface DedupePage {
  readonly groups: readonly Group[];
  /** The folders and files, as they were given. */
  readonly given: readonly string[];
  readonly lead: string;
  readonly hash: string;
  readonly distance: number;
  readonly action: string;
  readonly metrics: Readonly<Record<string, number | string>>;
  readonly notes: readonly string[];
}

/** The caption of an image: its name, its size in pixels and in bytes, and its other names. */
const facts = ({ file, width, height, size, others }: DedupeImage): string =>
  [
    printable(file),
    `${width}x${height}`,
    fileSize(size),
    ...(others.length === 0 ? [] : [`also ${others.map((one) => printable(one.file)).join(', ')}`]),
  ].join(', ');

async function itemOf({ kept, duplicates }: Group): Promise<GalleryItem> {
  const all = kept.flatMap(({ image, reason }) => [
    { image, what: `kept, ${reason}` },
    ...duplicates.filter(({ of }) => of === image).map((one) => ({ image: one.image, what: likeness(one) })),
  ]);
  const images: GalleryImage[] = [];
  for (const { image, what } of all.slice(0, MOST_IMAGES)) {
    const shown = await fileThumbnail(image.file, { side: SIDE, caption: `${what}: ${facts(image)}` });
    if (shown) images.push(shown);
  }
  const exact = duplicates.filter((one) => one.copyOf).length;
  const alike = duplicates.length - exact;
  const more = all.length - MOST_IMAGES;
  return {
    title: printable(kept[0].image.file),
    notes: [
      ...(exact > 0 ? [`${exact} of the same bytes`] : []),
      ...(alike > 0 ? [`${alike} that look${alike === 1 ? 's' : ''} alike`] : []),
      ...(kept.length > 1 ? [`${kept.length} are kept`] : []),
      ...(more > 0 ? [`${more} more are not shown`] : []),
    ],
    images,
    tags: [
      ...(exact > 0 ? [{ values: ['same bytes'] }] : []),
      ...(alike > 0 ? [{ values: ['look alike'] }] : []),
    ],
  };
}

/** Writes the page of the groups. */
export async function writeDedupePage(file: string, page: DedupePage): Promise<void> {
  const { groups, given, hash, distance, action } = page;
  const shown = groups.slice(0, MOST_GROUPS);
  const items: GalleryItem[] = [];
  for (const group of shown) items.push(await itemOf(group));
  const gallery: Gallery = {
    title: 'Groups',
    note: `Of each group the kept image first: the one with the most pixels, then the most bytes, then the first by name. The distance of the others is the number of bits in which their ${hash} differs from its.`,
    filters: [{ name: 'duplicates' }],
    items,
    noun: ['group', 'groups'],
  };
  const hidden = groups.length - shown.length;
  await writeReport(file, {
    title: `Duplicates in ${given.map(printable).join(', ')}`,
    lead: page.lead,
    runs: [
      {
        name: 'Duplicates',
        task: action,
        metrics: page.metrics,
        ...(items.length > 0 ? { galleries: [gallery] } : {}),
        config: { hash, distance, action },
      },
    ],
    timings: [],
    notes: [
      ...page.notes,
      ...(hidden > 0
        ? [`${counted(hidden, 'more group')} ${hidden === 1 ? 'is' : 'are'} in the JSON file.`]
        : []),
    ],
    versions: { node: process.versions.node },
  });
}
