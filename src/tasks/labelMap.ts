import { expectArguments } from '../arguments.ts';
import type { Annotation } from '../data/annotation.ts';
import { IGNORE_INDEX } from '../data/cropTargets.ts';
import { paintPatch, shapeToPatch } from '../data/maskPatch.ts';
import { rasterizePolygon } from '../data/polygon.ts';
import type { Point } from '../vision/boxes.ts';

/**
 * Computes the label map of an image: the class of each pixel.
 *
 * Outlines are filled by pixel centres, shapes with only a box fill it, and later shapes cover earlier ones.
 *
 * @param annotation The annotation of the image.
 * @param classNames The classes, in the order of their labels.
 * @returns Labels [height * width]: 0 for background, else `classNames.indexOf(label) + 1`; `IGNORE_INDEX` for
 * unlabelled pixels, and regions to ignore that no shape covers.
 */
export function labelMap(annotation: Annotation, classNames: readonly string[]): Uint8Array {
  expectArguments(
    'labelMap',
    { annotation, classNames },
    {
      annotation: { width: 'number', height: 'number', shapes: [{ label: 'text', box: 'box' }] },
      classNames: ['text'],
    },
  );
  const { width, height } = annotation;
  const labels = new Uint8Array(width * height);
  for (const region of annotation.ignored ?? []) {
    paintPatch({ width, height, data: labels }, shapeToPatch(region, annotation), IGNORE_INDEX);
  }
  for (const shape of annotation.shapes) {
    const value = classNames.indexOf(shape.label) + 1;
    paint(labels, annotation, shape, value);
  }
  if (annotation.unlabelled) paintPatch({ width, height, data: labels }, annotation.unlabelled, IGNORE_INDEX);
  return labels;
}

/** Paints the label of a shape into a label map. */
export function paint(
  labels: Uint8Array | Int32Array,
  { width, height }: Annotation,
  shape: Pick<Annotation['shapes'][number], 'box' | 'points' | 'mask'>,
  value: number,
): void {
  if (shape.mask) {
    paintPatch({ width, height, data: labels }, shape.mask, value);
    return;
  }
  const [x1, y1, x2, y2] = shape.box;
  const points: readonly Point[] = shape.points ?? [
    [x1, y1],
    [x2, y1],
    [x2, y2],
    [x1, y2],
  ];
  rasterizePolygon(points, { width, height }).forEach((inside, i) => {
    if (inside) labels[i] = value;
  });
}
