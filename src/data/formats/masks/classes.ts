import { DataError } from '../../../errors.ts';
import type { ImageSize } from '../../../vision/boxes.ts';
import { BadData } from '../../faults.ts';
import { decodeIndexedPng, type IndexedImage, pngSize } from '../../indexedPng.ts';
import { BACKGROUND } from '../names.ts';
import { extensionOf, folderOf, hasExtension, joinPath } from '../paths.ts';
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
  /** The name of pixel value 0, where that is not labelled and no background (CamVid's `Void`). */
  readonly unlabelled?: string;
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

/** Names of what nobody labelled. */
const UNLABELLED = /^_*(?:void|unlabell?ed)_*$/i;

function fromLines(text: string, file: string, byValue: boolean): ClassList {
  const lines = text.split(/\r?\n/).map((line) => line.trim());
  while (lines.at(-1) === '') lines.pop();
  if (lines[0] === '__ignore__') lines.shift();
  const [first, ...rest] = lines;
  if (first !== undefined && BACKGROUND.test(first)) return { names: rest, file };
  if (first !== undefined && UNLABELLED.test(first)) return { names: rest, file, unlabelled: first };
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

/** The pixel values of a mask file. */
export interface MaskValues extends IndexedImage {
  /** Whether the file has one bit per pixel and no palette: black and white, as 0 and 255 are. White is value 1. */
  readonly isBit: boolean;
  /** Whether the values are those of grey pixels in a file of colours. */
  readonly isGreyColor: boolean;
}

/**
 * Reads the pixel values of a mask: indices or grey values, or colours that labelmap.txt lists. Without such a list, colours whose
 * red, green and blue are the same are grey values.
 *
 * @param check Receives the size in the file's header, and throws what is wrong with it, before anything is unpacked.
 * @throws DataError for colours that are not listed.
 */
export async function readIndexMask(
  reading: Reading,
  file: string,
  list: ClassList,
  check: (size: ImageSize) => void,
): Promise<MaskValues> {
  const bytes = await reading.files.bytes(file);
  if (!hasExtension(file, '.png')) {
    const kind = extensionOf(file).slice(1).toUpperCase();
    const why = /^JPE?G$/.test(kind)
      ? 'whose compression changes pixel values'
      : 'which is not read as a mask';
    throw new BadData('mask value', `${file}: is a ${kind} file, ${why}; save masks as PNG files`);
  }
  const header = pngSize(bytes);
  if (header) {
    reading.checkPixels(header, file);
    check(header);
  }
  return decodeMask(reading, bytes, file, list);
}

/** Colour types of PNG files: grey, RGB, grey with alpha, RGBA. */
const [GREY, ...COLORS] = [0, 2, 4, 6];

async function decodeMask(
  reading: Reading,
  bytes: Uint8Array,
  file: string,
  { colors, file: listed }: ClassList,
): Promise<MaskValues> {
  const [depth, type] = [bytes[24]!, bytes[25]!];
  if (!pngSize(bytes) || depth > 8 || !COLORS.includes(type)) {
    const image = await decodeIndexedPng(bytes, file, reading.options.maxPixels);
    return { ...image, isBit: depth === 1 && type === GREY, isGreyColor: false };
  }
  const { width, height, data: rgb } = await reading.files.decodePng(bytes);
  const channels = rgb.length / (width * height);
  const data = new Uint8Array(width * height);
  const known = colors && colors.size > 0 ? colors : undefined;
  for (let i = 0; i < data.length; i++) {
    const red = rgb[i * channels]!;
    const [green, blue] = channels < 3 ? [red, red] : [rgb[i * channels + 1]!, rgb[i * channels + 2]!];
    const isGrey = red === green && red === blue;
    const value = known
      ? (known.get(keyOf(red, green, blue)) ?? (isGrey && red === 0 ? 0 : undefined))
      : isGrey
        ? red
        : undefined;
    if (value === undefined) throw unknownColor(file, [red, green, blue], i, width, known && listed);
    data[i] = value;
  }
  return { width, height, data, isBit: false, isGreyColor: !known };
}

function unknownColor(
  file: string,
  color: readonly number[],
  at: number,
  width: number,
  listed: string | undefined,
): BadData {
  if (listed === undefined) {
    return new BadData(
      'structure',
      `${file}: has colours, and ${LABEL_MAP} does not say which classes they are; save it with a palette, or list name:red,green,blue:: there`,
    );
  }
  return new BadData(
    'unknown class',
    `${file}: the pixel at (${at % width}, ${Math.floor(at / width)}) has colour ${color.join(',')}, which ${listed} does not list; add it there`,
  );
}

/** The pixel values in the masks of a data set. */
export interface FoundValues {
  /** All values; the white of files with one bit per pixel is 255. */
  readonly values: ReadonlySet<number>;
  /** The first file with a value from 1 to 254, and that value. */
  readonly numbered?: { readonly file: string; readonly value: number };
  /** Whether a file has 255 beside other values from 1 to 254. */
  readonly hasVoid: boolean;
}

/** The pixel values that occur in masks. Those that cannot be read are passed over: reading them says why. */
export async function valuesIn(
  reading: Reading,
  pairs: readonly MaskPair[],
  list: ClassList,
): Promise<FoundValues> {
  const found = new Set<number>();
  let numbered: FoundValues['numbered'];
  let hasVoid = false;
  for (const { mask, image } of pairs) {
    await reading.rest();
    if (!hasExtension(mask, '.png')) continue;
    const bytes = await reading.files.bytes(mask).catch((error: unknown) => {
      if (!(error instanceof DataError)) throw error;
      return new Uint8Array();
    });
    const header = pngSize(bytes);
    const info =
      image === undefined ? undefined : await reading.imageInfo(image, image).catch(() => undefined);
    const isLarger = header && info && header.width * header.height > info.width * info.height;
    if (!header || (isLarger && !reading.options.fixSizes)) continue;
    const read = await decodeMask(reading, bytes, mask, list).catch(() => undefined);
    if (!read) continue;
    const own = valuesOf(read);
    for (const value of own) found.add(value);
    const number = own.find(isNumber);
    if (number === undefined) continue;
    numbered ??= { file: mask, value: number };
    hasVoid ||= own.includes(255);
  }
  return { values: found, hasVoid, ...(numbered ? { numbered } : {}) };
}

const isNumber = (value: number): boolean => value > 0 && value < 255;

/** The values of a mask, from small to large; the white of one bit per pixel is 255. */
function valuesOf({ data, isBit }: MaskValues): number[] {
  const found = new Uint8Array(256);
  for (const value of data) found[value] = 1;
  return [...found.keys()]
    .filter((value) => found[value] === 1)
    .map((value) => (isBit ? value * 255 : value));
}

/** Whether a mask has objects by black and white alone: 255, or one bit per pixel. */
export const isBlackAndWhite = (mask: MaskValues): boolean => {
  const values = valuesOf(mask);
  return values.includes(255) && !values.some(isNumber);
};
