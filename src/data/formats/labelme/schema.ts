import * as v from 'valibot';
import { DataError } from '../../../errors.ts';
import { parseJson } from '../../../json.ts';
import { checkSchema, filled, finite, pixels, text } from '../checks.ts';

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
    shapes: v.array(shape, 'must be a list'),
    imagePath: v.nullish(text, null),
    imageData: v.nullish(text, null),
    imageHeight: pixels,
    imageWidth: pixels,
  },
  'must be an object',
);

export type LabelmeShape = v.InferOutput<typeof shape>;

/** A Labelme file's content as it stands there, with what may be missing filled in. */
export type LabelmeDocument = v.InferOutput<typeof document>;

const SAVE_AGAIN = 'open the image with this file in Labelme and save it again';

/** The structure alone: keys and types. Throws a one-line DataError that names `file`, the place and the fix. */
export function readLabelmeStructure(json: string, file: string): LabelmeDocument {
  const value = parseJson(json, file, SAVE_AGAIN);
  if (typeof value !== 'object' || value === null || !('shapes' in value)) {
    throw new DataError(`${file}: not a Labelme file: it has no "shapes"; give the JSON that Labelme saved`);
  }
  return checkSchema(document, value, file, SAVE_AGAIN);
}
