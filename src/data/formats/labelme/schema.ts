import * as v from 'valibot';
import { parseJson } from '../../../json.ts';
import type { Extra } from '../../annotation.ts';
import { BadData } from '../../faults.ts';
import { checkSchema, filled, finite, pixelsOrNone, text } from '../checks.ts';
import { extraOf, isRecord, otherFlags } from '../extra.ts';
import type { Reading } from '../reading.ts';

const point = v.strictTuple([finite, finite], 'must be a pair [x, y]');
// Not needed to use the shapes, so a file is not refused for them.
const flags = v.fallback(v.record(v.string(), v.boolean()), {});

const shape = v.object(
  {
    label: filled,
    points: v.array(point, 'must be a list of points'),
    // Labelme before 4.0 wrote polygons without a type.
    shape_type: v.optional(text, 'polygon'),
    group_id: v.nullish(v.pipe(v.number(), v.integer('must be a whole number or null')), null),
    description: v.fallback(v.nullish(v.string(), ''), ''),
    flags,
    mask: v.nullish(text, null),
  },
  'must be an object',
);

const document = v.object(
  {
    version: v.fallback(v.string(), ''),
    flags,
    // Each is checked by itself: one that is bad is no reason to leave out the others.
    shapes: v.array(v.unknown(), 'must be a list'),
    imagePath: v.nullish(text, null),
    imageData: v.nullish(text, null),
    imageHeight: pixelsOrNone,
    imageWidth: pixelsOrNone,
  },
  'must be an object',
);

/** One shape of a Labelme file: a label and points. Keys are Labelme's. */
export interface LabelmeShape {
  /** The class. */
  readonly label: string;
  /** Points (x, y) in pixels; how many, and what they mean, depends on the type. */
  readonly points: readonly (readonly [x: number, y: number])[];
  /** `polygon`, `rectangle`, `circle`, `mask` and so on. Default `polygon`, as Labelme before 4.0 wrote none. */
  readonly shape_type: string;
  /** Shapes with the same number are parts of one object; null for an object of one shape. */
  readonly group_id: number | null;
  /** A remark, or ''. */
  readonly description: string;
  /** Flags by name. */
  readonly flags: Readonly<Record<string, boolean>>;
  /** The pixels of a shape of type `mask`: a PNG in base64. */
  readonly mask: string | null;
}

/** The content of a Labelme file, with defaults for what is missing. Keys are Labelme's. */
export interface LabelmeDocument {
  /** The version of Labelme that wrote the file, or ''. */
  readonly version: string;
  /** Flags of the image by name. */
  readonly flags: Readonly<Record<string, boolean>>;
  /** The shapes, in the order of the file. */
  readonly shapes: readonly LabelmeShape[];
  /** The path of the image, relative to the file. */
  readonly imagePath: string | null;
  /** The image file in base64, where it is embedded. */
  readonly imageData: string | null;
  /** Height in pixels; 0 where the file has none. */
  readonly imageHeight: number;
  /** Width in pixels; 0 where the file has none. */
  readonly imageWidth: number;
}

const keysOf = ({ entries }: { readonly entries: object }): ReadonlySet<string> =>
  new Set(Object.keys(entries));
const DOCUMENT_KEYS = keysOf(document);
const SHAPE_KEYS = keysOf(shape);
const SCORE = /^score (\d+(?:\.\d+)?)$/;

/** The score that `formatLabelme` writes as the description of a shape. */
export function scoreOf({ description }: LabelmeShape): number | undefined {
  const score = SCORE.exec(description)?.[1];
  return score === undefined ? undefined : Number(score);
}

/** What a shape says beyond what is used: its description, flags of other names, and keys of other programs. */
export function shapeExtra(value: unknown, checked: LabelmeShape): { readonly extra?: Extra } {
  const flags = isRecord(value) ? value.flags : undefined;
  // Flags are read only where all are true or false.
  const read = isRecord(flags) && Object.values(flags).every((one) => typeof one === 'boolean');
  return extraOf('labelme', value, SHAPE_KEYS, {
    flags: otherFlags(flags, () => read),
    description: scoreOf(checked) === undefined ? checked.description : '',
  });
}

export const SAVE_AGAIN = 'open the image with this file in Labelme and save it again';

/** A document whose shapes are not checked. */
export type UncheckedDocument = Omit<LabelmeDocument, 'shapes'> & {
  readonly shapes: readonly unknown[];
  /** What the file says of the image beyond that. */
  readonly extra?: Extra;
};

/** Checks the structure alone: keys and types. Throws a one-line DataError that names `file`, the place and the fix. */
export function readLabelmeStructure(json: string, file: string): LabelmeDocument {
  const checked = readUnchecked(json, file);
  return { ...checked, shapes: checked.shapes.map((value, index) => checkShape(value, index, file)) };
}

/** As `readLabelmeStructure`, but for the shapes. With `reading` NaN and Infinity are faults of their own, and read as null. */
export function readUnchecked(json: string, file: string, reading?: Reading): UncheckedDocument {
  const parse = () => parseJson(json, file, 'restore the file from a copy, or label the image again');
  const value = reading ? reading.json(json, parse) : parse();
  if (typeof value !== 'object' || value === null || !('shapes' in value)) {
    throw new BadData(
      'structure',
      `${file}: not a Labelme file: it has no "shapes"; give the JSON that Labelme saved`,
    );
  }
  const checked = checkSchema(document, value, file, SAVE_AGAIN);
  if (!reading?.options.extras) return checked;
  const { flags } = value as { readonly flags?: unknown };
  return { ...checked, ...extraOf('labelme', value, DOCUMENT_KEYS, { flags: isRecord(flags) ? flags : {} }) };
}

/** Checks the keys and types of a shape. Throws DataError. */
export const checkShape = (value: unknown, index: number, file: string): LabelmeShape =>
  checkSchema(shape, value, file, SAVE_AGAIN, ['shapes', index]);

/** The coordinates of a shape, x and y in turns, as far as they are there; NaN for what is no number. */
export function coordinatesOf(value: unknown): number[] | undefined {
  const { points } = (value ?? {}) as { readonly points?: unknown };
  if (!Array.isArray(points)) return undefined;
  const pairs = points.filter((one): one is unknown[] => Array.isArray(one) && one.length === 2);
  return pairs.flat().map((one) => (typeof one === 'number' ? one : Number.NaN));
}
