import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { DownloadError } from '../../cli/src/gather/failure.ts';
import { inspectImage } from '../../cli/src/gather/inspect.ts';

const KEEP = { size: undefined, format: 'keep', quality: 95 } as const;
const MOST = 2 ** 20;

/** 60 x 40 pixels in which no two rows are the same, so that much is missing where a file is cut. */
const pixels = Uint8Array.from({ length: 60 * 40 * 3 }, (_, i) => (i * i * 7 + (i >> 5) * 31) & 255);
const image = () => sharp(pixels, { raw: { width: 60, height: 40, channels: 3 } });

/** A BMP file of 24 bits a pixel, from the bottom row up. */
function bmp(width: number, height: number): Uint8Array {
  const row = Math.ceil((width * 3) / 4) * 4;
  const file = Buffer.alloc(54 + row * height);
  file.write('BM', 'latin1');
  file.writeUInt32LE(file.length, 2);
  file.writeUInt32LE(54, 10);
  file.writeUInt32LE(40, 14);
  file.writeInt32LE(width, 18);
  file.writeInt32LE(height, 22);
  file.writeUInt16LE(1, 26);
  file.writeUInt16LE(24, 28);
  for (let y = 0; y < height; y++) {
    file.set(pixels.subarray(y * width * 3, (y + 1) * width * 3), 54 + (height - 1 - y) * row);
  }
  return file;
}

const FILES: readonly [extension: string, bytes: () => Promise<Uint8Array>][] = [
  ['.jpg', () => image().jpeg().toBuffer()],
  ['.jpg', () => image().jpeg({ progressive: true }).toBuffer()],
  ['.png', () => image().png().toBuffer()],
  ['.webp', () => image().webp().toBuffer()],
  ['.gif', () => image().gif().toBuffer()],
  ['.tif', () => image().tiff({ compression: 'lzw' }).toBuffer()],
  ['.avif', () => image().avif().toBuffer()],
  ['.bmp', async () => bmp(60, 40)],
];

describe('inspectImage', () => {
  it.each(FILES)('keeps a whole %s as it is, and refuses a half', async (extension, file) => {
    const bytes = await file();
    const found = await inspectImage(bytes, MOST, KEEP);
    expect(found).toMatchObject({ extension, width: 60, height: 40, originalWidth: 60, originalHeight: 40 });
    expect(found.bytes).toBe(bytes);
    expect(found.phash).toMatch(/^[0-9a-f]{16}$/);
    for (const share of [0.2, 0.5, 0.9]) {
      const half = bytes.subarray(0, Math.ceil(bytes.length * share));
      await expect(inspectImage(half, MOST, KEEP), `${share}`).rejects.toMatchObject({
        status: 'failed_to_resize',
        retriable: false,
        message: expect.stringMatching(/^truncated or damaged /),
      });
    }
    await expect(inspectImage(bytes, 60 * 40 - 1, KEEP)).rejects.toThrow(
      /^more than 2399 pixels \(--max-pixels\)$/,
    );
  });

  it.each(FILES)('shrinks %s, in its format or another', async (extension, file) => {
    const bytes = await file();
    const written = extension === '.bmp' ? '.png' : extension;
    const small = await inspectImage(bytes, MOST, { ...KEEP, size: 30 });
    expect(small).toMatchObject({
      extension: written,
      width: 30,
      height: 20,
      originalWidth: 60,
      originalHeight: 40,
    });
    expect(await inspectImage(small.bytes, MOST, KEEP)).toMatchObject({
      extension: written,
      width: 30,
      height: 20,
    });
    for (const format of ['jpg', 'png', 'webp'] as const) {
      const other = await inspectImage(bytes, MOST, { ...KEEP, size: 60, format });
      expect(other).toMatchObject({ extension: `.${format}`, width: 60, height: 40 });
      // What has the format and the size already is not encoded again.
      expect(other.bytes === bytes, format).toBe(extension === `.${format}`);
      expect((await inspectImage(other.bytes, MOST, KEEP)).extension).toBe(`.${format}`);
    }
  });

  it('turns an image as its EXIF orientation says when it encodes it, and says its size as it is shown', async () => {
    const turned = await image().jpeg().withMetadata({ orientation: 6 }).toBuffer();
    expect(await inspectImage(turned, MOST, KEEP)).toMatchObject({ width: 40, height: 60, bytes: turned });
    const png = await inspectImage(turned, MOST, { ...KEEP, format: 'png', size: 30 });
    expect(png).toMatchObject({ width: 20, height: 30, originalWidth: 40, originalHeight: 60 });
    expect(await sharp(png.bytes).metadata()).toMatchObject({ width: 20, height: 30 });
  });

  it('makes what is transparent white in JPEG', async () => {
    const clear = await sharp({ create: { width: 8, height: 8, channels: 4, background: '#ff000000' } })
      .png()
      .toBuffer();
    const { bytes } = await inspectImage(clear, MOST, { ...KEEP, format: 'jpg' });
    const { data } = await sharp(bytes).raw().toBuffer({ resolveWithObject: true });
    expect(Math.min(...data)).toBeGreaterThanOrEqual(254);
  });

  it.each([
    ['<!DOCTYPE html><title>x</title>', /^not an image: HTML$/],
    ['\n<HTML lang="en">', /^not an image: HTML$/],
    ['<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', /^not an image: an SVG/],
    ['<?xml version="1.0"?><a/>', /^not an image: XML$/],
    ['{"error": 1}', /^not an image: JSON$/],
    ['%PDF-1.7', /^not an image: PDF$/],
    ['hello', /^not an image: of no format that can be read$/],
    ['\xff\xd8\xff', /^truncated or damaged JPEG$/],
    ['BM', /^truncated or damaged BMP$/],
    [
      '<!--ftyp--><svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
      /^truncated or damaged AVIF/,
    ],
  ])('refuses %j', async (text, message) => {
    const error = await inspectImage(Buffer.from(text, 'latin1'), MOST, KEEP).catch(
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(DownloadError);
    expect((error as Error).message).toMatch(message);
  });
});
