import * as v from 'valibot';
import { DataError } from '../../errors.ts';
import type { Box, Point } from '../../vision/boxes.ts';
import { polygonArea } from '../polygon.ts';

/** How far outside of the image a corner may be, in pixels: programs round, and some count from 0, others from 1. */
export const OUTSIDE_TOLERANCE = 1;

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** A finite number: JSON allows 1e999, which is read as Infinity. */
export const finite = v.pipe(v.number('must be a number'), v.finite('must be a finite number'));
export const wholeNumber = v.pipe(v.number('must be a number'), v.integer('must be a whole number'));
export const text = v.string('must be a string');
export const filled = v.pipe(text, v.nonEmpty('must not be empty'));
export const pixels = v.pipe(
  v.number('must be a number'),
  v.integer('must be a whole number of pixels'),
  v.minValue(1, 'must be at least 1 pixel'),
);

/** Checks a value from a file against a schema. Throws a one-line DataError `<where>: <key> <problem>; <fix>`. */
export function checkSchema<S extends v.GenericSchema>(
  schema: S,
  value: unknown,
  where: string,
  fix: string,
): v.InferOutput<S> {
  const result = v.safeParse(schema, value, { abortEarly: true });
  if (result.success) return result.output;
  const issue = result.issues[0];
  const place = formatPath(issue.path ?? []);
  const problem = issue.received === 'undefined' ? 'is missing' : issue.message;
  throw new DataError(`${where}: ${place === '' ? '' : `${place} `}${problem}; ${fix}`);
}

/** `shapes[3].points[1]` */
export function formatPath(path: readonly { readonly key?: unknown }[]): string {
  return path
    .map(({ key }) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`))
    .join('')
    .replace(/^\./, '');
}

const show = (values: readonly number[]): string => values.map((x) => Number(x.toPrecision(7))).join(', ');

/**
 * Checks a box from a file, given as x1, y1, x2, y2. Throws DataError for coordinates that are not finite, x2 < x1 or
 * y2 < y1, a box without area, and one that is more than a pixel outside of the image.
 */
export function checkBox(box: Box, { width, height }: Size, where: string, fix: string): Box {
  const [x1, y1, x2, y2] = box;
  const fail = (problem: string): never => {
    throw new DataError(`${where}: the box [${show(box)}] (x1, y1, x2, y2) ${problem}; ${fix}`);
  };
  if (!box.every(Number.isFinite)) fail('is not finite');
  if (x2 < x1 || y2 < y1) fail('is inside out');
  if (x2 === x1 || y2 === y1) fail('has no area');
  const out = OUTSIDE_TOLERANCE;
  if (x1 < -out || y1 < -out || x2 > width + out || y2 > height + out || x1 >= width || y1 >= height) {
    fail(`is outside of the image of ${width}x${height}`);
  }
  if (x2 <= 0 || y2 <= 0) fail(`is outside of the image of ${width}x${height}`);
  return box;
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
 * edge. Throws DataError for an odd number of values, fewer than three points, values that are not finite, points
 * further out, and outlines without area.
 */
export function checkOutline(values: ArrayLike<number>, size: Size, where: string, fix: string): Point[] {
  const fail = (problem: string): never => {
    throw new DataError(`${where}: ${problem}; ${fix}`);
  };
  if (values.length % 2 !== 0)
    fail(`the polygon has ${values.length} values, which are not pairs of x and y`);
  if (values.length < 6) fail(`the polygon has ${values.length / 2} points; at least 3 are needed`);
  const points: Point[] = [];
  for (let i = 0; i < values.length; i += 2) {
    const [x, y] = [values[i]!, values[i + 1]!];
    if (!Number.isFinite(x) || !Number.isFinite(y))
      fail(`point ${i / 2} of the polygon is not finite (${x}, ${y})`);
    const out = OUTSIDE_TOLERANCE;
    if (x < -out || y < -out || x > size.width + out || y > size.height + out) {
      fail(
        `point ${i / 2} of the polygon (${show([x, y])}) is outside of the image of ${size.width}x${size.height}`,
      );
    }
    points.push([Math.min(size.width, Math.max(0, x)), Math.min(size.height, Math.max(0, y))]);
  }
  if (polygonArea(points) === 0) fail('the polygon has no area');
  return points;
}

/** Reads one object. With `onBad`, a DataError is passed to it and the object is left out; without, the error is thrown. */
export function readObject<T>(read: () => T, onBad: ((error: DataError) => void) | undefined): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof DataError) || onBad === undefined) throw error;
    onBad(error);
    return undefined;
  }
}
