import { describe, expect, it } from 'vitest';
import { type Collate, DataLoader, type LoadedBatch } from '../../src/data/loader.ts';
import { DataError, UsageError } from '../../src/errors.ts';

type Numbers = { readonly x: { data: Float32Array; shape: number[] } };

/** A batch of the items, with a number that its generator draws. */
const collate: Collate<number, Numbers> = (items, { random }) => ({
  x: { data: Float32Array.from([...items, random.uniform()]), shape: [items.length + 1] },
});

const ten = Array.from({ length: 10 }, (_, i) => i);

async function itemsOf(batches: AsyncGenerator<LoadedBatch<number, Numbers>, void>): Promise<number[][]> {
  const found: number[][] = [];
  for await (const { items } of batches) found.push([...items]);
  return found;
}

describe('DataLoader', () => {
  it('puts items into batches in their order, the last one smaller or left out', async () => {
    const all = new DataLoader(ten, { collate, batchSize: 4 });
    expect(all.length).toBe(3);
    expect(await itemsOf(all.batches(0))).toEqual([
      [0, 1, 2, 3],
      [4, 5, 6, 7],
      [8, 9],
    ]);
    const filled = new DataLoader(ten, { collate, batchSize: 4, fillLast: true });
    expect((await itemsOf(filled.batches(0))).at(-1)).toEqual([8, 9, 0, 1]);
    const few = new DataLoader([5, 6], { collate, batchSize: 5, fillLast: true });
    expect(await itemsOf(few.batches(0))).toEqual([[5, 6, 5, 6, 5]]);
    const whole = new DataLoader(ten, { collate, batchSize: 4, dropLast: true });
    expect(whole.length).toBe(2);
    expect((await itemsOf(whole.batches(1))).flat()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  it('shuffles each epoch anew, and gives the same batches from any number on', async () => {
    const options = { collate, batchSize: 3, shuffle: true, seed: 'a' };
    const loader = new DataLoader(ten, options);
    const [first, second] = [await itemsOf(loader.batches(0)), await itemsOf(loader.batches(1))];
    expect(first.flat().sort((a, b) => a - b)).toEqual(ten);
    expect(second).not.toEqual(first);
    const again = new DataLoader(ten, { ...options, prefetch: 3 });
    expect(await itemsOf(again.batches(1, 2))).toEqual(second.slice(2));
    const drawn = async (from: number) => {
      const values: number[] = [];
      for await (const { batch } of again.batches(4, from)) values.push(batch.x.data.at(-1)!);
      return values;
    };
    const values = await drawn(0);
    expect(new Set(values).size).toBe(4);
    expect(await drawn(1)).toEqual(values.slice(1));
    expect(new DataLoader(ten, { ...options, seed: 'b' }).order(0)).not.toEqual(loader.order(0));
  });

  it('draws items in proportion to their weights, with replacement', () => {
    const weights = [0, 3, 1, 0];
    const loader = new DataLoader([0, 1, 2, 3], { collate, weights });
    const counts = [0, 0, 0, 0];
    for (let epoch = 0; epoch < 1000; epoch++) for (const item of loader.order(epoch)) counts[item]!++;
    expect([counts[0], counts[3]]).toEqual([0, 0]);
    // 4,000 draws of probability 0.75: a standard deviation of 27.
    expect(Math.abs(counts[1]! - 3000)).toBeLessThan(5 * 28);
  });

  it('makes batches ahead while one is used, and no more', async () => {
    const read: number[] = [];
    const dataset = {
      length: 10,
      get: (index: number) => {
        read.push(index);
        return index;
      },
    };
    const batches = new DataLoader(dataset, { collate, batchSize: 2, prefetch: 2 }).batches(0);
    await batches.next();
    expect(read).toEqual([0, 1, 2, 3, 4, 5]);
    await batches.next();
    expect(read.length).toBe(8);
    await batches.return();
  });

  it('hands on the error of an item, once its batch is asked for', async () => {
    const dataset = {
      length: 3,
      get: (index: number) => {
        if (index === 2) throw new DataError('c.png: cannot be read');
        return index;
      },
    };
    const batches = new DataLoader(dataset, { collate, prefetch: 5 }).batches(0);
    expect((await batches.next()).value?.items).toEqual([0]);
    expect((await batches.next()).value?.items).toEqual([1]);
    await expect(batches.next()).rejects.toThrow('c.png: cannot be read');
  });

  it('refuses what cannot be used', () => {
    const make =
      (options: object, items: readonly number[] = ten) =>
      () =>
        new DataLoader(items, { collate, ...options });
    expect(make({}, [])).toThrow('DataLoader: there are no items; give at least one');
    expect(make({ batchSize: 0 })).toThrow('DataLoader: batchSize is 0; give a whole number of at least 1');
    expect(make({ batchSize: 11, dropLast: true })).toThrow(
      'DataLoader: 10 items are fewer than a batch of 11, which dropLast leaves out; give a smaller batchSize',
    );
    expect(make({ weights: [1] })).toThrow('DataLoader: 1 weights for 10 items; give one weight per item');
    expect(make({ weights: new Array(10).fill(0) })).toThrow(UsageError);
    expect(make({ weights: [...new Array(9).fill(1), -1] })).toThrow(
      'DataLoader: weights[9] is -1; give a number of at least 0',
    );
    expect(make({ shufle: true })).toThrow('did you mean shuffle?');
  });
});
