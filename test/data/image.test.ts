import { describe, expect, it } from 'vitest';
import { imageFromBytes, letterbox, unletterbox } from '../../src/data/image.ts';
import { DataError } from '../../src/errors.ts';
import { boxesFromMask } from '../../src/vision/boxes.ts';
import { blank, coordinates, drawBox, expectNear } from './pixels.ts';

describe('imageFromBytes', () => {
  it('reads grey, RGB and RGBA', () => {
    const near = (bytes: number[], want: number[]) => {
      const { data } = imageFromBytes(Uint8Array.from(bytes), { width: 2, height: 1 });
      expect([...data]).toEqual(want.map((value) => Math.fround(value / 255)));
    };
    near([10, 255], [10, 10, 10, 255, 255, 255]);
    near([10, 0, 255, 9], [10, 10, 10, 255, 255, 255]);
    near([1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 6]);
    near([1, 2, 3, 0, 4, 5, 6, 255], [1, 2, 3, 4, 5, 6]);
    expect(() => imageFromBytes(new Uint8Array(7), { width: 2, height: 1 })).toThrow(DataError);
  });
});

describe('letterbox', () => {
  it('keeps the aspect ratio and pads to the right or below', () => {
    const { image, fitted } = letterbox(blank(40, 20, 1), [16, 16]);
    expect(fitted).toEqual({ width: 16, height: 8 });
    expect(image.data.slice(0, 16 * 8 * 3).every((value) => Math.abs(value - 1) < 1e-6)).toBe(true);
    expect(image.data.slice(16 * 8 * 3).every((value) => value === 0.5)).toBe(true);
    expect(letterbox(blank(10, 90), [32, 32]).fitted).toEqual({ width: 4, height: 32 });
  });

  it('gives the pixels back at the same size, interpolates larger, and averages smaller', () => {
    const image = coordinates(9, 7);
    expect(letterbox(image, [7, 9]).image.data).toEqual(image.data);
    const line = blank(2, 1);
    line.data.set([0, 0, 0, 1, 1, 1]);
    const red = (data: Float32Array) => [...data].filter((_, i) => i % 3 === 0);
    expect(red(letterbox(line, [2, 4]).image.data)).toEqual([0, 0.25, 0.75, 1, 0, 0.25, 0.75, 1]);
    // By hand: the first averages pixels 0, 1, 2 with 3/4, 3/4, 1/4, over 7/4; the second 1 to 4 with 1, 3, 3, 1.
    const ramp = blank(8, 2);
    for (let i = 0; i < 16; i++) ramp.data.fill((i % 8) / 8, 3 * i, 3 * i + 3);
    const want = [5 / 7, 2.5, 4.5, 44 / 7].map((value) => value / 8);
    red(letterbox(ramp, [1, 4]).image.data).forEach((value, i) => {
      expect(value).toBeCloseTo(want[i]!, 6);
    });
    const stripes = blank(64, 64);
    for (let x = 0; x < 64; x += 2)
      for (let y = 0; y < 64; y++) stripes.data.fill(1, 3 * (64 * y + x), 3 * (64 * y + x) + 3);
    const shrunk = letterbox(stripes, [8, 8]).image.data;
    expect(shrunk.every((value) => Math.abs(value - 0.5) < 0.03)).toBe(true);
  });

  it('takes boxes back to the original, and cuts them off there', () => {
    const boxed = letterbox(blank(200, 100), [64, 64]);
    expect([...unletterbox([16, 8, 32, 16, -1, -1, 70, 60], boxed)]).toEqual([
      50, 25, 100, 50, 0, 0, 200, 100,
    ]);
    expect(() => letterbox(blank(4, 4), [0, 4])).toThrow(DataError);
  });

  it('finds the same box before and after', () => {
    const image = drawBox(blank(150, 110), [30, 40, 75, 88]);
    const boxed = letterbox(image, [64, 64]);
    const mask = Uint8Array.from({ length: 64 * 64 }, (_, i) =>
      Number(boxed.image.data[3 * i]! > 0.5 && Math.floor(i / 64) < boxed.fitted.height),
    );
    const [found] = boxesFromMask(mask, { width: 64, height: 64 });
    expectNear([...unletterbox(found!.box, boxed)], [30, 40, 75, 88], 150 / 64);
  });
});
