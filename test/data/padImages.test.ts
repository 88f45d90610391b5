import { expect, it } from 'vitest';
import type { FloatImage } from '../../src/data/image.ts';
import { padImages } from '../../src/data/padImages.ts';

const image = (width: number, height: number): FloatImage => ({
  width,
  height,
  channels: 3,
  data: Float32Array.from({ length: width * height * 3 }, (_, i) => i + 1),
});

it('puts images of different sizes into one batch, each at the top left', () => {
  const { images, sizes } = padImages([image(2, 1), image(1, 3)], { multiple: 2, fill: -1 });
  expect(images.shape).toEqual([2, 4, 2, 3]);
  expect([...sizes.data]).toEqual([1, 2, 3, 1]);
  expect(sizes.shape).toEqual([2, 2]);
  expect([...images.data]).toEqual([
    ...[1, 2, 3, 4, 5, 6],
    ...new Array(18).fill(-1),
    ...[1, 2, 3, -1, -1, -1, 4, 5, 6, -1, -1, -1, 7, 8, 9, -1, -1, -1],
    ...new Array(6).fill(-1),
  ]);
  expect(padImages([image(33, 5)]).images.shape).toEqual([1, 32, 64, 3]);
});

it('refuses no images, and multiples that are none', () => {
  expect(() => padImages([])).toThrow('padImages: there are no images; give at least one');
  expect(() => padImages([image(1, 1)], { multiple: 0 })).toThrow('padImages: multiple is 0');
});
