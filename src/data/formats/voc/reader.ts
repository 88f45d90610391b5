import { DataError } from '../../../errors.ts';
import type { Annotation } from '../../annotation.ts';
import { BadData } from '../../faults.ts';
import { decimal } from '../checks.ts';
import type { AnnotatedImage, DataFiles, Dataset, DatasetClass, ReadOptions } from '../format.ts';
import { type Frame, frameOf, toImage } from '../frame.ts';
import { baseName, hasExtension, isClutter, joinPath, withoutExtension } from '../paths.ts';
import { Reading } from '../reading.ts';
import { byStem, checkNamesake, distinctNames, noteShared, SeenImages } from '../repeated.ts';
import { addMasks } from './addMasks.ts';
import { imageFinder } from './imageFinder.ts';
import { readClassList, readMasks } from './masks.ts';
import { cornersOf, imageExtra, readShape } from './objects.ts';
import { childrenOf, parseXml, type XmlElement } from './xml.ts';

const FIX_FILE = 'save the annotation again';
const SPLITS = ['train', 'val', 'trainval', 'test'];

/** The folder with the XML files of a data set: Annotations/, annotations/, or the folder itself; undefined if none has any. */
export async function xmlFolder(files: DataFiles, path: string): Promise<string | undefined> {
  for (const folder of [joinPath(path, 'Annotations'), joinPath(path, 'annotations'), path]) {
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
    const stem = withoutExtension(name).normalize('NFC');
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
      const namesakes = byStem([...fileOf.values()]);
      const imageOf = async (file: string) => find(file, fileNameIn(await readRoot(reading, file)));
      const check = async (image: string, file: string): Promise<void> => {
        await checkNamesake(reading, image, file, namesakes, imageOf);
        await seen.check(image, file);
      };
      for (const stem of stems) {
        const file = fileOf.get(stem)!;
        const read = () => readImage(reading, path, stem, file, find, classes, check);
        const image = await reading.attemptLater('annotation', read);
        if (image) yield image;
      }
      if (options.split !== undefined) return;
      for (const image of unused()) {
        if (fileOf.has(withoutExtension(baseName(image)).normalize('NFC'))) continue;
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
    // macOS writes letters with accents as two characters.
    const whole = line.trim().normalize('NFC');
    const plain = whole.replace(/\s(?:-1|0|1)$/, '').trimEnd();
    const [word = ''] = whole.split(/\s+/, 1);
    return [whole, plain, word].find((name) => known.has(name)) ?? (plain || []);
  });

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

async function readRoot(reading: Reading, file: string): Promise<XmlElement> {
  const root = parseXml(await reading.text(file), file, FIX_FILE);
  if (root.name === 'annotation') return root;
  throw new BadData(
    'structure',
    `${file}: line ${root.line}: is <${root.name}>, not the <annotation> of Pascal VOC; remove the file`,
  );
}

const fileNameIn = (root: XmlElement): string => childrenOf(root, 'filename')[0]?.text ?? '';

/** Reads one XML file. */
async function readImage(
  reading: Reading,
  path: string,
  stem: string,
  file: string,
  find: (file: string, fileName: string) => Promise<string>,
  classes: readonly string[] | undefined,
  check: (image: string, file: string) => Promise<void>,
): Promise<AnnotatedImage> {
  const root = await readRoot(reading, file);
  const image = await find(file, fileNameIn(root));
  await check(image, file);
  const frame = await readFrame(reading, root, file, image);
  const { width, height } = frame;
  const annotation: Annotation = {
    imagePath: baseName(image),
    width,
    height,
    shapes: [],
    ...(reading.options.extras ? imageExtra(root) : {}),
  };
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
