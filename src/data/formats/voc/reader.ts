import { DataError } from '../../../errors.ts';
import type { AnnotatedShape, Annotation } from '../../annotation.ts';
import { boxInside, checkBox, readObject } from '../checks.ts';
import type { AnnotatedImage, DataFiles, Dataset, DatasetClass, ReadOptions } from '../format.ts';
import { baseName, extensionOf, hasExtension, isImageFile, joinPath, withoutExtension } from '../paths.ts';
import { addMasks, LABEL_MAP, readClassList } from './masks.ts';
import { childrenOf, parseXml, type XmlElement } from './xml.ts';

const FIX_FILE = 'save the annotation again';
const FIX_OBJECT = 'correct or remove the object, or leave out what is bad (--skip-bad)';
const SPLITS = ['train', 'val', 'trainval', 'test'];

/** The folder with the XML files of a data set: Annotations/, or the folder itself; undefined if neither has any. */
export async function xmlFolder(files: DataFiles, path: string): Promise<string | undefined> {
  for (const folder of [joinPath(path, 'Annotations'), path]) {
    if ((await files.kind(folder)) !== 'folder') continue;
    const entries = await files.list(folder);
    if (entries.some(({ name, folder: isFolder }) => !isFolder && hasExtension(name, '.xml'))) return folder;
  }
  return undefined;
}

/**
 * Finds the parts that ImageSets/ lists, and the file of each. Those of Main take precedence over those of
 * Segmentation.
 */
async function splitFiles(files: DataFiles, path: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const kind of ['Main', 'Segmentation']) {
    for (const split of SPLITS) {
      const file = joinPath(path, 'ImageSets', kind, `${split}.txt`);
      if (!found.has(split) && (await files.kind(file)) === 'file') found.set(split, file);
    }
  }
  return found;
}

/** Opens Pascal VOC's folders: Annotations/ (or just the XML files), JPEGImages/, masks and ImageSets/. */
export async function openVoc(files: DataFiles, path: string, options: ReadOptions): Promise<Dataset> {
  const folder = await xmlFolder(files, path);
  if (folder === undefined) {
    throw new DataError(
      `${path}: contains no Annotations/*.xml; give the folder that contains them, for example VOCdevkit/VOC2012`,
    );
  }
  const splits = await splitFiles(files, path);
  const all = (await files.list(folder)).filter((entry) => !entry.folder && hasExtension(entry.name, '.xml'));
  let stems = all.map(({ name }) => withoutExtension(name));
  if (options.split !== undefined) {
    const list = splits.get(options.split);
    if (list === undefined) {
      throw new DataError(
        `${path}: has no part ${JSON.stringify(options.split)} in ImageSets/Main; ${splits.size === 0 ? 'it has no parts, so give none' : `choose from ${[...splits.keys()].join(', ')}`}`,
      );
    }
    const text = await files.text(list);
    stems = text.split(/\r?\n/).flatMap((line) => line.trim().split(/\s+/)[0] || []);
    const missing = stems.find((stem) => !all.some(({ name }) => withoutExtension(name) === stem));
    if (missing !== undefined) {
      throw new DataError(
        `${list}: lists ${missing}, but there is no ${joinPath(folder, `${missing}.xml`)}; add it, or remove the line`,
      );
    }
  }
  const classes = await readClassList(files, path);
  return {
    format: 'voc',
    path,
    splits: [...splits.keys()],
    ...(classes ? { classes: classes.map((name): DatasetClass => ({ name })) } : {}),
    async *images() {
      const find = await imageFinder(files, path, folder, options);
      for (const stem of stems) {
        const file = joinPath(folder, `${stem}.xml`);
        const image = await readImage(files, file, find, classes, options);
        await addMasks(files, path, stem, image.annotation, classes);
        yield image;
      }
    },
  };
}

/** Finds the image of an annotation: by the file name that it states, or else by that of the annotation. */
async function imageFinder(
  files: DataFiles,
  path: string,
  folder: string,
  { imageFolder, imagesOptional }: ReadOptions,
) {
  const candidates = imageFolder === undefined ? [joinPath(path, 'JPEGImages'), path, folder] : [imageFolder];
  const listed = new Map<string, Map<string, string>>();
  for (const candidate of candidates) {
    if ((await files.kind(candidate)) !== 'folder') continue;
    const images = (await files.list(candidate)).filter((entry) => !entry.folder && isImageFile(entry.name));
    listed.set(candidate, new Map(images.map(({ name }) => [withoutExtension(name), name])));
  }
  return (file: string, fileName: string): string => {
    const stem = withoutExtension(baseName(file));
    const named = baseName(fileName.replaceAll('\\', '/'));
    for (const [candidate, names] of listed) {
      const byName = [...(extensionOf(named) ? [withoutExtension(named)] : [named]), stem];
      const found = byName.map((name) => names.get(name)).find((name) => name !== undefined);
      if (found !== undefined) return joinPath(candidate, found);
    }
    if (imagesOptional) return joinPath(candidates[0]!, named || stem);
    throw new DataError(
      `${file}: filename ${JSON.stringify(named)} is not in ${candidates.join(', ')}; put the image there, or give its folder (--images)`,
    );
  };
}

/** Reads one XML file. */
async function readImage(
  files: DataFiles,
  file: string,
  find: (file: string, fileName: string) => string,
  classes: readonly string[] | undefined,
  { onBad }: ReadOptions,
): Promise<AnnotatedImage> {
  const root = parseXml(await files.text(file), file, FIX_FILE);
  if (root.name !== 'annotation') {
    throw new DataError(
      `${file}: line ${root.line}: is <${root.name}>, not the <annotation> of Pascal VOC; remove the file`,
    );
  }
  const image = find(file, childrenOf(root, 'filename')[0]?.text ?? '');
  const [sizeElement] = childrenOf(root, 'size');
  const size = sizeElement
    ? { width: pixels(sizeElement, 'width', file), height: pixels(sizeElement, 'height', file) }
    : await files.imageSize(image);
  const annotation: Annotation = { imagePath: baseName(image), ...size, shapes: [] };
  childrenOf(root, 'object').forEach((element, index) => {
    const shape = readObject(() => readShape(element, index, file, annotation, classes), onBad);
    if (shape) annotation.shapes.push(shape);
  });
  return { name: withoutExtension(baseName(file)), source: file, image, annotation };
}

function pixels(parent: XmlElement, name: string, file: string): number {
  const [element] = childrenOf(parent, name);
  const value = Number(element?.text || Number.NaN);
  if (!Number.isInteger(value) || value < 1) {
    const { line } = element ?? parent;
    throw new DataError(
      `${file}: line ${line}: ${parent.name}.${name} is ${JSON.stringify(element?.text ?? null)}, not a whole number of pixels; ${FIX_FILE}`,
    );
  }
  return value;
}

const FLAGS: Readonly<Record<string, boolean>> = {
  '': false,
  0: false,
  1: true,
  false: false,
  true: true,
  unspecified: false,
};

/**
 * Reads an object. VOC's corners are the first and the last pixel, counted from 1: (xmin, ymin, xmax, ymax) is the box
 * from (xmin - 1, ymin - 1) to (xmax, ymax).
 */
function readShape(
  element: XmlElement,
  index: number,
  file: string,
  size: Annotation,
  classes: readonly string[] | undefined,
): AnnotatedShape {
  const where = `${file}: object ${index + 1} (line ${element.line})`;
  const label = childrenOf(element, 'name')[0]?.text;
  if (!label) throw new DataError(`${where}: has no name; ${FIX_OBJECT}`);
  if (classes && !classes.includes(label)) {
    throw new DataError(
      `${where}: name ${JSON.stringify(label)} is not one of ${classes.join(', ')}, which ${LABEL_MAP} lists; add it there, or remove the object`,
    );
  }
  const [bounds] = childrenOf(element, 'bndbox');
  if (!bounds) throw new DataError(`${where}: has no bndbox; ${FIX_OBJECT}`);
  const [xmin, ymin, xmax, ymax] = ['xmin', 'ymin', 'xmax', 'ymax'].map((name) => {
    const text = childrenOf(bounds, name)[0]?.text;
    const value = Number(text || Number.NaN);
    if (!Number.isFinite(value)) {
      throw new DataError(
        `${where}: bndbox.${name} is ${JSON.stringify(text ?? null)}, not a number; ${FIX_OBJECT}`,
      );
    }
    return value;
  }) as [number, number, number, number];
  const box = checkBox([xmin - 1, ymin - 1, xmax, ymax], size, where, FIX_OBJECT);
  const shape: AnnotatedShape = { label, box: boxInside(box, size), groupId: null };
  for (const flag of ['difficult', 'truncated', 'occluded'] as const) {
    const text = childrenOf(element, flag)[0]?.text ?? '';
    const set = FLAGS[text.toLowerCase()];
    if (set === undefined) {
      throw new DataError(`${where}: ${flag} is ${JSON.stringify(text)}, not 0 or 1; ${FIX_OBJECT}`);
    }
    if (set) shape[flag] = true;
  }
  return shape;
}
