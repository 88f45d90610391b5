import { DataError } from '../../../errors.ts';
import type { Box, ImageSize, Point } from '../../../vision/boxes.ts';
import { checkRle, type Rle, rleArea, rleMerge } from '../../../vision/rle.ts';
import { rleFromString, rleToString } from '../../../vision/rleText.ts';
import { type AnnotatedShape, type MaskPatch, OBJECT_FLAGS } from '../../annotation.ts';
import { BadData } from '../../faults.ts';
import { shapeToPatch } from '../../maskPatch.ts';
import { patchOfRle, runsOfPatch } from '../../maskRuns.ts';
import { type AnnotatedObject, unionOf } from '../../objects.ts';
import { polygonArea, polygonBounds } from '../../polygon.ts';
import { checkBox, checkOutline } from '../checks.ts';
import type { Reading } from '../reading.ts';
import type { CocoAnnotation, CocoSegmentation } from './schema.ts';

/** Messages name the annotation's place and number; the fix is the same for all. */
export const FIX_ANNOTATION = 'correct or remove the annotation';

/** If the stated box differs from the box around the outlines by more than this, in pixels, it is kept. */
const SAME_BOX = 1e-9;

type Placed = Pick<CocoAnnotation, 'bbox' | 'segmentation'>;

/**
 * Reads the shapes of one annotation or result: a box, a mask, or one outline per polygon, which share the group
 * `groupId`. Throws DataError, beginning with `where`, for impossible boxes, outlines and masks.
 */
export function shapesOf(
  { bbox, segmentation }: Placed,
  facts: Omit<AnnotatedShape, 'box' | 'groupId'>,
  groupId: number,
  size: ImageSize,
  where: string,
  reading?: Reading,
): AnnotatedShape[] {
  const stated = bbox
    ? checkBox([bbox[0], bbox[1], bbox[0] + bbox[2], bbox[1] + bbox[3]], size, where, FIX_ANNOTATION, reading)
    : undefined;
  const onlyBox = () => [{ ...facts, box: stated!, groupId: null }];
  // An empty list is what exporters write for "only a box".
  if (!segmentation || (Array.isArray(segmentation) && segmentation.length === 0)) {
    if (!stated)
      throw new BadData('structure', `${where}: has neither bbox nor segmentation; ${FIX_ANNOTATION}`);
    return onlyBox();
  }
  // Where the outline is bad, the box is still good.
  const part = <T>(read: () => T): T | undefined => (reading ? reading.attempt('part', read) : read());
  if (!Array.isArray(segmentation)) {
    const read = () => readRle(segmentation, size, where);
    const mask = stated ? part(read) : read();
    if (!mask) return onlyBox();
    const around: Box = [mask.x, mask.y, mask.x + mask.width, mask.y + mask.height];
    return [{ ...facts, box: stated ?? around, mask, groupId: null }];
  }
  const readOutline = (values: readonly number[], i: number) =>
    checkOutline(values, size, `${where}: segmentation[${i}]`, FIX_ANNOTATION, reading);
  const outlines =
    stated || segmentation.length > 1
      ? segmentation.flatMap((values, i) => {
          const outline = part(() => readOutline(values, i));
          return outline ? [outline] : [];
        })
      : segmentation.map(readOutline);
  if (outlines.length === 0) {
    if (stated) return onlyBox();
    throw new BadData('no area', `${where}: none of its polygons can be used; ${FIX_ANNOTATION}`);
  }
  if (outlines.length === 1) {
    const points = outlines[0]!;
    return [{ ...facts, box: stated ?? polygonBounds(points), points, groupId: null }];
  }
  const boxes = outlines.map(polygonBounds);
  const around = unionOf(boxes);
  const differs = stated?.some((value, i) => Math.abs(value - around[i]!) > SAME_BOX);
  return outlines.map((points, i) => ({
    ...facts,
    box: boxes[i]!,
    points,
    groupId,
    ...(differs ? { objectBox: stated } : {}),
  }));
}

function readRle(
  rle: { size: [number, number]; counts: string | number[] },
  size: ImageSize,
  where: string,
): MaskPatch {
  const [height, width] = rle.size;
  if (height !== size.height || width !== size.width) {
    throw new BadData(
      'size differs',
      `${where}: segmentation.size is [${height}, ${width}] (height, width), the image has [${size.height}, ${size.width}]; ${FIX_ANNOTATION}`,
    );
  }
  const place = `${where}: segmentation.counts`;
  const mask = checkedRuns(rle, { width, height }, place);
  const patch = patchOfRle(mask);
  if (patch === undefined)
    throw new BadData('no area', `${where}: the mask has no pixel set; ${FIX_ANNOTATION}`);
  return patch;
}

/** The run lengths in a file. Throws DataError for those that are damaged, or not of this size. */
function checkedRuns(
  { size: sides, counts }: { size: [number, number]; counts: string | number[] },
  size: ImageSize,
  place: string,
): Rle {
  try {
    if (typeof counts === 'string') return rleFromString(counts, size, place);
    return checkRle({ size: sides, counts }, place);
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
    throw new BadData('run lengths', error.message, { cause: error });
  }
}

/** Rounds to a thousandth of a pixel: COCO's own files have hundredths, and sums of these come out unchanged. */
export const toThousandths = (x: number): number => Math.round(x * 1000) / 1000;

/** An object in a COCO file. */
export interface PlacedObject {
  bbox: [x: number, y: number, width: number, height: number];
  segmentation?: CocoSegmentation;
  area: number;
}

/**
 * Computes the box, outlines or mask, and area of an object. If there are only outlines, they are written as polygons;
 * if any shape is a mask, all shapes become one mask (run lengths as a compressed string; for a crowd a list, as in
 * COCO's own files).
 */
export function placeObject(
  object: AnnotatedObject,
  size: ImageSize,
  round: (x: number) => number = toThousandths,
): PlacedObject {
  const { shapes, box, crowd, area } = object;
  const [x1, y1, x2, y2] = box.map(round) as [number, number, number, number];
  const bbox: PlacedObject['bbox'] = [x1, y1, round(x2 - x1), round(y2 - y1)];
  const outlines = shapes.map(({ points }) => points);
  const drawn = shapes.some(({ points, mask }) => points !== undefined || mask !== undefined);
  if (!drawn) return { bbox, area: area ?? round(bbox[2] * bbox[3]) };
  if (!crowd && outlines.every((points) => points !== undefined)) {
    const polygons = outlines.map((points: Point[]) => points.flatMap((point) => point.map(round)));
    const sum = outlines.reduce((total, points) => total + polygonArea(points), 0);
    return { bbox, segmentation: polygons, area: area ?? round(sum) };
  }
  const { width, height } = size;
  const rle = rleMerge(shapes.map((shape) => runsOfPatch(shapeToPatch(shape, size), size)));
  const counts = crowd ? Array.from(rle.counts) : rleToString(rle);
  return {
    bbox,
    segmentation: { size: [height, width], counts },
    area: area ?? rleArea(rle),
  };
}

/** The flags that COCO has no key for, as CVAT writes them. */
export function attributesOf(object: AnnotatedObject): Record<string, true> | undefined {
  const flags = OBJECT_FLAGS.filter((flag) => flag !== 'crowd' && object[flag]);
  return flags.length === 0 ? undefined : Object.fromEntries(flags.map((flag) => [flag, true as const]));
}
