/** Keypoints of labelled images: of Labelme's points, and of COCO's annotations. */
import { expectArguments } from '../arguments.ts';
import { DataError, UsageError } from '../errors.ts';
import type { Box } from '../vision/boxes.ts';
import type { Annotation } from './annotation.ts';
import type { Keypoint } from './augment/points.ts';
import { BadData } from './faults.ts';
import { checkShape, readUnchecked } from './formats/labelme/schema.ts';
import type { FloatImage } from './image.ts';
import { objectsOf } from './objects.ts';

/** An image and its keypoints, as the regression of points takes them. */
export interface PointsSample {
  /** The name used in messages: usually that of the file. */
  readonly name: string;
  /** The image. */
  readonly image: FloatImage;
  /** The keypoints in pixels of the image, in the same order in all samples. */
  readonly points: readonly Keypoint[];
  /** Only this part of the image is used, such as the box of one object. Default: the whole image. */
  readonly region?: Box;
}

/** An object with its keypoints. */
export interface ObjectKeypoints {
  /** The class of the object. */
  readonly label: string;
  /** The box of the object in pixels. */
  readonly box: Box;
  /** Its keypoints in pixels, in the order of the category's names. */
  readonly points: readonly Keypoint[];
}

/** Throws UsageError for names of points that are none, or not different. */
export function checkPointNames(call: string, names: readonly string[]): void {
  expectArguments(call, { pointNames: names }, { pointNames: ['text'] });
  if (names.length === 0) throw new UsageError(`${call}: pointNames is empty; give one name per point`);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice === undefined) return;
  throw new UsageError(`${call}: pointNames has "${twice}" twice; give each point a name of its own`);
}

/**
 * Reads the points of a Labelme file: shapes of type `point`, whose label is the name of the point. Other shapes are passed over.
 *
 * @param text The content of the file.
 * @param file The file's name, for messages.
 * @param pointNames The names of the points, in the order in which they are returned.
 * @returns One keypoint per name in pixels, with visibility 2; 1 for one with the flag `occluded`. One that is not labelled is [0, 0, 0].
 * @throws DataError for a file that is not Labelme's, has no points, has a name twice, or one that is not in `pointNames`; UsageError for
 * no names, or one that is given twice.
 */
export function labelmePoints(text: string, file: string, pointNames: readonly string[]): Keypoint[] {
  expectArguments('labelmePoints', { text, file }, { text: 'text', file: 'text' });
  checkPointNames('labelmePoints', pointNames);
  const points = pointNames.map((): Keypoint => [0, 0, 0]);
  const places = new Map<string, string>();
  for (const [index, value] of readUnchecked(text, file).shapes.entries()) {
    const shape = checkShape(value, index, file);
    if (shape.shape_type !== 'point') continue;
    const where = `${file}: shapes[${index}]`;
    const [point] = shape.points;
    if (!point || shape.points.length > 1) {
      throw new BadData(
        'structure',
        `${where}: a point has ${shape.points.length} points, not 1; draw it again or delete it in Labelme`,
      );
    }
    const at = pointNames.indexOf(shape.label);
    if (at < 0) {
      throw new BadData(
        'unknown class',
        `${where}: label "${shape.label}" is not among the points (${pointNames.join(', ')}); add the name, or delete the point in Labelme`,
      );
    }
    const first = places.get(shape.label);
    if (first !== undefined) {
      throw new BadData(
        'duplicate',
        `${where}: there is a second "${shape.label}", after ${first}; delete one of them in Labelme`,
      );
    }
    places.set(shape.label, `shapes[${index}]`);
    points[at] = [point[0], point[1], shape.flags.occluded ? 1 : 2];
  }
  if (places.size > 0) return points;
  throw new DataError(
    `${file}: there are no points; label ${pointNames.join(', ')} as points in Labelme, or leave out the image`,
  );
}

/**
 * Lists the objects of a COCO image that have keypoints, with them. Coordinates are those of the file: COCO's own data sets number pixels, whose
 * centres are half a pixel further.
 *
 * @param annotation The annotation of an image, as a data set of the format COCO reads it with `extras: true`; without them there are no
 * keypoints.
 * @returns The objects in the order of the file. Those without keypoints, or with `num_keypoints` 0, are left out.
 * @throws DataError for keypoints that are not 3 numbers each, or were read for another size of the image.
 */
export function cocoKeypoints(annotation: Annotation): ObjectKeypoints[] {
  expectArguments(
    'cocoKeypoints',
    { annotation },
    { annotation: { shapes: [{ label: 'text', box: 'box' }] } },
  );
  return objectsOf(annotation.shapes).flatMap(({ label, box, shapes }, index) => {
    const extra = shapes[0]?.extra;
    const { keypoints, num_keypoints: count } = extra?.values ?? {};
    if (keypoints === undefined || keypoints === null || count === 0) return [];
    const where = `cocoKeypoints: ${annotation.imagePath ?? 'the image'}: object ${index}`;
    if (extra?.format !== 'coco') {
      throw new DataError(
        `${where}: keypoints are not those of a COCO file, or the annotation was scaled after it was read; take it as COCO's reader gives it`,
      );
    }
    if (!isNumbers(keypoints) || keypoints.length % 3 !== 0) {
      throw new DataError(`${where}: keypoints are not lists of x, y, visibility; write 3 numbers per point`);
    }
    const points = Array.from(
      { length: keypoints.length / 3 },
      (_, i): Keypoint => [keypoints[3 * i]!, keypoints[3 * i + 1]!, keypoints[3 * i + 2]!],
    );
    return points.some(([, , visible]) => visible > 0) ? [{ label, box, points }] : [];
  });
}

const isNumbers = (value: unknown): value is readonly number[] =>
  Array.isArray(value) && value.every((one) => Number.isFinite(one));
