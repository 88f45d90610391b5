import { type Box, boxArea, boxIou, type ImageSize } from '../../../vision/boxes.ts';
import type { Rle } from '../../../vision/rle.ts';
import type { AnnotatedShape, Annotation, MaskPatch } from '../../annotation.ts';
import { BadData } from '../../faults.ts';
import type { IndexedImage } from '../../indexedPng.ts';
import { patchOfRle, RunEnds, runsByNumber } from '../../maskRuns.ts';
import type { Reading } from '../reading.ts';
import { type Masks, VOC_CLASSES, VOID } from './masks.ts';

/**
 * Adds masks to the shapes of an annotation of their size.
 *
 * Each object of the mask goes to the shape of its class whose box fits it best (VOC numbers both in the same order,
 * but not always). An object that meets no box becomes a shape. Without SegmentationObject, a pixel belongs to the
 * smallest box of its class around it. Index 255 becomes `unlabelled`. Takes time in proportion to the pixels, however many objects
 * there are, and rests in between.
 *
 * @param names The classes of indices 1, 2 and so on. Default: VOC's own 20.
 * @throws DataError for class indices without a name.
 */
export async function addMasks(
  reading: Reading,
  { classMask, objectMask, classFile, objectFile, classList }: Masks,
  annotation: Annotation,
  names: readonly string[] = VOC_CLASSES,
): Promise<void> {
  const { shapes } = annotation;
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
  const mask = (objectMask ?? classMask)!;
  await reading.rest();
  const runs = runsByNumber(mask.data, annotation);
  await reading.rest();
  const hidden = runs.get(VOID);
  const unlabelled = hidden && patchOfRle(hidden);
  if (unlabelled) annotation.unlabelled = unlabelled;
  runs.delete(VOID);
  if (objectMask === undefined) {
    await assignPixels(reading, mask, runs, annotation, nameOf);
    return;
  }
  const classes = classMask && mostFrequent(objectMask.data, classMask.data);
  await reading.rest();
  const taken = new Set<AnnotatedShape>();
  for (const [number, rle] of runs) {
    await reading.rest();
    const found = patchOfRle(rle)!;
    const box = boxOf(found);
    const index = classes?.get(number);
    const label = index === undefined ? undefined : nameOf(index);
    let [best, most, own] = [undefined as AnnotatedShape | undefined, 0, false];
    shapes.forEach((shape, i) => {
      if (taken.has(shape) || (label !== undefined && shape.label !== label)) return;
      const iou = boxIou(shape.box, box);
      if (iou < most || iou === 0 || (iou === most && (own || i !== number - 1))) return;
      [best, most, own] = [shape, iou, i === number - 1];
    });
    if (best) {
      best.mask = found;
      taken.add(best);
    } else if (label !== undefined) {
      shapes.push({ label, box, mask: found, groupId: null });
      taken.add(shapes.at(-1)!);
    } else {
      throw new BadData(
        'structure',
        `${objectFile}: object ${number} overlaps no box of the annotation, and there is no ${classFile} that has its class; add a box or this file`,
      );
    }
  }
}

const boxOf = ({ x, y, width, height }: MaskPatch): Box => [x, y, x + width, y + height];

/** The class of most pixels of each object, void and background left out. Objects that have no other pixels are missing. */
function mostFrequent(objects: Uint8Array, classes: Uint8Array): Map<number, number> {
  const counts = new Uint32Array(256 * 256);
  for (let i = 0; i < objects.length; i++) counts[objects[i]! * 256 + classes[i]!]!++;
  const found = new Map<number, number>();
  for (let number = 1; number < VOID; number++) {
    let best = 0;
    for (let value = 1; value < VOID; value++) {
      const count = counts[number * 256 + value]!;
      if (count > (best === 0 ? 0 : counts[number * 256 + best]!)) best = value;
    }
    if (best > 0) found.set(number, best);
  }
  return found;
}

/** The numbers in a map, in the order of their first pixels. */
function inOrder(map: Uint8Array): number[] {
  const seen = new Uint8Array(256);
  const order: number[] = [];
  for (let i = 0; i < map.length; i++) {
    const value = map[i]!;
    if (seen[value] !== 0) continue;
    seen[value] = 1;
    order.push(value);
  }
  return order;
}

/** Gives each pixel of a class to the smallest box of that class around it. Pixels in no box become one shape per class. */
async function assignPixels(
  reading: Reading,
  mask: IndexedImage,
  runs: ReadonlyMap<number, Rle>,
  annotation: Annotation,
  nameOf: (index: number) => string,
): Promise<void> {
  const { shapes } = annotation;
  // From the largest to the smallest; of equal boxes the first one is the last.
  const boxes = [...shapes].reverse().sort((a, b) => boxArea(b.box) - boxArea(a.box));
  for (const value of inOrder(mask.data)) {
    const rle = runs.get(value);
    if (!rle) continue;
    const label = nameOf(value);
    await reading.rest();
    const owners = boxes.filter((shape) => shape.label === label);
    const parts =
      owners.length === 0
        ? [rle]
        : splitByBox(
            rle,
            owners.map(({ box }) => box),
            annotation,
          );
    parts.forEach((part, owner) => {
      const found = patchOfRle(part);
      if (!found) return;
      if (owner > 0) owners[owner - 1]!.mask = found;
      else shapes.push({ label, box: boxOf(found), mask: found, groupId: null });
    });
  }
}

/** Splits a mask: the pixels whose centres are in no box, and those of each box, of which later ones cover earlier ones. */
function splitByBox(rle: Rle, boxes: readonly Box[], size: ImageSize): Rle[] {
  const { height } = size;
  const parts = Array.from({ length: boxes.length + 1 }, () => new RunEnds());
  const firstInside = (edge: number) => Math.ceil(edge - 0.5);
  const firstOutside = (edge: number) => Math.floor(edge - 0.5) + 1;
  // The columns in which boxes begin and end: between two of them the owner of a row is the same in each column.
  const changes = [...new Set(boxes.flatMap(([x1, , x2]) => [firstInside(x1), firstOutside(x2)]))].sort(
    (a, b) => a - b,
  );
  const owners = new Uint32Array(height);
  let change = -1;
  const ownersOf = (column: number): void => {
    if (change >= 0 && column < (changes[change] ?? Infinity)) return;
    change = Math.max(0, change);
    while (change < changes.length && changes[change]! <= column) change++;
    owners.fill(0);
    boxes.forEach(([x1, y1, x2, y2], i) => {
      if (column < firstInside(x1) || column >= firstOutside(x2)) return;
      owners.fill(i + 1, Math.max(0, firstInside(y1)), Math.max(0, firstOutside(y2)));
    });
  };
  let start = 0;
  for (let i = 0; i < rle.counts.length; i++) {
    const end = start + rle.counts[i]!;
    for (let from = start, at = start; i % 2 === 1 && from < end; from = at) {
      const column = Math.floor(from / height);
      const top = column * height;
      ownersOf(column);
      const owner = owners[from - top]!;
      const last = Math.min(end, top + height);
      while (at < last && owners[at - top] === owner) at++;
      parts[owner]!.add(from, at);
    }
    start = end;
  }
  return parts.map((ends) => ends.rle(size));
}
