import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { countPixels, type Mask, MaskPainter } from '../../web/src/studio/project/brush.ts';
import { distanceToSegment } from '../../web/src/studio/project/geometry.ts';
import type { Point } from '../../web/src/studio/project/model.ts';

const picture = { width: 40, height: 30 };

const has = (mask: Mask | undefined, i: number, j: number) => {
  if (!mask) return false;
  const [x, y] = [i - mask.x, j - mask.y];
  return x >= 0 && x < mask.width && y >= 0 && y < mask.height && mask.data[y * mask.width + x] === 1;
};
const place = fc.tuple(
  fc.double({ min: -10, max: 50, noNaN: true }),
  fc.double({ min: -10, max: 40, noNaN: true }),
);
const strokes = fc.array(
  fc.record({
    a: place,
    b: place,
    radius: fc.double({ min: 0.1, max: 12, noNaN: true }),
    value: fc.constantFrom<0 | 1>(0, 1),
  }),
  { maxLength: 6 },
);

describe('the brush', () => {
  it('paints the pixels whose centres lie in the strokes, and erases them, in the smallest window', () => {
    fc.assert(
      fc.property(strokes, (all) => {
        const painter = new MaskPainter(picture);
        for (const { a, b, radius, value } of all) painter.stroke(a, b, radius, value);
        const mask = painter.finish();
        let [left, top, right, bottom] = [99, 99, -1, -1];
        for (let j = 0; j < picture.height; j++) {
          for (let i = 0; i < picture.width; i++) {
            const at: Point = [i + 0.5, j + 0.5];
            const distances = all.map(({ a, b }) => distanceToSegment(at, a, b));
            // On the border to the last bit, either is right.
            if (all.some(({ radius }, k) => Math.abs(distances[k]! - radius) < 1e-9)) continue;
            const wanted = all.findLast(({ radius }, k) => distances[k]! < radius)?.value === 1;
            expect(has(mask, i, j), `${i}, ${j}`).toBe(wanted);
            if (!wanted) continue;
            left = Math.min(left, i);
            right = Math.max(right, i);
            top = Math.min(top, j);
            bottom = Math.max(bottom, j);
          }
        }
        if (right < 0) return;
        expect(mask!.x <= left && mask!.y <= top).toBe(true);
        const first = mask!.data.subarray(0, mask!.width);
        const last = mask!.data.subarray(-mask!.width);
        expect(first.includes(1) && last.includes(1)).toBe(true);
      }),
    );
  });

  it('paints a border that goes through a centre', () => {
    const painter = new MaskPainter(picture);
    painter.stroke([10.5, 10.5], [10.5, 10.5], 1, 1);
    const mask = painter.finish()!;
    expect([mask.x, mask.y, mask.width, mask.height]).toEqual([9, 9, 3, 3]);
    expect([...mask.data]).toEqual([0, 1, 0, 1, 1, 1, 0, 1, 0]);
    expect(countPixels(mask)).toBe(5);
  });

  it('joins the gap between two events', () => {
    const painter = new MaskPainter(picture);
    painter.stroke([2.5, 5.5], [30.5, 5.5], 0.5, 1);
    expect(painter.finish()).toMatchObject({ x: 2, y: 5, width: 29, height: 1 });
  });

  it('grows and shrinks its window, and leaves the mask that it began with', () => {
    const begun: Mask = { kind: 'mask', x: 5, y: 5, width: 2, height: 1, data: Uint8Array.of(1, 1) };
    const painter = new MaskPainter(picture, begun);
    painter.stroke([35.5, 25.5], [35.5, 25.5], 0.4, 1);
    expect(painter.finish()).toMatchObject({ x: 5, y: 5, width: 31, height: 21 });
    painter.stroke([5.5, 5.5], [6.5, 5.5], 0.4, 0);
    expect(painter.finish()).toMatchObject({ x: 35, y: 25, width: 1, height: 1 });
    painter.stroke([35, 25], [35, 25], 3, 0);
    expect(painter.finish()).toBeUndefined();
    expect([...begun.data]).toEqual([1, 1]);
  });

  it('leaves a picture alone beside which it is', () => {
    const painter = new MaskPainter(picture);
    painter.stroke([-20, -20], [-20, 90], 5, 1);
    painter.stroke([4, 4], [4, 4], 3, 0);
    expect(painter.finish()).toBeUndefined();
  });
});
