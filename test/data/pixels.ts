import { expect } from 'vitest';
import type { FloatImage } from '../../src/data/image.ts';
import type { Box } from '../../src/vision/boxes.ts';

export const blank = (width: number, height: number, value = 0): FloatImage => ({
  width,
  height,
  channels: 3,
  data: new Float32Array(width * height * 3).fill(value),
});

/** Each pixel has its own colour: x and y can be read from it. */
export function coordinates(width: number, height: number): FloatImage {
  const image = blank(width, height);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i += 3) image.data.set([(x + 0.5) / 100, (y + 0.5) / 100, 1], i);
  }
  return image;
}

export function drawBox(image: FloatImage, [x1, y1, x2, y2]: Box): FloatImage {
  for (let y = y1; y < y2; y++) image.data.fill(1, 3 * (y * image.width + x1), 3 * (y * image.width + x2));
  return image;
}

export const expectNear = (got: readonly number[], want: readonly number[], within: number): void => {
  got.forEach((value, i) => {
    expect(Math.abs(value - want[i]!), `[${got}] against [${want}]`).toBeLessThanOrEqual(within);
  });
};
