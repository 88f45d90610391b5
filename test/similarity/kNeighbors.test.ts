import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { HostTensor } from '../../src/data/batch.ts';
import { LifetimeError, ShapeError, UsageError } from '../../src/errors.ts';
import {
  KNeighborsClassifier,
  type KNeighborsOptions,
  KNeighborsRegressor,
} from '../../src/similarity/index.ts';
import { sharedGpu } from '../sharedGpu.ts';

/** Made by fixtures/neighbors.py with scikit-learn 1.2.1. */
interface Fixture {
  readonly x: number[];
  readonly y: number[];
  readonly queries: number[];
  readonly targets: number[];
  readonly cases: readonly {
    readonly weights: 'uniform' | 'distance';
    readonly metric: 'euclidean' | 'manhattan' | 'cosine';
    readonly k: number;
    readonly classes: number[];
    readonly parts: number[];
    readonly numbers: number[];
    readonly score: number;
  }[];
  readonly others: number[];
}
const file = join(import.meta.dirname, '../fixtures/neighbors.json');
const fixture = JSON.parse(readFileSync(file, 'utf8')) as Fixture;

const gpu = await sharedGpu();
const rows = (values: readonly number[], width: number): HostTensor => ({
  data: Float32Array.from(values),
  shape: [values.length / width, width],
});
const x = rows(fixture.x, 3);
const queries = rows(fixture.queries, 3);
const targets: HostTensor = { data: Float64Array.from(fixture.targets), shape: [40, 2] };

function expectClose(got: ArrayLike<number>, wanted: readonly number[]): void {
  expect(got.length).toBe(wanted.length);
  wanted.forEach((value, i) => {
    expect(Math.abs(got[i]! - value)).toBeLessThan(2e-6);
  });
}

describe.each(fixture.cases)('as scikit-learn: $k neighbours, $metric, $weights', ({ k, ...expected }) => {
  const options: KNeighborsOptions = { nNeighbors: k, weights: expected.weights, metric: expected.metric };

  it('classes and their parts of the votes', async () => {
    using classifier = new KNeighborsClassifier(gpu, options);
    classifier.fit(x, fixture.y);
    expect(await classifier.predict(queries)).toEqual(expected.classes);
    const parts = await classifier.predictProba(queries);
    expect(parts.shape).toEqual([12, 4]);
    expectClose(parts.data, expected.parts);
    expect(await classifier.score(queries, expected.classes)).toBe(1);
  });

  it('numbers and R²', async () => {
    using regressor = new KNeighborsRegressor(gpu, options);
    regressor.fit(x, targets);
    const numbers = await regressor.predict(queries);
    expect(numbers.shape).toEqual([12, 2]);
    expectClose(numbers.data, expected.numbers);
    const truth: HostTensor = { data: targets.data.slice(0, 24), shape: [12, 2] };
    expectClose([await regressor.score(queries, truth)], [expected.score]);
  });
});

describe('neighbours', () => {
  it('of the rows themselves are others', async () => {
    using classifier = new KNeighborsClassifier(gpu, { nNeighbors: 3 });
    classifier.fit(x, fixture.y);
    const { indices, shape } = await classifier.kneighbors();
    expect(shape).toEqual([40, 3]);
    expect([...indices]).toEqual(fixture.others);
  });

  it('of equal rows are the others, and never the row itself', async () => {
    const same = rows([1, 1, 1, 1, 1, 1], 1);
    using classifier = new KNeighborsClassifier(gpu, { nNeighbors: 2 });
    classifier.fit(same, [0, 0, 0, 1, 1, 1]);
    const { indices } = await classifier.kneighbors();
    expect([...indices]).toEqual([1, 2, 0, 2, 0, 1, 0, 1, 0, 1, 0, 1]);
  });

  it('vote for the lowest of the classes that have as many', async () => {
    const line = rows([0, 1, 2, 3], 1);
    using classifier = new KNeighborsClassifier<string>(gpu, { nNeighbors: 4 });
    classifier.fit(line, ['b', 'a', 'b', 'a']);
    expect(classifier.classes).toEqual(['a', 'b']);
    expect(await classifier.predict(rows([0], 1))).toEqual(['a']);
    expect([...(await classifier.predictProba(rows([0], 1))).data]).toEqual([0.5, 0.5]);
  });

  it('of one number a row give one number a row', async () => {
    using regressor = new KNeighborsRegressor(gpu, { nNeighbors: 2 });
    regressor.fit(rows([0, 1, 10], 1), [2, 4, 100]);
    const { data, shape } = await regressor.predict(rows([0.4, 9], 1));
    expect([shape, [...data]]).toEqual([[2], [3, 52]]);
    expect(await regressor.score(rows([0.4, 9], 1), [3, 52])).toBe(1);
    expect(await regressor.score(rows([0.4], 1), [3])).toBeNaN();
  });

  it('are refused where they cannot be told', async () => {
    using classifier = new KNeighborsClassifier(gpu);
    await expect(classifier.predict(queries)).rejects.toThrow(LifetimeError);
    expect(() => classifier.fit(x, [1, 2])).toThrow('x has 40 rows, y has 2');
    expect(() => classifier.fit(rows([], 1), [])).toThrow(ShapeError);
    expect(() => classifier.fit(rows([1], 1), [Number.NaN])).toThrow('y[0] is NaN');
    classifier.fit(rows([1, 2, 3], 1), [0, 1, 2]);
    await expect(classifier.predict(rows([1], 1))).rejects.toThrow('nNeighbors is 5, and there are 3 rows');
    await expect(classifier.kneighbors(queries, 1)).rejects.toThrow('rows of x have 3 values');
    expect(() => new KNeighborsClassifier(gpu, { metric: 'dot' as never })).toThrow(UsageError);
    expect(() => new KNeighborsRegressor(gpu, { weights: 'none' as never })).toThrow(UsageError);
    using regressor = new KNeighborsRegressor(gpu);
    expect(() => regressor.fit(x, [Number.NaN])).toThrow('y is NaN at 0');
  });
});
