import { describe, expect, it } from 'vitest';
import { closedFormMatte } from '../../../src/similarity/cutout/closedForm.ts';
import { trimapOf } from '../../../src/similarity/cutout/trimap.ts';
import values from '../../fixtures/cutouts.json' with { type: 'json' };
import { scene } from './scenes.ts';

const { width, height, image: bytes, trimap: known, alpha, loose } = values.closedForm;
const image = { width, height, data: Uint8Array.from(bytes) };
const trimap = { width, height, data: Uint8Array.from(known) };

const worst = (found: Float32Array, wanted: ArrayLike<number>): number =>
  found.reduce((most, value, i) => Math.max(most, Math.abs(value - wanted[i]!)), 0);
const mean = (found: Float32Array, wanted: Float32Array): number =>
  found.reduce((sum, value, i) => sum + Math.abs(value - wanted[i]!), 0) / found.length;

describe('closedFormMatte', () => {
  it('equals a direct solution of the equations', async () => {
    expect(worst((await closedFormMatte(image, trimap, { rtol: 1e-9 })).data, alpha)).toBeLessThan(1e-6);
    expect(worst((await closedFormMatte(image, trimap)).data, alpha)).toBeLessThan(1e-4);
    expect(
      worst((await closedFormMatte(image, trimap, { epsilon: 1e-3, rtol: 1e-9 })).data, loose),
    ).toBeLessThan(1e-6);
    const floats = { ...image, data: Float32Array.from(bytes, (value) => value / 255) };
    expect(
      worst((await closedFormMatte(floats, trimap, { epsilon: 1e-3, rtol: 1e-9 })).data, loose),
    ).toBeLessThan(1e-6);
  });

  it('ends at the same matte from any start', async () => {
    const start = { width, height, data: new Float32Array(width * height).fill(0.9) };
    expect(worst((await closedFormMatte(image, trimap, { start })).data, alpha)).toBeLessThan(1e-4);
  });

  it('finds a known matte with strands like hair between what is known', async () => {
    const known = scene(96, 96);
    const found = await closedFormMatte(known.image, trimapOf(known.matte, { erodeSize: 5 }));
    const rough = trimapOf(known.matte, { erodeSize: 5 }).data;
    expect(rough.filter((value) => value === 128).length).toBeGreaterThan(2000);
    expect(mean(found.data, known.matte.data)).toBeLessThan(0.01);
    rough.forEach((value, i) => {
      if (value !== 128) expect(found.data[i]).toBe(value / 255);
    });
  });

  it('is nearly the same in tiles', async () => {
    const known = scene(160, 150);
    const rough = trimapOf(known.matte, { erodeSize: 3 });
    const options = { start: known.matte };
    const whole = await closedFormMatte(known.image, rough, options);
    const tiled = await closedFormMatte(known.image, rough, { ...options, tile: 96 });
    expect(mean(tiled.data, whole.data)).toBeLessThan(0.002);
  });

  it('keeps the start where nothing is known to be foreground, or all is known', async () => {
    const start = { width, height, data: new Float32Array(width * height).fill(0.3) };
    const none = { ...trimap, data: trimap.data.map((value) => (value === 255 ? 128 : value)) };
    expect((await closedFormMatte(image, none, { start })).data).toEqual(start.data);
    const all = { ...trimap, data: trimap.data.map((value) => (value === 128 ? 0 : value)) };
    expect((await closedFormMatte(image, all, { start })).data).toEqual(
      Float32Array.from(all.data, (value) => value / 255),
    );
    const thin = { width: 2, height: 3, data: new Float32Array(18) };
    const edge = { width: 2, height: 3, data: Uint8Array.of(0, 255, 128, 128, 0, 255) };
    expect([...(await closedFormMatte(thin, edge)).data]).toEqual([0, 1, 0, 0, 0, 1]);
  });

  it.each<[object, string]>([
    [{ epsilon: 0 }, 'epsilon is 0; give a number above 0'],
    [{ rtol: -1 }, 'rtol is -1; give a number above 0'],
    [{ maxIterations: 0 }, 'maxIterations is 0; give a whole number of at least 1'],
    [{ tile: 32 }, 'tile is 32; give a whole number of pixels of at least 64'],
    [{ start: { width: 3, height: 1, data: new Float32Array(3) } }, 'start is 3x1, the image 16x12'],
    [{ tol: 1 }, 'got [tol]'],
  ])('refuses %j', async (options, message) => {
    await expect(closedFormMatte(image, trimap, options)).rejects.toThrow(message);
  });
});
