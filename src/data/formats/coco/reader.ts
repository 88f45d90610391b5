import { DataError } from '../../../errors.ts';
import type { ImageSize, Point } from '../../../vision/boxes.ts';
import { type AnnotatedShape, type Annotation, type Extra, OBJECT_FLAGS } from '../../annotation.ts';
import { BadData } from '../../faults.ts';
import { type JsonItem, jsonItems } from '../../jsonStream.ts';
import { checkSchema } from '../checks.ts';
import { extraOf, isRecord, otherFlags } from '../extra.ts';
import type { AnnotatedImage, DataFiles, Dataset, OpenFile, ReadOptions } from '../format.ts';
import { frameOf, toImage } from '../frame.ts';
import { chunksOf } from '../json.ts';
import { parseLoose } from '../looseJson.ts';
import { baseName, folderOf, joinPath, withoutExtension } from '../paths.ts';
import { Reading } from '../reading.ts';
import { SeenImages } from '../repeated.ts';
import { openText } from '../textFile.ts';
import { AnnotationIndex } from './annotationIndex.ts';
import { distinctCategories, distinctImages, mergedImages } from './distinct.ts';
import { FileExtra } from './fileExtra.ts';
import { type FindImage, imageFinder } from './imageFinder.ts';
import {
  type CocoAnnotation,
  type CocoCategory,
  type CocoImage,
  cocoAnnotation,
  cocoCategory,
  cocoImage,
  FIX_FILE,
} from './schema.ts';
import { FIX_ANNOTATION, shapesOf } from './shapes.ts';

/** Up to this many bytes between two annotations of one image are read rather than skipped. */
const GAP = 1 << 14;
/** The annotations of this many images are read together: single reads would mostly wait. */
const BATCH = 32;

const keysOf = (schema: { readonly entries: object }): ReadonlySet<string> =>
  new Set(Object.keys(schema.entries));
const IMAGE_KEYS = keysOf(cocoImage);
const CATEGORY_KEYS = keysOf(cocoCategory);
const ANNOTATION_KEYS = keysOf(cocoAnnotation);
const LISTS = ['images', 'categories', 'annotations'];

/** The contents of a COCO file without its annotations, and where in the file those are. */
interface Contents {
  readonly images: CocoImage[];
  readonly categories: CocoCategory[];
  readonly index: AnnotationIndex;
  readonly extra?: Extra;
}

/** Reads the file once, one element at a time. */
async function readContents(reading: Reading, file: string): Promise<Contents> {
  const { files, options } = reading;
  const images: CocoImage[] = [];
  const categories: CocoCategory[] = [];
  const index = new AnnotationIndex();
  const rest = new FileExtra();
  let listed = 0;
  const parsed = (item: JsonItem): unknown => reading.json(item.text, item.parse);
  for await (const item of jsonItems(chunksOf(files, file, options.encoding), file, FIX_FILE)) {
    options.signal?.throwIfAborted();
    if (item.index < 0 && LISTS.includes(item.key)) {
      throw new BadData('structure', `${file}: ${item.key} must be a list; ${FIX_FILE}`);
    }
    const where = `${file}: ${item.key}[${item.index}]`;
    if (item.key === 'images') {
      listed++;
      const image = reading.attempt('image', () => {
        const value = parsed(item);
        const { id, file_name, width, height } = checkSchema(cocoImage, value, where, FIX_FILE);
        const more = options.extras ? extraOf('coco', value, IMAGE_KEYS) : {};
        return { id, file_name: file_name.replaceAll('\\', '/'), width, height, ...more };
      });
      if (image) images.push(image);
    } else if (item.key === 'categories') {
      const read = () => {
        const value = parsed(item);
        const category = checkSchema(cocoCategory, value, where, FIX_FILE);
        return options.extras ? { ...category, ...extraOf('coco', value, CATEGORY_KEYS) } : category;
      };
      const category = reading.attempt('class', read);
      if (category) categories.push(category);
    } else if (item.key === 'annotations') {
      reading.attempt('object', () => {
        const value = parsed(item) as Partial<CocoAnnotation> | null;
        const [imageId, id] = [value?.image_id, value?.id ?? -1 - item.index];
        if (Number.isSafeInteger(imageId) && Number.isSafeInteger(id)) {
          index.add(imageId!, id, item.start, item.end);
          return;
        }
        throw new BadData(
          'structure',
          `${where}: image_id is ${JSON.stringify(imageId)} and id ${JSON.stringify(value?.id)}, which must be whole numbers; ${FIX_FILE}`,
        );
      });
    } else if (options.extras) rest.add(item);
  }
  if (listed === 0) throw new DataError(`${file}: has no images; ${FIX_FILE}`);
  if (index.length > 0 && categories.length === 0) {
    throw new DataError(`${file}: has no categories, which name the classes; ${FIX_FILE}`);
  }
  return { images, categories, index, ...rest.extra };
}

/**
 * Opens a COCO file. The file is read once from end to end; its images and categories are kept, and 36 bytes per
 * annotation on where it is. `images` then reads the annotations of each image.
 *
 * The images are looked for in `options.imageFolder`. Default: the file's folder, images/ in it, the folder above,
 * images/ in that, and the folder that the file is named after (instances_val2017.json: val2017/).
 *
 * @param root The folder of the data set. Default: that of the file, or the one above annotations/.
 * @throws DataError that names the file, the annotation and the fix.
 */
export async function openCoco(
  files: DataFiles,
  file: string,
  options: ReadOptions,
  root = baseName(folderOf(file)) === 'annotations' ? joinPath(folderOf(file), '..') : folderOf(file),
): Promise<Dataset> {
  const reading = new Reading(files, root, options);
  const { images: listed, categories: all, index, extra } = await readContents(reading, file);
  const categories = distinctCategories(reading, file, all);
  const { images, positions } = mergedImages(reading, file, distinctImages(reading, file, listed));
  const duplicates = index.duplicates();
  for (const id of duplicates) {
    // Left out is the number, which nothing but results refers to, and not the objects.
    reading.attempt('part', () => {
      throw new BadData('duplicate', `${file}: two annotations have id ${id}; ${FIX_FILE}`);
    });
  }
  const known = new Set(listed.map(({ id }) => id));
  for (const stray of index.sort(positions)) {
    // Those of an image that was left out went with it.
    if (known.has(stray.imageId)) continue;
    reading.attempt('object', () => {
      throw new BadData(
        'missing image',
        `${file}: annotations[${stray.index}] (id ${stray.id}): image_id ${stray.imageId} is not among the images; add the image, or remove the annotation`,
      );
    });
  }
  const names = new Map(categories.map(({ id, name }) => [id, name]));
  const find = imageFinder(reading, file);
  return {
    format: 'coco',
    path: file,
    splits: [],
    ...(extra ? { extra } : {}),
    classes: categories.map(({ id, name, supercategory, extra }) => ({
      id,
      name,
      ...(supercategory ? { supercategory } : {}),
      ...(extra ? { extra } : {}),
    })),
    async *images() {
      const open = await openText(files, file, reading.options.encoding);
      const seen = new SeenImages(reading);
      try {
        for (let from = 0; from < images.length; from += BATCH) {
          const batch = images.slice(from, from + BATCH);
          const values = await Promise.all(batch.map((_, k) => readValues(open, file, index.of(from + k))));
          for (const [k, image] of batch.entries()) {
            const source = `${file}: images[${from + k}] (id ${image.id})`;
            const read = await reading.attemptLater('image', () =>
              readImage(reading, file, source, image, values[k]!, { names, find, duplicates, seen }),
            );
            if (read) yield read;
          }
        }
      } finally {
        await open.close();
      }
    },
  };
}

interface Context {
  readonly names: ReadonlyMap<number, string>;
  readonly find: FindImage;
  /** Numbers that several annotations have, so that none keeps them. */
  readonly duplicates: ReadonlySet<number>;
  readonly seen: SeenImages;
}

async function readImage(
  reading: Reading,
  file: string,
  source: string,
  { id, file_name, width, height, extra }: CocoImage,
  values: readonly (readonly [index: number, value: unknown])[],
  { names, find, duplicates, seen }: Context,
): Promise<AnnotatedImage> {
  // Programs that do not know the size write 0, or nothing.
  const stated = width && height ? { width, height } : undefined;
  const image = await find(file_name, source, stated === undefined);
  await seen.check(image, source);
  const info = await reading.neededInfo(image, source, stated);
  const frame = frameOf(reading, source, stated, info, () => reachOf(values));
  const annotation: Annotation = {
    imagePath: file_name,
    id,
    width: frame.width,
    height: frame.height,
    shapes: [],
    ...(extra ? { extra } : {}),
  };
  // Groups are numbered within an image.
  let group = 0;
  for (const [index, value] of values) {
    await reading.rest();
    const number = (value as { id?: unknown } | null)?.id;
    const where = `${file}: annotations[${index}]${typeof number === 'number' ? ` (id ${number})` : ''}`;
    reading.object(
      annotation,
      where,
      () => {
        const shapes = readAnnotation(value, where, frame, names, group, duplicates, reading);
        group += shapes.length > 1 ? 1 : 0;
        return shapes;
      },
      () => placeOf(value),
      // They have numbers of their own, and results are compared with those of other programs: both count.
      'both are kept',
    );
  }
  const name = joinPath(withoutExtension(file_name)).replace(/^(\.\.\/|\/)+/, '');
  return { name, source, image, annotation: toImage(annotation, frame) };
}

const numbersIn = (value: unknown): number[] | undefined =>
  Array.isArray(value) && value.length > 0 && value.every((one) => typeof one === 'number')
    ? value
    : undefined;

/** The corners of an annotation's box, or the points of its outlines, as far as they are there. */
function placeOf(value: unknown): number[] | undefined {
  const { bbox, segmentation } = (value ?? {}) as { bbox?: unknown; segmentation?: unknown };
  const box = numbersIn(bbox);
  if (box?.length === 4) return [box[0]!, box[1]!, box[0]! + box[2]!, box[1]! + box[3]!];
  return Array.isArray(segmentation) ? segmentation.flatMap((ring) => numbersIn(ring) ?? []) : undefined;
}

/** The largest x and y of all annotations of an image. */
function reachOf(values: readonly (readonly [index: number, value: unknown])[]): Point {
  let [x, y] = [0, 0];
  for (const [, value] of values) {
    placeOf(value)?.forEach((number, i) => {
      if (i % 2 === 0) x = Math.max(x, number);
      else y = Math.max(y, number);
    });
  }
  return [x, y];
}

function readAnnotation(
  value: unknown,
  where: string,
  size: ImageSize,
  names: ReadonlyMap<number, string>,
  group: number,
  duplicates: ReadonlySet<number>,
  reading: Reading,
): AnnotatedShape[] {
  const annotation = checkAnnotation(value, where, reading);
  const label = names.get(annotation.category_id);
  if (label === undefined) {
    throw new BadData(
      'unknown class',
      `${where}: category_id ${annotation.category_id} is not among the categories (${[...names.keys()].join(', ')}); add the category, or remove the annotation`,
    );
  }
  const facts: Omit<AnnotatedShape, 'box' | 'groupId'> = { label };
  if (annotation.id != null && !duplicates.has(annotation.id)) facts.id = annotation.id;
  if (annotation.area != null) facts.area = annotation.area;
  if (annotation.iscrowd) facts.crowd = true;
  for (const flag of OBJECT_FLAGS) {
    const set = annotation.attributes?.[flag];
    if (set === true || set === 1) facts[flag] = true;
  }
  if (annotation.score != null) facts.score = annotation.score;
  if (reading.options.extras) Object.assign(facts, annotationExtra(value, annotation));
  return shapesOf(annotation, facts, group, size, where, reading);
}

/** What an annotation says beyond what is used. */
function annotationExtra(value: unknown, { score }: CocoAnnotation): { readonly extra?: Extra } {
  if (!isRecord(value)) return {};
  const attributes = otherFlags(value.attributes, (one) => [true, false, 0, 1, null].includes(one as null));
  return extraOf('coco', value, ANNOTATION_KEYS, {
    attributes,
    ...(score == null ? { score: value.score } : {}),
  });
}

/** Checks an annotation against the schema. Of one whose segmentation alone is bad, the rest is used. */
function checkAnnotation(value: unknown, where: string, reading: Reading): CocoAnnotation {
  const check = (given: unknown) => checkSchema(cocoAnnotation, given, where, FIX_ANNOTATION);
  try {
    return check(value);
  } catch (error) {
    const rest = value as { bbox?: unknown } | null;
    if (!rest?.bbox) throw error;
    const annotation = check({ ...rest, segmentation: null });
    reading.attempt('part', () => {
      throw error;
    });
    return annotation;
  }
}

/** Reads the values at these places of a file, in few reads. */
async function readValues(
  file: OpenFile,
  name: string,
  places: readonly { readonly index: number; readonly start: number; readonly end: number }[],
): Promise<[index: number, value: unknown][]> {
  const runs: (typeof places)[number][][] = [];
  for (const place of places) {
    const last = runs.at(-1);
    if (last && place.start - last.at(-1)!.end < GAP) last.push(place);
    else runs.push([place]);
  }
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const decode = (bytes: Uint8Array, index: number): string => {
    try {
      return decoder.decode(bytes);
    } catch (cause) {
      throw new BadData('encoding', `${name}: annotations[${index}] is not UTF-8 text; ${FIX_FILE}`, {
        cause,
      });
    }
  };
  const read = runs.map(async (run) => {
    const start = run[0]!.start;
    const bytes = await file.read(start, run.at(-1)!.end - start);
    return run.map((place): [number, unknown] => {
      return [
        place.index,
        // The first reading of the file has reported these faults.
        parseLoose(decode(bytes.subarray(place.start - start, place.end - start), place.index)),
      ];
    });
  });
  return (await Promise.all(read)).flat();
}
