/** What a crop shows of an image's annotation: boxes, label maps and masks to train with. */
import { DataError } from '../errors.ts';
import type { Box } from '../vision/boxes.ts';
import { boxArea, clipBox, polygonInBox } from '../vision/boxes.ts';
import type { AnnotatedShape, MaskPatch, Point } from './annotation.ts';
import type { Crop } from './augment.ts';
import { objectsOf, unionOf } from './objects.ts';
import { rasterizePolygon } from './polygon.ts';

export interface CroppedBox {
  label: string;
  /** In pixels of the crop, inside it. */
  box: [number, number, number, number];
  /** The object's, as they are in the image. */
  shapes: readonly AnnotatedShape[];
}

/** Where a point of the image is in the crop. */
function pointToCrop({ toImage: [a, b, c, d, e, f] }: Crop, [x, y]: Point): Point {
  return a === 0 ? [(y - f) / d, (x - c) / b] : [(x - c) / a, (y - f) / e];
}

function boxToCrop(crop: Crop, [x1, y1, x2, y2]: Box): [number, number, number, number] {
  const [ua, va] = pointToCrop(crop, [x1, y1]);
  const [ub, vb] = pointToCrop(crop, [x2, y2]);
  return [Math.min(ua, ub), Math.min(va, vb), Math.max(ua, ub), Math.max(va, vb)];
}

/** The part of the image that the crop shows: its window, cut off at the region. */
function windowOf({ size: [h, w], toImage: [a, b, c, d, e, f], region }: Crop): Box {
  const [x, y] = [a * w + b * h + c, d * w + e * h + f];
  return clipBox([Math.min(c, x), Math.min(f, y), Math.max(c, x), Math.max(f, y)], region);
}

/** How much of a shape's area is in the window, and the tight box around that, both in the image. */
function visiblePart(shape: AnnotatedShape, window: Box): { share: number; box: Box } {
  const clipped = clipBox(shape.box, window);
  const boxShare = boxArea(clipped) / boxArea(shape.box);
  // Most shapes are wholly in or out, and are not worth looking at closer.
  if (!(boxShare > 0) || boxShare === 1) return { share: boxShare, box: clipped };
  if (shape.points !== undefined) {
    const part = polygonInBox(shape.points, window) ?? { share: 0, box: clipped };
    return Number.isFinite(part.share) ? part : { share: boxShare, box: clipped };
  }
  return shape.mask === undefined ? { share: boxShare, box: clipped } : maskInBox(shape.mask, window);
}

function maskInBox(mask: MaskPatch, window: Box): { share: number; box: Box } {
  let all = 0;
  let inside = 0;
  const box: [number, number, number, number] = [Infinity, Infinity, -Infinity, -Infinity];
  for (let j = 0, i = 0; j < mask.height; j++) {
    const y = mask.y + j;
    const rowInside = y + 0.5 >= window[1] && y + 0.5 < window[3];
    for (let k = 0; k < mask.width; k++, i++) {
      if (mask.data[i] === 0) continue;
      all++;
      const x = mask.x + k;
      if (!rowInside || x + 0.5 < window[0] || x + 0.5 >= window[2]) continue;
      inside++;
      box[0] = Math.min(box[0], x);
      box[1] = Math.min(box[1], y);
      box[2] = Math.max(box[2], x + 1);
      box[3] = Math.max(box[3], y + 1);
    }
  }
  return { share: inside === 0 ? 0 : inside / all, box: clipBox(box, window) };
}

/**
 * The boxes of what a crop shows. A shape cut off by the crop (or the region) gets the box around the part
 * that is left, of its polygon or mask where there is one; shapes of one label that share a `groupId` are one
 * object. Objects with less than `minVisible` of their area left, or under 1 pixel wide or high, are dropped
 * (the parts of a group weigh by the area of their boxes). Order: that of the shapes.
 */
export function cropBoxes(shapes: readonly AnnotatedShape[], crop: Crop, minVisible = 0.35): CroppedBox[] {
  const window = windowOf(crop);
  return objectsOf(shapes).flatMap(({ label, shapes: parts }) => {
    let all = 0;
    let seen = 0;
    const boxes: Box[] = [];
    for (const shape of parts) {
      const { share, box } = visiblePart(shape, window);
      all += boxArea(shape.box);
      if (!(share > 0)) continue;
      seen += share * boxArea(shape.box);
      boxes.push(boxToCrop(crop, box));
    }
    if (boxes.length === 0 || seen < minVisible * all) return [];
    const box = clipBox(unionOf(boxes), [0, 0, crop.size[1], crop.size[0]]);
    return box[2] - box[0] >= 1 && box[3] - box[1] >= 1 ? [{ label, box, shapes: parts }] : [];
  });
}

/** The label of pixels that count for nothing, in training and evaluation. */
export const UNLABELLED = 255;

/**
 * The semantic target of a crop, [height, width]: 0 for background, `classes.indexOf(label) + 1` inside a
 * shape. Polygons are moved and then filled by pixel centres, masks are read at the nearest pixel, and shapes
 * that only have a box fill it; later shapes cover earlier ones. Padding, and whatever of a shape is outside
 * the region, is background. Pixels that nobody labelled are 255, which the loss leaves out. Throws DataError for a
 * label that is not among the classes.
 */
export function cropLabels(
  shapes: readonly AnnotatedShape[],
  crop: Crop,
  classes: readonly string[],
  out = new Int32Array(crop.size[0] * crop.size[1]),
  unlabelled?: MaskPatch,
): Int32Array {
  const shown = boxToCrop(crop, windowOf(crop));
  out.fill(0);
  for (const shape of shapes) {
    const value = classes.indexOf(shape.label) + 1;
    if (value === 0) {
      throw new DataError(
        `cropLabels: label "${shape.label}" is not among the classes ${classes.join(', ')}; add it, or leave out its shapes`,
      );
    }
    paintShape(shape, crop, shown, value, out);
  }
  if (unlabelled) paintShape({ mask: unlabelled }, crop, shown, UNLABELLED, out);
  return out;
}

/** The mask of one object in a crop, [height, width]: 1 inside one of its shapes, painted as cropLabels does. */
export function cropMask(
  shapes: readonly AnnotatedShape[],
  crop: Crop,
  out = new Float32Array(crop.size[0] * crop.size[1]),
): Float32Array {
  const shown = boxToCrop(crop, windowOf(crop));
  for (const shape of shapes) paintShape(shape, crop, shown, 1, out);
  return out;
}

function paintShape(
  shape: Partial<Pick<AnnotatedShape, 'box' | 'points' | 'mask'>>,
  crop: Crop,
  shown: Box,
  value: number,
  out: Int32Array | Float32Array,
): void {
  const { mask } = shape;
  // The box that a file states may be smaller than the mask.
  const box = mask ? ([mask.x, mask.y, mask.x + mask.width, mask.y + mask.height] as const) : shape.box!;
  // The pixels whose centres are in both the box and the window.
  const [u1, v1, u2, v2] = clipBox(boxToCrop(crop, box), shown).map((side) => Math.ceil(side - 0.5));
  const [w, h] = [u2! - u1!, v2! - v1!];
  if (w <= 0 || h <= 0) return;
  const inside = insideTest(shape, crop, u1!, v1!, w, h);
  for (let v = 0, i = 0; v < h; v++) {
    for (let u = 0; u < w; u++, i++) {
      if (inside(i, u, v)) out[(v1! + v) * crop.size[1] + u1! + u] = value;
    }
  }
}

/** Whether pixel (u, v), the i-th, of the crop's part of w x h pixels at (u1, v1) belongs to the shape. */
function insideTest(
  { points, mask }: Partial<Pick<AnnotatedShape, 'points' | 'mask'>>,
  crop: Crop,
  u1: number,
  v1: number,
  w: number,
  h: number,
): (i: number, u: number, v: number) => boolean {
  if (points !== undefined) {
    const moved = points.map((point): Point => {
      const [u, v] = pointToCrop(crop, point);
      return [u - u1, v - v1];
    });
    const filled = rasterizePolygon(moved, w, h);
    return (i) => filled[i] !== 0;
  }
  if (mask === undefined) return () => true;
  const [a, b, c, d, e, f] = crop.toImage;
  return (_, u, v) => {
    const x = Math.floor(a * (u1 + u + 0.5) + b * (v1 + v + 0.5) + c) - mask.x;
    const y = Math.floor(d * (u1 + u + 0.5) + e * (v1 + v + 0.5) + f) - mask.y;
    return x >= 0 && y >= 0 && x < mask.width && y < mask.height && mask.data[y * mask.width + x] !== 0;
  };
}
