/** Labelme: one JSON file beside each image. */

import { expectArguments } from '../../../arguments.ts';
import { encodeBase64 } from '../../../base64.ts';
import { DataError } from '../../../errors.ts';
import { expectOptions } from '../../../options.ts';
import type { Extra, MaskPatch } from '../../annotation.ts';
import { BadData } from '../../faults.ts';
import { encodeMaskPng } from '../../indexedPng.ts';
import { rowRunsOf } from '../../rowRuns.ts';
import { ExtraCounts } from '../extra.ts';
import type {
  AnnotatedImage,
  DataFiles,
  DataSink,
  DatasetClass,
  DatasetFormat,
  DatasetWriter,
  ReadOptions,
} from '../format.ts';
import { READ_OPTIONS, WarningCounts, writeImage } from '../format.ts';
import { frameOf, toImage } from '../frame.ts';
import { topKeys } from '../json.ts';
import { Names } from '../names.ts';
import { baseName, folderOf, hasExtension, isImageFile, resolveFrom, withoutExtension } from '../paths.ts';
import { Reading, rootOf } from '../reading.ts';
import { byStem, checkNamesake, SeenImages } from '../repeated.ts';
import { formatLabelme } from './format.ts';
import { embeddedImage, readShapes } from './labelme.ts';
import { coordinatesOf, readUnchecked, type UncheckedDocument } from './schema.ts';

/** The JSON files of a data set, and the images beside them. */
async function filesOf(reading: Reading, path: string): Promise<{ json: string[]; images: string[] }> {
  if ((await reading.files.kind(path)) === 'file') return { json: [path], images: [] };
  const [json, images]: [string[], string[]] = [[], []];
  for await (const file of reading.walk(path)) {
    if (hasExtension(file, '.json')) json.push(file);
    else if (isImageFile(file)) images.push(file);
  }
  return { json, images };
}

/** Whether a JSON file has shapes; other programs keep their settings in such files too. */
const isLabelme = async (files: DataFiles, file: string, encoding?: string): Promise<boolean> =>
  (await topKeys(files, file, ['shapes'], encoding)).keys.includes('shapes');

/** Reads one Labelme file, and finds the image that it names or embeds. */
export async function readLabelmeFile(
  files: DataFiles,
  file: string,
  options: ReadOptions = {},
): Promise<AnnotatedImage> {
  expectOptions('readLabelmeFile', options, READ_OPTIONS);
  expectArguments(
    'readLabelmeFile',
    { files, file },
    { files: { kind: 'function', list: 'function', bytes: 'function' }, file: 'text' },
  );
  const reading = new Reading(files, folderOf(file), options);
  return readFile(reading, file, withoutExtension(baseName(file)));
}

async function readFile(
  reading: Reading,
  file: string,
  name: string,
  checkImage: (image: string | Uint8Array) => Promise<void> = async () => undefined,
): Promise<AnnotatedImage> {
  const { files } = reading;
  const document = readUnchecked(await reading.text(file), file, reading);
  const image = await findImage(reading, document, file);
  await checkImage(image);
  const { imageWidth: width, imageHeight: height } = document;
  const stated = width && height ? { width, height } : undefined;
  const info = await reading.neededInfo(image, `${file}: imageData`, stated);
  const frame = frameOf(reading, file, stated, info, () => {
    const reach: [x: number, y: number] = [0, 0];
    for (const shape of document.shapes) {
      coordinatesOf(shape)?.forEach((value, i) => {
        if (value > reach[i % 2]!) reach[i % 2] = value;
      });
    }
    return reach;
  });
  const annotation = await readShapes(document, file, frame, { decodePng: files.decodePng, reading });
  return { name, source: file, image, annotation: toImage(annotation, frame) };
}

async function findImage(
  reading: Reading,
  document: UncheckedDocument,
  file: string,
): Promise<string | Uint8Array> {
  const { files, options } = reading;
  // Labelme on Windows writes backslashes, and reads both.
  const imagePath = document.imagePath?.replaceAll('\\', '/');
  if (imagePath !== undefined) {
    const named = resolveFrom(folderOf(file), imagePath);
    if (options.imagesOptional) return named;
    if ((await files.kind(named)) === 'file' || /^\w+:\/\//.test(imagePath)) {
      await reading.checkPath(file, imagePath, named);
      return named;
    }
  }
  const embedded = embeddedImage(document, file);
  if (embedded) return embedded;
  const other = imagePath && (await otherPlace(reading, imagePath, file));
  if (other) return other;
  if (options.imagesOptional) return withoutExtension(file);
  const hint = imagePath ? await reading.otherCase([resolveFrom(folderOf(file), imagePath)]) : '';
  throw new BadData(
    'missing image',
    `${file}: ${imagePath ? `imagePath is ${imagePath}, and there is no such file${hint}` : 'has no imagePath'}; put the image beside the annotation, or save it with imageData`,
  );
}

/**
 * Finds an image that is not where its annotation says: one whose name has another Unicode form, or one of that name beside the
 * annotation, where the path is of another machine (`C:\\Users\\me\\a.png`). It is noted.
 */
async function otherPlace(reading: Reading, imagePath: string, file: string): Promise<string | undefined> {
  const { files } = reading;
  const [named, beside] = [imagePath, baseName(imagePath)].map((path) => resolveFrom(folderOf(file), path));
  const found =
    (await reading.sameLetters(file, named!)) ??
    ((await files.kind(beside!)) === 'file' ? beside : await reading.sameLetters(file, beside!));
  if (found === undefined) return undefined;
  await reading.checkPath(file, baseName(found), found);
  if (folderOf(found) !== folderOf(named!)) {
    reading.note(
      'path',
      `${file}: imagePath is ${imagePath}, which is not there; ${found} beside it was read`,
    );
  }
  return found;
}

export const labelme: DatasetFormat = {
  name: 'labelme',
  title: 'Labelme',

  async detect(files, path, options = {}) {
    const { encoding } = options;
    // Faults are reported when the file is read.
    const reading = new Reading(files, await rootOf(files, path), { ...options, skipBad: true });
    for (const file of (await filesOf(reading, path)).json) {
      if (await isLabelme(files, file, encoding)) return baseName(file);
    }
    return undefined;
  },

  async open(files, path, options) {
    const root = await rootOf(files, path);
    const reading = new Reading(files, root, options);
    const { json: all, images } = await filesOf(reading, path);
    const found = (await files.kind(path)) === 'file' ? all : await labelmeFiles(reading, all);
    if (found.length === 0) {
      throw new DataError(
        `${path}: contains no Labelme file (*.json with "shapes"); label the images with Labelme, and save the files beside them`,
      );
    }
    return {
      format: 'labelme',
      path,
      splits: [],
      async *images() {
        const used = new Set<string | Uint8Array>();
        const seen = new SeenImages(reading);
        const namesakes = byStem(found);
        const quiet = new Reading(files, root, { ...options, onFault: () => undefined });
        const imageOf = async (file: string) =>
          findImage(quiet, readUnchecked(await quiet.text(file), file, quiet), file);
        for (const file of found) {
          const inside = file.startsWith(`${root}/`) ? file.slice(root.length + 1) : baseName(file);
          const read = () =>
            readFile(reading, file, withoutExtension(inside), async (image) => {
              await checkNamesake(reading, image, file, namesakes, imageOf);
              await seen.check(image, file);
            });
          const image = await reading.attemptLater('annotation', read);
          used.add(image ? image.image : withoutExtension(file));
          if (image) yield image;
        }
        for (const image of images) {
          if (used.has(image) || used.has(withoutExtension(image))) continue;
          reading.note('missing annotation', `${image}: has no annotation file, and was passed over`);
        }
      },
    };
  },

  create: (sink, classes, extra) => new LabelmeWriter(sink, classes, extra),
};

/** The files that have shapes, or are broken: their reader says why. Other JSON files are noted and passed over. */
async function labelmeFiles(reading: Reading, all: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const file of all) {
    const { keys, broken } = await topKeys(reading.files, file, ['shapes'], reading.options.encoding);
    if (broken || keys.includes('shapes')) found.push(file);
    else
      reading.note('structure', `${file}: has no "shapes", so it is not a Labelme file and was passed over`);
  }
  return found;
}

class LabelmeWriter implements DatasetWriter {
  readonly warnings = new WarningCounts();
  readonly #sink: DataSink;
  readonly #names = new Names(this.warnings);
  readonly #extras = new ExtraCounts('labelme', this.warnings);

  constructor(sink: DataSink, classes: readonly DatasetClass[], extra?: Extra) {
    this.#sink = sink;
    this.#extras.dataset(classes, extra);
  }

  async add(image: AnnotatedImage): Promise<void> {
    const { annotation } = image;
    this.#extras.image(annotation);
    if (annotation.unlabelled) this.warnings.count('regions that nobody labelled, which became background');
    const { name, fileName: imagePath } = this.#names.take(image);
    const encoded = new Map<MaskPatch, string>();
    for (const { mask } of annotation.shapes) {
      if (mask) encoded.set(mask, encodeBase64(await encodeMaskPng(rowRunsOf(mask))));
    }
    await writeImage(this.#sink, image, imagePath);
    const text = formatLabelme(annotation, {
      imagePath,
      version: '5.3.1',
      png: (mask) => encoded.get(mask),
    });
    await this.#sink.write(`${name}.json`, text);
  }

  async end(): Promise<void> {}
}
