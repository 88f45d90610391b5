/**
 * COCO's results: a list of detections, each with image, category, score and box or mask, as pycocotools' `loadRes`
 * takes it.
 */
import { expectArguments } from '../../../arguments.ts';
import { DataError } from '../../../errors.ts';
import { expectOptions } from '../../../options.ts';
import type { Box } from '../../../vision/boxes.ts';
import type { AnnotatedShape, Annotation } from '../../annotation.ts';
import { jsonItems } from '../../jsonStream.ts';
import { objectsOf } from '../../objects.ts';
import { checkSchema } from '../checks.ts';
import type { DataFiles, DatasetClass, ReadOptions } from '../format.ts';
import { chunksOf } from '../json.ts';
import { cocoResult } from './schema.ts';
import { placeObject, shapesOf } from './shapes.ts';

const FIX = 'write the results again';

/** The images and classes that results refer to by number. */
export interface CocoReferences {
  /** Width and height of each image, by its id. */
  readonly images: ReadonlyMap<number, { readonly width: number; readonly height: number }>;
  /** The categories with their ids. */
  readonly classes: readonly DatasetClass[];
}

/** One detection in a results file. */
export interface CocoResult {
  /** The id of its image. */
  readonly imageId: number;
  /** The shapes, with `score`. A detection of several polygons has one shape for each, all of one group. */
  readonly shapes: AnnotatedShape[];
}

/**
 * Reads a results file one detection at a time, in the order of the file. Boxes may extend beyond the image, as those
 * of a detector do.
 *
 * @param options `encoding` of a file without a byte order mark, by its name in the Encoding Standard. Default UTF-8.
 * @throws DataError, one line with file, place and reason: for broken JSON with line and column; images and categories
 * that are not in `references`; a missing or infinite score; boxes without area; impossible polygons and masks.
 */
export async function* readCocoResults(
  files: DataFiles,
  file: string,
  references: CocoReferences,
  options: Pick<ReadOptions, 'encoding'> = {},
): AsyncGenerator<CocoResult> {
  expectArguments(
    'readCocoResults',
    { file, references },
    { file: 'text', references: { classes: ['object'] } },
  );
  expectOptions('readCocoResults', options, ['encoding']);
  const { images, classes } = references;
  const names = new Map(classes.map(({ id, name }, i) => [id ?? i + 1, name]));
  for await (const item of jsonItems(chunksOf(files, file, options.encoding), file, FIX)) {
    if (item.key !== '') {
      throw new DataError(`${file}: is not a list of results; give detections, not annotations`);
    }
    const where = `${file}: [${item.index}]`;
    const result = checkSchema(cocoResult, item.parse(), where, FIX);
    const size = images.get(result.image_id);
    const label = names.get(result.category_id);
    if (size === undefined || label === undefined) {
      const what = size === undefined ? `image_id ${result.image_id}` : `category_id ${result.category_id}`;
      throw new DataError(
        `${where}: ${what} is not in the annotations; use the annotations of the images that were predicted`,
      );
    }
    const facts = { label, score: result.score };
    const shapes = result.segmentation
      ? shapesOf(result, facts, 0, size, where)
      : [{ ...facts, box: anyBox(result.bbox, where), groupId: null }];
    yield { imageId: result.image_id, shapes };
  }
}

/** Checks a detector's box: only its size, since it may be anywhere. */
function anyBox(bbox: readonly [number, number, number, number] | null | undefined, where: string): Box {
  if (!bbox) throw new DataError(`${where}: has neither bbox nor segmentation; ${FIX}`);
  const [x, y, w, h] = bbox;
  if (!(w > 0 && h > 0)) {
    throw new DataError(`${where}: bbox [${bbox.join(', ')}] (x, y, width, height) has no area; ${FIX}`);
  }
  return [x, y, x + w, y + h];
}

/**
 * Formats a results file: one detection per line, nothing rounded. Shapes of one group are one detection.
 *
 * @param annotations The predictions: `id` is the image's number, and each shape has a `score`.
 * @throws DataError for an image without a number, a shape without a score, and a label that is not among the classes.
 */
export function formatCocoResults(
  annotations: readonly Annotation[],
  classes: readonly DatasetClass[],
): string {
  expectArguments(
    'formatCocoResults',
    { annotations, classes },
    { annotations: ['object'], classes: ['object'] },
  );
  const ids = new Map(classes.map(({ id, name }, i) => [name, id ?? i + 1]));
  const lines: string[] = [];
  for (const annotation of annotations) {
    if (annotation.id === undefined) {
      throw new DataError(
        `formatCocoResults: image ${annotation.imagePath ?? lines.length} has no id; give its annotation the id that COCO's file has`,
      );
    }
    for (const object of objectsOf(annotation.shapes)) {
      const category = ids.get(object.label);
      const { score } = object.shapes[0]!;
      if (category === undefined || score === undefined) {
        throw new DataError(
          `formatCocoResults: image ${annotation.id} has a detection of ${JSON.stringify(object.label)} with score ${score}; each needs a score, and a label among the classes (${[...ids.keys()].join(', ')})`,
        );
      }
      const { bbox, segmentation } = placeObject(object, annotation, (x) => x);
      lines.push(
        JSON.stringify({
          image_id: annotation.id,
          category_id: category,
          bbox,
          ...(segmentation ? { segmentation } : {}),
          score,
        }),
      );
    }
  }
  return `[\n${lines.join(',\n')}\n]\n`;
}
