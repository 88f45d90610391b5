import { DataError } from '../../../errors.ts';
import type { ImageSize } from '../../../vision/boxes.ts';
import type { AnnotatedShape, Annotation } from '../../annotation.ts';
import { BadData } from '../../faults.ts';
import { polygonBounds } from '../../polygon.ts';
import { boxInside, checkBox, checkOutline, decimal } from '../checks.ts';
import type { AnnotatedImage, DataFiles, Dataset, ReadOptions } from '../format.ts';
import {
  baseName,
  folderOf,
  hasExtension,
  isImageFile,
  joinPath,
  resolveFrom,
  withoutExtension,
} from '../paths.ts';
import { Reading, rootOf } from '../reading.ts';
import { noteNames, noteShared } from '../repeated.ts';
import { layoutIn, readYaml, withoutLayout, type YoloLayout } from './classes.ts';

const FIX = 'correct or remove the line';
/** Text files that may be beside label files, but are not. */
export const NO_LABELS = ['classes.txt', 'train.txt', 'val.txt', 'valid.txt', 'test.txt', 'obj.txt'];

/** Finds the layout: that of a data.yaml, or of a folder, of its labels/, or of the folder above. */
export async function findLayout(reading: Reading, path: string): Promise<YoloLayout | undefined> {
  if ((await reading.files.kind(path)) === 'file') return readYaml(reading, path, await reading.text(path));
  return (await layoutIn(reading, path)) ?? (await layoutIn(reading, joinPath(path, 'labels')));
}

/** The label file of an image: in the folder labels/ beside images/, or else beside the image. */
export function labelFile(image: string): string {
  const text = `${withoutExtension(image)}.txt`;
  const at = `/${text}`.lastIndexOf('/images/');
  return at < 0 ? text : `${text.slice(0, at)}labels/${text.slice(at + 'images/'.length)}`;
}

/** An image as a list or a folder names it. */
interface Listed {
  readonly path: string;
  /** As the list names it. */
  readonly named: string;
  /** The list, for messages. */
  readonly where: string;
}

/** Lists the images of a folder and the folders below it, or of a list in a text file. */
async function imagesOf(reading: Reading, place: string, layout: YoloLayout): Promise<Listed[]> {
  const found: Listed[] = [];
  if ((await reading.files.kind(place)) === 'file') {
    await reading.checkPlace(layout.file, place);
    (await reading.text(place)).split(/\r?\n/).forEach((line, i) => {
      const named = line.trim().replaceAll('\\', '/');
      if (named === '') return;
      found.push({ path: resolveFrom(folderOf(place), named), named, where: `${place}: line ${i + 1}` });
    });
    return found;
  }
  for await (const path of reading.walk(place, new Set(), layout.file)) {
    if (isImageFile(path)) found.push({ path, named: path.slice(place.length + 1), where: place });
  }
  return found;
}

/** Images without those whose file is listed before, by whatever path; they are noted. */
async function distinctImages(reading: Reading, images: readonly Listed[]): Promise<Listed[]> {
  const seen = new Set<string>();
  const found: Listed[] = [];
  for (const image of images) {
    const file = await reading.realFile(image.path);
    if (!seen.has(file)) found.push(image);
    else {
      const { where, named } = image;
      reading.note('duplicate', `${where}: the image ${named} is listed more than once; it counts once`);
    }
    seen.add(file);
  }
  return found;
}

/** Notes images that several parts have, where the parts are different. */
async function noteSharedImages(
  reading: Reading,
  parts: ReadonlyMap<string, readonly string[]>,
  { split, onFault: _, ...options }: ReadOptions,
  layout: YoloLayout,
  root: string,
): Promise<void> {
  // Faults of other parts are not of interest.
  const quiet = new Reading(reading.files, root, { ...options, skipBad: true });
  const found = new Map<string, Set<string>>();
  const keyOf = (places: readonly string[] = []): string => places.join('\n');
  const known = new Set(split === undefined ? [] : [keyOf(parts.get(split))]);
  for (const [part, places] of parts) {
    // Parts that are the same on purpose (train and val of a small data set) are one.
    if (known.has(keyOf(places)) && part !== split) continue;
    known.add(keyOf(places));
    const names = new Set<string>();
    for (const place of places) {
      const images = await quiet.attemptLater('image', () => imagesOf(quiet, place, layout));
      for (const { path } of images ?? []) names.add(await quiet.realFile(path));
    }
    found.set(part, names);
  }
  if (found.size > 1) noteShared(reading, layout.file, found, split);
}

/** The names of the images in a folder, without their extensions. */
async function imageStems(reading: Reading, folder: string): Promise<ReadonlySet<string>> {
  const entries = (await reading.files.kind(folder)) === 'folder' ? await reading.list(folder) : [];
  return new Set(entries.filter(({ name }) => isImageFile(name)).map(({ name }) => withoutExtension(name)));
}

/** Counts the label files of images. Those without an image are faults. */
async function checkLabels(reading: Reading, images: readonly Listed[]): Promise<number> {
  const { files } = reading;
  const labels = new Set(images.map(({ path }) => labelFile(path).normalize('NFC')));
  let found = 0;
  for (const folder of new Set(images.map(({ path }) => folderOf(labelFile(path))))) {
    if ((await files.kind(folder)) !== 'folder') continue;
    const wanted = folder.replace(/(^|\/)labels(\/|$)/, '$1images$2');
    let others: ReadonlySet<string> | undefined;
    for (const { name, folder: isFolder } of await reading.list(folder)) {
      if (isFolder || !hasExtension(name, '.txt')) continue;
      const file = joinPath(folder, name);
      if (labels.has(file.normalize('NFC'))) {
        found++;
        continue;
      }
      if (NO_LABELS.includes(name)) continue;
      // That of an image of another part.
      others ??= await imageStems(reading, wanted);
      if (others.has(withoutExtension(name))) continue;
      reading.attempt('annotation', () => {
        throw new BadData(
          'missing image',
          `${file}: has no image ${joinPath(wanted, withoutExtension(name))}.*; put the image there, or remove the labels`,
        );
      });
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
  const root = await rootOf(files, path);
  const reading = new Reading(files, root, options);
  const layout = (await findLayout(reading, path)) ?? (await layoutIn(reading, joinPath(path, '..')));
  if (layout === undefined) {
    throw new DataError(await withoutLayout(reading, path));
  }
  noteNames(reading, layout.file, layout.classes);
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
  const listed: Listed[] = [];
  for (const place of places) for (const image of await imagesOf(reading, place, layout)) listed.push(image);
  const images = await distinctImages(reading, listed);
  if (images.length === 0) {
    throw new DataError(
      `${path}: there is no image in ${places.join(', ')}; put images there, and their labels in labels/`,
    );
  }
  if ((await checkLabels(reading, images)) === 0) {
    throw new DataError(
      `${path}: ${images.length === 1 ? 'its image has no labels' : `none of ${images.length} images has labels`}, for example ${labelFile(images[0]!.path)}; add them`,
    );
  }
  const distinct = new Set([...parts.values()].map((list) => list.join('\n')));
  await noteSharedImages(reading, parts, options, layout, root);
  const byLabel = new Map<string, string[]>();
  for (const { path: image } of images) {
    const file = labelFile(image);
    const same = byLabel.get(file);
    if (same) same.push(image);
    else byLabel.set(file, [image]);
  }
  return {
    format: 'yolo',
    path,
    classes: layout.classes.map((name) => ({ name })),
    splits: distinct.size > 1 ? [...parts.keys()] : [],
    async *images() {
      for (const image of images) {
        const read = await reading.attemptLater('image', () =>
          readImage(reading, image, root, layout, byLabel),
        );
        if (read) yield read;
      }
    },
  };
}

async function readImage(
  reading: Reading,
  { path, named, where }: Listed,
  root: string,
  layout: YoloLayout,
  byLabel: ReadonlyMap<string, readonly string[]>,
): Promise<AnnotatedImage> {
  const { files } = reading;
  const isThere = (await files.kind(path)) === 'file';
  const image = isThere ? path : ((await reading.sameLetters(where, path)) ?? path);
  if ((await files.kind(image)) !== 'file') {
    const address = /^\w+:\/\//.test(named);
    if (address) await reading.checkPath(where, named, image);
    throw new BadData(
      'missing image',
      `${where}: there is no image ${image}${await reading.otherCase([image])}; put it there, or remove the line`,
    );
  }
  await reading.checkPath(where, named, image);
  // Coordinates are shares of the size: this format cannot do without the image.
  const { width, height } = (await reading.imageInfo(image, image)) ?? (await files.imageSize(image, image));
  const annotation: Annotation = { imagePath: image, width, height, shapes: [] };
  const labels = labelFile(path);
  const file =
    (await files.kind(labels)) === 'file' ? labels : ((await reading.sameLetters(image, labels)) ?? labels);
  if ((await files.kind(file)) === 'file') {
    const other = byLabel.get(labels)?.find((one) => one !== path);
    if (other !== undefined) {
      throw new BadData(
        'duplicate',
        `${file}: is there for ${image} and for ${other}; keep one of the images, or rename one`,
      );
    }
    readLabels(await reading.text(file), file, annotation, layout, reading);
  }
  const inside = image.startsWith(`${root}/`) ? image.slice(root.length + 1) : baseName(image);
  const name = withoutExtension(inside.replace(/(^|\/)images\//, '$1'));
  return { name, source: file, image, annotation };
}

/** Reads the objects of a label file, one per line. A line that occurs twice is one object. */
function readLabels(
  text: string,
  file: string,
  annotation: Annotation,
  layout: YoloLayout,
  reading: Reading,
): void {
  text.split(/\r?\n/).forEach((line, i) => {
    const words = line.trim().split(/\s+/);
    if (words[0] === '') return;
    const where = `${file}: line ${i + 1}`;
    const { width, height } = annotation;
    reading.object(
      annotation,
      where,
      () => [readLine(words, where, annotation, layout, reading)],
      () =>
        placeOf(words.slice(1).map(decimal), layout).map(
          (value, k) => value * (k % 2 === 0 ? width : height),
        ),
    );
  });
}

/** The corners of a row's box or the points of its outline, as far as they can be told. */
function placeOf(numbers: readonly number[], { keypoints }: YoloLayout): readonly number[] {
  if (numbers.length > 5 && keypoints === undefined) return numbers;
  const [cx, cy, w, h] = numbers as [number, number, number, number];
  return [cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2];
}

/**
 * Reads `class cx cy w h`, with a score at the end in predictions, `class x1 y1 x2 y2 x3 y3 …`, or with keypoints
 * `class cx cy w h x1 y1 …`, of which the box is read; all numbers but the class are from 0 to 1.
 */
function readLine(
  words: readonly string[],
  where: string,
  size: ImageSize,
  layout: YoloLayout,
  reading: Reading,
): AnnotatedShape {
  const { classes, file, keypoints } = layout;
  const values = words.map(decimal);
  const bad = values.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) {
    throw new BadData(
      'not a number',
      `${where}: ${JSON.stringify(words[bad])} is not a finite number in decimal notation; ${FIX}`,
    );
  }
  const [index, ...all] = values as [number, ...number[]];
  const label = classes[index];
  if (!Number.isInteger(index) || label === undefined) {
    throw new BadData(
      'unknown class',
      `${where}: class ${words[0]} is not one of 0 to ${classes.length - 1}, which ${file} names; add it there, or remove the line`,
    );
  }
  if (keypoints !== undefined && all.length !== 4 + keypoints && all.length > 5) {
    throw new BadData(
      'structure',
      `${where}: has ${all.length} numbers after the class; a box and its keypoints (kpt_shape in ${file}) have ${4 + keypoints}; ${FIX}`,
    );
  }
  const rest = keypoints === undefined || all.length <= 5 ? all : all.slice(0, 4);
  if (rest.length < 4 || (rest.length > 5 && rest.length % 2 !== 0)) {
    throw new BadData(
      'structure',
      `${where}: has ${rest.length} numbers after the class; a box has 4 (cx cy w h), a polygon has x and y of each point; ${FIX}`,
    );
  }
  if (rest.some((value) => value < -1 || value > 2)) {
    throw new BadData(
      'outside of the image',
      `${where}: ${rest.join(' ')} are not all from 0 to 1, as YOLO's shares of the image are; divide x by its width and y by its height in pixels`,
    );
  }
  const { width, height } = size;
  const more = keypoints !== undefined && reading.options.extras ? all.slice(rest.length) : [];
  if (rest.length > 5) {
    const points = checkOutline(
      rest.map((value, i) => value * (i % 2 === 0 ? width : height)),
      size,
      where,
      FIX,
      reading,
    );
    return { label, points, box: polygonBounds(points), groupId: null };
  }
  const [cx, cy, w, h, score] = rest as [number, number, number, number, number?];
  const box = checkBox(
    [(cx - w / 2) * width, (cy - h / 2) * height, (cx + w / 2) * width, (cy + h / 2) * height],
    size,
    where,
    FIX,
    reading,
  );
  return {
    label,
    box: boxInside(box, size),
    groupId: null,
    ...(score === undefined ? {} : { score }),
    ...(more.length > 0 ? { extra: { values: { keypoints: more } } } : {}),
  };
}
