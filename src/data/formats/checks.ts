import * as v from 'valibot';
import type { Box, Point } from '../../vision/boxes.ts';
import { clipPolygon, hasArea } from '../../vision/outline.ts';
import { BadData, type FaultKind } from '../faults.ts';
import type { Reading } from './reading.ts';

/** How far outside of the image a corner may be, in pixels: programs round, and some count from 0, others from 1. */
export const OUTSIDE_TOLERANCE = 1;

export interface Size {
  readonly width: number;
  readonly height: number;
}

/**
 * The largest coordinate of an outline or a box, in pixels. Where a line from further out crosses the border cannot be computed to a
 * part of a pixel, and areas overflow.
 */
const FARTHEST = 1e9;

/** The number that a text is in decimal notation; NaN for others, which JavaScript may read (`0x1`, an empty text). */
export const decimal = (text: string | undefined): number =>
  text !== undefined && /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?$/i.test(text)
    ? Number(text)
    : Number.NaN;

/** The way out for what is outside of the image. */
const CUT = 'cut it at the border (--clip)';

/** A finite number: JSON allows 1e999, which is read as Infinity. */
export const finite = v.pipe(v.number('must be a number'), v.finite('must be a finite number'));
export const wholeNumber = v.pipe(v.number('must be a number'), v.integer('must be a whole number'));
export const text = v.string('must be a string');
export const filled = v.pipe(text, v.nonEmpty('must not be empty'));
/** A side of an image; 0 where the file has 0 or nothing. */
export const pixelsOrNone = v.nullish(
  v.pipe(
    v.number('must be a number'),
    v.integer('must be a whole number of pixels'),
    v.minValue(0, 'must be at least 1 pixel'),
  ),
  0,
);

/**
 * Checks a value from a file against a schema. Throws a one-line DataError `<where>: <key> <problem>; <fix>`.
 *
 * @param at Where in the file the value is, as a path of keys.
 */
export function checkSchema<S extends v.GenericSchema>(
  schema: S,
  value: unknown,
  where: string,
  fix: string,
  at: readonly (string | number)[] = [],
): v.InferOutput<S> {
  const result = v.safeParse(schema, value, { abortEarly: true });
  if (result.success) return result.output;
  const issue = result.issues[0];
  const place = formatPath([...at.map((key) => ({ key })), ...(issue.path ?? [])]);
  const problem = issue.received === 'undefined' ? 'is missing' : issue.message;
  throw new BadData('structure', `${where}: ${place === '' ? '' : `${place} `}${problem}; ${fix}`);
}

/** `shapes[3].points[1]` */
export function formatPath(path: readonly { readonly key?: unknown }[]): string {
  return path
    .map(({ key }) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`))
    .join('')
    .replace(/^\./, '');
}

const show = (values: readonly number[]): string => values.map((x) => Number(x.toPrecision(7))).join(', ');

const isFar = (value: number): boolean => Math.abs(value) > FARTHEST;

const isOutside = ([x, y]: Point, { width, height }: Size): boolean =>
  x < -OUTSIDE_TOLERANCE ||
  y < -OUTSIDE_TOLERANCE ||
  x > width + OUTSIDE_TOLERANCE ||
  y > height + OUTSIDE_TOLERANCE;

/**
 * Checks a box from a file, given as x1, y1, x2, y2. With `clip` it is cut at the border of the image, and noted. Throws DataError for
 * coordinates that are not finite or over 1e9, x2 < x1 or y2 < y1, a box without area, one that is completely outside of the image, and
 * without `clip` one that is more than a pixel outside.
 */
export function checkBox(box: Box, size: Size, where: string, fix: string, reading?: Reading): Box {
  const [x1, y1, x2, y2] = box;
  const fail = (kind: FaultKind, problem: string, way = fix): never => {
    throw new BadData(kind, `${where}: the box [${show(box)}] (x1, y1, x2, y2) ${problem}; ${way}`);
  };
  const outside = `is outside of the image of ${size.width}x${size.height}`;
  if (!box.every(Number.isFinite)) fail('not a number', 'is not finite');
  if (box.some(isFar)) fail('outside of the image', `${outside}, by more than can be cut`);
  if (x2 < x1 || y2 < y1) fail('inside out', 'is inside out');
  if (x2 === x1 || y2 === y1) fail('no area', 'has no area');
  if (x1 >= size.width || y1 >= size.height || x2 <= 0 || y2 <= 0) fail('outside of the image', outside);
  if (!isOutside([x1, y1], size) && !isOutside([x2, y2], size)) return box;
  if (!reading?.options.clip) fail('outside of the image', outside, `${CUT}, or ${fix}`);
  reading?.note('clipped at the border', `${where}: the box [${show(box)}] was cut at the border`);
  return boxInside(box, size);
}

/** The part of a box inside the image. */
export const boxInside = ([x1, y1, x2, y2]: Box, { width, height }: Size): Box => [
  Math.max(0, x1),
  Math.max(0, y1),
  Math.min(width, x2),
  Math.min(height, y2),
];

/**
 * Checks an outline from a file, given as x and y in turns. Points up to a pixel outside of the image are moved to its
 * edge; with `clip` the outline is cut at the border, and noted. Throws DataError for an odd number of values, fewer than three
 * points, values that are not finite or over 1e9, outlines without area or completely outside of the image, and without `clip` points further out.
 */
export function checkOutline(
  values: ArrayLike<number>,
  size: Size,
  where: string,
  fix: string,
  reading?: Reading,
): Point[] {
  const fail = (kind: FaultKind, problem: string, way = fix): never => {
    throw new BadData(kind, `${where}: ${problem}; ${way}`);
  };
  if (values.length % 2 !== 0)
    fail('structure', `the polygon has ${values.length} values, which are not pairs of x and y`);
  if (values.length < 6)
    fail('structure', `the polygon has ${values.length / 2} points; at least 3 are needed`);
  const points: Point[] = [];
  let outside = -1;
  for (let i = 0; i < values.length; i += 2) {
    const point: Point = [values[i]!, values[i + 1]!];
    if (!point.every(Number.isFinite)) {
      fail('not a number', `point ${i / 2} of the polygon is not finite (${point.join(', ')})`);
    }
    if (point.some(isFar)) {
      const where = `point ${i / 2} of the polygon (${show(point)}) is outside of the image`;
      fail('outside of the image', `${where} of ${size.width}x${size.height}, by more than can be cut`);
    }
    if (outside < 0 && isOutside(point, size)) outside = i / 2;
    points.push(point);
  }
  if (outside < 0) {
    const moved = points.map(
      ([x, y]): Point => [Math.min(size.width, Math.max(0, x)), Math.min(size.height, Math.max(0, y))],
    );
    if (!hasArea(moved)) fail('no area', 'the polygon has no area');
    return moved;
  }
  if (!hasArea(points)) fail('no area', 'the polygon has no area');
  const problem = `point ${outside} of the polygon (${show(points[outside]!)}) is outside of the image of ${size.width}x${size.height}`;
  if (!reading?.options.clip) fail('outside of the image', problem, `${CUT}, or ${fix}`);
  const clipped = clipPolygon(points, [0, 0, size.width, size.height]);
  if (clipped.length < 3 || !hasArea(clipped)) {
    fail('outside of the image', `the polygon is outside of the image of ${size.width}x${size.height}`);
  }
  reading?.note('clipped at the border', `${where}: the polygon was cut at the border`);
  return clipped;
}
