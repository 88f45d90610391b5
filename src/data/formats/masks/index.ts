/** Masks: folders of images, and of PNG files of the same names whose pixel values are the classes. */
import { DataError } from '../../../errors.ts';
import type { Annotation, Extra } from '../../annotation.ts';
import { BadData } from '../../faults.ts';
import { encodeIndexedPng } from '../../indexedPng.ts';
import { objectsOf } from '../../objects.ts';
import { resting } from '../../rest.ts';
import { ExtraCounts } from '../extra.ts';
import type {
  AnnotatedImage,
  DataFiles,
  DataSink,
  Dataset,
  DatasetClass,
  DatasetFormat,
  DatasetWriter,
  DetectOptions,
  ReadOptions,
  WriteOptions,
} from '../format.ts';
import { WarningCounts, writeImage } from '../format.ts';
import { type Frame, frameOf, toImage } from '../frame.ts';
import { checkMaskNames, Names } from '../names.ts';
import { baseName, joinPath } from '../paths.ts';
import { Reading } from '../reading.ts';
import { SeenImages } from '../repeated.ts';
import { addMasks } from '../voc/addMasks.ts';
import { drawMasks } from '../voc/drawMasks.ts';
import { MOST, VOID, vocPalette } from '../voc/masks.ts';
import {
  type ClassList,
  type FoundValues,
  isBlackAndWhite,
  type MaskValues,
  readClasses,
  readIndexMask,
  valuesIn,
} from './classes.ts';
import { type Layout, layoutOf } from './layout.ts';

export const masks: DatasetFormat = {
  name: 'masks',
  title: 'masks',

  async detect(files, path, options = {}) {
    if ((await files.kind(path)) !== 'folder') return undefined;
    // Faults are reported when the file is read.
    const layout = await layoutOf(new Reading(files, path, { ...options, skipBad: true }), path);
    return layout?.isPng ? layout.sign : undefined;
  },

  open: openMasks,
  create: (sink, classes, extra, options) => new MasksWriter(sink, classes, extra, options),
};

/** Whether a folder has masks in files of other kinds than PNG. Opening it says what is wrong. */
export async function hasOtherMasks(
  files: DataFiles,
  path: string,
  options: DetectOptions,
): Promise<boolean> {
  const layout = await layoutOf(new Reading(files, path, { ...options, skipBad: true }), path);
  return layout !== undefined && !layout.isPng;
}

async function openMasks(files: DataFiles, path: string, options: ReadOptions): Promise<Dataset> {
  const reading = new Reading(files, path, options);
  const layout = await layoutOf(reading, path);
  if (!layout) {
    throw new DataError(
      `${path}: contains no masks; put images in images/ and PNG files of the same names in masks/`,
    );
  }
  const { split } = options;
  const { splits } = layout;
  if (split !== undefined && !splits.has(split)) {
    throw new DataError(
      `${path}: has no part ${JSON.stringify(split)}; ${splits.size === 0 ? 'it has no parts, so give none' : `choose from ${[...splits.keys()].join(', ')}`}`,
    );
  }
  const wanted = split === undefined ? undefined : splits.get(split)!;
  const pairs = layout.pairs.filter(({ name }) => !wanted || wanted.has(name));
  const list = await readClasses(reading, layout);
  if (list.unlabelled !== undefined) {
    reading.note(
      'mask value',
      `${list.file}: its first line is ${JSON.stringify(list.unlabelled)}, so that pixel value 0 is read as not labelled; write "_background_" if it is the background`,
    );
  }
  const found =
    list.names === undefined || list.names.length === 1 ? await valuesIn(reading, pairs, list) : undefined;
  const numbering = numberClasses(list, found);
  return {
    format: 'masks',
    path,
    classes: numbering.classes.map((name): DatasetClass => ({ name })),
    splits: [...splits.keys()],
    async *images() {
      const seen = new SeenImages(reading);
      for (const pair of pairs) {
        const image = await reading.attemptLater('annotation', () =>
          readPair(reading, layout, pair, list, numbering, seen),
        );
        if (image) yield image;
      }
    },
  };
}

/** The classes of masks, and which pixel values they are. */
interface Numbering {
  readonly classes: readonly string[];
  /** The class number of each pixel value; 255 that is none of them is not labelled. Undefined: values are class numbers. */
  readonly numbers?: ReadonlyMap<number, number>;
  /** Throws, or notes, what 255 is in a mask that has black and white alone where other masks have numbers. */
  readonly checkWhite: (reading: Reading, file: string, isBit: boolean) => void;
}

function numberClasses({ names, file: list }: ClassList, found: FoundValues | undefined): Numbering {
  const { numbered } = found ?? {};
  // Masks of 0 and 255 alone are binary: 255 is the object.
  if (found && !numbered && found.values.has(255)) {
    return { classes: names ?? ['object'], numbers: new Map([[255, 1]]), checkWhite: () => undefined };
  }
  const checkWhite: Numbering['checkWhite'] = (reading, file, isBit) => {
    if (names && isBit) return;
    const what = isBit ? 'has one bit per pixel' : 'has the values 0 and 255 alone';
    if (names || (found!.hasVoid && !isBit)) {
      const why = names ? `by ${list ?? "VOC's list of classes"}` : `as in the masks with numbers`;
      reading.note(
        'mask value',
        `${file}: ${what}, and 255 is read as not labelled, ${why}; save its objects with their class numbers if they are some`,
      );
      return;
    }
    throw new BadData(
      'mask value',
      `${file}: ${what}, but ${numbered!.file} has the value ${numbered!.value}: it is not clear which values are one class; save all masks alike, or list the classes in class_names.txt, by which 1 is the first class and 255 is not labelled`,
    );
  };
  if (names) return { classes: names, checkWhite };
  const used = [...found!.values].filter((value) => value !== 0 && value !== 255).sort((a, b) => a - b);
  return { classes: used.map(String), numbers: new Map(used.map((value, i) => [value, i + 1])), checkWhite };
}

async function readPair(
  reading: Reading,
  layout: Layout,
  { name, image: found, other, mask, objects }: Layout['pairs'][number],
  list: ClassList,
  { classes, numbers, checkWhite }: Numbering,
  seen: SeenImages,
): Promise<AnnotatedImage> {
  const { imagesOptional } = reading.options;
  const image = found ?? (imagesOptional ? joinPath(layout.images, name) : undefined);
  if (image === undefined) {
    throw new BadData(
      'missing image',
      `${mask}: has no image ${joinPath(layout.images, name)}.*; put it there, or remove the mask`,
    );
  }
  if (other !== undefined) {
    throw new BadData('duplicate', `${mask}: is there for ${image} and for ${other}; keep one of the images`);
  }
  await reading.checkPath(mask, baseName(image), image);
  await seen.check(image, mask);
  const info = await reading.imageInfo(image, image);
  let frame: Frame | undefined;
  const read = await readIndexMask(reading, mask, list, (size) => {
    frame = frameOf(reading, mask, size, info, () => [0, 0]);
  });
  if (read.isGreyColor) {
    reading.note('mask value', `${mask}: has colours that are all grey, and was read as grey values`);
  }
  if (isBlackAndWhite(read)) checkWhite(reading, mask, read.isBit);
  const numbered = classNumbers(read, numbers);
  const data = list.unlabelled === undefined ? numbered : numbered.map((value) => value || VOID);
  const objectMask =
    objects === undefined
      ? undefined
      : await readIndexMask(reading, objects, {}, (size) => {
          if (size.width === read.width && size.height === read.height) return;
          throw new BadData(
            'size differs',
            `${objects}: has ${size.width}x${size.height} pixels, but its image ${read.width}x${read.height}; use the mask of this image`,
          );
        });
  const { width, height } = read;
  const annotation: Annotation = { imagePath: image, width, height, shapes: [] };
  await addMasks(
    reading,
    {
      width,
      height,
      classMask: { width, height, data },
      ...(objectMask ? { objectMask } : {}),
      classFile: mask,
      objectFile: objects ?? mask,
      classList: list.file ?? joinPath(layout.path, 'class_names.txt'),
    },
    annotation,
    classes,
  );
  reading.keepWanted(annotation, mask);
  return { name, source: mask, image, annotation: toImage(annotation, frame!) };
}

/** The class number of each pixel. The white of one bit per pixel is the first class. */
function classNumbers({ data, isBit }: MaskValues, numbers: Numbering['numbers']): Uint8Array {
  if (isBit || !numbers) return data;
  const table = Uint8Array.from(
    { length: 256 },
    (_, value) => numbers.get(value) ?? (value === 255 ? 255 : 0),
  );
  return data.map((value) => table[value]!);
}

/**
 * Writes images/, masks/ (palette PNG files), and class_names.txt as labelme2voc does: `__ignore__` (255), `_background_` (0), and
 * the classes from 1. With `objects` also SegmentationObject/, as VOC has it.
 */
class MasksWriter implements DatasetWriter {
  readonly warnings = new WarningCounts();
  readonly #sink: DataSink;
  readonly #classes: readonly string[];
  readonly #names = new Names(this.warnings);
  readonly #extras = new ExtraCounts('masks', this.warnings);
  readonly #palette = vocPalette();
  readonly #rest = resting();
  readonly #objects: boolean;

  constructor(
    sink: DataSink,
    classes: readonly DatasetClass[],
    extra?: Extra,
    { objects = false }: WriteOptions = {},
  ) {
    this.#sink = sink;
    this.#objects = objects;
    this.#extras.dataset(classes, extra);
    this.#classes = [...new Set(classes.map(({ name }) => name))];
    checkMaskNames(this.#classes, 'class_names.txt');
    if (this.#classes.length > MOST) {
      throw new DataError(
        `masks: there are ${this.#classes.length} classes, a mask has at most ${MOST}; choose another format`,
      );
    }
  }

  async add(image: AnnotatedImage): Promise<void> {
    const { annotation } = image;
    this.#extras.image(annotation);
    const { width, height } = annotation;
    const { name, fileName } = this.#names.take(image);
    await writeImage(this.#sink, image, `images/${fileName}`);
    const objects = objectsOf(annotation.shapes);
    const count = (what: string, of: (object: (typeof objects)[number]) => unknown): void =>
      this.warnings.count(what, objects.filter(of).length);
    count('crowds, written as objects', ({ crowd }) => crowd);
    count('objects with flags', ({ difficult, truncated, occluded }) => difficult || truncated || occluded);
    count('scores', ({ shapes }) => shapes.some(({ score }) => score !== undefined));
    count('boxes without an outline, written as not labelled', ({ shapes }) =>
      shapes.every(({ points, mask }) => !points && !mask),
    );
    const drawnLabels = objects.flatMap(({ label, shapes }) =>
      shapes.some(({ points, mask }) => points || mask) ? [label] : [],
    );
    if (this.#objects && objects.length > MOST) {
      throw new DataError(
        `${image.source}: has ${objects.length} objects, a mask of objects numbers at most ${MOST}; choose another format`,
      );
    }
    if (!this.#objects && new Set(drawnLabels).size < drawnLabels.length)
      this.warnings.count('images whose objects of one class are no longer told apart');
    const drawn = await drawMasks(annotation, this.#classes, this.#rest);
    if (drawn.covered) this.warnings.count('images where objects cover each other: a pixel has only one');
    const write = async (folder: string, data: Uint8Array): Promise<void> =>
      this.#sink.write(
        `${folder}/${name}.png`,
        await encodeIndexedPng({ width, height, data }, this.#palette),
      );
    await write('masks', drawn.classes);
    if (this.#objects) await write('SegmentationObject', drawn.objects);
  }

  async end(): Promise<void> {
    const names = ['__ignore__', '_background_', ...this.#classes];
    await this.#sink.write('class_names.txt', names.map((name) => `${name}\n`).join(''));
  }
}
