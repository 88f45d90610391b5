/** Training targets of a crop: boxes, label maps and masks. */
import { expectArguments } from '../arguments.ts';
import { DataError } from '../errors.ts';
import { withDefaults } from '../options.ts';
import type { Box, Point } from '../vision/boxes.ts';
import { boxArea, clipBox } from '../vision/boxes.ts';
import { corners, outlineBounds, polygonInBox } from '../vision/outline.ts';
import type { AnnotatedShape, Annotation, MaskPatch } from './annotation.ts';
import type { Crop } from './augment/crop.ts';
import { invert, isAxisAligned, mapOutline, mapPoint, showsRegion } from './augment/matrix.ts';
import { type Visible, viewOf, visibleIn } from './augment/visible.ts';
import { pixelsOf } from './maskRuns.ts';
import { objectsOf, unionOf } from './objects.ts';
import { rasterizePolygon } from './polygon.ts';

/** An object that is visible in a crop. */
export interface CroppedBox {
  /** The class of the object. */
  label: string;
  /** The box around its visible part, in pixels of the crop. */
  box: Box;
  /** All shapes of the object, in pixels of the image. */
  shapes: readonly AnnotatedShape[];
}

/** Maps a point of the image into the crop, where boxes of the one are boxes of the other. */
function pointAlong({ toImage: [a, b, c, d, e, f] }: Crop, [x, y]: Point): Point {
  return a === 0 ? [(y - f) / d, (x - c) / b] : [(x - c) / a, (y - f) / e];
}

function boxAlong(crop: Crop, [x1, y1, x2, y2]: Box): Box {
  const [ua, va] = pointAlong(crop, [x1, y1]);
  const [ub, vb] = pointAlong(crop, [x2, y2]);
  return [Math.min(ua, ub), Math.min(va, vb), Math.max(ua, ub), Math.max(va, vb)];
}

/** The part of the image that such a crop shows: its window, clipped to the region. */
function windowOf({ size: [h, w], toImage: [a, b, c, d, e, f], region }: Crop): Box {
  const [x, y] = [a * w + b * h + c, d * w + e * h + f];
  return clipBox([Math.min(c, x), Math.min(f, y), Math.max(c, x), Math.max(f, y)], region);
}

/** A function that finds what a crop shows of a shape: null for nothing. */
function looker(crop: Crop): (shape: Pick<AnnotatedShape, 'box' | 'points' | 'mask'>) => Visible | null {
  if (!isAxisAligned(crop.toImage) || crop.windows) {
    const view = viewOf(crop);
    return (shape) => visibleIn(view, shape);
  }
  const window = windowOf(crop);
  return (shape) => {
    const { share, box } = visiblePart(shape, window);
    return share > 0 ? { share, box: boxAlong(crop, box) } : null;
  };
}

/** The fraction of a shape's area in the window, and the tight box around that part in the image. */
function visiblePart(
  shape: Pick<AnnotatedShape, 'box' | 'points' | 'mask'>,
  window: Box,
): { share: number; box: Box } {
  const clipped = clipBox(shape.box, window);
  const boxShare = boxArea(clipped) / boxArea(shape.box);
  // Most shapes are completely inside or outside, which needs no closer look.
  if (!(boxShare > 0) || boxShare === 1) return { share: boxShare, box: clipped };
  if (shape.points !== undefined) {
    const part = polygonInBox(shape.points, window) ?? { share: 0, box: clipped };
    return Number.isFinite(part.share) ? part : { share: boxShare, box: clipped };
  }
  return shape.mask === undefined ? { share: boxShare, box: clipped } : maskInBox(shape.mask, window);
}

function maskInBox(mask: MaskPatch, window: Box): { share: number; box: Box } {
  const data = pixelsOf(mask);
  let all = 0;
  let inside = 0;
  const box: [number, number, number, number] = [Infinity, Infinity, -Infinity, -Infinity];
  for (let j = 0, i = 0; j < mask.height; j++) {
    const y = mask.y + j;
    const rowInside = y + 0.5 >= window[1] && y + 0.5 < window[3];
    for (let k = 0; k < mask.width; k++, i++) {
      if (data[i] === 0) continue;
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

/** Options of `cropBoxes`. */
export interface CropBoxesOptions {
  /** Leaves out objects of which a smaller fraction of the area is visible, 0..1. Default 0.35. */
  readonly minVisible?: number;
}

/** The objects that a crop shows, and the boxes of those that it shows too little of to be taught. */
export function sortObjects(
  shapes: readonly AnnotatedShape[],
  crop: Crop,
  options: CropBoxesOptions = {},
): { found: CroppedBox[]; leftOut: Box[] } {
  const { minVisible } = withDefaults('cropBoxes', options, { minVisible: 0.35 });
  const look = looker(crop);
  const found: CroppedBox[] = [];
  const leftOut: Box[] = [];
  for (const { label, shapes: parts } of objectsOf(shapes)) {
    let all = 0;
    let seen = 0;
    const boxes: Box[] = [];
    for (const shape of parts) {
      const visible = look(shape);
      all += boxArea(shape.box);
      if (!(visible && visible.share > 0)) continue;
      seen += visible.share * boxArea(shape.box);
      boxes.push(visible.box);
    }
    if (boxes.length === 0) continue;
    const box = clipBox(unionOf(boxes), [0, 0, crop.size[1], crop.size[0]]);
    if (seen >= minVisible * all && box[2] - box[0] >= 1 && box[3] - box[1] >= 1) {
      found.push({ label, box, shapes: parts });
    } else if (boxArea(box) > 0) leftOut.push(box);
  }
  return { found, leftOut };
}

/**
 * Computes the boxes of the objects that a crop shows.
 *
 * A shape that is cut off by the crop (or its region) gets the box around the remaining part, of its outline or mask if it
 * has one. Shapes with the same label and `groupId` are one object. Objects are left out if less than `minVisible` of their
 * area remains (the parts of a group are weighted by the areas of their boxes), or if they are less than 1 pixel wide or high:
 * they are no background either, see `cropIgnored`.
 *
 * @param shapes The shapes of the image's annotation.
 * @param crop Where the crop is; see `sampleCrop`.
 * @param options `minVisible`: the smallest visible fraction. Default 0.35.
 * @returns The objects, in the order of their first shapes.
 * @throws UsageError for unknown options.
 */
export const cropBoxes = (
  shapes: readonly AnnotatedShape[],
  crop: Crop,
  options: CropBoxesOptions = {},
): CroppedBox[] => {
  expectArguments(
    'cropBoxes',
    { shapes, crop },
    { shapes: [{ label: 'text', box: 'box' }], crop: { size: 'pair', region: 'box', toImage: 'values' } },
  );
  return sortObjects(shapes, crop, options).found;
};

/**
 * Computes the boxes that are neither object nor background in a crop: of regions to ignore, and of the objects that `cropBoxes`
 * leaves out.
 *
 * @param annotation The regions of the image, and its shapes. Default: none.
 * @param crop Where the crop is; see `sampleCrop`.
 * @param options As of `cropBoxes`.
 * @returns (x1, y1, x2, y2) in pixels of the crop, cut off at the crop and its region: regions first.
 * @throws UsageError for unknown options.
 */
export function cropIgnored(
  annotation: Partial<Pick<Annotation, 'ignored' | 'shapes'>>,
  crop: Crop,
  options: CropBoxesOptions = {},
): Box[] {
  expectArguments(
    'cropIgnored',
    { annotation, crop },
    { annotation: 'object', crop: { size: 'pair', region: 'box', toImage: 'values' } },
  );
  const { ignored = [], shapes = [] } = annotation;
  const look = looker(crop);
  const regions = ignored.flatMap(({ box }) => {
    const visible = look({ box });
    return visible ? [clipBox(visible.box, [0, 0, crop.size[1], crop.size[0]])] : [];
  });
  return [...regions, ...sortObjects(shapes, crop, options).leftOut];
}

/** The label of pixels that losses and metrics ignore, as torchvision's segmentation references have it. */
export const IGNORE_INDEX = 255;

/**
 * Computes the label map of a crop, the target of semantic segmentation.
 *
 * Outlines are filled by pixel centres, masks are read at the nearest pixel, and shapes with only a box fill it; later
 * shapes cover earlier ones. Padding, and any part of a shape outside of the region, is background. Pixels that are
 * `unlabelled` in the annotation are `IGNORE_INDEX`, and so are those of regions to ignore that no shape covers.
 *
 * @param annotation The shapes of the image, and its unlabelled pixels.
 * @param crop Where the crop is; see `sampleCrop`.
 * @param classNames The classes, in the order of their labels.
 * @param out Receives the labels. Default: a new array.
 * @returns Labels [height * width]: 0 for background, `classNames.indexOf(label) + 1` inside a shape.
 * @throws DataError for a label that is not among the classes.
 */
export function cropLabels(
  annotation: Pick<Annotation, 'shapes' | 'unlabelled' | 'ignored'>,
  crop: Crop,
  classNames: readonly string[],
  out?: Int32Array,
): Int32Array {
  expectArguments(
    'cropLabels',
    { annotation, crop, classNames },
    {
      annotation: { shapes: [{ label: 'text', box: 'box' }] },
      crop: { size: 'pair', region: 'box', toImage: 'values' },
      classNames: ['text'],
    },
  );
  const own = out ?? new Int32Array(crop.size[0] * crop.size[1]);
  own.fill(0);
  paintLabels(annotation, crop, classNames, own);
  return own;
}

/** Paints the labels of a crop, on background. */
export function paintLabels(
  { shapes, unlabelled, ignored = [] }: Pick<Annotation, 'shapes' | 'unlabelled' | 'ignored'>,
  crop: Crop,
  classNames: readonly string[],
  own: Int32Array,
): void {
  const canvas = canvasOf(crop);
  for (const region of ignored) paintShape(region, canvas, IGNORE_INDEX, own);
  for (const shape of shapes) {
    const value = classNames.indexOf(shape.label) + 1;
    if (value === 0) {
      throw new DataError(
        `cropLabels: label "${shape.label}" is not among the classes ${classNames.join(', ')}; add it, or leave out its shapes`,
      );
    }
    paintShape(shape, canvas, value, own);
  }
  if (unlabelled) paintShape({ mask: unlabelled }, canvas, IGNORE_INDEX, own);
}

/** Paints the regions of a crop: see `DetectBatch.semantic`. Objects are in front of regions, whatever their order. */
export function paintRegions(
  { shapes, unlabelled, ignored = [] }: Pick<Annotation, 'shapes' | 'unlabelled' | 'ignored'>,
  crop: Crop,
  stuff: readonly string[],
  own: Int32Array,
): void {
  const canvas = canvasOf(crop);
  const regionOf = ({ label }: AnnotatedShape): number => stuff.indexOf(label) + 1;
  for (const shape of shapes) if (regionOf(shape) > 0) paintShape(shape, canvas, regionOf(shape), own);
  for (const region of ignored) paintShape(region, canvas, IGNORE_INDEX, own);
  for (const shape of shapes) if (regionOf(shape) === 0) paintShape(shape, canvas, 0, own);
  if (unlabelled) paintShape({ mask: unlabelled }, canvas, IGNORE_INDEX, own);
}

/**
 * Computes the mask of one object in a crop, painted as by `cropLabels`.
 *
 * @param shapes The shapes of the object; see `objectsOf`.
 * @param crop Where the crop is; see `sampleCrop`.
 * @param out Receives the mask, and must be 0 before. Default: a new array.
 * @returns 1 inside one of the shapes, else 0 [height * width].
 */
export function cropMask(shapes: readonly AnnotatedShape[], crop: Crop, out?: Float32Array): Float32Array {
  expectArguments(
    'cropMask',
    { shapes, crop },
    { shapes: [{ label: 'text', box: 'box' }], crop: { size: 'pair', region: 'box', toImage: 'values' } },
  );
  const own = out ?? new Float32Array(crop.size[0] * crop.size[1]);
  const canvas = canvasOf(crop);
  for (const shape of shapes) paintShape(shape, canvas, 1, own);
  return own;
}

/** Where the pixels of a crop that show the image are, and what maps shapes into it. */
interface Canvas {
  readonly crop: Crop;
  /** Boxes around them. */
  readonly windows: readonly Box[];
  toCrop(outline: readonly Point[]): readonly Point[];
  /** Whether the centre of a pixel in the boxes shows the region. Undefined where all do. */
  readonly isShown?: (u: number, v: number) => boolean;
}

function canvasOf(crop: Crop): Canvas {
  const whole: Box = [0, 0, crop.size[1], crop.size[0]];
  const { windows = [whole] } = crop;
  if (isAxisAligned(crop.toImage)) {
    const shown = boxAlong(crop, windowOf(crop));
    return {
      crop,
      windows: windows.map((window) => clipBox(shown, window)),
      toCrop: (outline) => outline.map((point) => pointAlong(crop, point)),
    };
  }
  const toCrop = invert(crop.toImage);
  const inRegion = showsRegion(crop);
  const full = corners(whole).every(([u, v]) => inRegion(u, v));
  return {
    crop,
    windows,
    toCrop: (outline) => mapOutline(toCrop, outline),
    ...(full ? {} : { isShown: (u, v) => inRegion(u + 0.5, v + 0.5) }),
  };
}

function paintShape(
  shape: Partial<Pick<AnnotatedShape, 'box' | 'points' | 'mask'>>,
  canvas: Canvas,
  value: number,
  out: Int32Array | Float32Array,
): void {
  const { mask, points } = shape;
  const { crop, isShown } = canvas;
  // The box that a file states may be smaller than the mask.
  const box = mask ? ([mask.x, mask.y, mask.x + mask.width, mask.y + mask.height] as const) : shape.box!;
  const boxInCrop = canvas.toCrop(corners(box));
  if (boxInCrop.length === 0) return;
  const bounds = outlineBounds(boxInCrop);
  // A box that is turned is an outline.
  const outline = points ?? (mask || isAxisAligned(crop.toImage) ? undefined : corners(box));
  for (const window of canvas.windows) {
    // The pixels whose centres are in both the box and the window.
    const [u1, v1, u2, v2] = clipBox(bounds, window).map((side) => Math.ceil(side - 0.5));
    const [w, h] = [u2! - u1!, v2! - v1!];
    if (w <= 0 || h <= 0) continue;
    const inside = insideTest({ points: outline, mask }, canvas, u1!, v1!, w, h);
    for (let v = 0, i = 0; v < h; v++) {
      for (let u = 0; u < w; u++, i++) {
        if (!inside(i, u, v) || (isShown && !isShown(u1! + u, v1! + v))) continue;
        out[(v1! + v) * crop.size[1] + u1! + u] = value;
      }
    }
  }
}

/** Tells whether pixel (u, v), the i-th, of the crop's window of w x h pixels at (u1, v1) belongs to the shape. */
function insideTest(
  { points, mask }: { readonly points?: readonly Point[]; readonly mask?: MaskPatch },
  { crop, toCrop }: Canvas,
  u1: number,
  v1: number,
  w: number,
  h: number,
): (i: number, u: number, v: number) => boolean {
  if (points !== undefined) {
    const moved = toCrop(points).map(([u, v]): Point => [u - u1, v - v1]);
    const filled = rasterizePolygon(moved, { width: w, height: h });
    return (i) => filled[i] !== 0;
  }
  if (mask === undefined) return () => true;
  const data = pixelsOf(mask);
  const back = crop.toImage;
  return (_, u, v) => {
    const [px, py] = mapPoint(back, [u1 + u + 0.5, v1 + v + 0.5]);
    const x = Math.floor(px) - mask.x;
    const y = Math.floor(py) - mask.y;
    return x >= 0 && y >= 0 && x < mask.width && y < mask.height && data[y * mask.width + x] !== 0;
  };
}
