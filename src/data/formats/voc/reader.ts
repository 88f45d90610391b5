import { DataError } from '../../../errors.ts';
import type { Box, ImageSize } from '../../../vision/boxes.ts';
import { type AnnotatedShape, type Annotation, IGNORE_LABEL } from '../../annotation.ts';
import { BadData } from '../../faults.ts';
import { polygonBounds } from '../../polygon.ts';
import { boxInside, checkBox, checkOutline, decimal } from '../checks.ts';
import type { AnnotatedImage, DataFiles, Dataset, DatasetClass, ReadOptions } from '../format.ts';
import { type Frame, frameOf, toImage } from '../frame.ts';
import {
  baseName,
  extensionOf,
  hasExtension,
  isClutter,
  isImageFile,
  joinPath,
  withoutExtension,
} from '../paths.ts';
import { Reading } from '../reading.ts';
import { distinctNames, noteShared, SeenImages } from '../repeated.ts';
import { addMasks } from './addMasks.ts';
import { LABEL_MAP, readClassList, readMasks } from './masks.ts';
import { childrenOf, parseXml, type XmlElement } from './xml.ts';

const FIX_FILE = 'save the annotation again';
const FIX_OBJECT = 'correct or remove the object';
const SPLITS = ['train', 'val', 'trainval', 'test'];

/** The folder with the XML files of a data set: Annotations/, or the folder itself; undefined if neither has any. */
export async function xmlFolder(files: DataFiles, path: string): Promise<string | undefined> {
  for (const folder of [joinPath(path, 'Annotations'), path]) {
    if ((await files.kind(folder)) !== 'folder') continue;
    const entries = (await files.list(folder)).filter(({ name }) => !isClutter(name));
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
  const reading = new Reading(files, path, options);
  const splits = await splitFiles(files, path);
  const all = (await reading.list(folder)).filter(
    (entry) => !entry.folder && hasExtension(entry.name, '.xml'),
  );
  const fileOf = new Map<string, string>();
  for (const { name } of all) {
    const stem = withoutExtension(name);
    const other = fileOf.get(stem);
    if (other === undefined) fileOf.set(stem, joinPath(folder, name));
    else {
      reading.attempt('annotation', () => {
        throw new BadData(
          'duplicate',
          `${joinPath(folder, name)}: ${other} is there too; remove one of them`,
        );
      });
    }
  }
  const lists = new Map<string, string[]>();
  for (const [split, list] of splits) {
    // A list that is not asked for may be bad.
    const text = reading.text(list).catch((error) => {
      if (options.split === undefined || options.split === split) throw error;
      return '';
    });
    lists.set(split, namesIn(await text, fileOf));
  }
  const parts = new Map([...lists].map(([split, names]) => [split, new Set(names)]));
  noteShared(reading, joinPath(path, 'ImageSets'), parts, options.split);
  let stems = [...fileOf.keys()];
  if (options.split === undefined) noteUnlabelled(reading, folder, fileOf, splits, lists);
  else {
    const list = splits.get(options.split);
    if (list === undefined) {
      throw new DataError(
        `${path}: has no part ${JSON.stringify(options.split)} in ImageSets/Main; ${splits.size === 0 ? 'it has no parts, so give none' : `choose from ${[...splits.keys()].join(', ')}`}`,
      );
    }
    stems = distinctNames(reading, list, lists.get(options.split)!).filter(
      (stem) =>
        reading.attempt('annotation', () => {
          if (fileOf.has(stem)) return true;
          throw new BadData(
            'missing annotation',
            `${list}: lists ${stem}, but there is no ${joinPath(folder, `${stem}.xml`)}; add it, or remove the line`,
          );
        }) ?? false,
    );
  }
  const classes = await readClassList(reading, path);
  return {
    format: 'voc',
    path,
    splits: [...splits.keys()],
    ...(classes ? { classes: classes.map((name): DatasetClass => ({ name })) } : {}),
    async *images() {
      const { find, unused } = await imageFinder(reading, path, folder);
      const seen = new SeenImages(reading);
      for (const stem of stems) {
        const file = fileOf.get(stem)!;
        const read = () => readImage(reading, path, stem, file, find, classes, seen);
        const image = await reading.attemptLater('annotation', read);
        if (image) yield image;
      }
      if (options.split !== undefined) return;
      for (const image of unused()) {
        if (fileOf.has(withoutExtension(baseName(image)))) continue;
        reading.note('missing annotation', `${image}: has no file in ${folder}, and was passed over`);
      }
    },
  };
}

/** Notes the names that ImageSets/ lists and that have no XML file. */
function noteUnlabelled(
  reading: Reading,
  folder: string,
  known: ReadonlyMap<string, string>,
  files: ReadonlyMap<string, string>,
  lists: ReadonlyMap<string, readonly string[]>,
): void {
  for (const [split, names] of lists) {
    for (const stem of names) {
      if (known.has(stem)) continue;
      const message = `${files.get(split)}: lists ${stem}, but there is no ${joinPath(folder, `${stem}.xml`)}`;
      reading.note('missing annotation', `${message}; the image was passed over`);
    }
  }
}

/** The names in a list of ImageSets/: `name`, or `name -1`, `name 0` or `name 1` in the list of a class. Names may have blanks. */
const namesIn = (text: string, known: ReadonlyMap<string, string>): string[] =>
  text.split(/\r?\n/).flatMap((line) => {
    const whole = line.trim();
    const plain = whole.replace(/\s(?:-1|0|1)$/, '').trimEnd();
    const [word = ''] = whole.split(/\s+/, 1);
    return [whole, plain, word].find((name) => known.has(name)) ?? (plain || []);
  });

/** The images of one folder and of the folders below it: by name, and by name without the extension. */
interface Listed {
  readonly byName: Map<string, string>;
  readonly byStem: Map<string, string[]>;
}

async function listImages(reading: Reading, folder: string): Promise<Listed> {
  const listed: Listed = { byName: new Map(), byStem: new Map() };
  for await (const file of reading.walk(folder)) {
    if (!isImageFile(file)) continue;
    const name = baseName(file);
    if (!listed.byName.has(name)) listed.byName.set(name, file);
    const stem = withoutExtension(name);
    const same = listed.byStem.get(stem);
    if (same) same.push(file);
    else listed.byStem.set(stem, [file]);
  }
  return listed;
}

/**
 * Finds the image of an annotation: by the file name that it states, or else, where another extension is stated or none, by the
 * name without it. Throws DataError for several.
 */
async function imageFinder(reading: Reading, path: string, folder: string) {
  const { files, options } = reading;
  const { imageFolder, imagesOptional } = options;
  const candidates = imageFolder === undefined ? [joinPath(path, 'JPEGImages'), path, folder] : [imageFolder];
  const listed: Listed[] = [];
  for (const candidate of candidates) {
    if (listed.length > 0 && listed[0]!.byName.size > 0) break;
    if ((await files.kind(candidate)) === 'folder') listed.push(await listImages(reading, candidate));
  }
  const used = new Set<string>();
  const unused = () => [...(listed[0]?.byStem.values() ?? [])].flat().filter((image) => !used.has(image));
  const find = async (file: string, fileName: string): Promise<string> => {
    const stem = withoutExtension(baseName(file));
    const named = baseName(fileName.replaceAll('\\', '/'));
    const stems = [named === '' ? stem : extensionOf(named) ? withoutExtension(named) : named, stem];
    for (const { byName, byStem } of listed) {
      const exact = byName.get(named);
      const same = exact === undefined ? stems.map((one) => byStem.get(one)).find((one) => one) : [exact];
      if (!same) continue;
      if (same.length > 1) {
        throw new BadData(
          'missing image',
          `${file}: filename ${JSON.stringify(named)} is not there, but ${same.join(' and ')} are; state one of them as filename`,
        );
      }
      await reading.checkPath(file, fileName, same[0]!);
      used.add(same[0]!);
      return same[0]!;
    }
    if (imagesOptional) return joinPath(candidates[0]!, named || stem);
    const hint = await reading.otherCase(candidates.map((candidate) => joinPath(candidate, named || stem)));
    throw new BadData(
      'missing image',
      `${file}: filename ${JSON.stringify(named)} is not in ${candidates.join(', ')}${hint}; put the image there, or give its folder (--images)`,
    );
  };
  return { find, unused };
}

/** The frame of an XML file: the size that it states, where that is not 0 as some programs write it, or that of the image. */
async function readFrame(reading: Reading, root: XmlElement, file: string, image: string): Promise<Frame> {
  const [sizeElement] = childrenOf(root, 'size');
  const [width, height] = ['width', 'height'].map((name) => sizeElement && pixels(sizeElement, name, file));
  // 0 is written where a program did not know the size.
  const stated = width && height ? { width, height } : undefined;
  const info = await reading.neededInfo(image, file, stated);
  return frameOf(reading, file, stated, info, () => {
    const numbers = (name: string) =>
      childrenOf(root, 'object').flatMap((object) =>
        childrenOf(object, 'bndbox').flatMap((box) =>
          childrenOf(box, name).map(({ text }) => decimal(text) || 0),
        ),
      );
    const largest = (name: string) => numbers(name).reduce((most, value) => Math.max(most, value), 0);
    return [largest('xmax'), largest('ymax')];
  });
}

/** Reads one XML file. */
async function readImage(
  reading: Reading,
  path: string,
  stem: string,
  file: string,
  find: (file: string, fileName: string) => Promise<string>,
  classes: readonly string[] | undefined,
  seen: SeenImages,
): Promise<AnnotatedImage> {
  const root = parseXml(await reading.text(file), file, FIX_FILE);
  if (root.name !== 'annotation') {
    throw new BadData(
      'structure',
      `${file}: line ${root.line}: is <${root.name}>, not the <annotation> of Pascal VOC; remove the file`,
    );
  }
  const image = await find(file, childrenOf(root, 'filename')[0]?.text ?? '');
  await seen.check(image, file);
  const frame = await readFrame(reading, root, file, image);
  const { width, height } = frame;
  const annotation: Annotation = { imagePath: baseName(image), width, height, shapes: [] };
  childrenOf(root, 'object').forEach((element, index) => {
    const where = `${file}: object ${index + 1} (line ${element.line})`;
    reading.object(
      annotation,
      where,
      () => [readShape(element, where, annotation, classes, reading)],
      () => cornersOf(element),
      // Masks may tell them apart.
      'both are kept',
    );
  });
  const masks = await readMasks(reading, path, stem, [frame, frame.image]);
  const name = stem;
  if (!masks) return { name, source: file, image, annotation: toImage(annotation, frame) };
  const inFrame = masks.width === width && masks.height === height;
  const placed = inFrame ? annotation : toImage(annotation, frame);
  await addMasks(reading, masks, placed, classes);
  reading.keepWanted(placed, masks.classFile);
  return { name, source: file, image, annotation: inFrame ? toImage(placed, frame) : placed };
}

function pixels(parent: XmlElement, name: string, file: string): number {
  const [element] = childrenOf(parent, name);
  const value = decimal(element?.text);
  if (!Number.isInteger(value) || value < 0) {
    const { line } = element ?? parent;
    throw new BadData(
      'structure',
      `${file}: line ${line}: ${parent.name}.${name} is ${JSON.stringify(element?.text ?? null)}, not a whole number of pixels; ${FIX_FILE}`,
    );
  }
  return value;
}

const FLAGS: ReadonlyMap<string, boolean> = new Map([
  ['', false],
  ['0', false],
  ['1', true],
  ['false', false],
  ['true', true],
  ['unspecified', false],
]);

const CORNERS = ['xmin', 'ymin', 'xmax', 'ymax'] as const;
const numberIn = (element: XmlElement | undefined): number => decimal(element?.text);

/** The corners of an object's box as far as they are there, or the points of its polygon. */
function cornersOf(element: XmlElement): number[] | undefined {
  const [bounds] = childrenOf(element, 'bndbox');
  const corners = CORNERS.map((name) => bounds && numberIn(childrenOf(bounds, name)[0]));
  return corners.every((value) => value !== undefined) ? corners : polygonOf(element);
}

/** The points of <polygon>, x and y in turns: <pt><x/><y/></pt> (LabelMe), or <x1/><y1/><x2/> … (Roboflow). */
function polygonOf(element: XmlElement): number[] | undefined {
  const [polygon] = childrenOf(element, 'polygon');
  if (!polygon) return undefined;
  const points = childrenOf(polygon, 'pt');
  if (points.length > 0) {
    return points.flatMap((point) => [
      numberIn(childrenOf(point, 'x')[0]),
      numberIn(childrenOf(point, 'y')[0]),
    ]);
  }
  const values = new Map(polygon.children.map((child) => [child.name, numberIn(child)]));
  const numbers: number[] = [];
  for (let i = 1; values.has(`x${i}`); i++)
    numbers.push(values.get(`x${i}`)!, values.get(`y${i}`) ?? Number.NaN);
  return numbers.length > 0 ? numbers : undefined;
}

/**
 * Reads an object. VOC's corners are the first and the last pixel, counted from 1: (xmin, ymin, xmax, ymax) is the box
 * from (xmin - 1, ymin - 1) to (xmax, ymax).
 */
function readShape(
  element: XmlElement,
  where: string,
  size: ImageSize,
  classes: readonly string[] | undefined,
  reading: Reading,
): AnnotatedShape {
  const label = childrenOf(element, 'name')[0]?.text;
  if (!label) throw new BadData('structure', `${where}: has no name; ${FIX_OBJECT}`);
  if (classes && label !== IGNORE_LABEL && !classes.includes(label)) {
    throw new BadData(
      'unknown class',
      `${where}: name ${JSON.stringify(label)} is not one of ${classes.join(', ')}, which ${LABEL_MAP} lists; add it there, or remove the object`,
    );
  }
  const polygon = polygonOf(element);
  const [bounds] = childrenOf(element, 'bndbox');
  if (!bounds && !polygon) throw new BadData('structure', `${where}: has no bndbox; ${FIX_OBJECT}`);
  const box = bounds && readBox(bounds, where, size, reading);
  const read = () => checkOutline(polygon!, size, `${where}: polygon`, FIX_OBJECT, reading);
  // Without a box the outline is all there is; with one, the box stays where the outline is bad.
  const points = polygon && (box ? reading.attempt('part', read) : read());
  const shape: AnnotatedShape = {
    label,
    box: boxInside(box ?? polygonBounds(points!), size),
    ...(points ? { points } : {}),
    groupId: null,
  };
  for (const flag of ['difficult', 'truncated', 'occluded'] as const) {
    const text = childrenOf(element, flag)[0]?.text ?? '';
    const set = FLAGS.get(text.toLowerCase());
    if (set === undefined) {
      throw new BadData(
        'structure',
        `${where}: ${flag} is ${JSON.stringify(text)}, not 0 or 1; ${FIX_OBJECT}`,
      );
    }
    if (set) shape[flag] = true;
  }
  return shape;
}

function readBox(bounds: XmlElement, where: string, size: ImageSize, reading: Reading): Box {
  const [xmin, ymin, xmax, ymax] = CORNERS.map((name) => {
    const text = childrenOf(bounds, name)[0]?.text;
    const value = decimal(text);
    if (!Number.isFinite(value)) {
      throw new BadData(
        'not a number',
        `${where}: bndbox.${name} is ${JSON.stringify(text ?? null)}, not a number; ${FIX_OBJECT}`,
      );
    }
    return value;
  }) as [number, number, number, number];
  return checkBox([xmin - 1, ymin - 1, xmax, ymax], size, where, FIX_OBJECT, reading);
}
