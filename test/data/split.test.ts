import { describe, expect, it } from 'vitest';
import { kFold, splitByNames, trainTestSplit } from '../../src/data/split.ts';
import { DataError, UsageError } from '../../src/errors.ts';

const items = Array.from({ length: 20 }, (_, i) => i);
const sorted = (values: readonly number[]) => [...values].sort((a, b) => a - b);

describe('trainTestSplit', () => {
  it('puts each item on one side, the share that is asked for, in order, by the seed', () => {
    const { train, valid } = trainTestSplit(items, 0.2);
    expect(valid.length).toBe(4);
    expect(sorted([...train, ...valid])).toEqual(items);
    expect([train, valid]).toEqual([sorted(train), sorted(valid)]);
    expect(trainTestSplit(items, 0.2)).toEqual({ train, valid });
    expect(trainTestSplit(items, 0.2, { seed: 1 }).valid).not.toEqual(valid);
  });

  it('leaves at least one item on each side', () => {
    expect(trainTestSplit([1, 2, 3], 0.01).valid.length).toBe(1);
    expect(trainTestSplit([1, 2, 3], 0.99).train.length).toBe(1);
  });

  it('never separates a group', () => {
    const group = (item: number) => Math.floor(item / 5);
    for (let seed = 0; seed < 20; seed++) {
      const { train, valid } = trainTestSplit(items, 0.3, { seed, group });
      expect(valid.length).toBe(5);
      expect(train.filter((item) => valid.some((other) => group(other) === group(item)))).toEqual([]);
    }
  });

  it('refuses what cannot be split', () => {
    for (const share of [0, 1, Number.NaN]) expect(() => trainTestSplit(items, share)).toThrow(UsageError);
    expect(() => trainTestSplit([1], 0.5)).toThrow('trainTestSplit: 1 items in 1 groups; give at least 2');
    expect(() => trainTestSplit(items, 0.5, { seeds: 1 } as never)).toThrow('did you mean seed?');
    const stratify = (item: number) => item % 2;
    for (const split of [
      (options: object) => trainTestSplit(items, 0.5, options),
      (options: object) => kFold(items, 2, 0, options),
    ]) {
      expect(() => split({ stratify, seeds: 1 })).toThrow('did you mean seed?');
      expect(() => split({ stratify: 'label' })).toThrow('options.stratify is "label"; give a function');
      expect(() => split({ group: 3 })).toThrow('options.group is 3; give a function');
      expect(() => split({ stratify, seed: null })).toThrow('options.seed is null; give a text or number');
      expect(() => split({ stratify, group: stratify })).toThrow('group and stratify are both given');
      expect(() => split(null as never)).toThrow(UsageError);
    }
  });
});

describe('kFold', () => {
  it('judges by each item once over all folds', () => {
    const folds = [0, 1, 2].map((fold) => kFold(items, 3, fold, { seed: 'a' }));
    expect(folds.map(({ valid }) => valid.length)).toEqual([7, 7, 6]);
    expect(sorted(folds.flatMap(({ valid }) => valid))).toEqual(items);
    for (const { train, valid } of folds) expect(sorted([...train, ...valid])).toEqual(items);
  });

  it('keeps groups whole, in folds of nearly one size', () => {
    const group = (item: number) => (item < 8 ? 'large' : item);
    const folds = [0, 1].map((fold) => kFold(items, 2, fold, { group }));
    expect(folds.map(({ valid }) => valid.length)).toEqual([10, 10]);
    const withLarge = folds.find(({ valid }) => valid.includes(0))!;
    expect(withLarge.valid.filter((item) => item < 8).length).toBe(8);
  });

  it('refuses folds that there are not', () => {
    expect(() => kFold(items, 1, 0)).toThrow('kFold: folds is 1; give a whole number of at least 2');
    expect(() => kFold(items, 3, 3)).toThrow('kFold: fold is 3; give a whole number from 0 to 2');
    expect(() => kFold([1, 2], 3, 0)).toThrow('kFold: 2 groups for 3 folds; give at least as many');
  });
});

describe('splitByNames', () => {
  const named = ['a', 'b', 'c'].map((name) => ({ name }));

  it('puts the named items on the side to judge by, in their order', () => {
    const { train, valid } = splitByNames(named, 'c\na\n'.split('\n'));
    expect([train, valid]).toEqual([[{ name: 'b' }], [{ name: 'a' }, { name: 'c' }]]);
    expect(splitByNames(['x.jpg', 'y.jpg'], ['y.jpg'])).toEqual({ train: ['x.jpg'], valid: ['y.jpg'] });
    expect(splitByNames(named, ['B'], ({ name }) => name.toUpperCase()).valid).toEqual([{ name: 'b' }]);
  });

  it('refuses names that no item has, none, and all', () => {
    expect(() => splitByNames(named, ['b', 'd', 'e'])).toThrow(
      'splitByNames: no item is called "d", and 1 others; the items are called as "a"',
    );
    expect(() => splitByNames(named, [])).toThrow(DataError);
    expect(() => splitByNames(named, ['a', 'b', 'c'])).toThrow('3 of 3 items are to be judged by');
  });
});
