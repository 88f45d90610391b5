import { DataError } from '../../../errors.ts';
import type { AnnotatedShape } from '../../annotation.ts';
import { polygonBounds } from '../../polygon.ts';
import { boxInside, checkBox, checkOutline, readObject, type Size } from '../checks.ts';
import type { DataFiles, Dataset, ReadOptions } from '../format.ts';
import {
  baseName,
  folderOf,
  hasExtension,
  isImageFile,
  joinPath,
  resolveFrom,
  withoutExtension,
} from '../paths.ts';
import { layoutIn, readYaml, type YoloLayout } from './classes.ts';

const FIX = 'correct or remove the line, or leave out what is bad (--skip-bad)';
/** Text files that may be beside label files, but are not. */
const NO_LABELS = ['classes.txt', 'train.txt', 'val.txt', 'valid.txt', 'test.txt', 'obj.txt'];

/** Finds the layout: that of a data.yaml, or of a folder, of its labels/, or of the folder above. */
export async function findLayout(files: DataFiles, path: string): Promise<YoloLayout | undefined> {
  if ((await files.kind(path)) === 'file') return readYaml(files, path, await files.text(path));
  return (await layoutIn(files, path)) ?? (await layoutIn(files, joinPath(path, 'labels')));
}

/** The label file of an image: in the folder labels/ beside images/, or else beside the image. */
export function labelFile(image: string): string {
  const text = `${withoutExtension(image)}.txt`;
  const at = `/${text}`.lastIndexOf('/images/');
  return at < 0 ? text : `${text.slice(0, at)}labels/${text.slice(at + 'images/'.length)}`;
}

/** Lists the images of a folder and the folders below it, or of a list in a text file. */
async function imagesOf(files: DataFiles, place: string): Promise<string[]> {
  if ((await files.kind(place)) === 'file') {
    const lines = (await files.text(place)).split(/\r?\n/).filter((line) => line.trim() !== '');
    return lines.map((line) => resolveFrom(folderOf(place), line.trim().replaceAll('\\', '/')));
  }
  const found: string[] = [];
  for (const { name, folder } of await files.list(place)) {
    const path = joinPath(place, name);
    if (folder) found.push(...(await imagesOf(files, path)));
    else if (isImageFile(name)) found.push(path);
  }
  return found;
}

/** Throws DataError for a label file without an image. */
async function checkLabels(files: DataFiles, images: readonly string[]): Promise<number> {
  const labels = new Set(images.map(labelFile));
  let found = 0;
  for (const folder of new Set([...labels].map(folderOf))) {
    if ((await files.kind(folder)) !== 'folder') continue;
    for (const { name, folder: isFolder } of await files.list(folder)) {
      if (isFolder || !hasExtension(name, '.txt') || NO_LABELS.includes(name)) continue;
      const file = joinPath(folder, name);
      if (labels.has(file)) found++;
      else {
        const wanted = folder.replace(/(^|\/)labels(\/|$)/, '$1images$2');
        throw new DataError(
          `${file}: has no image ${joinPath(wanted, withoutExtension(name))}.*; put the image there, or remove the labels`,
        );
      }
    }
  }
  return found;
}

/**
 * Opens a YOLO data set: a folder with images/ and labels/, or with text files beside the images; or its data.yaml. An
 * image without a label file has no objects, as in Darknet and Ultralytics.
 */
export async function openYolo(files: DataFiles, path: string, options: ReadOptions): Promise<Dataset> {
  const isFile = (await files.kind(path)) === 'file';
  const layout = (await findLayout(files, path)) ?? (await layoutIn(files, joinPath(path, '..')));
  if (layout === undefined) {
    throw new DataError(
      `${path}: has no data.yaml, classes.txt or obj.names, which list the classes; add one of them`,
    );
  }
  // A layout from above is for other parts too.
  const parts = folderOf(layout.file) === joinPath(path) || isFile ? layout.parts : new Map();
  let places: readonly string[];
  if (options.split !== undefined) {
    places = parts.get(options.split) ?? [];
    if (places.length === 0) {
      throw new DataError(
        `${layout.file}: has no part ${JSON.stringify(options.split)}; ${parts.size === 0 ? 'it has no parts, so give none' : `choose from ${[...parts.keys()].join(', ')}`}`,
      );
    }
  } else if (parts.size > 0) {
    places = [...new Set([...parts.values()].flat())];
  } else {
    const images = joinPath(path, 'images');
    places = [options.imageFolder ?? ((await files.kind(images)) === 'folder' ? images : path)];
  }
  const images: string[] = [];
  for (const place of places) images.push(...(await imagesOf(files, place)));
  if (images.length === 0) {
    throw new DataError(
      `${path}: there is no image in ${places.join(', ')}; put images there, and their labels in labels/`,
    );
  }
  if ((await checkLabels(files, images)) === 0) {
    throw new DataError(
      `${path}: none of ${images.length} images has labels, for example ${labelFile(images[0]!)}; add them`,
    );
  }
  const distinct = new Set([...parts.values()].map((list) => list.join('\n')));
  const root = isFile ? folderOf(path) : path;
  return {
    format: 'yolo',
    path,
    classes: layout.classes.map((name) => ({ name })),
    splits: distinct.size > 1 ? [...parts.keys()] : [],
    async *images() {
      for (const image of images) {
        const size = await files.imageSize(image);
        const file = labelFile(image);
        const shapes =
          (await files.kind(file)) === 'file'
            ? readLabels(await files.text(file), file, size, layout, options)
            : [];
        const inside = image.startsWith(`${root}/`) ? image.slice(root.length + 1) : baseName(image);
        yield {
          name: withoutExtension(inside.replace(/(^|\/)images\//, '$1')),
          source: file,
          image,
          annotation: { imagePath: image, ...size, shapes },
        };
      }
    },
  };
}

/** Reads the objects of a label file, one per line. */
function readLabels(
  text: string,
  file: string,
  size: Size,
  layout: YoloLayout,
  { onBad }: ReadOptions,
): AnnotatedShape[] {
  const shapes: AnnotatedShape[] = [];
  text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .forEach((line, i) => {
      if (line.trim() === '') return;
      const where = `${file}: line ${i + 1}`;
      const shape = readObject(() => readLine(line.trim().split(/\s+/), where, size, layout), onBad);
      if (shape) shapes.push(shape);
    });
  return shapes;
}

/**
 * Reads `class cx cy w h`, with a score at the end in predictions, or `class x1 y1 x2 y2 x3 y3 …`; all numbers but the
 * class are from 0 to 1.
 */
function readLine(
  words: readonly string[],
  where: string,
  size: Size,
  { classes, file }: YoloLayout,
): AnnotatedShape {
  const values = words.map(Number);
  const bad = values.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) {
    throw new DataError(`${where}: ${JSON.stringify(words[bad])} is not a finite number; ${FIX}`);
  }
  const [index, ...rest] = values as [number, ...number[]];
  const label = classes[index];
  if (!Number.isInteger(index) || label === undefined) {
    throw new DataError(
      `${where}: class ${words[0]} is not one of 0 to ${classes.length - 1}, which ${file} names; add it there, or remove the line`,
    );
  }
  if (rest.length < 4 || (rest.length > 5 && rest.length % 2 !== 0)) {
    throw new DataError(
      `${where}: has ${rest.length} numbers after the class; a box has 4 (cx cy w h), a polygon has x and y of each point; ${FIX}`,
    );
  }
  if (rest.some((value) => value < -1 || value > 2)) {
    throw new DataError(
      `${where}: ${rest.join(' ')} are not fractions of the image's size (0 to 1); divide by its width and height, or use another format`,
    );
  }
  const { width, height } = size;
  if (rest.length > 5) {
    const points = checkOutline(
      rest.map((value, i) => value * (i % 2 === 0 ? width : height)),
      size,
      where,
      FIX,
    );
    return { label, points, box: polygonBounds(points), groupId: null };
  }
  const [cx, cy, w, h, score] = rest as [number, number, number, number, number?];
  const box = checkBox(
    [(cx - w / 2) * width, (cy - h / 2) * height, (cx + w / 2) * width, (cy + h / 2) * height],
    size,
    where,
    FIX,
  );
  return {
    label,
    box: boxInside(box, size),
    groupId: null,
    ...(score === undefined ? {} : { score }),
  };
}
