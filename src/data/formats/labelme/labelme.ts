/**
 * Labelme's JSON (https://github.com/wkentaro/labelme, versions 4 to 5), read and written. In it a circle is its centre
 * and a point on its edge, a rectangle is two opposite corners, and a mask is the first and the last pixel of a patch,
 * with the patch as a PNG.
 */

import { expectArguments } from '../../../arguments.ts';
import { decodeBase64 } from '../../../base64.ts';
import { DataError } from '../../../errors.ts';
import { expectOptions } from '../../../options.ts';
import type { Box, ImageSize, Point } from '../../../vision/boxes.ts';
import type { AnnotatedShape, Annotation, MaskPatch } from '../../annotation.ts';
import { BadData } from '../../faults.ts';
import { pngSize } from '../../indexedPng.ts';
import { compactPatch } from '../../maskRuns.ts';
import { flagsOf, separateIgnored } from '../../objects.ts';
import { polygonBounds } from '../../polygon.ts';
import { boxInside, checkBox, checkOutline } from '../checks.ts';
import type { DecodedPng, DecodePng } from '../format.ts';
import type { Reading } from '../reading.ts';
import {
  checkShape,
  coordinatesOf,
  type LabelmeDocument,
  type LabelmeShape,
  readLabelmeStructure,
  SAVE_AGAIN,
  scoreOf,
  shapeExtra,
  type UncheckedDocument,
} from './schema.ts';

export type { LabelmeDocument, LabelmeShape } from './schema.ts';

/** The shape types that have an area, and how many points each takes. */
const SHAPE_TYPES: ReadonlyMap<string, { accepts(count: number): boolean; takes: string }> = new Map([
  ['polygon', { accepts: (count: number) => count >= 3, takes: 'at least 3 points' }],
  // Two opposite corners; all four where a later version wrote it.
  ['rectangle', { accepts: (count: number) => count === 2 || count === 4, takes: '2 or 4 points' }],
  ['circle', { accepts: (count: number) => count === 2, takes: '2 points' }],
  ['mask', { accepts: (count: number) => count === 2, takes: '2 points' }],
]);

/** The largest distance in pixels between a circle and the polygon that replaces it. */
const CIRCLE_TOLERANCE = 0.25;
const CIRCLE_MIN_POINTS = 32;
const CIRCLE_MAX_POINTS = 4096;

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
 * @throws DataError, one line with file, place (`shapes[3].points[1]`) and fix: for broken JSON; missing `shapes`; keys that are
 * missing or of the wrong type; image sizes that are not positive; shape types without an area (line, linestrip, point) and
 * unknown ones; too few or too many points for the type; points more than 1 pixel outside of the image; shapes without an area.
 */
export function parseLabelme(text: string, file: string): LabelmeDocument {
  expectArguments('parseLabelme', { text, file }, { text: 'text', file: 'text' });
  const document = readLabelmeStructure(text, file);
  checkStated(document, file);
  const size = { width: document.imageWidth, height: document.imageHeight };
  document.shapes.forEach((shape, index) => {
    readGeometry(shape, size, `${file}: shapes[${index}]`);
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
 * those. Shapes with the label `__ignore__` become regions to ignore.
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
  expectOptions('toAnnotation', options, ['decodePng']);
  expectArguments('toAnnotation', { document, file }, { document: { shapes: ['object'] }, file: 'text' });
  checkStated(document, file);
  const { imageWidth: width, imageHeight: height } = document;
  return readShapes(document, file, { width, height }, options);
}

/** Throws DataError where a document does not state the size of its image. */
function checkStated({ imageWidth, imageHeight }: LabelmeDocument, file: string): void {
  const missing = imageHeight ? (imageWidth ? undefined : 'imageWidth') : 'imageHeight';
  if (missing === undefined) return;
  throw new BadData('structure', `${file}: ${missing} is 0 or missing; ${SAVE_AGAIN}`);
}

/** The options of `readShapes`. */
export interface ShapeOptions {
  readonly decodePng?: DecodePng | undefined;
  /** What happens to what is bad. Default: it is thrown. */
  readonly reading?: Reading;
}

/** Reads the shapes of a document into an annotation of this size. */
export async function readShapes(
  document: UncheckedDocument,
  file: string,
  size: ImageSize,
  { decodePng, reading }: ShapeOptions,
): Promise<Annotation> {
  const annotation: Annotation = { width: size.width, height: size.height, shapes: [] };
  if (document.extra) annotation.extra = document.extra;
  // Labelme on Windows writes backslashes, and reads both.
  if (document.imagePath) annotation.imagePath = document.imagePath.replaceAll('\\', '/');
  for (const [index, shape] of document.shapes.entries()) {
    const where = `${file}: shapes[${index}]`;
    const read = async () => {
      const checked = checkShape(shape, index, file);
      const annotated = await readShape(checked, size, where, decodePng, reading);
      return reading?.options.extras ? Object.assign(annotated, shapeExtra(shape, checked)) : annotated;
    };
    if (!reading) annotation.shapes.push(await read());
    else await reading.objectLater(annotation, where, read, () => coordinatesOf(shape));
  }
  separateIgnored(annotation);
  return annotation;
}

async function readShape(
  shape: LabelmeShape,
  size: ImageSize,
  place: string,
  decodePng: DecodePng | undefined,
  reading: Reading | undefined,
): Promise<AnnotatedShape> {
  const { box, points } = readGeometry(shape, size, place, reading);
  const annotated: AnnotatedShape = { label: shape.label, box, groupId: shape.group_id };
  if (points !== undefined) annotated.points = points;
  if (shape.shape_type === 'mask') {
    const mask = await readMask(shape, size, `${place}.mask`, decodePng);
    annotated.mask = mask;
    annotated.box = [mask.x, mask.y, mask.x + mask.width, mask.y + mask.height];
  }
  const score = scoreOf(shape);
  if (score !== undefined) annotated.score = score;
  return Object.assign(annotated, flagsOf([shape.flags]));
}

/** Returns the image file embedded in `imageData`, or undefined if there is none. Throws DataError if it is not base64. */
export function embeddedImage(
  document: Pick<LabelmeDocument, 'imageData'>,
  file: string,
): Uint8Array | undefined {
  expectArguments('embeddedImage', { document, file }, { document: 'object', file: 'text' });
  if (document.imageData === null) return undefined;
  return bytesOf(document.imageData, `${file}: imageData`);
}

function bytesOf(text: string, place: string): Uint8Array {
  try {
    return decodeBase64(text);
  } catch (cause) {
    throw new BadData('structure', `${place} is not base64; save the file again with Labelme`, { cause });
  }
}

/** Reads the box and outline of one shape, within the image. For a mask: the box of its two corners. */
function readGeometry(shape: LabelmeShape, size: ImageSize, place: string, reading?: Reading): Geometry {
  const type = SHAPE_TYPES.get(shape.shape_type);
  if (type === undefined) {
    const supported = [...SHAPE_TYPES.keys()].join(', ');
    throw new BadData(
      'unsupported shape',
      `${place}.shape_type is ${JSON.stringify(shape.shape_type)}, not one of ${supported}; draw it as one of these, or delete it, in Labelme`,
    );
  }
  if (!type.accepts(shape.points.length)) {
    throw new BadData(
      'structure',
      `${place}.points: a ${shape.shape_type} takes ${type.takes}, got ${shape.points.length}; ${DRAW_AGAIN}`,
    );
  }
  const outline = (points: readonly Point[]): Geometry => {
    const inside = checkOutline(points.flat(), size, place, DRAW_AGAIN, reading);
    return { box: polygonBounds(inside), points: inside };
  };
  const { points } = shape;
  if (shape.shape_type === 'polygon') return outline(points);
  if (shape.shape_type === 'circle') return outline(circlePoints(points[0]!, points[1]!, size, place));
  const box = polygonBounds(points);
  if (shape.shape_type === 'mask') {
    if (!shape.mask)
      throw new BadData('structure', `${place}.mask is missing in a shape of type mask; ${DRAW_AGAIN}`);
    // The corners are pixels, and the last one is part of the mask.
    return { box: checkBox([box[0], box[1], box[2] + 1, box[3] + 1], size, place, DRAW_AGAIN, reading) };
  }
  const turned = points.some(([x, y]) => (x !== box[0] && x !== box[2]) || (y !== box[1] && y !== box[3]));
  if (turned) return outline(points);
  return { box: boxInside(checkBox(box, size, place, DRAW_AGAIN, reading), size) };
}

/** A circle as a polygon, cut off at the image. */
function circlePoints(centre: Point, edge: Point, size: ImageSize, place: string): Point[] {
  const radius = Math.hypot(edge[0] - centre[0], edge[1] - centre[1]);
  if (radius === 0) throw new BadData('no area', `${place} (circle) has no area; ${DRAW_AGAIN}`);
  // A chord over the angle 2a is radius * (1 - cos a) away from its arc.
  const half = Math.acos(Math.max(0, 1 - CIRCLE_TOLERANCE / radius));
  const count = Math.min(CIRCLE_MAX_POINTS, Math.max(CIRCLE_MIN_POINTS, Math.ceil(Math.PI / half)));
  const circle = Array.from({ length: count }, (_, i): Point => {
    const angle = (2 * Math.PI * i) / count;
    return [centre[0] + radius * Math.cos(angle), centre[1] + radius * Math.sin(angle)];
  });
  // Its centre and the point on its edge were drawn in the image; the rest of it may be outside.
  const outside = [centre, edge].some((point) =>
    clampPoint(point, size).some((value, i) => Math.abs(value - point[i]!) > 1),
  );
  return outside ? circle : circle.map((point) => clampPoint(point, size));
}

const clampPoint = ([x, y]: Point, { width, height }: ImageSize): Point => [
  Math.min(width, Math.max(0, x)),
  Math.min(height, Math.max(0, y)),
];

async function readMask(
  shape: LabelmeShape,
  size: ImageSize,
  place: string,
  decodePng: DecodePng | undefined,
): Promise<MaskPatch> {
  if (decodePng === undefined) {
    throw new DataError(`${place} is a PNG, but no decoder was given; pass decodePng to toAnnotation`);
  }
  const bytes = bytesOf(shape.mask ?? '', place);
  const corners = polygonBounds(shape.points);
  const [wantWidth, wantHeight] = [corners[2] - corners[0] + 1, corners[3] - corners[1] + 1];
  // One pixel of difference is Labelme's own, where corners that are not whole round apart. The header is asked before anything
  // is unpacked.
  const checkMaskSize = ({ width, height }: ImageSize): void => {
    if (Math.abs(width - wantWidth) <= 1 && Math.abs(height - wantHeight) <= 1) return;
    throw new BadData(
      'structure',
      `${place} has ${width}x${height} pixels, but its points give ${wantWidth}x${wantHeight}; ${DRAW_AGAIN}`,
    );
  };
  const header = pngSize(bytes);
  if (header) checkMaskSize(header);
  let image: DecodedPng;
  try {
    image = await decodePng(bytes);
  } catch (cause) {
    throw new BadData('structure', `${place} is not a PNG that can be decoded; ${DRAW_AGAIN}`, { cause });
  }
  checkMaskSize(image);
  const cut = cutMask(image, Math.round(corners[0]), Math.round(corners[1]), size);
  const patch = cut && compactPatch(cut, size);
  if (patch === undefined)
    throw new BadData('no area', `${place} has no pixel set in the image; ${DRAW_AGAIN}`);
  return patch;
}

/** Cuts a mask, whose first pixel is at (left, top), to the pixels that are set and in the image. */
function cutMask(image: DecodedPng, left: number, top: number, size: ImageSize): MaskPatch | undefined {
  const channels = image.data.length / (image.width * image.height);
  const isSet = (x: number, y: number) => image.data[(y * image.width + x) * channels] !== 0;
  let [x1, y1, x2, y2] = [image.width, image.height, 0, 0];
  for (let y = Math.max(0, -top); y < Math.min(image.height, size.height - top); y++) {
    for (let x = Math.max(0, -left); x < Math.min(image.width, size.width - left); x++) {
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
