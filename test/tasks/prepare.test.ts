import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { imageFromBytes } from '../../src/data/image.ts';
import { prepareImage } from '../../src/tasks/prepare.ts';

interface Case {
  readonly width: number;
  readonly height: number;
  readonly bytes: readonly number[];
  readonly stretch: readonly number[];
  readonly letterbox: readonly number[];
}

const cases: Case[] = JSON.parse(readFileSync(new URL('../fixtures/fits.json', import.meta.url), 'utf8'));

describe.each(cases)('an image of $width x $height, brought to 8 x 8', ({
  width,
  height,
  bytes,
  ...wanted
}) => {
  const image = imageFromBytes(Uint8Array.from(bytes), { width, height });

  it('is stretched as OpenCV does it, to the bit', () => {
    const { data, scaleX, scaleY, offsetX, offsetY } = prepareImage(
      image,
      { size: [8, 8], fit: 'stretch' },
      32,
    );
    expect(Array.from(data, (value) => Math.round(value * 255))).toEqual(wanted.stretch);
    expect([scaleX, scaleY, offsetX, offsetY]).toEqual([8 / width, 8 / height, 0, 0]);
  });

  it('is letterboxed as Darknet does it', () => {
    const { data, scaleX, scaleY, offsetX, offsetY } = prepareImage(
      image,
      { size: [8, 8], fit: 'letterbox' },
      32,
    );
    expect(Math.max(...wanted.letterbox.map((value, i) => Math.abs(value - data[i]!)))).toBeLessThan(1e-6);
    // The image touches two opposite sides.
    expect(Math.max(scaleX * width, scaleY * height)).toBe(8);
    expect([2 * offsetX + scaleX * width, 2 * offsetY + scaleY * height]).toEqual([8, 8]);
  });
});

describe('the middle of an image', () => {
  const noise = (width: number, height: number) =>
    imageFromBytes(
      Uint8Array.from({ length: width * height * 3 }, (_, i) => (i * 7919) % 251),
      { width, height },
    );

  it.each([
    [9, 14],
    [40, 33],
    [16, 16],
    [16, 50],
    [101, 7],
    [1, 30],
  ])('of %i x %i is that of the resized image, to the bit', (width, height) => {
    const image = noise(width, height);
    const whole = prepareImage(image, { minSide: 16 }, 1);
    const crop = prepareImage(image, { resizeSize: 16, cropSize: 12 }, 1);
    const [left, top] = [-crop.offsetX, -crop.offsetY];
    const wanted = Array.from({ length: 12 * 12 * 3 }, (_, i) => {
      const [x, y] = [Math.floor(i / 3) % 12, Math.floor(i / 36)];
      return whole.data[((y + top) * whole.width + x + left) * 3 + (i % 3)]!;
    });
    expect([...crop.data]).toEqual(wanted);
    expect([crop.scaleX, crop.scaleY]).toEqual([whole.scaleX, whole.scaleY]);
  });

  it('is computed alone, however long the image is; the whole of one that is too long is refused', () => {
    for (const [width, height] of [
      [1, 1_000_000],
      [1_000_000, 1],
    ] as const) {
      const image = {
        width,
        height,
        channels: 3,
        data: new Float32Array(width * height * 3).fill(0.5),
      } as const;
      const { data } = prepareImage(image, { resizeSize: 256, cropSize: 224 }, 1);
      expect(data.every((value) => Math.abs(value - 0.5) < 1e-6)).toBe(true);
      expect(() => prepareImage(image, { minSide: 520 }, 1)).toThrow(
        /resizeImage: size is \[.*520.*\], more than 134217728 pixels; cut the image of/,
      );
    }
  });
});
