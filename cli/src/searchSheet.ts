import path from 'node:path';
import type { Id, Metric } from 'fovea/similarity';
import { fileThumbnail } from './fileThumbnail.ts';
import type { GalleryImage } from './gallery.ts';
import { printable } from './printable.ts';
import { writeReport } from './report.ts';

/** What was found for a query, the nearest first. */
export interface Answer {
  readonly query: string;
  readonly found: readonly { readonly id: Id; readonly distance: number }[];
}

/** The longer side of an image on the sheet. */
const SIDE = 240;

/** An image for the sheet; undefined where it cannot be read any more. */
async function imageOf(
  file: string,
  caption: string,
  seen: Map<string, GalleryImage | undefined>,
): Promise<GalleryImage | undefined> {
  if (!seen.has(file)) {
    seen.set(file, await fileThumbnail(file, { side: SIDE, caption }));
  }
  const image = seen.get(file);
  return image && { ...image, caption };
}

/** Writes a page: a row of images for each query, the query first. */
export async function writeSheet(
  file: string,
  index: string,
  metric: Metric,
  answers: readonly Answer[],
): Promise<void> {
  const seen = new Map<string, GalleryImage | undefined>();
  const items = [];
  let missing = 0;
  for (const { query, found } of answers) {
    const own = await imageOf(query, 'query', seen);
    const images = own ? [own] : [];
    const notes: string[] = [];
    for (const { id, distance } of found) {
      const name = printable(String(id));
      const shown = Number(distance.toPrecision(4));
      const image = await imageOf(String(id), `${printable(path.basename(String(id)))}, ${shown}`, seen);
      if (image) images.push(image);
      else notes.push(`${name} (${shown})`);
    }
    missing += notes.length;
    const title = printable(query);
    items.push({ title, notes, images, tags: [{ values: [title] }] });
  }
  await writeReport(file, {
    title: `Nearest images in ${printable(index)}`,
    lead: `What is nearest to each query by ${metric === 'dot' ? 'dot product' : `${metric} distance`}, the nearest first.`,
    runs: [
      {
        name: 'Search',
        task: metric,
        metrics: { queries: `${answers.length}` },
        galleries: [
          { title: 'Queries', filters: [{ name: 'query' }], items, noun: ['query', 'queries'] as const },
        ],
      },
    ],
    timings: [],
    versions: { node: process.versions.node },
    notes:
      missing === 0
        ? []
        : [
            `${missing} of the items that were found ${missing === 1 ? 'is' : 'are'} no image that can be read here, and ${missing === 1 ? 'has its' : 'have their'} name in place of it. Names of images are paths as fovea index was given them: run fovea search in the same folder.`,
          ],
  });
}
