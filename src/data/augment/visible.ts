/** What a crop shows of shapes, where boxes of the image are no boxes of the crop. */
import type { Box, Point } from '../../vision/boxes.ts';
import { boxArea, clipBox } from '../../vision/boxes.ts';
import {
  clipPolygon,
  contains,
  corners,
  outlineArea,
  outlineBounds,
  segmentInBox,
} from '../../vision/outline.ts';
import type { AnnotatedShape, MaskPatch } from '../annotation.ts';
import { rowRunsOf } from '../rowRuns.ts';
import type { Crop } from './crop.ts';
import { type Homography, invert, isAffine, mapOutline, mapSegment } from './matrix.ts';

/** The visible part of a shape. */
export interface Visible {
  /** The fraction of its area, 0..1. */
  readonly share: number;
  /** The tight box around it, in pixels of the crop. */
  readonly box: Box;
}

/** A crop, and how to find in it what is in the image. */
export interface CropView {
  readonly crop: Crop;
  /** From the image to the crop. */
  readonly toCrop: Homography;
  /** The parts of the crop that show the image. */
  readonly windows: readonly Box[];
  /** The polygons in them that show its region. */
  readonly shown: readonly (readonly Point[])[];
}

export function viewOf(crop: Crop): CropView {
  const toCrop = invert(crop.toImage);
  const windows = crop.windows ?? [[0, 0, crop.size[1], crop.size[0]]];
  const region = mapOutline(toCrop, corners(crop.region));
  return { crop, toCrop, windows, shown: windows.map((window) => clipPolygon(region, window)) };
}

/** Finds what a crop shows of a shape: of its outline, mask or box. Null where it shows nothing. */
export function visibleIn(
  view: CropView,
  shape: Pick<AnnotatedShape, 'box' | 'points' | 'mask'>,
): Visible | null {
  if (shape.points === undefined && shape.mask !== undefined) return visibleMask(view, shape.mask);
  const seen = visibleOutline(view, shape.points ?? corners(shape.box));
  // An outline without area has no share of it; its box has.
  if (!seen || Number.isFinite(seen.share)) return seen;
  return { ...seen, share: visibleOutline(view, corners(shape.box))?.share || 0 };
}

const isIn = ([x1, y1, x2, y2]: Box, bounds: Box): boolean =>
  x1 >= bounds[0] && y1 >= bounds[1] && x2 <= bounds[2] && y2 <= bounds[3];

function visibleOutline(
  { crop, toCrop, windows, shown }: CropView,
  points: readonly Point[],
): Visible | null {
  const mapped = mapOutline(toCrop, points);
  if (mapped.length === 0) return null;
  const bounds = outlineBounds(mapped);
  const whole = isIn(outlineBounds(points), crop.region);
  if (whole && isAffine(toCrop) && windows.some((window) => isIn(bounds, window))) {
    return { share: 1, box: bounds };
  }
  const area = outlineArea(mapped);
  const inRegion = whole ? mapped : mapOutline(toCrop, clipPolygon(points, crop.region));
  const found: Point[] = [];
  let visible = 0;
  windows.forEach((window, i) => {
    if (boxArea(clipBox(bounds, window)) === 0 && area > 0) return;
    found.push(...shown[i]!.filter((corner) => contains(mapped, corner)));
    points.forEach((to, k) => {
      // Edges are clipped before they are mapped: where the region cuts a polygon, joining its pieces makes new ones.
      const from = points.at(k - 1)!;
      const [start, end] = whole ? [from, to] : segmentInBox(from, to, crop.region);
      const [a, b] = start && end ? mapSegment(toCrop, start, end) : [];
      if (a && b) found.push(...segmentInBox(a, b, window));
    });
    visible += outlineArea(clipPolygon(inRegion, window));
  });
  return found.length === 0 ? null : { share: visible / area, box: outlineBounds(found) };
}

/** The same for a mask, run by run of its rows. */
function visibleMask({ crop, toCrop, windows }: CropView, mask: MaskPatch): Visible | null {
  const { rows, starts, ends } = rowRunsOf(mask);
  const found: Point[] = [];
  let [all, visible] = [0, 0];
  for (let j = 0; j < mask.height; j++) {
    const y = mask.y + j;
    for (let run = rows[j]!; run < rows[j + 1]!; run++) {
      const pixels: Box = [mask.x + starts[run]!, y, mask.x + ends[run]!, y + 1];
      const mapped = mapOutline(toCrop, corners(pixels));
      if (mapped.length === 0) continue;
      const area = outlineArea(mapped);
      all += area;
      const inside = clipBox(pixels, crop.region);
      if (boxArea(inside) === 0) continue;
      const whole = isIn(pixels, crop.region);
      const inRegion = whole ? mapped : mapOutline(toCrop, corners(inside));
      for (const window of windows) {
        const within = inRegion.every(([u, v]) => isIn([u, v, u, v], window));
        const part = within ? inRegion : clipPolygon(inRegion, window);
        found.push(...part);
        visible += within && whole ? area : outlineArea(part);
      }
    }
  }
  return found.length === 0 ? null : { share: visible / all, box: outlineBounds(found) };
}
