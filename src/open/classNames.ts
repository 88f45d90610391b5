import { VOC_CLASSES as VOC_OBJECTS } from '../data/formats/voc/masks.ts';
import { DataError } from '../errors.ts';

/** COCO's categories by torchvision's labels of 91 classes: 0 is the background, and ten numbers are not used. */
export const COCO_CLASSES: readonly string[] = [
  ...[
    '__background__',
    'person',
    'bicycle',
    'car',
    'motorcycle',
    'airplane',
    'bus',
    'train',
    'truck',
    'boat',
  ],
  ...['traffic light', 'fire hydrant', 'N/A', 'stop sign', 'parking meter', 'bench', 'bird', 'cat', 'dog'],
  ...['horse', 'sheep', 'cow', 'elephant', 'bear', 'zebra', 'giraffe', 'N/A', 'backpack', 'umbrella', 'N/A'],
  ...['N/A', 'handbag', 'tie', 'suitcase', 'frisbee', 'skis', 'snowboard', 'sports ball', 'kite'],
  ...['baseball bat', 'baseball glove', 'skateboard', 'surfboard', 'tennis racket', 'bottle', 'N/A'],
  ...['wine glass', 'cup', 'fork', 'knife', 'spoon', 'bowl', 'banana', 'apple', 'sandwich', 'orange'],
  ...['broccoli', 'carrot', 'hot dog', 'pizza', 'donut', 'cake', 'chair', 'couch', 'potted plant', 'bed'],
  ...['N/A', 'dining table', 'N/A', 'N/A', 'toilet', 'N/A', 'tv', 'laptop', 'mouse', 'remote', 'keyboard'],
  ...['cell phone', 'microwave', 'oven', 'toaster', 'sink', 'refrigerator', 'N/A', 'book', 'clock', 'vase'],
  ...['scissors', 'teddy bear', 'hair drier', 'toothbrush'],
];

/** Pascal VOC's classes, which torchvision's segmenters of 21 classes have; 0 is the background. */
export const VOC_CLASSES: readonly string[] = ['__background__', ...VOC_OBJECTS];

/**
 * The names of classes from 0 to count - 1, of which 0 may be the background: from the lines of a file, which may leave the
 * background out, or else those of COCO for 91 and of VOC for 21, or else numbers. Throws DataError for another number of names.
 */
export function classesOf(
  file: string,
  count: number,
  names: readonly string[] | undefined,
): readonly string[] {
  if (names?.length === count) return names;
  if (names?.length === count - 1) return ['__background__', ...names];
  if (names) {
    throw new DataError(
      `${file}: has ${count} classes with the background, but there are ${names.length} names; give the names of its own data set`,
    );
  }
  if (count === COCO_CLASSES.length) return COCO_CLASSES;
  if (count === VOC_CLASSES.length) return VOC_CLASSES;
  return Array.from({ length: count }, (_, i) => String(i));
}

/**
 * Reads the names in the metadata of an ONNX file: a JSON object or list, or a literal of Python's, as Ultralytics writes it:
 * `{0: 'person', 1: "driver's seat"}`. Nothing is evaluated. Undefined for anything else.
 */
export function parseNames(text: string): string[] | undefined {
  const body = /^\s*[{[](.*)[}\]]\s*$/s.exec(text)?.[1];
  if (body === undefined || text.length > 1_000_000) return undefined;
  const entry = /\s*(?:["']?(\d+)["']?\s*:\s*)?('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")\s*(?:,|$)/sy;
  const names: string[] = [];
  while (entry.lastIndex < body.length && body.slice(entry.lastIndex).trim() !== '') {
    const found = entry.exec(body);
    if (!found) return undefined;
    const index = found[1] === undefined ? names.length : Number(found[1]);
    if (index > 100_000) return undefined;
    names[index] = found[2]!.slice(1, -1).replace(/\\(.)/gs, '$1');
  }
  return names.length === 0 ? undefined : Array.from(names, (name, i) => name ?? String(i));
}

/** `1 class`, `3 classes`. */
export const classCount = (names: readonly string[]): string =>
  names.length === 1 ? '1 class' : `${names.length} classes`;
