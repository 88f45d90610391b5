import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { decodeIndexedPng, encodeMaskPng } from '../../src/data/indexedPng.ts';
import { type RowRuns, rowRunsOfPixels, rowRunsOfRle } from '../../src/data/rowRuns.ts';
import { Random } from '../../src/vision/random.ts';
import { rleEncode } from '../../src/vision/rle.ts';

const random = new Random('rows');

/** A mask that touches all four borders, of noise or of tall, wide and single blocks. */
function mask(width: number, height: number, kind: 'noise' | 'blocks' | 'full'): Uint8Array {
  const data = new Uint8Array(width * height);
  if (kind === 'full') return data.fill(1);
  if (kind === 'noise') for (let i = 0; i < data.length; i++) data[i] = random.integer(2);
  else {
    for (let k = 0; k < 6; k++) {
      const [x, y, w, h] = [width, height, width + 1, height + 1].map((most) => random.integer(most));
      for (let j = y!; j < Math.min(height, y! + h!); j++) {
        data.fill(1 - (k % 2), j * width + x!, j * width + Math.min(width, x! + w!));
      }
    }
  }
  data[0] = data[data.length - 1] = 1;
  return data;
}

const SIZES = [
  [1, 1],
  [1, 9],
  [9, 1],
  [7, 5],
  [16, 8],
  [65, 40],
] as const;
const CASES = SIZES.flatMap(([width, height]) =>
  (['noise', 'blocks', 'full'] as const).map((kind) => ({ width, height, kind })),
);

const plain = ({ rows, starts, ends, ...size }: RowRuns) => ({
  ...size,
  rows: [...rows],
  starts: [...starts],
  ends: [...ends],
});

describe('runs of rows', () => {
  it.each(CASES)('of $kind, $width x $height, are the same from runs down the columns', (of) => {
    for (let trial = 0; trial < 20; trial++) {
      const data = mask(of.width, of.height, of.kind);
      const runs = rowRunsOfPixels(data, of);
      expect(plain(rowRunsOfRle(rleEncode(data, of)))).toEqual(plain(runs));
      const pixels = new Uint8Array(data.length);
      for (let y = 0; y < of.height; y++) {
        for (let run = runs.rows[y]!; run < runs.rows[y + 1]!; run++) {
          pixels.fill(1, y * of.width + runs.starts[run]!, y * of.width + runs.ends[run]!);
        }
      }
      expect(pixels).toEqual(data);
    }
  });

  it('are those within the box around the mask', () => {
    const size = { width: 6, height: 5 };
    const data = new Uint8Array(30);
    data.set([1, 1, 0, 1], 1 * 6 + 2);
    data.set([0, 1, 1], 3 * 6 + 2);
    expect(plain(rowRunsOfRle(rleEncode(data, size)))).toEqual({
      width: 4,
      height: 3,
      rows: [0, 2, 2, 3],
      starts: [0, 3, 1],
      ends: [2, 4, 3],
    });
  });

  it.each(CASES)('of $kind, $width x $height, become a PNG of one bit per pixel', async (of) => {
    const data = mask(of.width, of.height, of.kind);
    const png = await encodeMaskPng(rowRunsOfPixels(data, of));
    expect(await decodeIndexedPng(png, 'mask.png')).toEqual({ width: of.width, height: of.height, data });
    const seen = await sharp(png).toColourspace('b-w').raw().toBuffer();
    expect([...seen]).toEqual([...data].map((value) => 255 * value));
  });
});
