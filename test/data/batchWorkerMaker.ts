import type { BatchMaker } from '../../src/data/batchMaker.ts';

/** An item of the tests: plain data. */
export interface Pixels {
  readonly name: string;
  readonly values: Float32Array;
}

export type Drawn = {
  readonly x: { readonly data: Float32Array; readonly shape: number[] };
  readonly part: { readonly data: Int32Array; readonly shape: number[] };
};

/** Loads items as if from a disk, in no certain order, and draws from the batch's generator. */
export const maker: BatchMaker<Pixels, Drawn, Float32Array> = {
  async load({ name, values }) {
    if (name === 'bad') throw new RangeError('no such image');
    if (name === 'exit') process.exit(3);
    await new Promise((resolve) => setTimeout(resolve, values[0]! % 3));
    return values;
  },
  async collate(loaded, { random, epoch, index, other, data }) {
    if (data === 'fail') throw new TypeError('no such shape');
    const more = (await other(random)) as Float32Array;
    const all = [...loaded.flatMap((values) => [...values]), ...more, random.uniform(), epoch, index];
    return {
      x: { data: Float32Array.from(all), shape: [all.length] },
      // A view of a part of a buffer.
      part: { data: new Int32Array(8).fill(7).subarray(2, 4), shape: [2] },
    };
  },
};
