import { readFileSync } from 'node:fs';
import path from 'node:path';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { decodePixels, loadPixels } from '../../cli/src/pixelBytes.ts';
import { DataError } from '../../src/errors.ts';
import { greyOf } from '../../src/similarity/hashes/greyImage.ts';

const FIXTURES = path.join(import.meta.dirname, '../fixtures');
const at = (file: string): string => path.join(FIXTURES, 'pixels', file);

/** What Pillow makes of the files (test/fixtures/pixels.py). */
const expected = JSON.parse(readFileSync(path.join(FIXTURES, 'pixels.json'), 'utf8')) as Readonly<
  Record<string, { readonly mode: string; readonly size: readonly number[]; readonly grey: string }>
>;

describe('pixels have the grey values that Pillow gives them', () => {
  it.each(Object.entries(expected))('%s', async (file, { size, grey }) => {
    const image = greyOf('test', await loadPixels(at(file)));
    expect([image.width, image.height]).toEqual(size);
    expect([...image.data]).toEqual([...Buffer.from(grey, 'base64')]);
  });
});

it('the EXIF orientation is applied on wish', async () => {
  const stored = await loadPixels(at('turned6.jpg'));
  const turned = await loadPixels(at('turned6.jpg'), { orient: true });
  expect([turned.width, turned.height]).toEqual([stored.height, stored.width]);
  // To the right by a quarter: the left column, from below, is the top row.
  for (let x = 0; x < turned.width; x++) {
    expect(turned.data[3 * x]).toBe(stored.data[3 * (stored.height - 1 - x) * stored.width]);
  }
});

describe('what is damaged is refused, with its name', () => {
  const gif = readFileSync(at('palette.gif'));
  const changed = (place: number, value: number): Buffer => {
    const bytes = Buffer.from(gif);
    bytes[place] = value;
    return bytes;
  };
  const data = gif.indexOf(Buffer.of(0x2c, 0, 0, 0, 0)) + 11;
  it.each([
    ['a GIF that ends early', gif.subarray(0, data + 100)],
    ['a GIF without a frame', Buffer.concat([gif.subarray(0, 13 + 3 * 64), Buffer.of(0x3b)])],
    ['a GIF with a code that nothing stands for', changed(data + 1, 0xff)],
    ['a GIF of many bits', changed(data - 1, 13)],
    ['a JPEG that ends early', readFileSync(at('rgb.jpg')).subarray(0, 500)],
    ['text', Buffer.from('hello')],
    ['nothing', Buffer.alloc(0)],
  ])('%s', async (name, bytes) => {
    const error = await decodePixels(bytes, name).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(DataError);
    expect((error as Error).message).toContain(`${name}: `);
  });

  it('colours of floats', async () => {
    const pixels = { raw: { width: 2, height: 1, channels: 3 } } as const;
    const tiff = await sharp(Float32Array.of(1, 2, 3, 4, 5, 6), pixels)
      .toColourspace('scrgb')
      .tiff({ compression: 'none' })
      .toBuffer();
    await expect(decodePixels(tiff, 'colours')).rejects.toThrow('colours: pixels are float');
  });
});
