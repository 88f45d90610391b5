import { describe, expect, it } from 'vitest';
import type { AnnotatedShape, Annotation, MaskPatch } from '../../src/data/annotation.ts';
import type { DataFiles } from '../../src/data/formats/format.ts';
import { Reading } from '../../src/data/formats/reading.ts';
import { addMasks } from '../../src/data/formats/voc/addMasks.ts';
import { drawMasks } from '../../src/data/formats/voc/drawMasks.ts';
import { paintPatch, shapeToPatch } from '../../src/data/maskPatch.ts';
import {
  keptRuns,
  patchOfRle,
  pixelsOf,
  runsByNumber,
  runsOfPatch,
  samePatch,
} from '../../src/data/maskRuns.ts';
import { rasterizePolygon } from '../../src/data/polygon.ts';
import type { Box, ImageSize, Point } from '../../src/vision/boxes.ts';
import { boxArea } from '../../src/vision/boxes.ts';
import { Random } from '../../src/vision/random.ts';
import { rleDecode, rleEncode } from '../../src/vision/rle.ts';

const random = new Random('runs');

/** A map of blocks with numbers from 0 to `most`, 255 among them. */
function blocks({ width, height }: ImageSize, most: number, count = 12): Uint8Array {
  const map = new Uint8Array(width * height);
  for (let k = 0; k < count; k++) {
    const [x, y, w, h] = [width, height, width, height].map((side) => random.integer(side)) as [
      number,
      number,
      number,
      number,
    ];
    const value = k % 5 === 4 ? 255 : random.integer(most + 1);
    for (let j = y; j < Math.min(height, y + h); j++)
      map.fill(value, j * width + x, j * width + Math.min(width, x + w));
  }
  return map;
}

const only = (map: Uint8Array, value: number): Uint8Array => map.map((one) => (one === value ? 1 : 0));
/** `toEqual` takes a second for 100,000 values. */
const expectSame = (a: Uint8Array, b: Uint8Array): void => expect(Buffer.compare(a, b)).toBe(0);
const reading = new Reading({} as DataFiles, '.', {});
const noFiles = { classFile: 'c.png', objectFile: 'o.png', classList: 'l.txt' };
const names = Array.from({ length: 254 }, (_, i) => `c${i + 1}`);
const noRest = () => Promise.resolve();

function painted(patch: MaskPatch, size: ImageSize): Uint8Array {
  const data = new Uint8Array(size.width * size.height);
  paintPatch({ ...size, data }, patch, 1);
  return data;
}

describe('masks as run lengths', () => {
  it('have the pixels of the mask, whether they are kept as runs or as pixels', () => {
    for (const size of [
      { width: 5, height: 7 },
      { width: 400, height: 300 },
      { width: 130, height: 900 },
    ]) {
      const map = blocks(size, 1);
      map[0] = map[map.length - 1] = 1;
      const whole = only(map, 1);
      const patch = patchOfRle(rleEncode(whole, size))!;
      expect(keptRuns(patch) !== undefined).toBe(size.width > 5);
      expectSame(painted(patch, size), whole);
      expectSame(patch.data, pixelsOf(patch));
      const { data } = patch;
      expect(patch.data === data).toBe(true);
      // A copy has pixels of its own.
      const moved = { ...patch, x: patch.x - 2 };
      expect(keptRuns(moved)).toBeUndefined();
      expectSame(rleDecode(runsOfPatch(moved, size)), painted(moved, size));
      expect(samePatch(patch, { ...patch })).toBe(true);
      expect(samePatch(patch, moved)).toBe(false);
      // The same mask with runs of 0.
      const { counts } = rleEncode(whole, size);
      const split = { size: [size.height, size.width] as const, counts: [...Array.from(counts), 0, 0] };
      split.counts.splice(1, 1, counts[1]! - 1, 0, 1);
      expect(samePatch(patch, patchOfRle(split)!)).toBe(true);
    }
    expect(patchOfRle({ size: [4, 4], counts: [16] })).toBeUndefined();
  });

  it('are found for every number at once, with memory for the runs and not for objects x pixels', () => {
    const size = { width: 150, height: 90 };
    const map = blocks(size, 9);
    const found = runsByNumber(map, size);
    expect([...found.keys()]).toEqual([...new Set(map)].filter((value) => value > 0).sort((a, b) => a - b));
    for (const [value, rle] of found) expectSame(rleDecode(rle), only(map, value));
    // 254 objects, each as wide as the image.
    const side = 1016;
    const rows = new Uint8Array(side * side).map((_, i) => 1 + (Math.floor(i / side) % 254));
    const patches = [...runsByNumber(rows, { width: side, height: side }).values()].map(
      (rle) => patchOfRle(rle)!,
    );
    expect(patches.length).toBe(254);
    const runs = patches.reduce((sum, patch) => sum + keptRuns(patch)!.counts.length, 0);
    expect(runs).toBeLessThanOrEqual(2 * side * side + 254);
  });

  it('go from VOC’s masks to the boxes that they are in, as one pixel after the other would', async () => {
    for (let trial = 0; trial < 20; trial++) {
      const size = { width: 30 + random.integer(60), height: 20 + random.integer(40) };
      const data = blocks(size, 3, 6);
      const boxes = Array.from({ length: random.integer(7) }, (): Box => {
        const [x, y] = [random.uniform() * size.width * 0.8, random.uniform() * size.height * 0.8];
        return [x, y, x + 1 + random.integer(20), y + 1 + random.integer(20)];
      });
      if (boxes[0]) boxes.push(boxes[0]);
      const shapes = boxes.map(
        (box, i): AnnotatedShape => ({ label: `c${1 + (i % 3)}`, box, groupId: null }),
      );
      const sorted = [...shapes].sort((a, b) => boxArea(a.box) - boxArea(b.box));
      const owners = Array.from(data, (value, i) => {
        if (value === 0 || value === 255) return undefined;
        const [x, y] = [(i % size.width) + 0.5, Math.floor(i / size.width) + 0.5];
        const isAround = ({ label, box }: AnnotatedShape) =>
          label === `c${value}` && x >= box[0] && x <= box[2] && y >= box[1] && y <= box[3];
        return sorted.find(isAround) ?? `c${value}`;
      });
      const unowned = [...new Set(owners)].filter((owner) => typeof owner === 'string');
      const annotation: Annotation = { ...size, shapes: [...shapes] };
      await addMasks(reading, { ...size, classMask: { ...size, data }, ...noFiles }, annotation, names);
      expect(annotation.shapes.slice(shapes.length).map(({ label }) => label)).toEqual(unowned);
      annotation.shapes.forEach((shape, i) => {
        const owner = i < shapes.length ? shape : shape.label;
        const expected = Uint8Array.from(owners, (one) => (one === owner ? 1 : 0));
        expect(shape.mask ? painted(shape.mask, size) : new Uint8Array(data.length)).toEqual(expected);
      });
      expect(annotation.unlabelled ? painted(annotation.unlabelled, size) : only(data, 254)).toEqual(
        only(data, 255),
      );
    }
  });

  it('have the class of most of their pixels, the lowest of equals', async () => {
    const size = { width: 8, height: 1 };
    const annotation: Annotation = { ...size, shapes: [] };
    const objectMask = { ...size, data: Uint8Array.of(1, 1, 1, 2, 2, 2, 3, 3) };
    const classMask = { ...size, data: Uint8Array.of(4, 5, 5, 9, 7, 255, 6, 0) };
    await addMasks(reading, { ...size, objectMask, classMask, ...noFiles }, annotation, names);
    expect(annotation.shapes.map(({ label, box }) => [label, ...box])).toEqual([
      ['c5', 0, 0, 3, 1],
      ['c7', 3, 0, 6, 1],
      ['c6', 6, 0, 8, 1],
    ]);
  });

  it('are drawn as patches painted one over the other', async () => {
    for (let trial = 0; trial < 12; trial++) {
      const size = { width: 300, height: 280 };
      const large = trial % 2 === 0;
      const shapes = Array.from({ length: 6 }, (_, i): AnnotatedShape => {
        const corner = (): Point => [random.uniform() * 300, random.uniform() * 280];
        const points = [corner(), corner(), corner(), corner()];
        const [x, y] = [points.map(([px]) => px), points.map(([, py]) => py)];
        const box: Box = [Math.min(...x), Math.min(...y), Math.max(...x), Math.max(...y)];
        if (i === 5) return { label: 'c3', box, groupId: null };
        if (i % 2 === 0 || !large) return { label: `c${i}`, box, points, groupId: i < 3 ? null : 7 };
        return {
          label: `c${i}`,
          box,
          mask: patchOfRle(rleEncode(only(blocks(size, 1), 1), size))!,
          groupId: null,
        };
      });
      const annotation: Annotation = { ...size, shapes, ignored: [{ box: [3, 3, 50, 40] }] };
      const [classes, objects] = [new Uint8Array(300 * 280), new Uint8Array(300 * 280)];
      const paint = (patch: MaskPatch, value: number, object: number) => {
        paintPatch({ ...size, data: classes }, patch, value);
        paintPatch({ ...size, data: objects }, patch, object);
      };
      paint(shapeToPatch(annotation.ignored![0]!, size), 255, 255);
      paint(shapeToPatch(shapes[5]!, size), 255, 255);
      let covered = false;
      shapes.slice(0, 5).forEach((shape, i) => {
        const patch = shapeToPatch(shape, size);
        covered ||= painted(patch, size).some(
          (inside, at) => inside && objects[at] !== 0 && objects[at] !== 255,
        );
        paint(patch, names.indexOf(shape.label) + 1, i + 1);
      });
      const drawn = await drawMasks(annotation, names, noRest);
      expectSame(drawn.classes, classes);
      expectSame(drawn.objects, objects);
      expect([drawn.covered, drawn.drawn]).toEqual([covered, 5]);
    }
  });
});

describe('the rows of a polygon', () => {
  it('are the pixels between marks at its crossings, few or many', () => {
    for (const count of [3, 4, 9, 60, 400]) {
      const size = { width: 90, height: 70 };
      const points = Array.from({ length: count }, (): Point => {
        const [x, y] = [random.uniform() * 130 - 20, random.uniform() * 100 - 15];
        // Corners on centres and edges of pixels.
        return count % 2 === 0 ? [Math.round(2 * x) / 2, Math.round(2 * y) / 2] : [x, y];
      });
      const marks = new Uint8Array(90 * 70);
      points.forEach((a, i) => {
        const b = points[(i + 1) % count]!;
        const [top, bottom] = a[1] <= b[1] ? [a, b] : [b, a];
        for (let y = 0; y < 70; y++) {
          if (!(top[1] <= y + 0.5 && y + 0.5 < bottom[1])) continue;
          const x = top[0] + ((y + 0.5 - top[1]) / (bottom[1] - top[1])) * (bottom[0] - top[0]);
          const column = Math.max(0, Math.ceil(x - 0.5));
          for (let k = column; k < 90; k++) marks[y * 90 + k]! ^= 1;
        }
      });
      expectSame(rasterizePolygon(points, size), marks);
    }
  });
});
