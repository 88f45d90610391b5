import type { ImageSize } from '../../../vision/boxes.ts';
import { BadData } from '../../faults.ts';
import { decodeIndexedPng, type IndexedImage, pngSize } from '../../indexedPng.ts';
import { BACKGROUND } from '../names.ts';
import { folderOf, joinPath } from '../paths.ts';
import type { Reading } from '../reading.ts';
import { LABEL_MAP, parseLabelMap, VOC_CLASSES } from '../voc/masks.ts';
import type { Layout, MaskPair } from './layout.ts';

/** The classes of masks, as a file lists them. */
export interface ClassList {
  /** The classes of pixel values 1, 2 and so on. Undefined if no file lists them. */
  readonly names?: readonly string[];
  /** Pixel values by colour, for RGB masks: red * 65536 + green * 256 + blue. */
  readonly colors?: ReadonlyMap<number, number>;
  readonly file?: string;
}

/** Lists in which line n, counted from 0, names pixel value n. */
const BY_VALUE = ['class_names.txt', 'label_names.txt', 'codes.txt'];

/**
 * Reads the classes: class_names.txt (labelme2voc), label_names.txt, codes.txt, labelmap.txt (CVAT, with colours) or classes.txt. VOC's
 * own 20 where the masks are in SegmentationClass/ and nothing lists them.
 *
 * @throws DataError where a list does not begin with the background.
 */
export async function readClasses(reading: Reading, { path, pairs }: Layout): Promise<ClassList> {
  const beside = pairs[0] ? folderOf(pairs[0].mask) : path;
  for (const folder of new Set([path, beside])) {
    for (const name of [...BY_VALUE, LABEL_MAP, 'classes.txt']) {
      const file = joinPath(folder, name);
      if ((await reading.files.kind(file)) !== 'file') continue;
      const text = await reading.text(file);
      return name === LABEL_MAP ? fromLabelMap(text, file) : fromLines(text, file, BY_VALUE.includes(name));
    }
  }
  return /\/SegmentationClass(PNG)?\//.test(pairs[0]?.mask ?? '') ? { names: VOC_CLASSES } : {};
}

function fromLines(text: string, file: string, byValue: boolean): ClassList {
  const lines = text.split(/\r?\n/).map((line) => line.trim());
  while (lines.at(-1) === '') lines.pop();
  if (lines[0] === '__ignore__') lines.shift();
  const [first, ...rest] = lines;
  if (first !== undefined && BACKGROUND.test(first)) return { names: rest, file };
  if (!byValue && first !== undefined) return { names: lines, file };
  throw new BadData(
    'structure',
    `${file}: its first line is ${JSON.stringify(first ?? '')}, but pixel value 0 is the background; begin it with "_background_"`,
  );
}

function fromLabelMap(text: string, file: string): ClassList {
  const lines = parseLabelMap(text, file);
  const names = lines.map(({ name }) => name).filter((name) => !BACKGROUND.test(name));
  const colors = new Map<number, number>();
  for (const { name, color } of lines) {
    if (color) colors.set(keyOf(color[0], color[1], color[2]), names.indexOf(name) + 1);
  }
  return { names, colors, file };
}

const keyOf = (red: number, green: number, blue: number): number => red * 65536 + green * 256 + blue;

/**
 * Reads the pixel values of a mask: indices or grey values, or colours that labelmap.txt lists.
 *
 * @param check Receives the size in the file's header, and throws what is wrong with it, before anything is unpacked.
 * @throws DataError for colours that are not listed.
 */
export async function readIndexMask(
  reading: Reading,
  file: string,
  { colors, file: listed }: ClassList,
  check: (size: ImageSize) => void,
): Promise<IndexedImage> {
  const bytes = await reading.files.bytes(file);
  const header = pngSize(bytes);
  if (header) {
    reading.checkPixels(header, file);
    check(header);
  }
  const isColor = header && [2, 6].includes(bytes[25]!);
  if (!isColor) return decodeIndexedPng(bytes, file, reading.options.maxPixels);
  if (!colors || colors.size === 0) {
    throw new BadData(
      'structure',
      `${file}: has colours, and ${LABEL_MAP} does not say which classes they are; save it with a palette, or list name:red,green,blue:: there`,
    );
  }
  const { width, height, data: rgb } = await reading.files.decodePng(bytes);
  const channels = rgb.length / (width * height);
  const data = new Uint8Array(width * height);
  for (let i = 0; i < data.length; i++) {
    const [red, green, blue] = [rgb[i * channels]!, rgb[i * channels + 1]!, rgb[i * channels + 2]!];
    const value = colors.get(keyOf(red, green, blue)) ?? (red + green + blue === 0 ? 0 : undefined);
    if (value === undefined) {
      throw new BadData(
        'unknown class',
        `${file}: the pixel at (${i % width}, ${Math.floor(i / width)}) has colour ${red},${green},${blue}, which ${listed} does not list; add it there`,
      );
    }
    data[i] = value;
  }
  return { width, height, data };
}

/** The pixel values that occur in masks. Those that cannot be read are passed over: reading them says why. */
export async function valuesIn(reading: Reading, pairs: readonly MaskPair[]): Promise<ReadonlySet<number>> {
  const found = new Uint8Array(256);
  for (const { mask, image } of pairs) {
    await reading.rest();
    const bytes = await reading.files.bytes(mask);
    const header = pngSize(bytes);
    const info =
      image === undefined ? undefined : await reading.imageInfo(image, image).catch(() => undefined);
    const isLarger = header && info && header.width * header.height > info.width * info.height;
    if (!header || (isLarger && !reading.options.fixSizes)) continue;
    const read = await decodeIndexedPng(bytes, mask, reading.options.maxPixels).catch(() => undefined);
    for (const value of read?.data ?? []) found[value] = 1;
  }
  return new Set([...found.keys()].filter((value) => found[value] === 1));
}
