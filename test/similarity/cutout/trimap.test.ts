import { describe, expect, it } from 'vitest';
import type { Matte } from '../../../src/similarity/cutout/matte.ts';
import { postProcessMask } from '../../../src/similarity/cutout/postProcess.ts';
import { resample } from '../../../src/similarity/cutout/resample.ts';
import { trimapOf } from '../../../src/similarity/cutout/trimap.ts';
import values from '../../fixtures/cutouts.json' with { type: 'json' };

const matteOf = ({ width, height, data }: { width: number; height: number; data: number[] }): Matte => ({
  width,
  height,
  data: Float32Array.from(data, (value) => value / 255),
});

describe('trimapOf', () => {
  it.each(
    values.trimaps,
  )('equals rembg’s: above $foregroundThreshold, below $backgroundThreshold, eroded by $erodeSize', ({
    data,
    ...options
  }) => {
    const found = trimapOf(matteOf(values.soft), options);
    expect([...found.data]).toEqual(data);
  });

  it('erodes foreground at the border of the image, and background not', () => {
    const whole = (alpha: number): Matte => ({ width: 7, height: 5, data: new Float32Array(35).fill(alpha) });
    const inside = trimapOf(whole(1), { erodeSize: 3 }).data;
    expect([...inside.subarray(0, 7)]).toEqual(Array(7).fill(128));
    expect([...inside.subarray(7, 14)]).toEqual([128, 255, 255, 255, 255, 255, 128]);
    expect([...trimapOf(whole(0), { erodeSize: 3 }).data]).toEqual(Array(35).fill(0));
    expect([...trimapOf(whole(1)).data]).toEqual(Array(35).fill(128));
  });

  it.each<[object, string]>([
    [{ foregroundThreshold: 256 }, 'foregroundThreshold is 256; give a number from 0 to 255'],
    [{ backgroundThreshold: -1 }, 'backgroundThreshold is -1; give a number from 0 to 255'],
    [{ foregroundThreshold: 5 }, 'foregroundThreshold is 5, below backgroundThreshold 10; give a higher one'],
    [{ erodeSize: 2.5 }, 'erodeSize is 2.5; give a whole number of pixels, 0 for none'],
    [{ erode: 3 }, 'takes [foregroundThreshold,backgroundThreshold,erodeSize], got [erode]'],
  ])('refuses %j', (options, message) => {
    expect(() => trimapOf(matteOf(values.soft), options)).toThrow(message);
  });
});

describe('postProcessMask', () => {
  it('equals rembg’s for specks and soft edges', () => {
    const shown = (matte: Matte) => Array.from(postProcessMask(matte).data, (value) => value * 255);
    expect(shown(matteOf(values.specks))).toEqual(values.specks.processed);
    expect(shown(matteOf(values.soft))).toEqual(values.processed);
  });

  it('takes a mask of one row', () => {
    const row = { width: 9, height: 1, data: Float32Array.of(0, 1, 0, 0, 1, 1, 1, 1, 1) };
    expect([...postProcessMask(row).data]).toEqual([0, 0, 0, 0, 1, 1, 1, 1, 1]);
  });
});

describe('resample', () => {
  const { width, height, data, lanczos, bilinear } = values.resized;
  const bytes = Uint8Array.from(data);
  it.each([
    ...lanczos.map((size) => ({ filter: 'lanczos' as const, ...size })),
    ...bilinear.map((size) => ({ filter: 'bilinear' as const, ...size })),
  ])('gives Pillow’s bytes: $filter to $width x $height', ({ filter, data: wanted, ...to }) => {
    const options = { filter, channels: 3, unit: 1 / 255, rounded: true };
    const found = resample(bytes, { width, height }, to, options);
    expect(Array.from(found, (value) => Math.round(value * 255))).toEqual(wanted);
    // Without rounding in between it is as near as rounding twice leaves it.
    const smooth = resample(bytes, { width, height }, to, { ...options, rounded: false });
    for (const [i, value] of smooth.entries()) {
      expect(Math.abs(value * 255 - wanted[i]!)).toBeLessThan(1.5);
    }
  });
});
