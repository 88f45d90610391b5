import { type Case, type InputSpec, integers, values } from './case.ts';

/**
 * Masks [N,D,M,M] of cells that are 0.809, that share of them, or 0. Pasted, they are 0.809 times fractions whose denominators are
 * four times a box's height and width: 0.5 is none of these, nor within a rounding error of one for boxes of 20 pixels.
 */
export const patches = (shape: readonly number[], share = 0.7): InputSpec => ({
  shape,
  dtype: 'f32',
  fill: (random, length) => Array.from({ length }, () => (random() < share ? Math.fround(0.809017) : 0)),
});

const full = (shape: readonly number[]): InputSpec => patches(shape, 1);

/** Overlapping each other by all and by half; over the border; empty, inside out; far away; twice the same. */
const placed = [
  [2, 2, 14, 14],
  [3, 3, 13, 13],
  [9, 2, 19, 14],
  [-4, 10, 6, 22],
  [8.5, 17.5, 8.5, 17.5],
  [20, 20, 12, 14],
  [90, 90, 99, 99],
  [30.2, 4.1, 38.9, 15.7],
  [30.2, 4.1, 38.9, 15.7],
].flat();

const [D, H, W] = [9, 23, 41];
const options = { numStuff: 3, maskThreshold: 0.5, overlapThreshold: 0.5, stuffAreaLimit: 20 };

/** Rows of bands: void, regions 1 to 3, something that is no region, with single pixels of others in them. */
const bands = (images: number): InputSpec => ({
  shape: [images, H, W],
  dtype: 'i32',
  fill: (random, length) =>
    Array.from({ length }, (_, i) =>
      random() < 0.02
        ? Math.floor(random() * 5)
        : [0, 1, 2, 255, 3, -1, 1][Math.floor((i % (H * W)) / W / 4)]!,
    ),
});

const merge = (name: string, inputs: Record<string, InputSpec>, attrs: object = {}): Case => ({
  op: 'panoptic_merge',
  name,
  inputs: { boxes: values([2, D, 4], [...placed, ...placed]), semantic: bands(2), ...inputs },
  attrs: { ...options, ...attrs },
});

const soft = { masks: patches([2, D, 7, 7]), count: values([2], [9, 4], 'i32') };
const hard = { masks: full([2, D, 3, 3]), count: values([2], [9, 8], 'i32') };

export const panopticCases: Case[] = [
  merge('soft masks, counts', soft),
  merge('full masks', hard),
  merge('no overlap allowed', hard, { overlapThreshold: 0 }),
  merge('any overlap allowed', soft, { overlapThreshold: 1 }),
  merge('no instance has more than its place', { ...hard, count: values([2], [0, 40], 'i32') }),
  merge('every region', soft, { stuffAreaLimit: 0 }),
  merge('no region is large enough', soft, { stuffAreaLimit: 4096 }),
  merge('no classes of regions', soft, { numStuff: 0 }),
  merge('a high threshold', soft, { maskThreshold: 0.7 }),
  merge(
    'many regions',
    { ...soft, semantic: integers([2, H, W], 0, 200) },
    { numStuff: 190, stuffAreaLimit: 5 },
  ),
  // 16 rows each: of the second 9 lie under the first, of the third 8.
  merge('a tie of the overlap', {
    masks: full([1, 3, 64, 64]),
    boxes: values([1, 3, 4], [0, 0, 31, 15, 0, 7.3, 31, 22.2, 0, 8.3, 31, 23.2]),
    count: values([1], [3], 'i32'),
    semantic: values([1, 32, 33], new Array(32 * 33).fill(1), 'i32'),
  }),
  merge('no instances', {
    masks: full([2, 0, 3, 3]),
    boxes: values([2, 0, 4], []),
    count: values([2], [0, 3], 'i32'),
  }),
  merge('no images', {
    masks: full([0, 2, 3, 3]),
    boxes: values([0, 2, 4], []),
    count: values([0], [], 'i32'),
    semantic: values([0, 5, 5], [], 'i32'),
  }),
  merge('no pixels', { ...hard, semantic: values([2, 0, 5], [], 'i32') }),
];
