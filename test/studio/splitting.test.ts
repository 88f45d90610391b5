import { describe, expect, it } from 'vitest';
import { nearDuplicates } from '../../web/src/studio/project/duplicates.ts';
import type { Picture } from '../../web/src/studio/project/model.ts';
import { AllAlike, splitAtRandom } from '../../web/src/studio/project/splitting.ts';
import { ALL, isShown } from '../../web/src/studio/rooms/pictures/filters.tsx';
import { placeAfter } from '../../web/src/studio/rooms/pictures/grid.tsx';

const picture = (i: number, more: Partial<Picture> = {}): Picture => ({
  ...{
    id: `p${i}`,
    project: 'p',
    name: `${i}.png`,
    width: 8,
    height: 8,
    size: 1,
    digest: String(i),
    added: i,
  },
  ...{ split: 'train', done: false, objects: 0 },
  ...more,
});

/** Hashes of which each pair differs in many bits, but for the last digit. */
const hashOf = (group: number, digit: string): string =>
  `${(Math.imul(group + 1, 0x9e3779b1) >>> 0).toString(16).padStart(8, '0')}${(Math.imul(group + 7, 0x85ebca6b) >>> 0).toString(16).padStart(8, '0').slice(1)}${digit}`;

describe('groups of pictures that look alike', () => {
  it('are found by hash; pictures without one are in none', async () => {
    const all = [
      picture(0, { hash: hashOf(0, '0') }),
      picture(1),
      picture(2, { hash: hashOf(1, '0') }),
      picture(3, { hash: hashOf(0, '3') }),
      // Of another length, as a project file may bring it.
      picture(4, { hash: 'ff' }),
    ];
    const groups = await nearDuplicates(all);
    expect(groups.map((group) => group.map(({ id }) => id))).toEqual([['p0', 'p3']]);
    expect(await nearDuplicates([])).toEqual([]);
  });
});

describe('a split at random', () => {
  const pictures = Array.from({ length: 100 }, (_, i) => picture(i));
  const count = (parts: readonly string[], part: string) => parts.filter((one) => one === part).length;

  it('has the shares that are asked for', async () => {
    const parts = await splitAtRandom(pictures, { valid: 0.2, test: 0.1, together: true, seed: 'seed' });
    expect(['train', 'valid', 'test'].map((part) => count(parts, part))).toEqual([70, 20, 10]);
    expect(await splitAtRandom(pictures, { valid: 0.2, test: 0.1, together: true, seed: 'seed' })).toEqual(
      parts,
    );
    expect(
      await splitAtRandom(pictures, { valid: 0.2, test: 0.1, together: true, seed: 'other' }),
    ).not.toEqual(parts);
    const no = await splitAtRandom(pictures, { valid: 0.2, test: 0, together: true, seed: 'seed' });
    expect(['train', 'valid', 'test'].map((part) => count(no, part))).toEqual([80, 20, 0]);
  });

  it('keeps together what looks alike', async () => {
    const alike = Array.from({ length: 60 }, (_, i) =>
      picture(i, { hash: hashOf(Math.floor(i / 3), String(i % 3)) }),
    );
    const parts = await splitAtRandom(alike, { valid: 0.2, test: 0.2, together: true, seed: 'seed' });
    expect(count(parts, 'valid')).toBe(12);
    for (let i = 0; i < 60; i += 3) expect(new Set(parts.slice(i, i + 3)).size).toBe(1);
  });

  it('needs pictures that differ', async () => {
    const same = [0, 1, 2, 3].map((i) => picture(i, { hash: hashOf(0, '0') }));
    await expect(splitAtRandom(same, { valid: 0.2, test: 0, together: true, seed: 'seed' })).rejects.toThrow(
      AllAlike,
    );
    const apart = await splitAtRandom(same, { valid: 0.25, test: 0.25, together: false, seed: 'seed' });
    expect(['train', 'valid', 'test'].map((part) => count(apart, part))).toEqual([2, 1, 1]);
  });

  it('is near to its shares where a group is large', async () => {
    const most = Array.from({ length: 50 }, (_, i) => picture(i, { hash: hashOf(i < 35 ? 0 : i, '0') }));
    const parts = await splitAtRandom(most, { valid: 0.2, test: 0, together: true, seed: 'seed' });
    expect(count(parts, 'valid')).toBe(10);
  });
});

it('a filter shows pictures by labels, part and class', () => {
  const all = [
    picture(0),
    picture(1, { done: true, split: 'valid' }),
    picture(2, { objects: 2, classes: [['a', 2]] }),
    picture(3, { objects: 1, split: 'valid', classes: [['b', 1]] }),
  ];
  const ids = (filter: Partial<typeof ALL>) =>
    all.flatMap((one, i) => (isShown({ ...ALL, ...filter })(one) ? [i] : []));
  expect(ids({})).toEqual([0, 1, 2, 3]);
  expect(ids({ labels: 'labelled' })).toEqual([1, 2, 3]);
  expect(ids({ labels: 'unlabelled' })).toEqual([0]);
  expect(ids({ split: 'valid' })).toEqual([1, 3]);
  expect(ids({ classId: 'a' })).toEqual([2]);
  expect(ids({ classId: 'b', split: 'train' })).toEqual([]);
});

it('keys lead from tile to tile, and not out of the grid', () => {
  const grid = { columns: 4, count: 10, page: 2 };
  const from = (key: string, at: number) => placeAfter(key, at, grid);
  expect(from('ArrowRight', 0)).toBe(1);
  expect(from('ArrowLeft', 0)).toBe(0);
  expect(from('ArrowDown', 1)).toBe(5);
  // The last row is shorter.
  expect(from('ArrowDown', 7)).toBe(9);
  expect(from('ArrowDown', 9)).toBe(9);
  expect(from('ArrowUp', 2)).toBe(2);
  expect(from('PageDown', 1)).toBe(9);
  expect(from('PageUp', 9)).toBe(1);
  expect(from('Home', 9)).toBe(0);
  expect(from('End', 0)).toBe(9);
  expect(from('Enter', 3)).toBeUndefined();
});
