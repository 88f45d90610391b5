// fovea look on images with one class each.
import path from 'node:path';
import { DataError, defaultSettings } from 'fovea';
import {
  type ClassDataset,
  type ClassSample,
  detectFormat,
  type LabelledFile,
  openClassDataset,
  resizeImage,
} from 'fovea/data';
import { batchImages, ClassLoader } from 'fovea/learn';
import { Random } from 'fovea/vision';
import { readAugment } from './augmentation.ts';
import { openClassData } from './classSamples.ts';
import { ClassStatistics } from './classStatistics.ts';
import { counted } from './counted.ts';
import { createCounter } from './counter.ts';
import { diskFiles } from './dataFiles.ts';
import { defined } from './defined.ts';
import { pageImage, thumbnail } from './draw.ts';
import type { FaultLog } from './faultLog.ts';
import type { Gallery, GalleryItem } from './gallery.ts';
import { imageHeader, loadImage } from './images.ts';
import type { Looked, LookOptions } from './lookPage.ts';
import { classPlot, sizePlots } from './lookPlots.ts';
import { verifiedAhead } from './verifiedImages.ts';

const TITLES = { folders: 'a folder per class', csv: 'CSV' } as const;

const throws = async (work: () => Promise<unknown>): Promise<boolean> => {
  try {
    await work();
    return false;
  } catch (error) {
    if (error instanceof DataError) return true;
    throw error;
  }
};

/**
 * Whether a path is a data set of images with one class each: a CSV file, or a folder that has no annotations, in it or in the folders in it,
 * but a folder per class or a table.
 */
export async function isClassData(data: string, { from }: LookOptions): Promise<boolean> {
  const kind = await diskFiles.kind(data);
  if (from !== undefined || kind === undefined) return false;
  if (kind === 'file') return /\.[ct]sv$/i.test(data);
  if (!(await throws(() => detectFormat(diskFiles, data)))) return false;
  for (const { name, folder } of await diskFiles.list(data)) {
    // A broken file of annotations is not to be taken for something else.
    if (!folder && /\.json$/i.test(name)) return false;
    if (folder && !(await throws(() => detectFormat(diskFiles, path.join(data, name))))) return false;
  }
  return !(await throws(() => openClassDataset(diskFiles, data, { skipBad: true, allowOutside: true })));
}

/** The images of a data set, each with its part. */
async function filesOf(
  data: string,
  options: LookOptions,
  whole: ClassDataset,
  faults: FaultLog,
): Promise<(LabelledFile & { readonly part: string | undefined })[]> {
  if (whole.splits.length < 2 || options.split !== 'all') {
    return whole.files.map((file) => ({ ...file, part: undefined }));
  }
  const parts = new Map<string, string>();
  for (const split of whole.splits) {
    const { files } = await openClassData(data, { ...options, split }, faults);
    for (const { image } of files) parts.set(image, split);
  }
  return whole.files.map((file) => ({ ...file, part: parts.get(file.image) }));
}

/** Chooses images to look at: of each class as many as there is room for. The same seed chooses the same. */
export function chooseOfClasses<T extends { readonly label: string }>(
  images: readonly T[],
  { count, seed }: { readonly count: number; readonly seed: number },
): T[] {
  const byClass = new Map<string, T[]>();
  for (const image of new Random(seed).fork('look').shuffle([...images])) {
    const list = byClass.get(image.label);
    if (list) list.push(image);
    else byClass.set(image.label, [image]);
  }
  // The rarest classes first: none is left out for want of room but the most frequent.
  let classes = [...byClass.values()].sort((a, b) => a.length - b.length);
  const chosen = new Set<T>();
  for (let i = 0; chosen.size < count && classes.length > 0; i++) {
    for (const list of classes) if (chosen.size < count) chosen.add(list[i]!);
    classes = classes.filter(({ length }) => length > i + 1);
  }
  return images.filter((image) => chosen.has(image));
}

/** Crops as a training of a classifier makes them. */
async function fedGallery(
  samples: readonly ClassSample[],
  { seed = 0, size, crop, augment: name = 'default' }: LookOptions,
  classNames: readonly string[],
): Promise<{ readonly gallery: Gallery; readonly settings: Record<string, unknown> }> {
  const { cropSize, maxSide, augment } = defaultSettings('resnet', samples, {
    augment: await readAugment(name),
    seed,
    classNames,
    ...defined({ maxSide: size, cropSize: crop }),
  });
  // Lists that mix images show two of them each; a batch of one has none to mix.
  const batchSize = Math.min(2, samples.length);
  const loader = new ClassLoader(samples, {
    ...{ batchSize, size: [cropSize, cropSize], classNames, seed, augment },
  });
  const items: GalleryItem[] = [];
  for await (const { batch, items: of } of loader.batches(0)) {
    // Names of classes are written as text, above the image.
    const tiles = await batchImages({ images: batch.images }, {});
    for (const [n, tile] of tiles.entries()) {
      if (items.length === samples.length) break;
      const { name: title, label } = of[n]!;
      items.push({
        title,
        notes: [label],
        images: [
          {
            ...(await pageImage(tile.image)),
            alt: `A crop of ${title}, ${label}, as a model is fed with it`,
          },
        ],
        tags: [{ values: [label] }],
      });
    }
  }
  return {
    gallery: {
      title: 'As a model is fed with it',
      note: `Images of ${cropSize} x ${cropSize} pixels, as fovea train makes them, varied by --augment ${name}.`,
      filters: [{ name: 'class', values: classNames }],
      items,
    },
    settings: { augment, cropSize, maxSide },
  };
}

/** Reads all images of a data set once, and says what a page shows of it. */
export async function lookAtClasses(
  data: string,
  options: LookOptions & { readonly samples: number; readonly seed: number; readonly size: number },
  faults: FaultLog,
): Promise<Looked> {
  const { seed, size, samples: count } = options;
  const whole = await openClassData(data, options, faults);
  const { classNames, splits, format } = whole;
  const statistics = new ClassStatistics(classNames);
  const files = await filesOf(data, options, whole, faults);
  const counter = createCounter('images');
  const usable: typeof files = [];
  try {
    for await (const { image: file, verified } of verifiedAhead(files)) {
      const found = await faults.attempt(options, async () => ({
        ...(await imageHeader(file.image, file.image)),
        fingerprint: (await verified).fingerprint,
      }));
      if (!found) continue;
      usable.push(file);
      statistics.add(file, file.part, found, found.fingerprint);
      counter.show(usable.length);
    }
  } finally {
    counter.clear();
  }
  if (usable.length === 0) await faults.finishEmpty(options, data);
  const samples: ClassSample[] = [];
  const items: GalleryItem[] = [];
  for (const { name, label, part, image: file } of chooseOfClasses(usable, { count, seed })) {
    const loaded = await faults.attempt(options, () => loadImage(file, { maxSide: size }));
    if (!loaded) continue;
    const { width, height } = loaded.original ?? loaded;
    items.push({
      title: name,
      notes: [label, `${width} x ${height}`, ...(part === undefined ? [] : [part])],
      images: [{ ...(await thumbnail(loaded)), alt: `${name}: ${label}` }],
      tags: [{ values: [label] }],
    });
    const scale = Math.min(1, size / Math.max(loaded.width, loaded.height));
    const sides = [loaded.height, loaded.width].map((side) => Math.max(1, Math.round(side * scale)));
    samples.push({ name, label, image: resizeImage(loaded, sides as [number, number]) });
  }
  await faults.finish(options);
  const fed = samples.length > 0 ? await fedGallery(samples, options, classNames) : undefined;
  const { images, counts, same } = statistics;
  return {
    format: TITLES[format],
    splits,
    lead: `${counted(images.length, 'image')} of ${counted(counts.filter((one) => one.images > 0).length, 'class', 'classes')}`,
    metrics: {
      images: `${images.length}`,
      classes: `${classNames.length}`,
      'look the same': `${same.reduce((sum, { length }) => sum + length, 0)}`,
      faults: `${faults.faults.length}`,
    },
    tables: statistics.tables,
    printed: [statistics.classTable, statistics.sizeTable],
    plots: [
      classPlot(
        'images',
        counts.map(({ name, images: count }) => ({ name, count })),
      ),
      ...sizePlots(images),
    ],
    galleries: [
      {
        title: 'As it is labelled',
        note: `${items.length} of ${counted(images.length, 'image')} (--samples, --seed): of each class as many as there is room for.`,
        filters: [{ name: 'class', values: classNames }],
        items,
      },
      ...(fed ? [fed.gallery] : []),
    ],
    ...(fed ? { settings: fed.settings } : {}),
    notes: statistics.notes,
  };
}
