import path from 'node:path';
import type { Detection, PanopticImage, Segmentation } from 'fovea';
import {
  type AnnotatedShape,
  type Annotation,
  formatLabelme,
  type MaskPatch,
  maskRegions,
  maskToPatch,
  type Point,
  polygonBounds,
  traceContours,
} from 'fovea/data';
import { writeFileAtomic } from './files.ts';

/** Connected regions below this many pixels are noise, not objects. */
const MIN_REGION = 16;

/** A shape for each detection: its box, and its mask if it has one. */
export const detectionShapes = (detections: readonly Detection[]): AnnotatedShape[] =>
  detections.map(({ box, label, score, mask }) => ({
    label,
    box,
    groupId: null,
    score,
    ...(mask ? { mask } : {}),
  }));

/** The segments as detections with the pixels that they have in the map, which overlap nowhere. */
export const panopticDetections = ({ ids, width, segments }: PanopticImage): Detection[] =>
  segments.map(({ id, label, score, box }) => {
    const [x1, y1, x2, y2] = box;
    const mask = { x: x1, y: y1, width: x2 - x1, height: y2 - y1 };
    const data = new Uint8Array(mask.width * mask.height);
    for (let y = y1, i = 0; y < y2; y++) {
      for (let x = x1; x < x2; x++, i++) data[i] = ids[y * width + x] === id ? 1 : 0;
    }
    return { box, label, score, mask: { ...mask, data } };
  });

/** A shape for each detection: its box, or where it has a mask a polygon for each region of that, of one group. */
export const detectionOutlines = (detections: readonly Detection[]): AnnotatedShape[] =>
  detections.flatMap(({ box, label, score, mask }, i): AnnotatedShape[] => {
    const outlines = mask ? traceContours(mask.data, mask, { tolerance: 0.75 }) : [];
    if (outlines.length === 0) return [{ label, box, groupId: null, score }];
    return outlines.map((outline) => {
      const points = outline.map(([x, y]): Point => [x + mask!.x, y + mask!.y]);
      return { label, points, box: polygonBounds(points), groupId: outlines.length > 1 ? i : null, score };
    });
  });

/** The pixels of a class, numbered from 0: 1 where it is, else 0. */
export const classMask = (labels: Uint8Array, index: number): Uint8Array =>
  labels.map((value) => (value === index + 1 ? 1 : 0));

/** The classes that occur in an image, by their numbers from 0: a model of many classes finds few of them. */
export function classesIn({ labels }: Segmentation): number[] {
  const found = new Uint8Array(256);
  for (const label of labels) found[label] = 1;
  return [...found.keys()].slice(1).flatMap((label) => (found[label] === 1 ? [label - 1] : []));
}

/** One shape with the pixels of each class that is there. */
export const classShapes = (segmentation: Segmentation, classNames: readonly string[]): AnnotatedShape[] =>
  classesIn(segmentation).map((c) => {
    const mask = maskToPatch(classMask(segmentation.labels, c), segmentation)!;
    const { x, y, width, height } = mask;
    return { label: classNames[c]!, mask, box: [x, y, x + width, y + height], groupId: null };
  });

/** The connected regions of a class, without the smallest. */
const regionsOf = (segmentation: Segmentation, index: number): MaskPatch[] =>
  maskRegions(classMask(segmentation.labels, index), segmentation, { least: MIN_REGION });

/** A shape with the pixels of each connected region of a class. */
export const regionShapes = (segmentation: Segmentation, classNames: readonly string[]): AnnotatedShape[] =>
  classesIn(segmentation).flatMap((c) =>
    regionsOf(segmentation, c).map((mask): AnnotatedShape => {
      const { x, y, width, height } = mask;
      return { label: classNames[c]!, mask, box: [x, y, x + width, y + height], groupId: null };
    }),
  );

/** One polygon for each connected region of a class. */
export const regionOutlines = (segmentation: Segmentation, classNames: readonly string[]): AnnotatedShape[] =>
  classesIn(segmentation).flatMap((c) =>
    regionsOf(segmentation, c).flatMap((mask) =>
      traceContours(mask.data, mask, { tolerance: 0.75 }).map((outline): AnnotatedShape => {
        const points = outline.map(([x, y]): Point => [x + mask.x, y + mask.y]);
        return { label: classNames[c]!, points, box: polygonBounds(points), groupId: null };
      }),
    ),
  );

/** Writes shapes as a Labelme file that names the image relative to itself. */
export async function writeLabelme(
  file: string,
  image: string,
  size: { readonly width: number; readonly height: number },
  shapes: AnnotatedShape[],
): Promise<void> {
  const imagePath = path
    .relative(path.dirname(path.resolve(file)), path.resolve(image))
    .replaceAll(path.sep, '/');
  const annotation: Annotation = { imagePath, width: size.width, height: size.height, shapes };
  await writeFileAtomic(file, formatLabelme(annotation, { imagePath }));
}
