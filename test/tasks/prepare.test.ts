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
