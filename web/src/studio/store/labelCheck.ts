import type { ObjectFlags } from 'fovea/data';
import { rleDecode, rleEncode, rleFromString, rleToString } from 'fovea/vision';
import {
  type Box,
  type LabelClass,
  type LabelObject,
  type LabelShape,
  OBJECT_FLAGS,
  type Point,
} from '../project/model.ts';
import type { Check, Fields } from './check.ts';
import { asStoreError, StoreError } from './errors.ts';

/** How far from the picture's corner a position may be, in pixels. */
const FAR = 2 ** 24;
/** Pixels of the window of one mask, and of all masks of a picture, each of which takes a byte. */
const MASK_PIXELS = 2 ** 28;
const MASKS_PIXELS = 2 ** 30;
const OBJECTS = 1_000_000;
const VERTICES = 1_000_000;
const ID = 100;
const MOST = Number.MAX_SAFE_INTEGER;

const KINDS = ['box', 'polygon', 'point', 'mask'] as const;

/** An object as JSON: a mask has `counts`, the run lengths of its window as COCO's compressed string, instead of `data`. */
export function labelToJson({ shape, ...others }: LabelObject): unknown {
  if (shape.kind !== 'mask') return { ...others, shape };
  const { data, ...place } = shape;
  return { ...others, shape: { ...place, counts: rleToString(rleEncode(data, shape)) } };
}

/** How the pixels of a mask are given: as run lengths in files, as bytes in the database. */
type Pixels = (shape: Fields, width: number, height: number) => Uint8Array;

/** Run lengths as pixels, row by row. */
const decoded: Pixels = (shape, width, height) => {
  const { check, where } = shape;
  const text = shape.text('counts', 8 * MASK_PIXELS);
  try {
    return rleDecode(rleFromString(text, { width, height }, shape.at('counts')));
  } catch (error) {
    throw error instanceof RangeError
      ? asStoreError(error, check.did)
      : new StoreError('corrupt', check.did, error instanceof Error ? error.message : where, {
          cause: error,
        });
  }
};

/** Only that run lengths are right: pixels would need the memory of all masks of a project. */
const checked: Pixels = (shape, width, height) => {
  const { check } = shape;
  const text = shape.text('counts', 8 * MASK_PIXELS);
  try {
    rleFromString(text, { width, height }, shape.at('counts'));
  } catch (error) {
    throw new StoreError('corrupt', check.did, (error as Error).message, { cause: error });
  }
  return new Uint8Array();
};

const given: Pixels = (shape, width, height) => {
  const data = shape.get('data');
  if (data instanceof Uint8Array && data.length === width * height) return data;
  const size = data instanceof Uint8Array ? data.length : data;
  return shape.check.refuse(shape.at('data.length'), size, `${width * height}, that is ${width}x${height}`);
};

/**
 * Reads the labels of a picture from JSON.
 *
 * @param value What project.json has there.
 * @param classes The ids of the project's classes.
 * @param pixels `checked` reads masks and gives them without their pixels.
 * @throws StoreError ('corrupt') for whatever is not as in model.ts.
 */
export const labelsFromJson = (
  check: Check,
  value: unknown,
  where: string,
  classes: ReadonlySet<string>,
  pixels: 'checked' | 'decoded',
): LabelObject[] => readLabels(check, value, where, classes, pixels === 'checked' ? checked : decoded);

/** Checks labels as they are stored, whatever their classes. */
export const checkLabels = (check: Check, objects: readonly LabelObject[]): LabelObject[] =>
  readLabels(check, objects, 'objects', undefined, given);

function readLabels(
  check: Check,
  value: unknown,
  where: string,
  classes: ReadonlySet<string> | undefined,
  pixels: Pixels,
): LabelObject[] {
  const ids = new Set<string>();
  let left = MASKS_PIXELS;
  return check.list(value, where, OBJECTS).map((item, i) => {
    const object = check.record(item, `${where}[${i}]`);
    const id = object.text('id', ID, 1);
    if (ids.has(id)) check.refuse(object.at('id'), id, 'of one object only');
    ids.add(id);
    const classId = object.text('classId', ID, 1);
    if (classes && !classes.has(classId)) check.refuse(object.at('classId'), classId, 'one of the classes');
    const shape = readShape(check.record(object.get('shape'), object.at('shape')), pixels);
    if (shape.kind === 'mask') {
      left -= shape.width * shape.height;
      if (left < 0) {
        check.refuse(
          object.at('shape'),
          MASKS_PIXELS - left,
          `${MASKS_PIXELS} pixels of masks at most in a picture`,
        );
      }
    }
    return {
      ...{ id, classId, shape },
      ...(object.has('score') ? { score: object.number('score', 0, 1) } : {}),
      ...(object.has('group') ? { group: object.integer('group', -MOST, MOST) } : {}),
      ...(object.has('flags')
        ? { flags: readFlags(check.record(object.get('flags'), object.at('flags'))) }
        : {}),
    };
  });
}

function readShape(shape: Fields, pixels: Pixels): LabelShape {
  const { check } = shape;
  const kind = shape.oneOf('kind', KINDS);
  switch (kind) {
    case 'box':
      return { kind, box: readBox(check, shape.get('box'), shape.at('box')) };
    case 'polygon': {
      const points = shape.list('points', VERTICES);
      if (points.length < 3) check.refuse(shape.at('points.length'), points.length, '3 or more');
      return { kind, points: points.map((at, i) => readPoint(check, at, `${shape.at('points')}[${i}]`)) };
    }
    case 'point':
      return { kind, at: readPoint(check, shape.get('at'), shape.at('at')) };
    case 'mask': {
      const [x, y] = [shape.integer('x', -FAR, FAR), shape.integer('y', -FAR, FAR)];
      const [width, height] = [shape.integer('width', 1, FAR), shape.integer('height', 1, FAR)];
      if (width * height > MASK_PIXELS) {
        check.refuse(shape.where, `${width}x${height}`, `${MASK_PIXELS} pixels at most`);
      }
      return { kind, x, y, width, height, data: pixels(shape, width, height) };
    }
  }
}

const readFlags = (flags: Fields): ObjectFlags =>
  Object.fromEntries(OBJECT_FLAGS.filter((name) => flags.has(name)).map((name) => [name, flags.flag(name)]));

function readNumbers(check: Check, value: unknown, where: string, count: number): number[] {
  const list = check.list(value, where, count);
  if (list.length !== count) check.refuse(`${where}.length`, list.length, String(count));
  return list.map((item, i) => check.number(item, `${where}[${i}]`, -FAR, FAR));
}

function readPoint(check: Check, value: unknown, where: string): Point {
  const [x, y] = readNumbers(check, value, where, 2) as [number, number];
  return [x, y];
}

function readBox(check: Check, value: unknown, where: string): Box {
  const [x1, y1, x2, y2] = readNumbers(check, value, where, 4) as [number, number, number, number];
  if (!(x1 < x2 && y1 < y2)) check.refuse(where, value, '[x1, y1, x2, y2] with x1 < x2 and y1 < y2');
  return [x1, y1, x2, y2];
}

/** Reads the classes of a project: ids are there once, colours are `#rrggbb`, keys one character or none. */
export function readClasses(check: Check, value: unknown, where: string): LabelClass[] {
  const ids = new Set<string>();
  return check.list(value, where, 10_000).map((item, i) => {
    const of = check.record(item, `${where}[${i}]`);
    const id = of.text('id', ID, 1);
    if (ids.has(id)) check.refuse(of.at('id'), id, 'of one class only');
    ids.add(id);
    return {
      id,
      name: of.text('name', 1000),
      color: of.matching('color', /^#[0-9a-f]{6}$/i, '#rrggbb'),
      key: of.matching('key', /^\P{C}?$/u, 'one character or empty'),
    };
  });
}
