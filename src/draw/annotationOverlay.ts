import { expectArguments, SIZE } from '../arguments.ts';
import type { Annotation, MaskPatch } from '../data/annotation.ts';
import { paintPatch } from '../data/maskPatch.ts';
import { objectsOf } from '../data/objects.ts';
import { withDefaults } from '../options.ts';
import type { Box, ImageSize } from '../vision/boxes.ts';
import type { Overlay, OverlayBox, OverlayMask, OverlayPolygon } from './overlay.ts';
import { colorAt } from './palette.ts';

/** Options of `annotationOverlay` and `detectionOverlay`. */
export interface ObjectOverlayOptions {
  /** The classes, each of which has its colour of the palette. Default: those that occur, in order of their names. */
  readonly classNames?: readonly string[];
  /** Whether outlines are dashed, which tells the truth from predictions. Default false. */
  readonly dashed?: boolean;
}

/** The grey of regions to ignore. */
const IGNORED = '#8c959f';

/** The colour of each class. */
function classColors(
  labels: readonly string[],
  given: readonly string[] | undefined,
): (label: string) => string {
  const names = given ?? [...new Set(labels)].sort();
  return (label) => (names.includes(label) ? colorAt(names.indexOf(label)) : IGNORED);
}

/** Masks of one class in one, so that no pixel is tinted twice. */
function masksByColor(
  patches: readonly { readonly mask: MaskPatch; readonly color: string }[],
  { width, height }: ImageSize,
): OverlayMask[] {
  const masks = new Map<string, Uint8Array>();
  for (const { mask, color } of patches) {
    const pixels = masks.get(color) ?? new Uint8Array(width * height);
    masks.set(color, pixels);
    paintPatch({ width, height, data: pixels }, mask, 1);
  }
  return [...masks].map(([color, mask]) => ({ mask, color }));
}

/**
 * What is labelled in an image, to draw with `paintOverlay`: outlines and masks where there are some, else boxes; each object has a
 * name tag. Regions to ignore are grey.
 *
 * @param annotation The annotation.
 * @param options Classes and line.
 */
export function annotationOverlay(annotation: Annotation, options: ObjectOverlayOptions = {}): Overlay {
  const { classNames, dashed } = withDefaults('annotationOverlay', options, {
    classNames: undefined,
    dashed: false,
  });
  expectArguments(
    'annotationOverlay',
    { annotation },
    { annotation: { ...SIZE, shapes: [{ label: 'text', box: 'box' }] } },
  );
  const { shapes, ignored = [] } = annotation;
  const colorOf = classColors(
    shapes.map(({ label }) => label),
    classNames,
  );
  const boxes: OverlayBox[] = [];
  const polygons: OverlayPolygon[] = [];
  const patches: { mask: MaskPatch; color: string }[] = [];
  for (const { label, box, shapes: parts } of objectsOf(shapes)) {
    const color = colorOf(label);
    let tag: string | undefined = label;
    for (const { points, mask } of parts) {
      if (mask) patches.push({ mask, color });
      if (!points) continue;
      polygons.push({ points, color, dashed, ...(tag === undefined ? {} : { label: tag }) });
      tag = undefined;
    }
    if (tag !== undefined) boxes.push({ box, label: tag, color, dashed });
  }
  for (const { box, points, mask } of ignored) {
    if (mask) patches.push({ mask, color: IGNORED });
    else if (points) polygons.push({ points, color: IGNORED, dashed, label: 'ignored' });
    else boxes.push({ box, color: IGNORED, dashed, label: 'ignored' });
  }
  return { boxes, polygons, masks: masksByColor(patches, annotation) };
}

/** An object that a model has found. */
export interface DrawnDetection {
  /** (x1, y1, x2, y2) in pixels. */
  readonly box: Box;
  readonly label: string;
  /** 0 to 1. */
  readonly score: number;
  /** The pixels of the object. */
  readonly mask?: MaskPatch;
}

/**
 * What a model has found in an image, to draw with `paintOverlay`: boxes with name tags and scores, and masks where there are some.
 *
 * @param detections The detections.
 * @param size The size of the image.
 * @param options Classes and line.
 */
export function detectionOverlay(
  detections: readonly DrawnDetection[],
  size: ImageSize,
  options: ObjectOverlayOptions = {},
): Overlay {
  const { classNames, dashed } = withDefaults('detectionOverlay', options, {
    classNames: undefined,
    dashed: false,
  });
  expectArguments(
    'detectionOverlay',
    { detections, size },
    { detections: [{ box: 'box', label: 'text', score: 'number' }], size: SIZE },
  );
  const colorOf = classColors(
    detections.map(({ label }) => label),
    classNames,
  );
  return {
    boxes: detections.map(({ box, label, score }) => ({ box, label, score, color: colorOf(label), dashed })),
    masks: masksByColor(
      detections.flatMap(({ label, mask }) => (mask ? [{ mask, color: colorOf(label) }] : [])),
      size,
    ),
  };
}
