import { describe, expect, it } from 'vitest';
import { Random } from '../../src/vision/random.ts';
import type { LabelObject, PictureLabels } from '../../web/src/studio/project/model.ts';
import { packLabels, unpackLabels } from '../../web/src/studio/store/maskRuns.ts';
import { OBJECTS } from './projectSamples.ts';

const mask = (width: number, height: number, data: Uint8Array): LabelObject => ({
  ...{ id: 'm', classId: 'c1' },
  shape: { kind: 'mask', x: -3, y: 5, width, height, data },
});
const labels = (...objects: readonly LabelObject[]): PictureLabels => ({ picture: 'p', objects });
/** As the database gives it back: another object with the same values. */
const stored = (given: PictureLabels): PictureLabels => structuredClone(packLabels(given));
/** What is stored of the mask of labels. */
const shapeOf = ({ objects }: PictureLabels) =>
  objects[0]!.shape as { data?: Uint8Array; runs?: Uint32Array };

describe('masks in the database', () => {
  it.each([
    ['one that begins outside', [0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0, 0], [3, 4, 5]],
    ['one that begins inside', [1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0], [0, 6, 6]],
    ['one that ends inside', [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], [11, 1]],
    ['a full one', Array.from({ length: 12 }, () => 1), [0, 12]],
    ['an empty one', Array.from({ length: 12 }, () => 0), [12]],
  ])('are run lengths, and come back: %s', (_, pixels, runs) => {
    const given = labels(mask(4, 3, Uint8Array.from(pixels)));
    expect([...shapeOf(stored(given)).runs!]).toEqual(runs);
    expect(unpackLabels(stored(given))).toEqual(given);
  });

  it('stay pixels where runs would take more', () => {
    const given = labels(
      mask(
        4,
        4,
        Uint8Array.from({ length: 16 }, (_, i) => i % 2),
      ),
    );
    expect(shapeOf(stored(given)).data?.length).toBe(16);
    expect(unpackLabels(stored(given))).toEqual(given);
  });

  it('come back whatever their pixels are, with all else that labels have', () => {
    const random = new Random(7);
    for (let i = 0; i < 50; i++) {
      const [width, height] = [1 + random.integer(40), 1 + random.integer(40)];
      const rare = 2 + random.integer(30);
      const data = Uint8Array.from({ length: width * height }, () => Number(random.integer(rare) === 0));
      const given = labels(...OBJECTS, mask(width, height, data));
      expect(unpackLabels(stored(given))).toEqual(given);
    }
  });

  it('are read as older studios stored them', () => {
    const old = labels(...OBJECTS);
    expect(unpackLabels(structuredClone(old))).toEqual(old);
  });

  it('take kilobytes of a picture of 12,000 x 9,000, and are not encoded twice', () => {
    const [width, height] = [12_000, 9_000];
    const data = new Uint8Array(width * height);
    for (let y = 0; y < height; y++) data.fill(1, y * width + 1000, y * width + 11_000 - y);
    const given = labels(mask(width, height, data));
    const { runs } = shapeOf(packLabels(given));
    expect(runs!.byteLength).toBeLessThan(100_000);
    expect(shapeOf(packLabels(given)).runs).toBe(runs);
    const back = unpackLabels(packLabels(given));
    expect(Buffer.compare(shapeOf(back).data!, data)).toBe(0);
    expect(shapeOf(packLabels(back)).runs).toBe(runs);
  });
});
