import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Box, Point } from '../../web/src/studio/project/model.ts';
import { SpatialGrid } from '../../web/src/studio/project/spatial.ts';
import {
  deviceSize,
  fitView,
  limitsOf,
  panBy,
  pinch,
  reveal,
  seenBox,
  toPicture,
  toScreen,
  zoomAt,
} from '../../web/src/studio/project/viewport.ts';

const view = { width: 800, height: 600 };
const picture = { width: 4000, height: 1000 };
const near = (a: Point, b: Point) => {
  expect(a[0]).toBeCloseTo(b[0], 6);
  expect(a[1]).toBeCloseTo(b[1], 6);
};

describe('the view', () => {
  it('fits the picture into the middle', () => {
    const fitted = fitView(view, picture);
    near(toScreen(fitted, [2000, 500]), [400, 300]);
    const [x1, y1, x2, y2] = seenBox(fitted, view);
    expect(x1 < 0 && y1 < 0 && x2 > picture.width && y2 > picture.height).toBe(true);
    expect(fitView(view, { width: 4, height: 4 }).scale).toBe(8);
  });

  it('zooms about a place, within limits', () => {
    const fitted = fitView(view, picture);
    const at: Point = [200, 310];
    const zoomed = zoomAt(fitted, at, 3, view, picture);
    expect(zoomed.scale).toBeCloseTo(fitted.scale * 3);
    near(toPicture(zoomed, at), toPicture(fitted, at));
    const { smallest, largest } = limitsOf(view, picture);
    expect(zoomAt(fitted, at, 1e9, view, picture).scale).toBe(largest);
    expect(zoomAt(fitted, at, 1e-9, view, picture).scale).toBe(smallest);
  });

  it('pans, and never loses the picture', () => {
    const close = zoomAt(fitView(view, picture), [400, 300], 10, view, picture);
    near(toPicture(panBy(close, [30, -20], view, picture), [430, 280]), toPicture(close, [400, 300]));
    fc.assert(
      fc.property(fc.integer({ min: -1e6, max: 1e6 }), fc.integer({ min: -1e6, max: 1e6 }), (dx, dy) => {
        const [x, y] = toPicture(panBy(close, [dx, dy], view, picture), [400, 300]);
        expect(x > -1e-6 && x < 4000 + 1e-6 && y > -1e-6 && y < 1000 + 1e-6).toBe(true);
      }),
    );
  });

  it('keeps what is under two fingers', () => {
    const close = zoomAt(fitView(view, picture), [400, 300], 4, view, picture);
    const before = [
      [300, 300],
      [500, 300],
    ] as const;
    const after = [
      [280, 320],
      [580, 320],
    ] as const;
    const next = pinch(close, before, after, view, picture);
    expect(next.scale).toBeCloseTo(close.scale * 1.5);
    near(toPicture(next, [430, 320]), toPicture(close, [400, 300]));
  });

  it('moves to show a place, and not where it is seen', () => {
    const close = zoomAt(fitView(view, picture), [400, 300], 10, view, picture);
    expect(reveal(close, toPicture(close, [400, 200]), view, picture)).toEqual(close);
    const [x1, y1, x2, y2] = seenBox(reveal(close, [100, 900], view, picture), view);
    expect(x1 < 100 && 100 < x2 && y1 < 900 && 900 < y2).toBe(true);
  });

  it('has a canvas of device pixels', () => {
    expect(deviceSize({ width: 333.4, height: 0 }, 1.5)).toEqual({ width: 500, height: 1 });
  });
});

describe('the grid', () => {
  it('finds what meets a box, after every change', () => {
    const bounds = fc
      .tuple(fc.integer({ min: -5, max: 105 }), fc.integer({ min: -5, max: 85 }), fc.nat(40), fc.nat(40))
      .map(([x, y, width, height]): Box => [x, y, x + width, y + height]);
    const change = fc.record({ id: fc.nat(8), bounds: fc.option(bounds, { nil: undefined }) });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 20 }), bounds, (changes, box) => {
        const grid = new SpatialGrid(100, 80);
        const all = new Map<string, Box>();
        for (const { id, bounds } of changes) {
          if (bounds) {
            grid.set(String(id), bounds);
            all.set(String(id), bounds);
          } else {
            grid.delete(String(id));
            all.delete(String(id));
          }
        }
        const wanted = [...all].filter(
          ([, [x1, y1, x2, y2]]) => x1 <= box[2] && box[0] <= x2 && y1 <= box[3] && box[1] <= y2,
        );
        expect([...grid.query(box)].sort()).toEqual(wanted.map(([id]) => id).sort());
        expect(grid.size).toBe(all.size);
      }),
    );
  });

  it('looks at few of 5,000', () => {
    const grid = new SpatialGrid(5000, 1000);
    for (let i = 0; i < 5000; i++) {
      const [x, y] = [(i % 100) * 50, Math.floor(i / 100) * 20];
      grid.set(String(i), [x, y, x + 30, y + 15]);
    }
    expect([...grid.query([2510, 505, 2510, 505])]).toEqual(['2550']);
  });
});
