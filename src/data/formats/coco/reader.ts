import { DataError } from '../../../errors.ts';
import { type AnnotatedShape, OBJECT_FLAGS } from '../../annotation.ts';
import { jsonItems } from '../../jsonStream.ts';
import { checkSchema, readObject } from '../checks.ts';
import type { AnnotatedImage, DataFiles, Dataset, OpenFile, ReadOptions } from '../format.ts';
import { chunksOf } from '../json.ts';
import { baseName, folderOf, joinPath, resolveFrom, withoutExtension } from '../paths.ts';
import { AnnotationIndex } from './annotationIndex.ts';
import {
  type CocoAnnotation,
  type CocoCategory,
  type CocoImage,
  cocoAnnotation,
  cocoCategory,
  cocoImage,
} from './schema.ts';
import { FIX_ANNOTATION, shapesOf } from './shapes.ts';

export const FIX_FILE = 'export it as COCO JSON again';
/** Up to this many bytes between two annotations of one image are read rather than skipped. */
const GAP = 1 << 14;
/** The annotations of this many images are read together: single reads would mostly wait. */
const BATCH = 32;

/** The contents of a COCO file without its annotations, and where in the file those are. */
interface Contents {
  readonly images: CocoImage[];
  readonly categories: CocoCategory[];
  readonly index: AnnotationIndex;
}

/** Reads the file once, one element at a time. */
async function readContents(files: DataFiles, file: string): Promise<Contents> {
  const images: CocoImage[] = [];
  const categories: CocoCategory[] = [];
  const index = new AnnotationIndex();
  const seen = new Set<string>();
  for await (const item of jsonItems(chunksOf(files, file), file, FIX_FILE)) {
    seen.add(item.key);
    if (item.index < 0 && ['images', 'categories', 'annotations'].includes(item.key)) {
      throw new DataError(`${file}: ${item.key} must be a list; ${FIX_FILE}`);
    }
    const where = `${file}: ${item.key}[${item.index}]`;
    if (item.key === 'images') {
      const { id, file_name, width, height } = checkSchema(cocoImage, item.parse(), where, FIX_FILE);
      images.push({ id, file_name: file_name.replaceAll('\\', '/'), width, height });
    } else if (item.key === 'categories') {
      categories.push(checkSchema(cocoCategory, item.parse(), where, FIX_FILE));
    } else if (item.key === 'annotations') {
      const value = item.parse() as Partial<CocoAnnotation> | null;
      const [imageId, id] = [value?.image_id, value?.id ?? -1 - item.index];
      if (!Number.isSafeInteger(imageId) || !Number.isSafeInteger(id)) {
        throw new DataError(
          `${where}: image_id is ${JSON.stringify(imageId)} and id ${JSON.stringify(value?.id)}, which must be whole numbers; ${FIX_FILE}`,
        );
      }
      index.add(imageId!, id, item.start, item.end);
    }
  }
  if (images.length === 0) throw new DataError(`${file}: has no images; ${FIX_FILE}`);
  if (index.length > 0 && categories.length === 0) {
    throw new DataError(`${file}: has no categories, which name the classes; ${FIX_FILE}`);
  }
  return { images, categories, index };
}

/** Throws DataError where two entries of a list have the same id. */
function checkUnique(file: string, list: string, values: readonly { readonly id: number }[]): void {
  const places = new Map<number, number>();
  values.forEach(({ id }, i) => {
    const other = places.get(id);
    if (other !== undefined) {
      throw new DataError(`${file}: ${list}[${other}] and ${list}[${i}] both have id ${id}; ${FIX_FILE}`);
    }
    places.set(id, i);
  });
}

/**
 * Opens a COCO file. The file is read once from end to end; its images and categories are kept, and 36 bytes per
 * annotation on where it is. `images` then reads the annotations of each image.
 *
 * The images are looked for in `options.imageFolder`. Default: the file's folder, images/ in it, the folder above,
 * images/ in that, and the folder that the file is named after (instances_val2017.json: val2017/).
 *
 * @throws DataError that names the file, the annotation and the fix.
 */
export async function openCoco(files: DataFiles, file: string, options: ReadOptions): Promise<Dataset> {
  const { images, categories, index } = await readContents(files, file);
  checkUnique(file, 'images', images);
  checkUnique(file, 'categories', categories);
  const duplicate = index.duplicate();
  if (duplicate !== undefined) {
    throw new DataError(`${file}: two annotations have id ${duplicate}; ${FIX_FILE}`);
  }
  const stray = index.sort(new Map(images.map(({ id }, i) => [id, i])));
  if (stray) {
    throw new DataError(
      `${file}: annotations[${stray.index}] (id ${stray.id}): image_id ${stray.imageId} is not among the images; add the image, or remove the annotation`,
    );
  }
  const names = new Map(categories.map(({ id, name }) => [id, name]));
  const find = imageFinder(files, file, options);
  return {
    format: 'coco',
    path: file,
    splits: [],
    classes: categories.map(({ id, name, supercategory }) => ({
      id,
      name,
      ...(supercategory ? { supercategory } : {}),
    })),
    async *images() {
      const open = await files.open(file);
      try {
        for (let from = 0; from < images.length; from += BATCH) {
          const batch = images.slice(from, from + BATCH);
          const values = await Promise.all(batch.map((_, k) => readValues(open, index.of(from + k))));
          for (const [k, image] of batch.entries()) {
            const path = await find(image, from + k);
            const shapes: AnnotatedShape[] = [];
            for (const [at, value] of values[k]!) {
              const read = () => readAnnotation(value, at, image, names, file, shapes);
              shapes.push(...(readObject(read, options.onBad) ?? []));
            }
            yield imageOf(file, image, from + k, path, shapes);
          }
        }
      } finally {
        await open.close();
      }
    },
  };
}

function imageOf(
  file: string,
  { id, file_name, width, height }: CocoImage,
  index: number,
  image: string,
  shapes: AnnotatedShape[],
): AnnotatedImage {
  return {
    name: joinPath(withoutExtension(file_name)).replace(/^(\.\.\/|\/)+/, ''),
    source: `${file}: images[${index}] (id ${id})`,
    image,
    annotation: { imagePath: file_name, id, width, height, shapes },
  };
}

function readAnnotation(
  value: unknown,
  index: number,
  image: CocoImage,
  names: ReadonlyMap<number, string>,
  file: string,
  before: readonly AnnotatedShape[],
): AnnotatedShape[] {
  const id = (value as { id?: unknown }).id;
  const where = `${file}: annotations[${index}]${typeof id === 'number' ? ` (id ${id})` : ''}`;
  const annotation = checkSchema(cocoAnnotation, value, where, FIX_ANNOTATION);
  const label = names.get(annotation.category_id);
  if (label === undefined) {
    throw new DataError(
      `${where}: category_id ${annotation.category_id} is not among the categories (${[...names.keys()].join(', ')}); add the category, or remove the annotation`,
    );
  }
  const facts: Omit<AnnotatedShape, 'box' | 'groupId'> = { label };
  if (annotation.id != null) facts.id = annotation.id;
  if (annotation.area != null) facts.area = annotation.area;
  if (annotation.iscrowd) facts.crowd = true;
  for (const flag of OBJECT_FLAGS) {
    const set = annotation.attributes?.[flag];
    if (set === true || set === 1) facts[flag] = true;
  }
  // Groups are numbered within an image.
  const group = before.reduce((next, { groupId }) => Math.max(next, (groupId ?? -1) + 1), 0);
  return shapesOf(annotation, facts, group, image, where);
}

/** Reads the values at these places of a file, in few reads. */
async function readValues(
  file: OpenFile,
  places: readonly { readonly index: number; readonly start: number; readonly end: number }[],
): Promise<[index: number, value: unknown][]> {
  const runs: (typeof places)[number][][] = [];
  for (const place of places) {
    const last = runs.at(-1);
    if (last && place.start - last.at(-1)!.end < GAP) last.push(place);
    else runs.push([place]);
  }
  const decoder = new TextDecoder();
  const read = runs.map(async (run) => {
    const start = run[0]!.start;
    const bytes = await file.read(start, run.at(-1)!.end - start);
    return run.map((place): [number, unknown] => {
      const text = decoder.decode(bytes.subarray(place.start - start, place.end - start));
      return [place.index, JSON.parse(text)];
    });
  });
  return (await Promise.all(read)).flat();
}

/** Finds the file of an image. Remembers the folder of the last one. */
function imageFinder(files: DataFiles, file: string, { imageFolder, imagesOptional }: ReadOptions) {
  const folder = folderOf(file);
  const stem = withoutExtension(baseName(file));
  const part = stem.slice(stem.lastIndexOf('_') + 1);
  const candidates =
    imageFolder === undefined
      ? ['.', 'images', '..', '../images', `../${part}`, `../images/${part}`].map((name) =>
          joinPath(folder, name),
        )
      : [imageFolder];
  return async ({ file_name, id }: CocoImage, index: number): Promise<string> => {
    if (imagesOptional) return resolveFrom(candidates[0]!, file_name);
    for (const [i, candidate] of candidates.entries()) {
      const path = resolveFrom(candidate, file_name);
      if ((await files.kind(path)) !== 'file') continue;
      candidates.splice(i, 1);
      candidates.unshift(candidate);
      return path;
    }
    throw new DataError(
      `${file}: images[${index}] (id ${id}): file_name ${JSON.stringify(file_name)} is not in ${candidates.join(', ')}; put the image there, or give its folder (--images)`,
    );
  };
}
