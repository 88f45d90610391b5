import { describe, expect, it } from 'vitest';
import { rasterizePolygon } from '../../src/data/polygon.ts';
import { ShapeError } from '../../src/errors.ts';
import { boxArea, boxesFromMask, boxIou, clipBox, type Point } from '../../src/vision/boxes.ts';
import { clipPolygon, outlineArea, polygonInBox } from '../../src/vision/outline.ts';
import { Random } from '../../src/vision/random.ts';

describe('boxes', () => {
  it('measures', () => {
    expect(boxArea([1, 2, 4, 8])).toBe(18);
    expect(boxArea([4, 2, 1, 8])).toBe(0);
    expect(boxIou([0, 0, 2, 2], [1, 0, 3, 2])).toBeCloseTo(1 / 3, 15);
    expect(boxIou([0, 0, 2, 2], [2, 0, 3, 2])).toBe(0);
    expect(boxIou([1, 1, 1, 1], [1, 1, 1, 1])).toBe(0);
  });

  it('clips', () => {
    expect(clipBox([-1, 2, 9, 12], [0, 0, 8, 10])).toEqual([0, 2, 8, 10]);
    expect(boxArea(clipBox([-5, 2, -1, 12], [0, 0, 8, 10]))).toBe(0);
  });

  it('finds boxes in a mask', () => {
    // biome-ignore format: rows of the mask
    const mask = [
      0, 2, 0, 0,
      0, 2, 2, 0,
      1, 0, 0, 2,
    ];
    expect(boxesFromMask(mask, { width: 4, height: 3 })).toEqual([
      { label: 1, box: [0, 2, 1, 3] },
      { label: 2, box: [1, 0, 4, 3] },
    ]);
    expect(boxesFromMask(new Uint8Array(6), { width: 3, height: 2 })).toEqual([]);
    expect(() => boxesFromMask(mask, { width: 4, height: 4 })).toThrow(ShapeError);
  });
});

describe('polygonInBox', () => {
  it('keeps a polygon that is inside, whichever way around', () => {
    const triangle = [
      [1, 1],
      [5, 1],
      [3, 4],
    ] as const;
    expect(polygonInBox(triangle, [0, 0, 9, 9])).toEqual({ share: 1, box: [1, 1, 5, 4] });
    expect(polygonInBox(triangle.toReversed(), [0, 0, 9, 9])).toEqual({ share: 1, box: [1, 1, 5, 4] });
    expect(polygonInBox(triangle, [6, 0, 9, 9])).toBeNull();
  });

  it('cuts a triangle: the box is around what is left, not the box cut', () => {
    const triangle = [
      [0, 0],
      [8, 4],
      [0, 8],
    ] as const;
    const part = polygonInBox(triangle, [4, 0, 8, 8])!;
    expect(part.box).toEqual([4, 2, 8, 6]);
    expect(part.share).toBeCloseTo(0.25, 12);
  });

  it('holds the window whole', () => {
    const big = [
      [-9, -9],
      [9, -9],
      [9, 9],
      [-9, 9],
    ] as const;
    const part = polygonInBox(big, [0, 0, 3, 2])!;
    expect(part.box).toEqual([0, 0, 3, 2]);
    expect(part.share).toBeCloseTo(6 / 324, 12);
  });

  it('does not let an L around the corner reach into it', () => {
    // Outside of the window but for a bit at the right and a bit at the bottom.
    const around = [
      [6, -4],
      [6, 2],
      [5, 2],
      [5, -3],
      [-3, -3],
      [-3, 5],
      [2, 5],
      [2, 6],
      [-4, 6],
      [-4, -4],
    ] as const;
    expect(polygonInBox(around, [0, 0, 10, 10])!.box).toEqual([0, 0, 6, 6]);
    const part = polygonInBox(around, [0, 1, 10, 10])!;
    expect(part.box).toEqual([0, 1, 6, 6]);
    const one = polygonInBox(around.slice(0, 5).concat([[-4, -4]]), [0, 0, 10, 10])!;
    expect(one.box).toEqual([5, 0, 6, 2]); // its clipping runs along the border to (0, 0)
  });

  it('agrees with the pixels of random polygons', () => {
    const random = new Random(4);
    for (let round = 0; round < 200; round++) {
      // A star around a middle: simple, and mostly concave.
      const corners = 5 + random.integer(8);
      const turns = Array.from(
        { length: corners },
        (_, i) => ((i + 0.8 * random.uniform()) * 2 * Math.PI) / corners,
      );
      const points = turns.map((turn): [number, number] => {
        const radius = random.range(10, 150);
        return [200 + radius * Math.cos(turn), 200 + radius * Math.sin(turn)];
      });
      const [x, y] = [random.integer(250), random.integer(250)];
      const [w, h] = [20 + random.integer(130), 20 + random.integer(130)];
      const all = rasterizePolygon(points, { width: 400, height: 400 });
      const inside = all.map((value, i) => {
        const [px, py] = [i % 400, Math.floor(i / 400)];
        return px >= x && px < x + w && py >= y && py < y + h ? value : 0;
      });
      const count = (mask: Uint8Array) => mask.reduce((a, b) => a + b, 0);
      const part = polygonInBox(points, [x, y, x + w, y + h]);
      if (count(inside) > 50 && count(all) > 500) {
        expect(Math.abs(part!.share - count(inside) / count(all))).toBeLessThan(0.05);
        const [found] = boxesFromMask(inside, { width: 400, height: 400 });
        found!.box.forEach((side, k) => {
          // The box of pixels whose centres are inside is never larger by more than half a pixel.
          const outward = k < 2 ? part!.box[k]! - side : side - part!.box[k]!;
          expect(outward).toBeLessThan(0.51);
        });
      }
    }
  });
});

describe('outlineArea', () => {
  it('is what an outline paints, where it crosses itself too', () => {
    const bowtie: Point[] = [
      [0, 0],
      [10, 10],
      [10, 0],
      [0, 10],
    ];
    expect(outlineArea(bowtie)).toBeCloseTo(50, 6);
    // A pentagram: its middle is wound around twice, and a hole.
    const star = [0, 2, 4, 1, 3].map((k): Point => {
      const angle = (2 * Math.PI * k) / 5;
      return [20 + 10 * Math.cos(angle), 20 + 10 * Math.sin(angle)];
    });
    const pixels = rasterizePolygon(
      star.map(([x, y]): Point => [x * 20, y * 20]),
      { width: 640, height: 640 },
    );
    const painted = pixels.reduce((sum, value) => sum + value, 0) / 400;
    expect(Math.abs(outlineArea(star) / painted - 1)).toBeLessThan(0.005);
  });

  it('is exact where it does not, with many points too', () => {
    const comb: Point[] = [];
    for (let i = 0; i < 3000; i++) comb.push([i, i % 2 === 0 ? 0 : 5 + i / 3000]);
    comb.push([3000, 10], [0, 10]);
    let twice = 0;
    comb.forEach(([x, y], i) => {
      const [u, v] = comb[(i + 1) % comb.length]!;
      twice += x * v - u * y;
    });
    expect(outlineArea(comb)).toBeCloseTo(Math.abs(twice) / 2, 6);
    expect(outlineArea([])).toBe(0);
  });
});

describe('clipPolygon', () => {
  it('cuts at the borders, and leaves nothing of what is outside', () => {
    const square: Point[] = [
      [-5, 2],
      [5, 2],
      [5, 12],
      [-5, 12],
    ];
    expect(outlineArea(clipPolygon(square, [0, 0, 10, 10]))).toBe(40);
    expect(clipPolygon(square, [6, 0, 10, 10])).toEqual([]);
  });
});
