import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DataError, ShapeError } from '../../../src/errors.ts';
import { type PanopticMap, PanopticQuality } from '../../../src/vision/index.ts';

interface KnownMap {
  ids: number[];
  segments: { id: number; category_id: number; iscrowd: number }[];
}
type Scores = Record<'pq' | 'sq' | 'rq', number>;

/** panopticapi's values: test/fixtures/panoptic.py. */
const known = JSON.parse(readFileSync(join(import.meta.dirname, '../../fixtures/panoptic.json'), 'utf8')) as {
  things: number[];
  stuff: number[];
  images: { target: KnownMap; predicted: KnownMap }[];
  expected: Record<'all' | 'things' | 'stuff', Scores & { n: number }> & {
    perClass: (Scores & Record<'tp' | 'fp' | 'fn', number>)[];
  };
};

const mapOf = ({ ids, segments }: KnownMap): PanopticMap<number> => ({
  ids,
  segments: segments.map(({ id, category_id, iscrowd }) => ({
    id,
    label: category_id,
    iscrowd: iscrowd === 1,
  })),
});

const SCORES = ['pq', 'sq', 'rq'] as const;

describe('PanopticQuality', () => {
  it('is panopticapi’s', () => {
    const quality = new PanopticQuality({ things: known.things, stuff: known.stuff });
    for (const { predicted, target } of known.images) quality.add(mapOf(predicted), mapOf(target));
    const result = quality.result();
    for (const part of ['all', 'things', 'stuff'] as const) {
      expect(result[part].n).toBe(known.expected[part].n);
      for (const score of SCORES) expect(result[part][score]).toBeCloseTo(known.expected[part][score], 12);
    }
    expect(result.perClass.map(({ label }) => label)).toEqual([...known.things, ...known.stuff]);
    known.expected.perClass.forEach((want, i) => {
      const got = result.perClass[i]!;
      expect([got.tp, got.fp, got.fn]).toEqual([want.tp, want.fp, want.fn]);
      // A class that does not occur has 0 there.
      for (const score of SCORES)
        expect(Number.isNaN(got[score]) ? 0 : got[score]).toBeCloseTo(want[score], 12);
    });
    expect(result.perClass.at(-1)).toMatchObject({ label: 6, isthing: false, pq: Number.NaN });
  });

  const thing = (id: number, iscrowd = false) => ({ id, label: 'cat', iscrowd });
  const one = (ids: number[], ...segments: { id: number; label: string; iscrowd?: boolean }[]) => ({
    ids,
    segments,
  });
  const counts = (predicted: PanopticMap<string>, target: PanopticMap<string>) => {
    const quality = new PanopticQuality<string>({ things: ['cat'], stuff: ['sky'] });
    quality.add(predicted, target);
    const { tp, fp, fn, pq } = quality.result().perClass[0]!;
    return { tp, fp, fn, pq };
  };

  it('needs an IoU over 0.5, void pixels left out of the union', () => {
    expect(counts(one([7, 7, 0, 0], thing(7)), one([1, 1, 1, 1], thing(1)))).toMatchObject({
      tp: 0,
      fp: 1,
      fn: 1,
    });
    expect(counts(one([7, 7, 7, 0], thing(7)), one([1, 1, 1, 1], thing(1)))).toEqual({
      tp: 1,
      fp: 0,
      fn: 0,
      pq: 0.75,
    });
    expect(counts(one([7, 7, 7, 7], thing(7)), one([1, 1, 0, 0], thing(1)))).toEqual({
      tp: 1,
      fp: 0,
      fn: 0,
      pq: 1,
    });
  });

  it('excuses what lies in void and crowds by more than half', () => {
    expect(counts(one([7, 7, 7, 7], thing(7)), one([2, 2, 0, 0], { id: 2, label: 'sky' }))).toMatchObject({
      fp: 1,
    });
    expect(counts(one([7, 7, 7, 7], thing(7)), one([2, 0, 0, 0], { id: 2, label: 'sky' }))).toMatchObject({
      fp: 0,
    });
    // Two crowds and void together; the crowds are not missed.
    const crowds = one([1, 3, 0, 2], thing(1, true), thing(3, true), { id: 2, label: 'sky' });
    expect(counts(one([7, 7, 7, 7], thing(7)), crowds)).toMatchObject({ tp: 0, fp: 0, fn: 0 });
  });

  it('is NaN where nothing occurs, and counts a true segment without pixels as missed', () => {
    const quality = new PanopticQuality<string>({ things: ['cat'], stuff: [] });
    quality.add(one([0, 0]), one([0, 0]));
    expect(quality.result().all).toEqual({ pq: Number.NaN, sq: Number.NaN, rq: Number.NaN, n: 0 });
    quality.add(one([0, 0]), one([0, 0], thing(1)));
    expect(quality.result().things).toEqual({ pq: 0, sq: 0, rq: 0, n: 1 });
  });

  it('counts nothing of an image that it refuses', () => {
    const quality = new PanopticQuality<string>({ things: ['cat'], stuff: ['sky'] });
    const good = one([1, 0], thing(1));
    expect(() => quality.add(one([1]), good)).toThrow(ShapeError);
    expect(() => quality.add(one([5, 0], thing(1)), good)).toThrow(/pixel 0 has id 5/);
    expect(() => quality.add(one([0, 0], thing(1)), good)).toThrow(/no pixels/);
    expect(() => quality.add(one([1, 0], thing(1), thing(1)), good)).toThrow(/given twice/);
    expect(() => quality.add(one([0, 0], thing(0)), good)).toThrow(/means void/);
    expect(() => quality.add(good, one([1, 0], { id: 1, label: 'dog' }))).toThrow(DataError);
    expect(quality.result().all.n).toBe(0);
    expect(() => new PanopticQuality({ things: ['a'], stuff: ['a'] })).toThrow(ShapeError);
  });
});
