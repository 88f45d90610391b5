import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { decodeIndexedPng, encodeIndexedPng } from '../../src/data/indexedPng.ts';
import { Random } from '../../src/vision/random.ts';

const random = new Random('indexed');
const pixels = (count: number, below: number) =>
  Uint8Array.from({ length: count }, () => random.integer(below));

/** A grey ramp with other colours than indices: what libraries make of pixels is then not the index. */
const palette = Uint8Array.from({ length: 768 }, (_, i) => (i * 37) % 256);

const fault = (bytes: Uint8Array): Promise<string> =>
  decodeIndexedPng(bytes, 'a.png').then(
    () => 'no fault',
    (error: Error) => error.message,
  );

describe('PNG of indices', () => {
  it.each([
    [1, 1],
    [7, 5],
    [64, 33],
  ])('%ix%i are written and read, with a palette and without', async (width, height) => {
    const data = pixels(width * height, 256);
    for (const colours of [palette, undefined]) {
      const bytes = await encodeIndexedPng({ width, height, data }, colours);
      expect(await decodeIndexedPng(bytes, 'a.png')).toEqual({ width, height, data });
      // Another reader sees the colours that the palette has for them.
      const seen = await sharp(bytes).toColourspace('srgb').removeAlpha().raw().toBuffer();
      const expected = [...data].flatMap((i) =>
        colours ? [...colours.subarray(3 * i, 3 * i + 3)] : [i, i, i],
      );
      expect([...seen]).toEqual(expected);
    }
  });

  it.each([1, 2, 4, 8])('%i bits, filtered as another writer does it', async (bits) => {
    const [width, height] = [13, 9];
    const data = pixels(width * height, 2 ** bits);
    const raw = { width, height, channels: 1 } as const;
    // Grey of few bits: libvips scales values up to 8 bits first.
    const scaled = data.map((value) => (value * 255) / (2 ** bits - 1));
    for (const adaptiveFiltering of [false, true]) {
      const bytes = await sharp(scaled, { raw })
        .toColourspace('b-w')
        .png({
          adaptiveFiltering,
          ...(bits < 8 ? { palette: true, colours: 2 ** bits, dither: 0, effort: 1 } : {}),
        })
        .toBuffer();
      expect(bytes[24]).toBe(bits);
      const read = await decodeIndexedPng(bytes, 'a.png');
      expect([read.width, read.height]).toEqual([width, height]);
      // A palette made by a library has an order of its own: equal pixels have equal indices, others others.
      const pairs = new Set(Array.from(data, (value, i) => `${value} ${read.data[i]}`));
      expect(pairs.size).toBe(new Set(data).size);
      expect(new Set(read.data).size).toBe(new Set(data).size);
    }
  });

  it('names what cannot be read', async () => {
    const good = await encodeIndexedPng({ width: 8, height: 8, data: pixels(64, 4) }, palette);
    expect(await fault(new Uint8Array())).toContain('a.png: is not a PNG file; save the mask as a PNG');
    expect(await fault(good.subarray(0, good.length - 20))).toContain(
      'is cut short; copy or export it again',
    );
    const damaged = good.slice();
    damaged[good.length - 20]! ^= 1;
    expect(await fault(damaged)).toContain('checksum of its "IDAT" part is wrong');
    const raw = { width: 4, height: 4, channels: 3 } as const;
    const colour = sharp(new Uint8Array(48), { raw });
    expect(await fault(await colour.clone().png().toBuffer())).toContain(
      'has RGB pixels; save the mask with a palette, whose indices are the classes',
    );
    expect(await fault(await colour.clone().ensureAlpha().png().toBuffer())).toContain('has RGBA pixels');
    const grey = sharp(new Uint8Array(16), { raw: { width: 4, height: 4, channels: 1 } });
    expect(
      await fault(await grey.clone().toColourspace('b-w').png({ progressive: true }).toBuffer()),
    ).toContain('is interlaced; save it without');
    expect(await fault(await grey.clone().toColourspace('grey16').png().toBuffer())).toContain('has 16 bits');
  });

  it('refuses sizes that do not fit', async () => {
    await expect(encodeIndexedPng({ width: 2, height: 2, data: new Uint8Array(3) })).rejects.toThrow(
      /3 pixels/,
    );
    await expect(
      encodeIndexedPng({ width: 1, height: 1, data: new Uint8Array(1) }, new Uint8Array(4)),
    ).rejects.toThrow(/palette has 4 bytes/);
  });
});
