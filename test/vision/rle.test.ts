import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DataError, ShapeError } from '../../src/errors.ts';
import {
  checkRle,
  type Rle,
  rleArea,
  rleDecode,
  rleEncode,
  rleFromBox,
  rleFromPolygon,
  rleIou,
  rleMerge,
  rleToBox,
} from '../../src/vision/rle.ts';
import { rleFromString, rleToString } from '../../src/vision/rleText.ts';

/** What pycocotools gives: test/fixtures/coco.py. */
const known = JSON.parse(readFileSync(join(import.meta.dirname, '../fixtures/coco/rle.json'), 'utf8')) as {
  polygons: number[][];
  rles: { size: [number, number]; counts: string }[];
  areas: number[];
  boxes: [number, number, number, number][];
  pairs: { of: [number, number]; iou: number; crowd: number; union: string; intersection: string }[];
};
const [height, width] = known.rles[0]!.size;
const masks = known.rles.map(({ counts }) => rleFromString(counts, { width, height }));

describe('run-length masks', () => {
  it('of polygons are pycocotools’, pixel by pixel', () => {
    const made = known.polygons.map((points) => rleToString(rleFromPolygon(points, { width, height })));
    expect(made).toEqual(known.rles.slice(0, made.length).map(({ counts }) => counts));
    expect(known.polygons.length).toBeGreaterThan(80);
  });

  it('have pycocotools’ strings, areas and boxes', () => {
    expect(masks.map(rleToString)).toEqual(known.rles.map(({ counts }) => counts));
    expect(masks.map(rleArea)).toEqual(known.areas);
    expect(masks.map(rleToBox).map(([x1, y1, x2, y2]) => [x1, y1, x2 - x1, y2 - y1])).toEqual(known.boxes);
  });

  it('have pycocotools’ IoU, union and intersection', () => {
    for (const { of, iou, crowd, union, intersection } of known.pairs) {
      const [a, b] = of.map((i) => masks[i]!) as [Rle, Rle];
      expect(rleIou(a, b)).toBe(iou);
      expect(rleIou(a, b, { crowd: true })).toBe(crowd);
      expect(rleToString(rleMerge([a, b]))).toBe(union);
      expect(rleToString(rleMerge([a, b], { intersect: true }))).toBe(intersection);
    }
  });

  it('come back from masks and strings as they were', () => {
    const masksOfAnySize = fc
      .tuple(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 9 }))
      .chain(([w, h]) =>
        fc.record({
          w: fc.constant(w),
          h: fc.constant(h),
          mask: fc.array(fc.integer({ min: 0, max: 1 }), { minLength: w * h, maxLength: w * h }),
        }),
      );
    fc.assert(
      fc.property(masksOfAnySize, ({ w, h, mask }) => {
        const rle = rleEncode(mask, { width: w, height: h });
        expect([...rleDecode(rle)]).toEqual(mask);
        expect(rleFromString(rleToString(rle), { width: w, height: h })).toEqual(rle);
        expect(rleArea(rle)).toBe(mask.reduce((sum, inside) => sum + inside, 0));
      }),
    );
  });

  it('go down the columns first', () => {
    expect(rleEncode([0, 1, 0, 7, 1, 0], { width: 3, height: 2 })).toEqual({
      size: [2, 3],
      counts: [1, 3, 2],
    });
    expect([...rleDecode({ size: [2, 3], counts: [1, 3, 2] })]).toEqual([0, 1, 0, 1, 1, 0]);
  });

  it('take runs of more than 31 bits, and empty runs', () => {
    const rle: Rle = { size: [60_000, 60_000], counts: [2 ** 31 + 5, 3, 0, 4, 3_600_000_000 - 2 ** 31 - 12] };
    expect(rleFromString(rleToString(rle), { width: 60_000, height: 60_000 })).toEqual(rle);
    const split: Rle = { size: [1, 9], counts: [2, 1, 0, 2, 1, 0, 3] };
    expect(rleToBox(split)).toEqual([2, 0, 5, 1]);
    expect(rleMerge([split, split]).counts).toEqual([2, 3, 4]);
    expect(rleIou(split, { size: [1, 9], counts: [3, 2, 4] })).toBe(2 / 3);
  });

  it('of boxes have whole corners’ pixels', () => {
    expect(rleToBox(rleFromBox([2, 1, 5, 7], { width: 9, height: 8 }))).toEqual([2, 1, 5, 7]);
    expect(rleArea(rleFromBox([2, 1, 5, 7], { width: 9, height: 8 }))).toBe(18);
    expect(rleArea(rleFromBox([2, 1, 500, 7], { width: 9, height: 8 }))).toBe(42);
  });

  it('are refused where they are broken', () => {
    expect(() => rleFromString('5i', { width: 4, height: 4 })).toThrow(/is incomplete/);
    expect(() => rleFromString('5 2', { width: 4, height: 4 })).toThrow(/character 1/);
    expect(() => rleFromString('`p', { width: 4, height: 4 })).toThrow(DataError);
    expect(() => rleFromString('5', { width: 4, height: 4 }, 'a.json: annotation 7')).toThrow(
      'a.json: annotation 7: the runs add up to 5 pixels, 4x4 has 16; give the size of the image that the mask was made for',
    );
    expect(() => rleDecode({ size: [2, 2], counts: [5, -1] })).toThrow(/counts\[1\] is -1/);
    expect(() => checkRle({ size: [2, 1.5], counts: [3] })).toThrow(DataError);
    expect(() => rleEncode([0, 1], { width: 3, height: 2 })).toThrow(ShapeError);
    expect(() => rleFromPolygon([1, 2, 3], { width: 9, height: 9 })).toThrow(ShapeError);
    expect(() => rleFromPolygon([1, 2, 3, Number.NaN], { width: 9, height: 9 })).toThrow(/vertex 1/);
    expect(() => rleMerge([])).toThrow(ShapeError);
    const other: Rle = { size: [2, 8], counts: [16] };
    expect(() => rleIou({ size: [4, 4], counts: [16] }, other)).toThrow(/4x4 and 8x2/);
    expect(() => rleMerge([{ size: [4, 4], counts: [16] }, other])).toThrow(ShapeError);
  });
});
