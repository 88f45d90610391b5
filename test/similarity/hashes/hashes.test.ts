import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ShapeError, UsageError } from '../../../src/errors.ts';
import {
  averageHash,
  differenceHash,
  ImageHash,
  perceptualHash,
  waveletHash,
} from '../../../src/similarity/index.ts';
import { type Made, madeImage } from './made.ts';

interface Row extends Made {
  readonly average: Readonly<Record<string, string>>;
  readonly difference: Readonly<Record<string, string>>;
  readonly vertical: Readonly<Record<string, string>>;
  readonly perceptual: Readonly<Record<string, string>>;
  readonly factors: Readonly<Record<string, string>>;
  readonly wavelet: Readonly<Record<string, string>>;
  readonly scales: Readonly<Record<string, string>>;
  readonly means: Readonly<Record<string, string>>;
}

const rows = JSON.parse(
  readFileSync(new URL('../../fixtures/hashes.json', import.meta.url), 'utf8'),
) as Row[];

/** Hashes by the number that `hash` gets, as text. */
const hashed = (
  expected: Readonly<Record<string, string>>,
  hash: (n: number) => ImageHash,
): Record<string, string> =>
  Object.fromEntries(Object.keys(expected).map((n) => [n, hash(Number(n)).toString()]));

describe('hashes are those of ImageHash, Pillow, SciPy and PyWavelets', () => {
  it.each(
    rows.map((row) => [`${row.kind} ${row.width}x${row.height}, ${row.channels} channels`, row] as const),
  )('%s', (_, row) => {
    const image = madeImage(row);
    const { average, difference, vertical, perceptual, factors, wavelet, scales, means } = row;
    expect({
      average: hashed(average, (hashSize) => averageHash(image, { hashSize })),
      difference: hashed(difference, (hashSize) => differenceHash(image, { hashSize })),
      vertical: hashed(vertical, (hashSize) => differenceHash(image, { hashSize, vertical: true })),
      perceptual: hashed(perceptual, (hashSize) => perceptualHash(image, { hashSize })),
      factors: hashed(factors, (highfreqFactor) => perceptualHash(image, { highfreqFactor })),
      wavelet: hashed(wavelet, (hashSize) => waveletHash(image, { hashSize })),
      scales: hashed(scales, (imageScale) => waveletHash(image, { imageScale })),
      means: hashed(means, (hashSize) => waveletHash(image, { hashSize, removeMaxHaarLl: false })),
    }).toEqual({ average, difference, vertical, perceptual, factors, wavelet, scales, means });
  });

  it('of a clamped array, as a canvas has it, too', () => {
    const { data, ...size } = madeImage(rows[0]!);
    const image = { ...size, data: Uint8ClampedArray.from(data) };
    expect(averageHash(image).toString()).toBe(rows[0]!.average['8']);
  });
});

describe('a wrong call is told', () => {
  const image = { width: 2, height: 2, data: new Uint8Array(12) };
  it.each([
    [
      'a length that does not fit',
      () => averageHash({ ...image, height: 5 }),
      '12 bytes for an image of 2x5',
    ],
    [
      'floats',
      () => averageHash({ ...image, data: new Float32Array(12) as never }),
      'values that are no bytes',
    ],
    [
      'a side that is no whole number',
      () => averageHash({ width: 2.5, height: 2, data: new Uint8Array(5) }),
      'image of 2.5x2',
    ],
    ['no pixels', () => averageHash({ width: 0, height: 0, data: new Uint8Array() }), 'image of 0x0'],
    [
      'a small hash',
      () => differenceHash(image, { hashSize: 1 }),
      'hashSize is 1; give a whole number from 2',
    ],
    ['half a pixel', () => perceptualHash(image, { highfreqFactor: 1.5 }), 'highfreqFactor is 1.5'],
    ['too many pixels', () => perceptualHash(image, { highfreqFactor: 2000 }), 'from 1 to 1024'],
    ['no power of 2', () => waveletHash(image, { hashSize: 9 }), 'hashSize is 9; give a power of 2'],
    ['a small scale', () => waveletHash(image, { imageScale: 4 }), 'imageScale is 4 with a hashSize of 8'],
    ['a scale that is no power of 2', () => waveletHash(image, { imageScale: 100 }), 'a power of 2 from 8'],
  ])('%s', (_, call, message) => {
    expect(call).toThrow(ShapeError);
    expect(call).toThrow(message);
  });

  it('where an option is misspelt', () => {
    expect(() => averageHash(image, { hashsize: 8 } as never)).toThrow(UsageError);
    expect(() => waveletHash(image, { hashsize: 8 } as never)).toThrow('did you mean hashSize?');
  });
});

describe('ImageHash', () => {
  it('has the bits row by row, the last one lowest', () => {
    const bits = [1, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 0];
    const hash = ImageHash.fromBits(bits);
    expect([hash.toString(), hash.bits, [...hash.words]]).toEqual(['80e', 12, [0x80e]]);
    expect(JSON.stringify({ hash })).toBe('{"hash":"80e"}');
    expect(ImageHash.fromHex('80e')).toEqual(hash);
  });

  it('of bits that are no multiple of 4 or 32 is read back', () => {
    for (const bits of [1, 9, 31, 32, 33, 81, 100]) {
      const hash = ImageHash.fromBits(Array.from({ length: bits }, (_, i) => i % 3 === 0));
      expect(hash.toString()).toHaveLength(Math.ceil(bits / 4));
      expect(ImageHash.fromHex(hash.toString(), bits)).toEqual(hash);
    }
    expect(ImageHash.fromHex('1ff', 9).toString()).toBe('1ff');
    expect(() => ImageHash.fromHex('3ff', 9)).toThrow('more than 9 bits');
  });

  it('counts the bits that differ', () => {
    const a = ImageHash.fromHex('ffffffffffffffff');
    expect(a.distance(ImageHash.fromHex('0000000000000000'))).toBe(64);
    expect(a.distance(ImageHash.fromHex('fffffffffffffff0'))).toBe(4);
    expect(a.distance(ImageHash.fromHex('7fffffff7fffffff'))).toBe(2);
    expect(a.distance(a)).toBe(0);
    expect(() => a.distance(ImageHash.fromHex('ff'))).toThrow('has 64 bits, the other 8');
  });

  it('keeps its own words', () => {
    const words = Uint32Array.of(1, 2);
    const hash = new ImageHash(words, 64);
    words[0] = 9;
    expect(hash.toString()).toBe('0000000100000002');
  });

  it.each(['', 'xyz', '0x1f', ' 1f', '1f\n', '-1'])('refuses the text %j', (text) => {
    expect(() => ImageHash.fromHex(text)).toThrow(ShapeError);
  });
});
