import type { Annotation } from '../data/annotation.ts';
import { shapeToPatch } from '../data/maskPatch.ts';
import { objectsOf } from '../data/objects.ts';
import { restOf } from '../data/stuff.ts';
import type { Box, ImageSize } from '../vision/boxes.ts';
import type { PanopticMap, PanopticSegment } from '../vision/metrics/panoptic.ts';
import { paint } from './labelMap.ts';

/** A segment of an image: an object, or all pixels of one class of regions. */
export interface PanopticImageSegment extends PanopticSegment<string> {
  /** Whether it is an object. */
  readonly isthing: boolean;
  /** The score of the object, 0..1; 1 for regions. */
  readonly score: number;
  /** The number of its pixels, at least 1. */
  readonly area: number;
  /** The box around its pixels, (x1, y1, x2, y2). */
  readonly box: Box;
}

/** An image divided into segments. */
export interface PanopticImage extends PanopticMap<string>, ImageSize {
  /** The id of the segment of each pixel [height * width], row by row; 0 for none. */
  readonly ids: Int32Array;
  readonly segments: readonly PanopticImageSegment[];
}

/** Measures the segments of a map. Those without a pixel are left out. */
export function panopticImage(
  ids: Int32Array,
  { width, height }: ImageSize,
  segments: readonly Pick<PanopticImageSegment, 'id' | 'label' | 'isthing' | 'score' | 'iscrowd'>[],
): PanopticImage {
  const found = new Map(segments.map(({ id }) => [id, { area: 0, x1: width, y1: height, x2: 0, y2: 0 }]));
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      const at = found.get(ids[i]!);
      if (!at) continue;
      at.area++;
      at.x1 = Math.min(at.x1, x);
      at.y1 = Math.min(at.y1, y);
      at.x2 = Math.max(at.x2, x + 1);
      at.y2 = Math.max(at.y2, y + 1);
    }
  }
  const measured = segments.flatMap((segment): PanopticImageSegment[] => {
    const { area, x1, y1, x2, y2 } = found.get(segment.id)!;
    return area === 0 ? [] : [{ ...segment, area, box: [x1, y1, x2, y2] }];
  });
  return { width, height, ids, segments: measured };
}

/**
 * The segments of an annotation. Objects are in front of regions, later ones in front of earlier ones. Regions to ignore, difficult
 * objects and unlabelled pixels have none (void), and where `background` is no class of regions, neither has what nothing covers.
 */
export function panopticTruth(annotation: Annotation, stuff: readonly string[]): PanopticImage {
  const { width, height, shapes, ignored = [], unlabelled } = annotation;
  const map = { width, height, data: new Int32Array(width * height) };
  const rest = restOf(stuff);
  if (rest <= stuff.length) map.data.fill(rest);
  for (const shape of shapes) {
    const id = stuff.indexOf(shape.label) + 1;
    if (id > 0) paint(map.data, annotation, shape, id);
  }
  const empty = (region: Parameters<typeof shapeToPatch>[0]) => {
    paint(map.data, annotation, { box: region.box, mask: shapeToPatch(region, annotation) }, 0);
  };
  for (const region of ignored) empty(region);
  const objects = objectsOf(shapes).filter(({ label }) => !stuff.includes(label));
  objects.forEach(({ shapes: parts, difficult }, i) => {
    for (const shape of parts) paint(map.data, annotation, shape, difficult ? 0 : stuff.length + 1 + i);
  });
  if (unlabelled) paint(map.data, annotation, { box: [0, 0, width, height], mask: unlabelled }, 0);
  return panopticImage(map.data, annotation, [
    ...stuff.map((label, i) => ({ id: i + 1, label, isthing: false, score: 1 })),
    ...objects.map(({ label, crowd }, i) => ({
      ...{ id: stuff.length + 1 + i, label, isthing: true, score: 1 },
      ...(crowd ? { iscrowd: true } : {}),
    })),
  ]);
}
