import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ShapeError, UsageError } from '../../../src/errors.ts';
import {
  blockMeanHash,
  colorMomentDistance,
  colorMomentHash,
  ImageHash,
  imageHashes,
} from '../../../src/similarity/index.ts';
import { type Made, madeImage } from './made.ts';

interface Row extends Made {
  readonly mode0: string;
  readonly mode1: string;
  readonly moments: readonly number[];
}

const rows = JSON.parse(
  readFileSync(new URL('../../fixtures/opencvHashes.json', import.meta.url), 'utf8'),
) as Row[];

describe("hashes are those of OpenCV's img_hash, to the last bit", () => {
  it.each(
    rows.map((row) => [`${row.kind} ${row.width}x${row.height}, ${row.channels} channels`, row] as const),
  )('%s', (_, row) => {
    const image = madeImage(row);
    expect(blockMeanHash(image).toString()).toBe(row.mode0);
    expect(blockMeanHash(image, { mode: 1 })).toEqual(ImageHash.fromHex(row.mode1, 961));
    expect([...colorMomentHash(image)]).toEqual(row.moments);
  });
});

it('computes them among other hashes', () => {
  const image = madeImage(rows[0]!);
  const { blockMeanHash1, pHash } = imageHashes(image, { hashes: ['blockMeanHash1', 'pHash'], hashSize: 4 });
  expect(blockMeanHash1.toString()).toBe(rows[0]!.mode1);
  expect(pHash.bits).toBe(16);
});

it('drops alpha of grey images, too', () => {
  const { width, height, data } = madeImage({ kind: 'noise', width: 9, height: 7, channels: 1 });
  const alpha = Uint8Array.from({ length: 2 * data.length }, (_, i) => (i % 2 === 0 ? data[i / 2]! : i));
  const image = { width, height, data };
  expect(blockMeanHash({ ...image, data: alpha })).toEqual(blockMeanHash(image));
  expect(colorMomentHash({ ...image, data: alpha })).toEqual(colorMomentHash(image));
});

it("compares moments as OpenCV's compare", () => {
  const [a, b] = [rows[0]!.moments, rows[2]!.moments];
  const sum = a.reduce((all, value, i) => all + (value - b[i]!) ** 2, 0);
  expect(colorMomentDistance(a, b)).toBeCloseTo(1e4 * Math.sqrt(sum), 9);
  expect(colorMomentDistance(a, a)).toBe(0);
  expect(() => colorMomentDistance(a, [1])).toThrow(ShapeError);
  expect(() => blockMeanHash(madeImage(rows[0]!), { mode: 2 as never })).toThrow(UsageError);
});
