import { describe, expect, it } from 'vitest';
import { countsOf, totalCounts } from '../../web/src/studio/project/counts.ts';
import type { LabelObject } from '../../web/src/studio/project/model.ts';
import { Check } from '../../web/src/studio/store/check.ts';
import { checkLabels } from '../../web/src/studio/store/labelCheck.ts';
import { OBJECTS } from './projectSamples.ts';

const check = new Check('saving the labels');
const point = (id: string, more: object = {}): LabelObject => ({
  ...{ id, classId: 'a', shape: { kind: 'point', at: [1, 2] } },
  ...more,
});

describe('labels that are stored', () => {
  it('are taken as they are, and the pixels of masks are not copied', () => {
    // Labelme's group numbers may be any.
    expect(checkLabels(check, [point('1', { group: 2 ** 40 })])[0]!.group).toBe(2 ** 40);
    const checked = checkLabels(check, OBJECTS);
    expect(checked).toEqual(OBJECTS);
    const [given, kept] = [OBJECTS, checked].map((objects) => objects[3]!.shape as { data?: Uint8Array });
    expect(kept!.data).toBe(given!.data);
  });

  it.each([
    [
      { shape: { kind: 'mask', x: 0, y: 0, width: 2, height: 2, data: new Uint8Array(3) } },
      'data.length is 3; it must be 4',
    ],
    [
      { shape: { kind: 'circle', at: [1, 2] } },
      'shape.kind is "circle"; it must be box, polygon, point, mask',
    ],
    [
      { shape: { kind: 'point', at: [Number.NaN, 2] } },
      'at[0] is NaN; it must be a number from -16777216 to 16777216',
    ],
    [{ group: 1.5 }, 'group is 1.5; it must be a whole number'],
    [{ flags: { crowd: 'yes' } }, 'flags.crowd is "yes"; it must be true or false'],
    [{ score: 1.01 }, 'score is 1.01; it must be a number from 0 to 1'],
  ])('are refused with %j', (more, message) => {
    expect(() => checkLabels(check, [point('1'), point('2', more)])).toThrow(
      `saving the labels: objects[1].`,
    );
    expect(() => checkLabels(check, [point('1'), point('2', more)])).toThrow(message);
  });

  it('count without proposals, and the parts of one object once', () => {
    const parts = [point('1', { group: 1 }), point('2', { group: 1 }), point('3', { group: 2 })];
    const other = point('4', { group: 1, classId: 'b' });
    const counts = countsOf([...parts, other, point('5'), point('6'), point('7', { score: 0.4 })]);
    expect(counts).toEqual({
      objects: 5,
      classes: [
        ['a', 4],
        ['b', 1],
      ],
    });
    expect(countsOf([point('7', { score: 0.4 })])).toEqual({ objects: 0 });
    expect([...totalCounts([counts, counts, {}])]).toEqual([
      ['a', 8],
      ['b', 2],
    ]);
  });
});
