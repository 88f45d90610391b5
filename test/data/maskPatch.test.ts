import { describe, expect, it } from 'vitest';
import type { AnnotatedShape, MaskPatch } from '../../src/data/annotation.ts';
import type { Crop } from '../../src/data/augment/crop.ts';
import { traceContours } from '../../src/data/contours.ts';
import { cropLabels } from '../../src/data/cropTargets.ts';
import { partsOf } from '../../src/data/maskParts.ts';
import { maskToPatch, paintPatch, shapeToPatch } from '../../src/data/maskPatch.ts';
import { rasterizePolygon } from '../../src/data/polygon.ts';
import { rowRunsOf } from '../../src/data/rowRuns.ts';
import type { Point } from '../../src/vision/boxes.ts';
import { Random } from '../../src/vision/random.ts';

/** `#` is set. */
function draw(...rows: string[]): MaskPatch {
  const data = Uint8Array.from(rows.join(''), (char) => (char === '#' ? 1 : 0));
  return { x: 0, y: 0, width: rows[0]!.length, height: rows.length, data };
}

const hasHoles = (patch: MaskPatch): boolean => partsOf(rowRunsOf(patch)).holes > 0;

describe('mask patches', () => {
  it('are cut to what is set, and painted back', () => {
    const whole = draw('......', '..#...', '.##.#.', '......');
    const patch = maskToPatch(whole.data, { width: 6, height: 4 })!;
    expect([patch.x, patch.y, patch.width, patch.height, ...patch.data]).toEqual([
      1, 1, 4, 2, 0, 1, 0, 0, 1, 1, 0, 1,
    ]);
    const map = new Uint8Array(24);
    paintPatch({ width: 6, height: 4, data: map }, patch, 1);
    expect(map).toEqual(whole.data);
    expect(maskToPatch(new Uint8Array(24), { width: 6, height: 4 })).toBeUndefined();
    // What reaches out of the image is cut off.
    const corner = new Uint8Array(4);
    paintPatch({ width: 2, height: 2, data: corner }, { ...patch, x: -1, y: 0 }, 7);
    expect([...corner]).toEqual([7, 0, 7, 0]);
  });

  it('of shapes: the mask, the outline’s pixels, or the box’s', () => {
    const size = { width: 10, height: 8 };
    const points: Point[] = [
      [1.2, 1],
      [8.7, 2],
      [3, 7.6],
    ];
    const shape = { label: 'a', groupId: null, box: [1.2, 1, 8.7, 7.6] as [number, number, number, number] };
    const map = new Uint8Array(80);
    paintPatch({ ...size, data: map }, shapeToPatch({ ...shape, points }, size), 1);
    expect(map).toEqual(rasterizePolygon(points, { width: 10, height: 8 }));
    const { data } = shapeToPatch({ ...shape, box: [0.6, 0.4, 2.5, 1.6] }, size);
    // Pixels whose centres are inside: columns 1 to 2 (2.5 is on the edge, and belongs to the right), rows 0 and 1.
    expect([...data]).toEqual([0, 1, 0, 0, 1, 0]);
    const mask = draw('#.', '##');
    expect(shapeToPatch({ ...shape, points, mask }, size)).toBe(mask);
  });

  it('have holes where an outline would fill some', () => {
    expect(hasHoles(draw('###', '#.#', '###'))).toBe(true);
    expect(hasHoles(draw('###', '#..', '###'))).toBe(false);
    // Through a corner there is a way out.
    expect(hasHoles(draw('###.', '#.##', '##.#', '.###'))).toBe(true);
    expect(hasHoles(draw('.##', '#.#', '###'))).toBe(false);
    const random = new Random('holes');
    for (let trial = 0; trial < 300; trial++) {
      const [width, height] = [2 + random.integer(6), 2 + random.integer(6)];
      const data = Uint8Array.from({ length: width * height }, () => (random.uniform() < 0.7 ? 1 : 0));
      const filled = new Uint8Array(width * height);
      for (const outline of traceContours(data, { width, height })) {
        rasterizePolygon(outline, { width, height }).forEach((value, i) => {
          filled[i]! |= value;
        });
      }
      const differs = filled.some((value, i) => value !== data[i]);
      expect(hasHoles({ x: 0, y: 0, width, height, data })).toBe(differs);
    }
  });

  it('that nobody labelled are 255 in what a segmenter is taught, over whatever is there', () => {
    const crop: Crop = {
      size: [4, 6],
      toImage: [1, 0, 1, 0, 1, 0, 0, 0, 1],
      region: [0, 0, 10, 10],
      fill: 0.5,
      effects: [],
    };
    const unlabelled = { ...draw('##', '.#'), x: 2, y: 1 };
    const shapes: AnnotatedShape[] = [{ label: 'a', box: [1, 0, 4, 4], groupId: null }];
    const out = cropLabels({ shapes, unlabelled }, crop, ['a']);
    expect([...out]).toEqual([
      ...[1, 1, 1, 0, 0, 0],
      ...[1, 255, 255, 0, 0, 0],
      ...[1, 1, 255, 0, 0, 0],
      ...[1, 1, 1, 0, 0, 0],
    ]);
  });
});
