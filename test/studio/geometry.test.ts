import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addVertex,
  boundsOf,
  boxBetween,
  deleteVertex,
  hitShape,
  insidePolygon,
  moveCorner,
  moveShape,
  moveSide,
  moveVertex,
  polygonOf,
} from '../../web/src/studio/project/geometry.ts';
import type { Box, LabelShape, Point } from '../../web/src/studio/project/model.ts';

const picture = { width: 100, height: 80 };
const box: LabelShape = { kind: 'box', box: [10, 20, 40, 60] };
const triangle: Point[] = [
  [10, 10],
  [50, 10],
  [10, 50],
];
const polygon: LabelShape = { kind: 'polygon', points: triangle };
const mask: LabelShape = { kind: 'mask', x: 5, y: 6, width: 2, height: 2, data: Uint8Array.of(1, 0, 1, 1) };

describe('hits', () => {
  it('find the corners, sides and the inside of a box', () => {
    expect(hitShape(box, [11, 21], 3)).toEqual({ part: 'corner', index: 0 });
    expect(hitShape(box, [42, 61], 3)).toEqual({ part: 'corner', index: 2 });
    expect(hitShape(box, [25, 18], 3)).toEqual({ part: 'side', index: 0 });
    expect(hitShape(box, [41, 40], 3)).toEqual({ part: 'side', index: 1 });
    expect(hitShape(box, [9, 40], 3)).toEqual({ part: 'side', index: 3 });
    expect(hitShape(box, [25, 40], 3)).toEqual({ part: 'inside' });
    expect(hitShape(box, [60, 40], 3)).toBeUndefined();
  });

  it('find the vertices, edges and the inside of a polygon', () => {
    expect(hitShape(polygon, [49, 11], 3)).toEqual({ part: 'vertex', index: 1 });
    expect(hitShape(polygon, [30, 31], 3)).toEqual({ part: 'edge', index: 1 });
    expect(hitShape(polygon, [9, 30], 3)).toEqual({ part: 'edge', index: 2 });
    expect(hitShape(polygon, [20, 20], 3)).toEqual({ part: 'inside' });
    expect(hitShape(polygon, [45, 45], 3)).toBeUndefined();
  });

  it('find single pixels of a mask, and a point within reach', () => {
    expect(hitShape(mask, [5.5, 6.5], 0)).toEqual({ part: 'inside' });
    expect(hitShape(mask, [6.5, 6.5], 0)).toBeUndefined();
    expect(hitShape(mask, [6.5, 7.5], 0)).toEqual({ part: 'inside' });
    expect(hitShape({ kind: 'point', at: [5, 5] }, [8, 9], 5)).toEqual({ part: 'inside' });
    expect(hitShape({ kind: 'point', at: [5, 5] }, [8, 9], 4.9)).toBeUndefined();
  });

  it('take the even-odd rule for a polygon that crosses itself', () => {
    const bow: Point[] = [
      [0, 0],
      [10, 10],
      [10, 0],
      [0, 10],
    ];
    expect(insidePolygon(bow, [9, 5])).toBe(true);
    expect(insidePolygon(bow, [5, 1])).toBe(false);
  });
});

const any = fc.tuple(
  fc.double({ min: -50, max: 150, noNaN: true }),
  fc.double({ min: -50, max: 150, noNaN: true }),
);
const isBox = ([x1, y1, x2, y2]: Box) =>
  expect(0 <= x1 && x1 < x2 && x2 <= picture.width && 0 <= y1 && y1 < y2 && y2 <= picture.height).toBe(true);

describe('boxes', () => {
  it('are never empty and never beyond the picture', () => {
    fc.assert(
      fc.property(any, any, fc.nat(3), (a, b, index) => {
        isBox(boxBetween(a, b, picture));
        isBox(moveCorner([10, 20, 40, 60], index, b, picture));
        isBox(moveSide([10, 20, 40, 60], index, b, picture));
      }),
    );
    expect(boxBetween([5, 5], [5, 9], picture)).toEqual([5, 5, 6, 9]);
    expect(boxBetween([100, 80], [100, 80], picture)).toEqual([99, 79, 100, 80]);
  });

  it('turn over where a corner or side passes the opposite one', () => {
    expect(moveCorner([10, 20, 40, 60], 0, [50, 70], picture)).toEqual([40, 60, 50, 70]);
    expect(moveSide([10, 20, 40, 60], 1, [3, 0], picture)).toEqual([3, 20, 10, 60]);
    expect(moveSide([10, 20, 40, 60], 0, [99, 30], picture)).toEqual([10, 30, 40, 60]);
    expect(moveSide([10, 20, 40, 60], 2, [0, 70], picture)).toEqual([10, 20, 40, 70]);
    expect(moveSide([10, 20, 40, 60], 3, [20, 0], picture)).toEqual([20, 20, 40, 60]);
  });
});

describe('moving', () => {
  it('stops at the borders of the picture and keeps the size', () => {
    fc.assert(
      fc.property(any, fc.constantFrom(box, polygon, mask), (by, shape) => {
        const moved = boundsOf(moveShape(shape, by, picture));
        const was = boundsOf(shape);
        expect(moved[2] - moved[0]).toBeCloseTo(was[2] - was[0], 9);
        expect(moved[0] >= 0 && moved[1] >= 0 && moved[2] <= 100 + 1e-9 && moved[3] <= 80 + 1e-9).toBe(true);
      }),
    );
    expect(moveShape(box, [100, -5], picture)).toEqual({ kind: 'box', box: [70, 15, 100, 55] });
    expect(moveShape({ kind: 'point', at: [5, 5] }, [-9, 1], picture)).toEqual({ kind: 'point', at: [0, 6] });
    const moved = moveShape(mask, [1.9, -2.4], picture);
    expect(moved).toMatchObject({ x: 6, y: 4 });
  });
});

describe('polygons', () => {
  it('have three different points or more', () => {
    expect(polygonOf(triangle.slice(0, 2), picture)).toBeUndefined();
    expect(polygonOf([...triangle.slice(0, 2), [50, 10]], picture)).toBeUndefined();
    expect(polygonOf([...triangle, [10, 10]], picture)).toEqual(polygon);
    expect(
      polygonOf(
        [
          [-5, 0],
          [120, 0],
          [0, 90],
        ],
        picture,
      )?.points,
    ).toEqual([
      [0, 0],
      [100, 0],
      [0, 80],
    ]);
  });

  it('lose, gain and move points', () => {
    expect(deleteVertex(triangle, 0)).toBeUndefined();
    const four = addVertex(triangle, 2, [-3, 30], picture);
    expect(four).toEqual([...triangle, [0, 30]]);
    expect(deleteVertex(four, 3)).toEqual(triangle);
    expect(addVertex(triangle, 0, [30, 5], picture)[1]).toEqual([30, 5]);
    expect(moveVertex(triangle, 1, [300, 10], picture)).toEqual([
      [10, 10],
      [100, 10],
      [10, 50],
    ]);
  });
});
