/**
 * Labelme's JSON (https://github.com/wkentaro/labelme, versions 4 to 5), read and written. In it a circle is its centre
 * and a point on its edge, a rectangle is two opposite corners, and a mask is the first and the last pixel of a patch,
 * with the patch as a PNG.
 */
import { DataError } from '../../../errors.ts';
import type { Box, Point } from '../../../vision/boxes.ts';
import type { AnnotatedShape, Annotation, MaskPatch } from '../../annotation.ts';
import { flagsOf } from '../../objects.ts';
import { polygonArea, polygonBounds, traceContours } from '../../polygon.ts';
import { type LabelmeDocument, readLabelmeStructure } from './schema.ts';

export type { LabelmeDocument, LabelmeShape } from './schema.ts';

/** An image in rows of interleaved channels; their number is `data.length / (width * height)`. */
export interface DecodedPng {
  /** Pixels per row. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
  /** Channels [height, width, channels], interleaved. */
  readonly data: Uint8Array | Uint8ClampedArray;
}

/** Decodes a PNG: sharp does it in Node, createImageBitmap and a canvas in a browser. */
export type DecodePng = (bytes: Uint8Array) => Promise<DecodedPng>;

/** The shape types that have an area, and how many points each takes. */
const SHAPE_TYPES: ReadonlyMap<string, { accepts(count: number): boolean; takes: string }> = new Map([
  ['polygon', { accepts: (count: number) => count >= 3, takes: 'at least 3 points' }],
  // Two opposite corners; all four where a later version wrote it.
  ['rectangle', { accepts: (count: number) => count === 2 || count === 4, takes: '2 or 4 points' }],
  ['circle', { accepts: (count: number) => count === 2, takes: '2 points' }],
  ['mask', { accepts: (count: number) => count === 2, takes: '2 points' }],
]);

/** How far outside of the image a point may be, in pixels: a click on the border is stored as the far side of the pixel. */
const OUTSIDE_TOLERANCE = 1;
/** The largest distance in pixels between a circle and the polygon that replaces it. */
const CIRCLE_TOLERANCE = 0.25;
const CIRCLE_MIN_POINTS = 32;
const SCORE = /^score (\d+(?:\.\d+)?)$/;

const DRAW_AGAIN = 'draw the shape again or delete it in Labelme';

interface Geometry {
  readonly box: Box;
  readonly points?: Point[];
}

/**
 * Parses and checks a Labelme file, without decoding masks and the image.
 *
 * @param text The content of the file.
 * @param file The file's name, for messages.
 * @throws DataError, one line with file, place (`shapes[3].points[1]`) and fix: for broken JSON; missing or empty
 * `shapes`; keys that are missing or of the wrong type; image sizes that are not positive; shape types without an area
 * (line, linestrip, point) and unknown ones; too few or too many points for the type; points more than 1 pixel outside
 * of the image; shapes without an area.
 */
export function parseLabelme(text: string, file: string): LabelmeDocument {
  const document = readLabelmeStructure(text, file);
  if (document.shapes.length === 0) {
    throw new DataError(
      `${file}: shapes is empty: nothing is labelled; label the image, or leave the file out`,
    );
  }
  document.shapes.forEach((_, index) => {
    readGeometry(document, index, file);
  });
  return document;
}

/**
 * Converts a parsed Labelme file to an annotation.
 *
 * Points up to 1 pixel outside of the image are moved to its edge. A polygon keeps its points; a circle becomes a
 * polygon of at least 32 points, within 0.25 pixels of it and cut off at the image; a rectangle is a box alone, or also
 * a polygon if its four corners are rotated; a mask is cut to the pixels that are set. A description such as
 * `score 0.973`, which `formatLabelme` writes, is read as the score, and flags with the names of `ObjectFlags` as
 * those.
 *
 * @param options `decodePng` decodes shapes of type mask; not needed for others. Pixels whose first channel is not 0 are set.
 * @throws DataError as `parseLabelme`, and for a mask that is not base64 or not a PNG, differs in size from its
 * corners, or is empty.
 */
export async function toAnnotation(
  document: LabelmeDocument,
  file: string,
  options: { readonly decodePng?: DecodePng } = {},
): Promise<Annotation> {
  const shapes: AnnotatedShape[] = [];
  for (const [index, shape] of document.shapes.entries()) {
    const { box, points } = readGeometry(document, index, file);
    const annotated: AnnotatedShape = { label: shape.label, box, groupId: shape.group_id };
    if (points !== undefined) annotated.points = points;
    if (shape.shape_type === 'mask') {
      const mask = await readMask(document, index, file, options.decodePng);
      annotated.mask = mask;
      annotated.box = [mask.x, mask.y, mask.x + mask.width, mask.y + mask.height];
    }
    const score = SCORE.exec(shape.description)?.[1];
    if (score !== undefined) annotated.score = Number(score);
    shapes.push(Object.assign(annotated, flagsOf([shape.flags])));
  }
  const annotation: Annotation = { width: document.imageWidth, height: document.imageHeight, shapes };
  // Labelme on Windows writes backslashes, and reads both.
  if (document.imagePath) annotation.imagePath = document.imagePath.replaceAll('\\', '/');
  return annotation;
}

/** Returns the image file embedded in `imageData`, or undefined if there is none. Throws DataError if it is not base64. */
export function embeddedImage(document: LabelmeDocument, file: string): Uint8Array | undefined {
  if (document.imageData === null) return undefined;
  return decodeBase64(document.imageData, `${file}: imageData`);
}

function decodeBase64(text: string, place: string): Uint8Array {
  try {
    return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  } catch (cause) {
    throw new DataError(`${place} is not base64; save the file again with Labelme`, { cause });
  }
}

/** Reads the box and outline of one shape, within the image. For a mask: the box of its two corners. */
function readGeometry(document: LabelmeDocument, index: number, file: string): Geometry {
  const shape = document.shapes[index]!;
  const place = `${file}: shapes[${index}]`;
  const type = SHAPE_TYPES.get(shape.shape_type);
  if (type === undefined) {
    const supported = [...SHAPE_TYPES.keys()].join(', ');
    throw new DataError(
      `${place}.shape_type is ${JSON.stringify(shape.shape_type)}, not one of ${supported}; draw it as one of these, or delete it, in Labelme`,
    );
  }
  if (!type.accepts(shape.points.length)) {
    throw new DataError(
      `${place}.points: a ${shape.shape_type} takes ${type.takes}, got ${shape.points.length}; ${DRAW_AGAIN}`,
    );
  }
  if (shape.shape_type === 'mask' && !shape.mask) {
    throw new DataError(`${place}.mask is missing in a shape of type mask; ${DRAW_AGAIN}`);
  }
  const points = shape.points.map((point, i) => moveInside(point, document, `${place}.points[${i}]`));
  const geometry = outline(shape.shape_type, points, document);
  const [x1, y1, x2, y2] = geometry.box;
  const area = geometry.points === undefined ? (x2 - x1) * (y2 - y1) : polygonArea(geometry.points);
  if (area === 0) throw new DataError(`${place} (${shape.shape_type}) has no area; ${DRAW_AGAIN}`);
  return geometry;
}

function outline(type: string, points: Point[], document: LabelmeDocument): Geometry {
  const box = polygonBounds(points);
  if (type === 'rectangle') {
    const turned = points.some(([x, y]) => (x !== box[0] && x !== box[2]) || (y !== box[1] && y !== box[3]));
    return turned ? { box, points } : { box };
  }
  // The corners are pixels, and the last one is part of the mask.
  if (type === 'mask') return { box: [box[0], box[1], box[2] + 1, box[3] + 1] };
  if (type === 'polygon') return { box, points };
  const circle = circlePoints(points[0]!, points[1]!).map((point) => clampPoint(point, document));
  return { box: polygonBounds(circle), points: circle };
}

function circlePoints(centre: Point, edge: Point): Point[] {
  const radius = Math.hypot(edge[0] - centre[0], edge[1] - centre[1]);
  // A chord over the angle 2a is radius * (1 - cos a) away from its arc.
  const half = Math.acos(Math.max(0, 1 - CIRCLE_TOLERANCE / radius));
  const count = Math.max(CIRCLE_MIN_POINTS, Math.ceil(Math.PI / half));
  return Array.from({ length: count }, (_, i): Point => {
    const angle = (2 * Math.PI * i) / count;
    return [centre[0] + radius * Math.cos(angle), centre[1] + radius * Math.sin(angle)];
  });
}

function moveInside(point: Point, document: LabelmeDocument, place: string): Point {
  const inside = clampPoint(point, document);
  if (
    Math.abs(point[0] - inside[0]) > OUTSIDE_TOLERANCE ||
    Math.abs(point[1] - inside[1]) > OUTSIDE_TOLERANCE
  ) {
    throw new DataError(
      `${place} (${point.join(', ')}) is outside the image of ${document.imageWidth}x${document.imageHeight}; move it inside in Labelme`,
    );
  }
  return inside;
}

const clampPoint = ([x, y]: Point, { imageWidth, imageHeight }: LabelmeDocument): Point => [
  Math.min(imageWidth, Math.max(0, x)),
  Math.min(imageHeight, Math.max(0, y)),
];

async function readMask(
  document: LabelmeDocument,
  index: number,
  file: string,
  decodePng: DecodePng | undefined,
): Promise<MaskPatch> {
  const place = `${file}: shapes[${index}].mask`;
  if (decodePng === undefined) {
    throw new DataError(`${place} is a PNG, but no decoder was given; pass decodePng to toAnnotation`);
  }
  const shape = document.shapes[index]!;
  const bytes = decodeBase64(shape.mask ?? '', place);
  let image: DecodedPng;
  try {
    image = await decodePng(bytes);
  } catch (cause) {
    throw new DataError(`${place} is not a PNG that can be decoded; ${DRAW_AGAIN}`, { cause });
  }
  const corners = polygonBounds(shape.points);
  const [wantWidth, wantHeight] = [corners[2] - corners[0] + 1, corners[3] - corners[1] + 1];
  // One pixel of difference is Labelme's own, where corners that are not whole round apart.
  if (Math.abs(image.width - wantWidth) > 1 || Math.abs(image.height - wantHeight) > 1) {
    throw new DataError(
      `${place} has ${image.width}x${image.height} pixels, but its points give ${wantWidth}x${wantHeight}; ${DRAW_AGAIN}`,
    );
  }
  const patch = cutMask(image, Math.round(corners[0]), Math.round(corners[1]), document);
  if (patch === undefined) throw new DataError(`${place} has no pixel set in the image; ${DRAW_AGAIN}`);
  return patch;
}

/** Cuts a mask, whose first pixel is at (left, top), to the pixels that are set and in the image. */
function cutMask(
  image: DecodedPng,
  left: number,
  top: number,
  document: LabelmeDocument,
): MaskPatch | undefined {
  const channels = image.data.length / (image.width * image.height);
  const isSet = (x: number, y: number) => image.data[(y * image.width + x) * channels] !== 0;
  let [x1, y1, x2, y2] = [image.width, image.height, 0, 0];
  for (let y = Math.max(0, -top); y < Math.min(image.height, document.imageHeight - top); y++) {
    for (let x = Math.max(0, -left); x < Math.min(image.width, document.imageWidth - left); x++) {
      if (!isSet(x, y)) continue;
      x1 = Math.min(x1, x);
      y1 = Math.min(y1, y);
      x2 = Math.max(x2, x + 1);
      y2 = Math.max(y2, y + 1);
    }
  }
  if (x1 >= x2) return undefined;
  const [width, height] = [x2 - x1, y2 - y1];
  const data = new Uint8Array(width * height);
  for (let i = 0; i < data.length; i++) {
    if (isSet(x1 + (i % width), y1 + Math.floor(i / width))) data[i] = 1;
  }
  return { x: left + x1, y: top + y1, width, height, data };
}

/** Options of `formatLabelme`. */
export interface FormatLabelmeOptions {
  /** The path of the image relative to the folder of the file. Default: that of the annotation. */
  readonly imagePath?: string;
  /** The Labelme version to write for. */
  readonly version?: string;
  /** How far a mask's outline may be simplified, in pixels; 0 follows every pixel. Default 1. */
  readonly tolerance?: number;
  /**
   * Encodes a mask as a PNG in base64: shapes are then written as masks, which Labelme 5.3 and later open. Default:
   * polygons.
   */
  readonly png?: (mask: MaskPatch) => string | undefined;
}

/**
 * Formats a file that Labelme 5 opens.
 *
 * Shapes with points become polygons; those with a mask, the polygons around its parts; others, rectangles. A mask in
 * several parts becomes a group, so that Labelme counts it as one object. Holes are filled, since Labelme's polygons
 * have none; `png` keeps them. A score is written as the description `score 0.973`. Coordinates are rounded to a
 * thousandth of a pixel.
 *
 * @throws DataError without an image path, for coordinates that are not finite, and for masks without a pixel.
 */
export function formatLabelme(annotation: Annotation, options: FormatLabelmeOptions = {}): string {
  const { imagePath = annotation.imagePath, version = '5.1.1', tolerance = 1, png } = options;
  if (!imagePath) throw new DataError('formatLabelme: no image path; pass imagePath, which Labelme needs');
  let nextGroup = Math.max(0, ...annotation.shapes.map(({ groupId }) => (groupId ?? -1) + 1));
  const shapes = annotation.shapes.flatMap((shape, index) => {
    const mask = shape.points || !shape.mask ? undefined : png?.(shape.mask);
    const drawn = mask
      ? [drawMask(shape.mask!)]
      : drawShape(shape, `formatLabelme: shapes[${index}]`, tolerance);
    const groupId = drawn.length > 1 && shape.groupId === null ? nextGroup++ : shape.groupId;
    return drawn.map(([type, points]) => ({
      label: shape.label,
      points,
      group_id: groupId,
      description: shape.score === undefined ? '' : `score ${shape.score.toFixed(3)}`,
      shape_type: type,
      flags: flagsOf([shape]),
      ...(mask ? { mask } : {}),
    }));
  });
  const document = {
    version,
    flags: {},
    shapes,
    imagePath,
    imageData: null,
    imageHeight: annotation.height,
    imageWidth: annotation.width,
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

/** A mask from its first pixel to its last. */
const drawMask = ({ x, y, width, height }: MaskPatch): [type: 'mask', points: Point[]] => [
  'mask',
  [
    [x, y],
    [x + width - 1, y + height - 1],
  ],
];

function drawShape(
  shape: AnnotatedShape,
  place: string,
  tolerance: number,
): [type: 'polygon' | 'rectangle', points: Point[]][] {
  const tidy = (points: readonly Point[]) => points.map((point) => roundPoint(point, place));
  if (shape.points !== undefined) return [['polygon', tidy(shape.points)]];
  if (shape.mask === undefined) {
    const [x1, y1, x2, y2] = shape.box;
    const corners: Point[] = [
      [x1, y1],
      [x2, y2],
    ];
    return [['rectangle', tidy(corners)]];
  }
  const { x: left, y: top, width, height, data } = shape.mask;
  const outlines = traceContours(data, { width, height }, { tolerance });
  if (outlines.length === 0) {
    throw new DataError(`${place}: its mask has no pixel set; leave the shape out, or give it only a box`);
  }
  return outlines.map((points) => ['polygon', tidy(points.map(([x, y]): Point => [x + left, y + top]))]);
}

function roundPoint([x, y]: Point, place: string): Point {
  // JSON.stringify would write null, which Labelme cannot open.
  if (!Number.isFinite(x) || !Number.isFinite(y)) {
    throw new DataError(`${place}: point (${x}, ${y}) is not finite; leave the shape out`);
  }
  return [Math.round(x * 1000) / 1000, Math.round(y * 1000) / 1000];
}
