import { DataError } from '../../../errors.ts';
import type { Box } from '../../../vision/boxes.ts';
import { boxArea, boxIou } from '../../../vision/boxes.ts';
import type { AnnotatedShape, Annotation } from '../../annotation.ts';
import { decodeIndexedPng, type IndexedImage } from '../../indexedPng.ts';
import { maskToPatch, paintPatch, shapeToPatch } from '../../maskPatch.ts';
import { objectsOf } from '../../objects.ts';
import type { DataFiles } from '../format.ts';
import { joinPath } from '../paths.ts';

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

/**
 * Reads the classes from labelmap.txt, which has lines `name:red,green,blue::`, without the background. Undefined if
 * there is no such file.
 */
export async function readClassList(files: DataFiles, path: string): Promise<string[] | undefined> {
  const file = joinPath(path, LABEL_MAP);
  if ((await files.kind(file)) !== 'file') return undefined;
  const lines = (await files.text(file))
    .split(/\r?\n/)
    .filter((line) => line !== '' && !line.startsWith('#'));
  return lines.map((line) => line.split(':')[0]!).filter((name) => name !== 'background');
}

/** Formats labelmap.txt as CVAT writes it. */
export function formatClassList(classes: readonly string[]): string {
  const palette = vocPalette();
  const lines = ['background', ...classes].map((name, i) => {
    return `${name}:${palette.subarray(3 * i, 3 * i + 3).join(',')}::`;
  });
  return `# label:color_rgb:parts:actions\n${lines.join('\n')}\n`;
}

/** Reads a mask file, which must have the annotation's size; undefined if there is none. */
async function readMask(
  files: DataFiles,
  file: string,
  { width, height }: Annotation,
): Promise<IndexedImage | undefined> {
  if ((await files.kind(file)) !== 'file') return undefined;
  const mask = await decodeIndexedPng(await files.bytes(file), file);
  if (mask.width !== width || mask.height !== height) {
    throw new DataError(
      `${file}: has ${mask.width}x${mask.height} pixels, but its annotation says ${width}x${height}; use the mask of this image`,
    );
  }
  return mask;
}

/**
 * Adds the masks of SegmentationObject/ and SegmentationClass/, if there are any, to the shapes of an annotation.
 *
 * Each object of the mask goes to the shape of its class whose box fits it best (VOC numbers both in the same order,
 * but not always). An object that meets no box becomes a shape. Without SegmentationObject, a pixel belongs to the
 * smallest box of its class around it. Index 255 becomes `unlabelled`.
 *
 * @throws DataError for files that are not PNG files with a palette, for another size, and for class indices without a
 * name.
 */
export async function addMasks(
  files: DataFiles,
  path: string,
  stem: string,
  annotation: Annotation,
  classList: readonly string[] | undefined,
): Promise<void> {
  const classFile = joinPath(path, 'SegmentationClass', `${stem}.png`);
  const objectFile = joinPath(path, 'SegmentationObject', `${stem}.png`);
  const classMask = await readMask(files, classFile, annotation);
  const objectMask = await readMask(files, objectFile, annotation);
  if (classMask === undefined && objectMask === undefined) return;
  const { width, height, shapes } = annotation;
  const hidden = (objectMask ?? classMask)!.data.map((value) => (value === VOID ? 1 : 0));
  const unlabelled = maskToPatch(hidden, { width, height });
  if (unlabelled) annotation.unlabelled = unlabelled;

  const names = classList ?? VOC_CLASSES;
  const nameOf = (index: number): string => {
    const name = names[index - 1];
    if (name === undefined) {
      throw new DataError(
        `${classFile}: has class index ${index}, but only ${names.length} classes are known; list them all in ${joinPath(path, LABEL_MAP)} (one per line, background first)`,
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
      throw new DataError(
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
 * known by a box only are left out; if objects overlap, later ones cover earlier ones. Undefined if no object has an
 * outline or mask.
 */
export function drawMasks(
  annotation: Annotation,
  classes: readonly string[],
): { readonly classes: Uint8Array; readonly objects: Uint8Array; readonly covered: number } | undefined {
  const { width, height } = annotation;
  const classMap = { width, height, data: new Uint8Array(width * height) };
  const objectMap = { width, height, data: new Uint8Array(width * height) };
  if (annotation.unlabelled) {
    paintPatch(classMap, annotation.unlabelled, VOID);
    paintPatch(objectMap, annotation.unlabelled, VOID);
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
          if (patch.data[at] !== 0 && other !== 0 && other !== i + 1) covered++;
        }
      }
      paintPatch(objectMap, patch, i + 1);
      paintPatch(classMap, patch, classes.indexOf(label) + 1);
    }
  });
  return drawn === 0 ? undefined : { classes: classMap.data, objects: objectMap.data, covered };
}
