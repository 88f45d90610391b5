import path from 'node:path';
import type { Detection, Segmentation } from 'fovea';
import {
  type AnnotatedShape,
  type Annotation,
  connectedComponents,
  formatLabelme,
  type Point,
  polygonBounds,
  traceContours,
} from 'fovea/data';
import { writeFileAtomic } from './files.ts';

/** Connected regions below this many pixels are noise, not objects. */
const MIN_REGION = 16;

/** A shape for each detection: its box, or where it has a mask a polygon for each region of that, of one group. */
export const detectionShapes = (detections: readonly Detection[]): AnnotatedShape[] =>
  detections.flatMap(({ box, label, score, mask }, i): AnnotatedShape[] => {
    const outlines = mask ? traceContours(mask.data, mask, { tolerance: 0.75 }) : [];
    if (outlines.length === 0) return [{ label, box, groupId: null, score }];
    return outlines.map((outline) => {
      const points = outline.map(([x, y]): Point => [x + mask!.x, y + mask!.y]);
      return { label, points, box: polygonBounds(points), groupId: outlines.length > 1 ? i : null, score };
    });
  });

/** One polygon for each connected region of a class. */
export function segmentationShapes(
  { labels, width, height }: Segmentation,
  classNames: readonly string[],
): AnnotatedShape[] {
  return classNames.flatMap((label, c) => {
    const mask = labels.map((value) => (value === c + 1 ? 1 : 0));
    const components = connectedComponents(mask, { width, height });
    const sizes = new Int32Array(components.count + 1);
    for (const component of components.labels) sizes[component]!++;
    const kept = mask.map((value, i) => (value && sizes[components.labels[i]!]! >= MIN_REGION ? 1 : 0));
    return traceContours(kept, { width, height }, { tolerance: 0.75 }).map(
      (points): AnnotatedShape => ({ label, points, box: polygonBounds(points), groupId: null }),
    );
  });
}

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
