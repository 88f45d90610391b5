import * as v from 'valibot';
import type { Extra } from '../../annotation.ts';
import { filled, finite, pixelsOrNone, text, wholeNumber } from '../checks.ts';

/** The parts of COCO's files that are used (https://cocodataset.org/#format-data). */

/** The way out where the file itself is bad. */
export const FIX_FILE = 'export it as COCO JSON again';

export const cocoImage = v.object(
  { id: wholeNumber, file_name: filled, width: pixelsOrNone, height: pixelsOrNone },
  'must be an object',
);

export const cocoCategory = v.object(
  { id: wholeNumber, name: filled, supercategory: v.fallback(v.nullish(text, ''), '') },
  'must be an object',
);

export const cocoRle = v.object(
  {
    size: v.strictTuple([wholeNumber, wholeNumber], 'must be [height, width]'),
    counts: v.union([v.string(), v.array(v.number())], 'must be a string or a list of run lengths'),
  },
  'must be a list of polygons, or an object with size and counts',
);

const polygons = v.array(v.array(v.number('must be a number'), 'must be a list of numbers'));
const segmentation = v.lazy((value) => (Array.isArray(value) ? polygons : cocoRle));
const bbox = v.strictTuple([finite, finite, finite, finite], 'must be [x, y, width, height]');

export const cocoAnnotation = v.object(
  {
    // Written by all, needed by none: some exports leave it out.
    id: v.nullish(wholeNumber),
    image_id: wholeNumber,
    category_id: wholeNumber,
    bbox: v.nullish(bbox),
    segmentation: v.nullish(segmentation),
    iscrowd: v.nullish(v.union([v.literal(0), v.literal(1), v.boolean()], 'must be 0 or 1'), 0),
    area: v.nullish(finite),
    // Of a prediction that was kept as an annotation.
    score: v.fallback(v.nullish(v.pipe(finite, v.minValue(0), v.maxValue(1))), null),
    // Where CVAT writes what VOC has flags for.
    attributes: v.fallback(v.nullish(v.record(v.string(), v.unknown()), {}), {}),
  },
  'must be an object',
);

export const cocoResult = v.object(
  {
    image_id: wholeNumber,
    category_id: wholeNumber,
    score: finite,
    bbox: v.nullish(bbox),
    segmentation: v.nullish(segmentation),
  },
  'must be an object',
);

export type CocoImage = v.InferOutput<typeof cocoImage> & { readonly extra?: Extra };
export type CocoCategory = v.InferOutput<typeof cocoCategory> & { readonly extra?: Extra };
export type CocoAnnotation = v.InferOutput<typeof cocoAnnotation>;
export type CocoSegmentation = NonNullable<CocoAnnotation['segmentation']>;
