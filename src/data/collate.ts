/** Batches of images that are drawn: pixels and targets as arrays. */
import type { Box } from '../vision/boxes.ts';
import { boxArea } from '../vision/boxes.ts';
import type { Annotation } from './annotation.ts';
import { type Layer, mostParts, renderLayers } from './augment/mixing.ts';
import type { Augment } from './augment/parameters.ts';
import { cropIgnored, cropMask, paintLabels, paintRegions, sortObjects } from './cropTargets.ts';
import type { FloatImage } from './image.ts';
import { unionOf } from './objects.ts';
import { restOf } from './stuff.ts';

/** A batch to train a detector on. */
export interface DetectBatch {
  /** Images [N, H, W, 3] in 0..1, not normalized. */
  images: Float32Array;
  /** Boxes [N, G, 4] as (x1, y1, x2, y2) in pixels of the crop; zeros from `counts[n]` on. */
  boxes: Float32Array;
  /** Labels [N, G]: indices into `classNames`; -1 from `counts[n]` on. */
  labels: Int32Array;
  /** The number of objects in each crop [N]; may be 0. */
  counts: Int32Array;
  /**
   * Regions to ignore [N, K, 4], as boxes; zeros where a crop has fewer: those of the annotations, and of objects that the crop
   * cuts off or shrinks too much to be taught, or that are more than `maxBoxes`.
   */
  ignored: Float32Array;
  /** Masks [N, G, H, W]: 1 where an object is visible, else 0. Only if `BatchOptions.masks` is set. */
  masks?: Float32Array;
  /**
   * Regions [N, H, W]: 0 for objects, 1 and more for regions in the order of `BatchOptions.stuff`, `IGNORE_INDEX` where a pixel is
   * ignored. Only if that is set.
   */
  semantic?: Int32Array;
}

/** A batch to train a segmenter on. */
export interface SegmentBatch {
  /** Images [N, H, W, 3] in 0..1, not normalized. */
  images: Float32Array;
  /** Label maps [N, H, W]: 0 for background, else index into `classNames` + 1; `IGNORE_INDEX` for unlabelled pixels. */
  labels: Int32Array;
}

/** An image with labels. */
interface Labelled {
  readonly image: FloatImage;
  readonly annotation: Annotation;
  readonly region?: Box;
}

/** What batches of a detector and a segmenter have in common. */
interface Layout {
  /** Height and width of the images in pixels. */
  readonly size: readonly [height: number, width: number];
  /** The classes, in the order of their labels. */
  readonly classNames: readonly string[];
}

/** The most objects of one crop that are ignored by boxes of their own; see `fewerBoxes`. */
const MOST_LEFT_OUT = 64;

/** Capacities for the boxes and the regions to ignore of one image of a batch: for as many as may come together. */
export function capacities(
  samples: readonly Pick<Labelled, 'annotation'>[],
  augment: Augment,
): { maxBoxes: number; maxIgnored: number } {
  const largest = (count: (annotation: Annotation) => number): number =>
    mostParts(augment) * samples.reduce((max, { annotation }) => Math.max(max, count(annotation)), 0);
  const maxBoxes = largest(({ shapes }) => shapes.length);
  const regions = largest(({ ignored = [] }) => ignored.length);
  return { maxBoxes, maxIgnored: regions + Math.min(maxBoxes, MOST_LEFT_OUT) };
}

/** At most `most` boxes that cover all of these: the smallest is united with the one that grows least, as often as needed. */
function fewerBoxes(boxes: readonly Box[], most: number): Box[] {
  const left = boxes.toSorted((a, b) => boxArea(b) - boxArea(a));
  while (left.length > most) {
    const small = left.pop()!;
    const unions = left.map((box) => unionOf([box, small]));
    const growth = unions.map((union, i) => boxArea(union) - boxArea(left[i]!));
    const nearest = growth.reduce((best, value, i) => (value < growth[best]! ? i : best), 0);
    left[nearest] = unions[nearest]!;
  }
  return left;
}

const imagesOf = (drawn: readonly (readonly Layer<Labelled>[])[], [h, w]: Layout['size']): Float32Array => {
  const images = new Float32Array(drawn.length * h * w * 3);
  drawn.forEach((layers, n) => {
    renderLayers(layers, images.subarray(n * h * w * 3, (n + 1) * h * w * 3));
  });
  return images;
};

/** Makes a batch to train a segmenter on. */
export function segmentBatch(
  drawn: readonly (readonly Layer<Labelled>[])[],
  { size, classNames }: Layout,
): SegmentBatch {
  const pixels = size[0] * size[1];
  const images = imagesOf(drawn, size);
  const labels = new Int32Array(drawn.length * pixels);
  drawn.forEach((layers, n) => {
    const own = labels.subarray(n * pixels, (n + 1) * pixels);
    for (const { parts } of layers) {
      for (const { sample, crop } of parts) paintLabels(sample.annotation, crop, classNames, own);
    }
  });
  return { images, labels };
}

/** Options of `detectBatch`; those that `BatchSource` has too are the same. */
interface DetectLayout extends Layout {
  readonly maxBoxes: number;
  /** Capacity for regions to ignore per image, K. */
  readonly maxIgnored: number;
  readonly masks?: boolean;
  readonly stuff?: readonly string[];
  readonly minVisible?: number;
}

/** Makes a batch to train a detector on. */
export function detectBatch(
  drawn: readonly (readonly Layer<Labelled>[])[],
  {
    size,
    classNames,
    maxBoxes: room,
    maxIgnored,
    masks: wantsMasks = false,
    stuff,
    minVisible,
  }: DetectLayout,
): DetectBatch {
  const images = imagesOf(drawn, size);
  const pixels = size[0] * size[1];
  const boxes = new Float32Array(drawn.length * room * 4);
  const labels = new Int32Array(drawn.length * room).fill(-1);
  const counts = new Int32Array(drawn.length);
  const masks = wantsMasks ? new Float32Array(drawn.length * room * pixels) : undefined;
  const ignored = new Float32Array(drawn.length * maxIgnored * 4);
  const semantic = stuff && new Int32Array(drawn.length * pixels).fill(restOf(stuff));
  drawn.forEach((layers, n) => {
    const parts = layers.flatMap((layer) => layer.parts);
    const sorted = parts.map(({ sample, crop }) => {
      const { shapes } = sample.annotation;
      if (semantic) {
        paintRegions(sample.annotation, crop, stuff, semantic.subarray(n * pixels, (n + 1) * pixels));
      }
      const objects = stuff ? shapes.filter(({ label }) => !stuff.includes(label)) : shapes;
      const { found, leftOut } = sortObjects(objects, crop, { minVisible });
      return { found: found.map((object) => ({ ...object, crop })), leftOut };
    });
    const found = sorted.flatMap((part) => part.found);
    const leftOut = sorted.flatMap((part) => part.leftOut);
    // The order changes only if they do not fit: the smallest objects are then ignored.
    if (found.length > room) {
      found.sort((a, b) => boxArea(b.box) - boxArea(a.box));
      leftOut.push(...found.splice(room).map(({ box }) => box));
    }
    const regions = parts.flatMap(({ sample, crop }) =>
      cropIgnored({ ignored: sample.annotation.ignored ?? [] }, crop),
    );
    fewerBoxes([...regions, ...leftOut], maxIgnored).forEach((box, i) => {
      ignored.set(box, (n * maxIgnored + i) * 4);
    });
    counts[n] = found.length;
    found.forEach(({ label, box, shapes, crop }, i) => {
      const place = n * room + i;
      boxes.set(box, place * 4);
      labels[place] = classNames.indexOf(label);
      if (masks) cropMask(shapes, crop, masks.subarray(place * pixels, (place + 1) * pixels));
    });
  });
  return {
    ...{ images, boxes, labels, counts, ignored },
    ...(masks ? { masks } : {}),
    ...(semantic ? { semantic } : {}),
  };
}
