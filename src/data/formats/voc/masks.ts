import type { Box, ImageSize } from '../../../vision/boxes.ts';
import { boxArea, boxIou } from '../../../vision/boxes.ts';
import type { AnnotatedShape, Annotation } from '../../annotation.ts';
import { BadData } from '../../faults.ts';
import { decodeIndexedPng, type IndexedImage, pngSize } from '../../indexedPng.ts';
import { maskToPatch, paintPatch, shapeToPatch } from '../../maskPatch.ts';
import { objectsOf } from '../../objects.ts';
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
  file: string,
  sizes: readonly ImageSize[],
): Promise<IndexedImage | undefined> {
  if ((await reading.files.kind(file)) !== 'file') return undefined;
  const bytes = await reading.files.bytes(file);
  // The header is asked before anything is unpacked.
  const header = pngSize(bytes);
  if (header && !sizes.some(({ width, height }) => width === header.width && height === header.height)) {
    const [{ width, height }] = sizes as [ImageSize];
    throw new BadData(
      'size differs',
      `${file}: has ${header.width}x${header.height} pixels, but its image ${width}x${height}; use the mask of this image`,
    );
  }
  return decodeIndexedPng(bytes, file);
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

/**
 * Adds masks to the shapes of an annotation of their size.
 *
 * Each object of the mask goes to the shape of its class whose box fits it best (VOC numbers both in the same order,
 * but not always). An object that meets no box becomes a shape. Without SegmentationObject, a pixel belongs to the
 * smallest box of its class around it. Index 255 becomes `unlabelled`.
 *
 * @param names The classes of indices 1, 2 and so on. Default: VOC's own 20.
 * @throws DataError for class indices without a name.
 */
export function addMasks(
  { classMask, objectMask, classFile, objectFile, classList }: Masks,
  annotation: Annotation,
  names: readonly string[] = VOC_CLASSES,
): void {
  const { width, height, shapes } = annotation;
  const hidden = (objectMask ?? classMask)!.data.map((value) => (value === VOID ? 1 : 0));
  const unlabelled = maskToPatch(hidden, { width, height });
  if (unlabelled) annotation.unlabelled = unlabelled;

  const nameOf = (index: number): string => {
    const name = names[index - 1];
    if (name === undefined) {
      throw new BadData(
        'unknown class',
        `${classFile}: has class index ${index}, but the last class of ${classList} is ${names.length}; list all classes there (one per line, background first), or save the mask without smoothing and resizing, which make values of their own`,
      );
    }
    return name;
  };
  if (objectMask === undefined) {
    assignPixels(classMask!, annotation, nameOf);
    return;
  }
  const taken = new Set<AnnotatedShape>();
  const parts = new Map<number, Uint8Array>();
  objectMask.data.forEach((value, i) => {
    if (value === 0 || value === VOID) return;
    layerOf(parts, value, width * height)[i] = 1;
  });
  for (const [number, part] of [...parts].sort(([a], [b]) => a - b)) {
    const mask = maskToPatch(part, { width, height })!;
    const box: Box = [mask.x, mask.y, mask.x + mask.width, mask.y + mask.height];
    const index = classMask && mostFrequent(classMask.data, part);
    const label = index === undefined ? undefined : nameOf(index);
    const fits = shapes
      .filter((shape) => !taken.has(shape) && (label === undefined || shape.label === label))
      .map((shape) => ({ shape, iou: boxIou(shape.box, box), own: shapes.indexOf(shape) === number - 1 }))
      .filter(({ iou }) => iou > 0)
      .sort((a, b) => b.iou - a.iou || Number(b.own) - Number(a.own));
    const shape = fits[0]?.shape;
    if (shape) {
      shape.mask = mask;
      taken.add(shape);
    } else if (label !== undefined) {
      shapes.push({ label, box, mask, groupId: null });
      taken.add(shapes.at(-1)!);
    } else {
      throw new BadData(
        'structure',
        `${objectFile}: object ${number} overlaps no box of the annotation, and there is no ${classFile} that has its class; add a box or this file`,
      );
    }
  }
}

/** The pixels of an owner; made at the first call. */
function layerOf<Owner>(layers: Map<Owner, Uint8Array>, owner: Owner, size: number): Uint8Array {
  const layer = layers.get(owner) ?? new Uint8Array(size);
  layers.set(owner, layer);
  return layer;
}

/** The class of most pixels of an object, void and background left out; undefined if it has no other pixels. */
function mostFrequent(classes: Uint8Array, part: Uint8Array): number | undefined {
  const counts = new Map<number, number>();
  part.forEach((inside, i) => {
    const value = classes[i]!;
    if (inside && value !== 0 && value !== VOID) counts.set(value, (counts.get(value) ?? 0) + 1);
  });
  return [...counts].sort(([a, n], [b, m]) => m - n || a - b)[0]?.[0];
}

/** Gives each pixel of a class to the smallest box of that class around it. Pixels in no box become one shape per class. */
function assignPixels(mask: IndexedImage, annotation: Annotation, nameOf: (index: number) => string): void {
  const { width, height, shapes } = annotation;
  const boxes = [...shapes].sort((a, b) => boxArea(a.box) - boxArea(b.box));
  const parts = new Map<AnnotatedShape | string, Uint8Array>();
  mask.data.forEach((value, i) => {
    if (value === 0 || value === VOID) return;
    const [x, y] = [(i % width) + 0.5, Math.floor(i / width) + 0.5];
    const label = nameOf(value);
    const owner =
      boxes.find(
        ({ label: own, box }) => own === label && x >= box[0] && x <= box[2] && y >= box[1] && y <= box[3],
      ) ?? label;
    layerOf(parts, owner, width * height)[i] = 1;
  });
  for (const [owner, part] of parts) {
    const found = maskToPatch(part, { width, height })!;
    if (typeof owner !== 'string') owner.mask = found;
    else {
      const { x, y, width: w, height: h } = found;
      shapes.push({ label: owner, box: [x, y, x + w, y + h], mask: found, groupId: null });
    }
  }
}

/**
 * Draws the two masks of an annotation: one numbers the objects in their order, the other has their classes. Objects
 * known by a box only are 255; if objects overlap, later ones cover earlier ones, and `covered` counts these pixels. `drawn`
 * counts the shapes that have an outline or mask. What is not labelled or to be ignored is 255.
 */
export function drawMasks(
  annotation: Annotation,
  classes: readonly string[],
): {
  readonly classes: Uint8Array;
  readonly objects: Uint8Array;
  readonly covered: number;
  readonly drawn: number;
} {
  const { width, height } = annotation;
  const classMap = { width, height, data: new Uint8Array(width * height) };
  const objectMap = { width, height, data: new Uint8Array(width * height) };
  if (annotation.unlabelled) {
    paintPatch(classMap, annotation.unlabelled, VOID);
    paintPatch(objectMap, annotation.unlabelled, VOID);
  }
  for (const region of annotation.ignored ?? []) {
    const patch = shapeToPatch(region, annotation);
    paintPatch(classMap, patch, VOID);
    paintPatch(objectMap, patch, VOID);
  }
  // What is known by a box only is somewhere in it.
  for (const { points, mask, box } of annotation.shapes) {
    if (points || mask) continue;
    const patch = shapeToPatch({ box }, annotation);
    paintPatch(classMap, patch, VOID);
    paintPatch(objectMap, patch, VOID);
  }
  let covered = 0;
  let drawn = 0;
  objectsOf(annotation.shapes).forEach(({ label, shapes }, i) => {
    const outlined = shapes.filter(({ points, mask }) => points !== undefined || mask !== undefined);
    for (const shape of outlined) {
      const patch = shapeToPatch(shape, annotation);
      drawn++;
      for (let j = 0, at = 0; j < patch.height; j++) {
        for (let k = 0; k < patch.width; k++, at++) {
          const other = objectMap.data[(patch.y + j) * width + patch.x + k]!;
          if (patch.data[at] !== 0 && other !== 0 && other !== VOID && other !== i + 1) covered++;
        }
      }
      paintPatch(objectMap, patch, i + 1);
      paintPatch(classMap, patch, classes.indexOf(label) + 1);
    }
  });
  return { classes: classMap.data, objects: objectMap.data, covered, drawn };
}
