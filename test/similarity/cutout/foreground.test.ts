import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Gpu } from '../../../src/plan/gpu.ts';
import { estimateForeground, foregroundColors } from '../../../src/similarity/cutout/foreground.ts';
import { foregroundStep } from '../../../src/similarity/cutout/foregroundStep.ts';
import { uniform, verifyOperation } from '../../../src/verify/index.ts';
import { sharedGpu } from '../../sharedGpu.ts';
import { scene } from './scenes.ts';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});
afterAll(() => gpu?.dispose());

const weights = { regularization: 1e-5, gradientWeight: 1 };

describe('a step of the foreground colours', () => {
  it('equals its reference: within a level, from a coarser one, and for parts of them', async () => {
    const whole = { left: 0, top: 0, width: 7, height: 5 };
    const image = uniform([5, 7, 4], 0, 1);
    const cases = [
      {
        name: 'the same level',
        inputs: { image, colors: uniform([5, 7, 6], 0, 1) },
        attrs: { part: whole, oldPart: whole, ...weights },
      },
      {
        name: 'a coarser level',
        inputs: { image, colors: uniform([3, 4, 6], 0, 1) },
        attrs: { part: whole, oldPart: { left: 0, top: 0, width: 4, height: 3 }, ...weights },
      },
      {
        name: 'parts of two levels',
        inputs: { image, colors: uniform([4, 5, 6], 0, 1) },
        attrs: {
          part: { left: 20, top: 31, width: 40, height: 60 },
          oldPart: { left: 9, top: 15, width: 20, height: 30 },
          regularization: 0.01,
          gradientWeight: 0.5,
        },
      },
      {
        name: 'one pixel',
        inputs: { image: uniform([1, 1, 4], 0, 1), colors: uniform([1, 1, 6], 0, 1) },
        attrs: {
          part: { left: 0, top: 0, width: 1, height: 1 },
          oldPart: { left: 0, top: 0, width: 1, height: 1 },
          ...weights,
        },
      },
    ];
    const rows = await verifyOperation(gpu, foregroundStep as never, { cases: cases as never });
    expect(rows.map(({ status, name }) => `${name} ${status}`)).toEqual(
      cases.map(({ name }) => `${name} ok`),
    );
  });
});

describe('estimateForeground', () => {
  /** The mean difference in 255ths from the true colours where alpha is in a range, weighted by alpha: what is seen. */
  function errorOf(
    found: Uint8ClampedArray,
    { matte, foreground }: ReturnType<typeof scene>,
    from: number,
    to: number,
  ): number {
    let [sum, count] = [0, 0];
    matte.data.forEach((alpha, i) => {
      if (alpha < from || alpha > to) return;
      for (let c = 0; c < 3; c++) {
        sum += alpha * Math.abs(found[3 * i + c]! - 255 * foreground[3 * i + c]!);
        count += alpha;
      }
    });
    return sum / count;
  }

  it('finds the colours of the foreground at soft edges, and keeps those where alpha is 1', async () => {
    const known = scene(160, 120);
    const found = await estimateForeground(gpu, known.image, known.matte);
    const own = Uint8ClampedArray.from(known.image.data, (value) => value * 255);
    const kept = (data: Uint8ClampedArray) =>
      data.filter((_, i) => known.matte.data[Math.floor(i / 3)] === 1);
    expect(kept(found)).toEqual(kept(own));
    // Where half is background, its colours are far from those of the foreground.
    expect(errorOf(own, known, 0.05, 0.95)).toBeGreaterThan(30);
    expect(errorOf(found, known, 0.05, 0.95)).toBeLessThan(6);
  });

  it('is the same in tiles, of bytes, and run after run', async () => {
    const known = scene(160, 120);
    const bytes = Uint8Array.from(known.image.data, (value) => Math.round(value * 255));
    const image = { ...known.image, data: bytes };
    const found = await estimateForeground(gpu, image, known.matte);
    expect(await estimateForeground(gpu, image, known.matte)).toEqual(found);
    const floats = { ...image, data: Float32Array.from(bytes, (value) => value / 255) };
    expect(await estimateForeground(gpu, floats, known.matte)).toEqual(found);
    for (const [most, side] of [
      [5000, 64],
      [900, 37],
    ] as const) {
      expect(await foregroundColors(gpu, image, known.matte, weights, { most, side })).toEqual(found);
    }
  });

  it('takes images of one pixel, row or column, and mattes of nothing and everything', async () => {
    for (const [width, height] of [
      [1, 1],
      [9, 1],
      [1, 5],
    ] as const) {
      for (const alpha of [0, 0.5, 1]) {
        const image = { width, height, data: new Float32Array(width * height * 3).fill(0.4) };
        const matte = { width, height, data: new Float32Array(width * height).fill(alpha) };
        const found = await estimateForeground(gpu, image, matte);
        expect(found).toHaveLength(width * height * 3);
        if (alpha === 1) expect([...found]).toEqual([...found].fill(102));
      }
    }
  });

  it('refuses what it cannot use', async () => {
    const { image, matte } = scene(8, 6);
    await expect(estimateForeground(gpu, image, { ...matte, width: 6, height: 8 })).rejects.toThrow(
      'estimateForeground: matte is 6x8, the image 8x6; give one of the same size',
    );
    await expect(estimateForeground(gpu, image, matte, { regularization: 0 })).rejects.toThrow(
      'regularization is 0; give a number above 0',
    );
    await expect(estimateForeground(gpu, { ...image, width: 9 }, matte)).rejects.toThrow(
      'image has 144 values for 9x6 pixels; give 3 for each',
    );
  });
});
