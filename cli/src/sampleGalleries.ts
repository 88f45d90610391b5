import { defaultSettings } from 'fovea';
import { type Annotation, IGNORE_INDEX, objectsOf, type Sample, trainingAnnotation } from 'fovea/data';
import { annotationOverlay, colorAt, type Overlay, type UndrawnText } from 'fovea/draw';
import { batchImages, CropLoader } from 'fovea/learn';
import { readAugment } from './augmentation.ts';
import { counted } from './counted.ts';
import { defined } from './defined.ts';
import { pageImage, thumbnail, withoutNames } from './draw.ts';
import type { Gallery, GalleryItem } from './gallery.ts';
import type { ReadSample } from './samples.ts';

/** How crops are cut, as in a training. */
export interface CropOptions {
  readonly seed?: number;
  /** Images are shrunk to this longer side before crops are cut. */
  readonly size?: number;
  /** The side of the crops. Default: chosen by the size of the objects. */
  readonly crop?: number;
}

/** Colours repeat after that many classes. */
const MOST_COLORS = 8;
/** What an image is found by that has no object. */
const NOTHING = 'no object';
/** Classes that are named above an image. */
const MOST_CLASSES = 6;
/** In an image with more objects, none has its name on it. */
const MOST_NAMES = 30;

/** `2 apple`, `1 car`: the objects of an image, the most frequent class first. */
function contentOf({ shapes }: Annotation): string[] {
  const counts = new Map<string, number>();
  for (const { label } of objectsOf(shapes)) counts.set(label, (counts.get(label) ?? 0) + 1);
  if (counts.size === 0) return [NOTHING];
  const sorted = [...counts].sort((a, b) => b[1] - a[1]).map(([label, count]) => `${count} ${label}`);
  const rest = sorted.length - MOST_CLASSES;
  return [
    ...sorted.slice(0, MOST_CLASSES),
    ...(rest > 0 ? [`${counted(rest, 'more class', 'more classes')}`] : []),
  ];
}

/** The labels without names where there are so many that names would cover the image. */
function overlayOf(annotation: Annotation, classNames: readonly string[]): Overlay {
  const overlay = annotationOverlay(annotation, { classNames });
  const { boxes = [], polygons = [] } = overlay;
  return boxes.length + polygons.length > MOST_NAMES ? withoutNames(overlay) : overlay;
}

const tagsOf = ({ shapes }: Annotation): GalleryItem['tags'] => {
  const labels = [...new Set(shapes.map(({ label }) => label))];
  return (labels.length > 0 ? labels : [NOTHING]).map((label) => ({ values: [label] }));
};

const legendOf = (classes: readonly string[]) =>
  classes.slice(0, MOST_COLORS).map((name, i) => ({ name, color: colorAt(i) }));

/** An image as it is labelled. */
export async function labelledItem(
  { name, annotation, image, loaded }: ReadSample,
  classNames: readonly string[],
): Promise<GalleryItem> {
  const content = contentOf(annotation);
  const { width, height } = loaded.original ?? loaded;
  // The annotation is of the image as it was shrunk.
  const shown = await thumbnail(loaded, overlayOf(annotation, classNames), { size: image });
  return {
    title: name,
    notes: [`${width} x ${height}`, ...content],
    images: [{ ...shown, alt: `${name} with its labels: ${content.join(', ')}` }],
    tags: tagsOf(annotation),
  };
}

export const labelledGallery = (
  items: readonly GalleryItem[],
  classes: readonly string[],
  all: number,
): Gallery => ({
  title: 'As it is labelled',
  note: `${items.length} of ${counted(all, 'image')} (--samples, --seed): one of each class if there is room, the smallest and the largest object, others at random.`,
  legend: legendOf(classes),
  filters: [{ name: 'class', values: [...classes, NOTHING] }],
  items,
});

/** Crops as a training makes them. */
export async function augmented(
  samples: readonly Sample[],
  options: CropOptions,
  {
    masks,
    segment,
    name,
    classes,
  }: {
    readonly masks: boolean;
    readonly segment: boolean;
    readonly name: string;
    readonly classes: readonly string[];
  },
): Promise<{ readonly gallery: Gallery; readonly settings: Record<string, unknown> } | undefined> {
  const taught = samples.map((sample) => ({
    ...sample,
    annotation: trainingAnnotation(sample.annotation, { detector: !segment }),
  }));
  if (taught.every(({ annotation }) => annotation.shapes.length === 0)) return undefined;
  const augment = await readAugment(name);
  const { seed = 0, size, crop } = options;
  const settings = defaultSettings(segment ? 'unet' : 'retinanet', taught, {
    augment,
    seed,
    batchSize: 1,
    classNames: classes,
    ...defined({ maxSide: size, cropSize: crop }),
  });
  const { cropSize } = settings;
  const loader = new CropLoader(taught, {
    task: segment ? 'segment' : 'detect',
    batchSize: 1,
    size: [cropSize, cropSize],
    classNames: classes,
    seed,
    augment: settings.augment,
    masks,
    stepsPerEpoch: taught.length,
  });
  const items: GalleryItem[] = [];
  for await (const { batch, items: of } of loader.batches(0)) {
    const texts: UndrawnText[] = [];
    const [tile] = await batchImages(batch, { classNames: classes, undrawn: texts });
    const title = of[0]!.name;
    const labels = labelsOf(batch, segment).map((label) => classes[label]!);
    items.push({
      title,
      images: [
        {
          ...(await pageImage(tile!.image, tile!.texts ?? [])),
          alt: `A crop of ${title} as a model is fed with it`,
        },
      ],
      tags: (labels.length > 0 ? labels : [NOTHING]).map((label) => ({ values: [label] })),
    });
  }
  return {
    gallery: {
      title: 'As a model is fed with it',
      note: `Crops of ${cropSize} x ${cropSize} pixels of images shrunk to ${settings.maxSide}, as fovea train cuts them, varied by --augment ${name}. Grey, dashed boxes are ignored: objects of which too little is left.`,
      legend: legendOf(classes),
      filters: [{ name: 'class', values: [...classes, NOTHING] }],
      items,
    },
    settings: { augment: settings.augment, cropSize, maxSide: settings.maxSide },
  };
}

/** The classes in a crop. */
function labelsOf(
  batch: {
    readonly labels: { readonly data: ArrayLike<number> };
    readonly counts?: { readonly data: ArrayLike<number> };
  },
  segment: boolean,
): number[] {
  const { data } = batch.labels;
  const found = new Set<number>();
  for (let i = 0; i < (segment ? data.length : batch.counts!.data[0]!); i++) {
    const label = data[i]!;
    if (!segment) found.add(label);
    else if (label > 0 && label !== IGNORE_INDEX) found.add(label - 1);
  }
  return [...found].sort((a, b) => a - b);
}
