import { describe, expect, it } from 'vitest';
import { ShapeError, UsageError } from '../../src/errors.ts';
import { maximalMarginalRelevance, recommend } from '../../src/similarity/recommend.ts';
import { Random } from '../../src/vision/random.ts';

const rows = (...list: number[][]) => ({
  data: Float32Array.from(list.flat()),
  shape: [list.length, list[0]!.length],
});

/** Unit vectors at these angles, in degrees. */
const angles = (...degrees: number[]) =>
  rows(...degrees.map((d) => [Math.cos((d / 180) * Math.PI), Math.sin((d / 180) * Math.PI)]));

const cosine = (a: readonly number[], b: readonly number[]): number => {
  const dot = (x: readonly number[], y: readonly number[]) => x.reduce((sum, v, i) => sum + v * y[i]!, 0);
  const length = Math.sqrt(dot(a, a)) * Math.sqrt(dot(b, b));
  return length === 0 ? 0 : dot(a, b) / length;
};

/** The definition, read from the paper: no sums are kept, every term is computed anew. */
function byDefinition(
  list: readonly number[][],
  query: readonly number[],
  k: number,
  lambda: number,
): number[] {
  const chosen: number[] = [];
  while (chosen.length < Math.min(k, list.length)) {
    let best: [number, number] | undefined;
    for (const [i, item] of list.entries()) {
      if (chosen.includes(i)) continue;
      const alike = chosen.map((j) => cosine(item, list[j]!));
      const value =
        chosen.length === 0
          ? cosine(item, query)
          : lambda * cosine(item, query) - (1 - lambda) * Math.max(...alike);
      if (!best || value > best[1] + 1e-12) best = [i, value];
    }
    chosen.push(best![0]);
  }
  return chosen;
}

describe('maximalMarginalRelevance', () => {
  it('chooses as the definition says, for any balance', () => {
    const random = new Random('mmr');
    for (let round = 0; round < 40; round++) {
      const [n, d] = [1 + random.integer(30), 1 + random.integer(6)];
      const list = Array.from({ length: n }, () =>
        Array.from({ length: d }, () => Math.fround(random.normal())),
      );
      const query = Array.from({ length: d }, () => random.normal());
      const [k, lambda] = [1 + random.integer(12), round < 3 ? round / 2 : random.uniform()];
      const found = maximalMarginalRelevance(rows(...list), query, { k, lambda });
      expect(found).toEqual(byDefinition(list, query, k, lambda));
    }
  });

  it('leaves out what is nearly the same as what was chosen', () => {
    // 10 and 11 degrees are nearly the same; 330 is less relevant, but new.
    const items = angles(10, 11, 330, 90);
    expect(maximalMarginalRelevance(items, [1, 0], { k: 2, lambda: 1 })).toEqual([0, 1]);
    expect(maximalMarginalRelevance(items, [1, 0], { k: 2 })).toEqual([0, 2]);
    expect(maximalMarginalRelevance(items, [1, 0], { k: 2, fetchK: 2 })).toEqual([0, 1]);
  });

  it('takes the lower number of equal ones, and all there are where k is more', () => {
    const same = rows([0, 1], [2, 0], [1, 0], [0, 3]);
    expect(maximalMarginalRelevance(same, [5, 0], { lambda: 1 })).toEqual([1, 2, 0, 3]);
    // After 1, 0 and 3 differ most; after 0 the rest is a copy of something.
    expect(maximalMarginalRelevance(same, [5, 0], { lambda: 0 })).toEqual([1, 0, 2, 3]);
    expect(maximalMarginalRelevance(same, [5, 0], { lambda: 1, fetchK: 1 })).toEqual([1]);
    expect(maximalMarginalRelevance({ data: new Float32Array(0), shape: [0, 2] }, [1, 0])).toEqual([]);
  });

  it('a row or query of zeros is like nothing', () => {
    const items = rows([0, 0], [-1, 0], [1, 0]);
    expect(maximalMarginalRelevance(items, [1, 0], { lambda: 1 })).toEqual([2, 0, 1]);
    expect(maximalMarginalRelevance(items, [0, 0], { lambda: 1 })).toEqual([0, 1, 2]);
  });

  it('refuses what cannot be', () => {
    const items = angles(0, 90);
    const with_ =
      (options: object, query: readonly number[] = [1, 0]) =>
      () =>
        maximalMarginalRelevance(items, query, options);
    expect(with_({ k: 0 })).toThrow('maximalMarginalRelevance: k is 0; give a whole number of at least 1');
    expect(with_({ fetchK: 1.5 })).toThrow('fetchK is 1.5');
    expect(with_({ lambda: 1.1 })).toThrow('lambda is 1.1; give a number from 0, diversity, to 1, relevance');
    expect(with_({ lambda: Number.NaN })).toThrow(UsageError);
    expect(with_({ lamda: 1 })).toThrow('did you mean lambda?');
    expect(with_({}, [1])).toThrow(ShapeError);
    expect(with_({}, [1, Number.NaN])).toThrow('query is NaN at 1');
  });
});

describe('recommend', () => {
  const items = angles(0, 5, 90, 95, 180, 185);

  it('ranks by the cosine with the mean of what is liked', () => {
    const found = recommend(items, { likes: [0] }, { lambda: 1 });
    expect(found.map(({ index }) => index)).toEqual([1, 2, 3, 5, 4]);
    expect(found[0]!.score).toBeCloseTo(Math.cos((5 / 180) * Math.PI), 6);
  });

  it('lengths of rows count for nothing', () => {
    const long = { ...items, data: items.data.map((value, i) => value * (Math.floor(i / 2) + 1)) };
    const of = (set: typeof items) =>
      recommend(set, { likes: [0, 2], dislikes: [5] }).map(({ index }) => index);
    expect(of(long)).toEqual(of(items));
  });

  it('keeps away from what is disliked, the more the larger gamma', () => {
    const first = (options: object) =>
      recommend(items, { likes: [0, 2], dislikes: [3] }, { lambda: 1, ...options })[0]!.index;
    expect(first({})).toBe(1);
    const taste = (gamma: number) =>
      recommend(items, { likes: [2], dislikes: [4] }, { lambda: 1, gamma }).map(({ index }) => index);
    expect(taste(0)).toEqual([3, 1, 0, 5]);
    expect(taste(0.75)).toEqual([1, 0, 3, 5]);
  });

  it('dislikes alone lead to the opposite', () => {
    expect(recommend(items, { dislikes: [4] }, { lambda: 1, k: 1 })[0]!.index).toBe(0);
  });

  it('of nobody’s choice it gives what is typical, and different', () => {
    // Most are near 40 degrees.
    const found = recommend(angles(40, 41, 42, 43, 130), {}, { k: 2, lambda: 0.3 });
    expect(found.map(({ index }) => index)).toEqual([3, 4]);
  });

  it('never gives what is known, also where nothing is left', () => {
    expect(
      recommend(items, { likes: [0, 1, 1], dislikes: [2] })
        .map(({ index }) => index)
        .sort(),
    ).toEqual([3, 4, 5]);
    expect(recommend(items, { likes: [0, 1, 2, 3, 4, 5] })).toEqual([]);
  });

  it('refuses what cannot be', () => {
    const with_ =
      (preferences: object, options = {}) =>
      () =>
        recommend(items, preferences, options);
    expect(with_({ likes: [6] })).toThrow('recommend: likes has 6; give rows, 0 to 5');
    expect(with_({ dislikes: [0.5] })).toThrow('dislikes has 0.5');
    expect(with_({ likes: [1], dislikes: [1] })).toThrow('item 1 is liked and disliked');
    expect(with_({ like: [1] })).toThrow('did you mean likes?');
    expect(with_({ likes: ['a'] })).toThrow('likes[0] is "a"; give a number');
    expect(with_({}, { gamma: -1 })).toThrow('gamma is -1; give a number of at least 0');
    expect(with_({}, { gama: 1 })).toThrow('did you mean gamma?');
    expect(with_({}, { lambda: 2 })).toThrow('recommend: lambda is 2');
  });
});
