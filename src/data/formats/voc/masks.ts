import type { ImageSize } from '../../../vision/boxes.ts';
import { BadData } from '../../faults.ts';
import { decodeIndexedPng, type IndexedImage, pngSize } from '../../indexedPng.ts';
import { joinPath } from '../paths.ts';
import type { Reading } from '../reading.ts';

/** Class indices 1 to 20 of the challenge's own masks. */
export const VOC_CLASSES = [
  'aeroplane',
  'bicycle',
  'bird',
  'boat',
  'bottle',
  'bus',
  'car',
  'cat',
  'chair',
  'cow',
  'diningtable',
  'dog',
  'horse',
  'motorbike',
  'person',
  'pottedplant',
  'sheep',
  'sofa',
  'train',
  'tvmonitor',
] as const;

/** The index of pixels that are not labelled: borders, and objects left out. */
export const VOID = 255;
/** The most objects, or classes, that a mask can number: 1 to 254. */
export const MOST = 254;

/** The file in which CVAT lists classes and their colours. */
export const LABEL_MAP = 'labelmap.txt';

/**
 * VOC's colours, three bytes each for 0 to 255: the bits of the index, from the lowest, become the bits of red, green, blue and
 * red again, from the highest (VOCdevkit's VOClabelcolormap.m).
 */
export function vocPalette(): Uint8Array {
  const palette = new Uint8Array(256 * 3);
  for (let index = 0; index < 256; index++) {
    for (let bit = 0; bit < 8; bit++) {
      palette[index * 3 + (bit % 3)]! |= ((index >> bit) & 1) << (7 - Math.floor(bit / 3));
    }
  }
  return palette;
}

/** `name:red,green,blue:parts:actions`: the name may contain colons, the rest not. */
const MAP_LINE = /^(.*):(\d{1,3},\d{1,3},\d{1,3})?:([^:]*):([^:]*)$/;

/** A line of labelmap.txt. */
export interface MapLine {
  readonly name: string;
  /** Its colour in RGB masks; undefined where none is stated. */
  readonly color?: readonly [red: number, green: number, blue: number];
}

/** Parses the lines of labelmap.txt, the background included. Lines that begin with `#` and are not of this form are comments. */
export function parseLabelMap(text: string, file: string): MapLine[] {
  return text.split(/\r?\n/).flatMap((line, i): MapLine[] => {
    if (line.trim() === '') return [];
    const found = MAP_LINE.exec(line);
    if (found && !/^# ?label:/.test(line)) {
      const color = found[2]?.split(',').map(Number) as [number, number, number] | undefined;
      return [{ name: found[1]!, ...(color ? { color } : {}) }];
    }
    if (line.startsWith('#')) return [];
    // A list of names alone is read too.
    if (!line.includes(':')) return [{ name: line }];
    throw new BadData(
      'structure',
      `${file}: line ${i + 1}: ${JSON.stringify(line)} is not "name:red,green,blue::"; write it so`,
    );
  });
}

/**
 * Reads the classes from labelmap.txt, which has lines `name:red,green,blue::`, without the background. Undefined if
 * there is no such file.
 */
export async function readClassList(reading: Reading, path: string): Promise<string[] | undefined> {
  const file = joinPath(path, LABEL_MAP);
  if ((await reading.files.kind(file)) !== 'file') return undefined;
  const lines = parseLabelMap(await reading.text(file), file);
  return lines.map(({ name }) => name).filter((name) => name !== 'background');
}

/** Formats labelmap.txt as CVAT writes it. */
export function formatClassList(classes: readonly string[]): string {
  const palette = vocPalette();
  const lines = ['background', ...classes].map((name, i) => {
    return `${name}:${palette.subarray(3 * i, 3 * i + 3).join(',')}::`;
  });
  return `# label:color_rgb:parts:actions\n${lines.join('\n')}\n`;
}

/** The two masks of an image. */
export interface Masks extends ImageSize {
  readonly classMask?: IndexedImage;
  readonly objectMask?: IndexedImage;
  readonly classFile: string;
  readonly objectFile: string;
  /** Where the classes are listed, for messages. */
  readonly classList: string;
}

/** Reads a mask file, which must have one of these sizes; undefined if there is none. */
async function readMask(
  reading: Reading,
  named: string,
  sizes: readonly ImageSize[],
): Promise<IndexedImage | undefined> {
  const isThere = (await reading.files.kind(named)) === 'file';
  const file = isThere ? named : await reading.sameLetters(named, named);
  if (file === undefined) return undefined;
  const bytes = await reading.files.bytes(file);
  // The header is asked before anything is unpacked.
  const header = pngSize(bytes);
  if (header) reading.checkPixels(header, file);
  if (header && !sizes.some(({ width, height }) => width === header.width && height === header.height)) {
    const [{ width, height }] = sizes as [ImageSize];
    throw new BadData(
      'size differs',
      `${file}: has ${header.width}x${header.height} pixels, but its image ${width}x${height}; use the mask of this image`,
    );
  }
  return decodeIndexedPng(bytes, file, reading.options.maxPixels);
}

/**
 * Reads the masks in SegmentationObject/ and SegmentationClass/, which have one of these sizes; undefined if there are none. Throws
 * DataError for files that are not PNG files with a palette, and for another size.
 */
export async function readMasks(
  reading: Reading,
  path: string,
  stem: string,
  sizes: readonly ImageSize[],
): Promise<Masks | undefined> {
  const classFile = joinPath(path, 'SegmentationClass', `${stem}.png`);
  const objectFile = joinPath(path, 'SegmentationObject', `${stem}.png`);
  const classMask = await readMask(reading, classFile, sizes);
  const objectMask = await readMask(reading, objectFile, classMask ? [classMask] : sizes);
  const mask = objectMask ?? classMask;
  if (!mask) return undefined;
  return {
    width: mask.width,
    height: mask.height,
    ...(classMask ? { classMask } : {}),
    ...(objectMask ? { objectMask } : {}),
    classFile,
    objectFile,
    classList: joinPath(path, LABEL_MAP),
  };
}
