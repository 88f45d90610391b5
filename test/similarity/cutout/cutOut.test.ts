import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Gpu } from '../../../src/plan/gpu.ts';
import { composite } from '../../../src/similarity/cutout/composite.ts';
import { cutOut, estimateMatte } from '../../../src/similarity/cutout/cutOut.ts';
import type { Matte, RgbPixels } from '../../../src/similarity/cutout/matte.ts';
import { matteInBoxes } from '../../../src/similarity/cutout/matteInBoxes.ts';
import type { MattingNetwork } from '../../../src/similarity/cutout/mattingNetwork.ts';
import { sharedGpu } from '../../sharedGpu.ts';
import { scene } from './scenes.ts';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});
afterAll(() => gpu?.dispose());

const known = scene(96, 80);
const knows = (matte: Matte): MattingNetwork => ({ matte: async () => matte });
const bytes = {
  ...known.image,
  data: Uint8Array.from(known.image.data, (value) => Math.round(value * 255)),
};

/** RGBA of colours in 0..1. */
const opaque = ({ width, height }: RgbPixels, colors: ArrayLike<number>) => ({
  width,
  height,
  data: Uint8ClampedArray.from({ length: width * height * 4 }, (_, i) =>
    i % 4 === 3 ? 255 : Math.round(colors[3 * (i >> 2) + (i % 4)]! * 255),
  ),
});

const meanError = (found: Float32Array, wanted: Float32Array): number =>
  found.reduce((sum, value, i) => sum + Math.abs(value - wanted[i]!), 0) / found.length;

describe('cutOut', () => {
  it('gives the image back on its old background: to the byte where alpha is 1, nearly at soft edges', async () => {
    const cut = await cutOut(gpu, bytes, knows(known.matte));
    expect([cut.width, cut.height, cut.data.length]).toEqual([96, 80, 96 * 80 * 4]);
    const back = composite(cut, opaque(bytes, known.background));
    let [soft, total] = [0, 0];
    known.matte.data.forEach((alpha, i) => {
      expect(cut.data[4 * i + 3]).toBe(Math.round(alpha * 255));
      for (let c = 0; c < 3; c++) {
        const off = Math.abs(back.data[4 * i + c]! - bytes.data[3 * i + c]!);
        if (alpha === 1) expect(off).toBe(0);
        else if (alpha > 0) {
          soft++;
          total += off;
        }
      }
    });
    expect(soft).toBeGreaterThan(1000);
    expect(total / soft).toBeLessThan(3);
  });

  it('refuses mattes of NaN, boxes of NaN, and a matte that does not fit a box', async () => {
    const broken = {
      ...known.matte,
      data: known.matte.data.map((alpha, i) => (i === 100 ? Number.NaN : alpha)),
    };
    const message = 'the matte of the network is NaN at (4, 1); give alpha from 0 to 1';
    await expect(cutOut(gpu, bytes, knows(broken))).rejects.toThrow(message);
    const whole = [0, 0, 96, 80] as const;
    await expect(estimateMatte(bytes, knows(broken), { boxes: [whole] })).rejects.toThrow(message);
    await expect(matteInBoxes(bytes, [[0, Number.NaN, 9, 9]], knows(known.matte))).rejects.toThrow(
      'boxes[0] is [0, NaN, 9, 9]; give numbers',
    );
    await expect(matteInBoxes(bytes, [[0, 0, 9, 9]], knows(known.matte))).rejects.toThrow(
      /is 96x80, the image/,
    );
  });

  it('keeps the colours of the image where that is asked for', async () => {
    const { data } = await cutOut(gpu, bytes, knows(known.matte), { colors: 'keep' });
    known.matte.data.forEach((alpha, i) => {
      const color = [...bytes.data.subarray(3 * i, 3 * i + 3)];
      expect([...data.subarray(4 * i, 4 * i + 3)]).toEqual(alpha === 0 ? [0, 0, 0] : color);
    });
  });

  it('multiplies by the opacity of the image', async () => {
    const half = { ...known.matte, data: known.matte.data.map(() => 0.5) };
    const { matte, data } = await cutOut(gpu, bytes, knows(known.matte), { opacity: half });
    expect(matte.data).toEqual(known.matte.data.map((alpha) => alpha / 2));
    expect(Math.max(...data.filter((_, i) => i % 4 === 3))).toBe(128);
  });

  it.each<[object, string]>([
    [{ colors: 'all' }, 'cutOut: colors is "all"; choose estimate, keep'],
    [
      { opacity: { width: 2, height: 1, data: new Float32Array(2) } },
      'cutOut: opacity is 2x1, the image 96x80',
    ],
    [{ alphaMatting: { erodeSize: -1 } }, 'erodeSize is -1'],
    [{ boxes: [[1, 2]] }, 'boxes[0] is a list; give a box'],
    [{ boxes: [], padding: -1 }, 'padding is -1; give a share of at least 0'],
  ])('refuses %j', async (options, message) => {
    await expect(cutOut(gpu, bytes, knows(known.matte), options)).rejects.toThrow(message);
  });

  it('refuses a network that gives a matte of another size', async () => {
    const wrong = { width: 4, height: 4, data: new Float32Array(16) };
    await expect(cutOut(gpu, bytes, knows(wrong))).rejects.toThrow(
      'the matte of the network is 4x4, the image 96x80',
    );
  });
});

describe('estimateMatte', () => {
  /** The matte as a coarse network sees it: the mean of 9x9 pixels, as far as they are there. */
  const coarse: Matte = {
    ...known.matte,
    data: known.matte.data.map((_, i) => {
      const [x, y] = [i % 96, Math.floor(i / 96)];
      let [sum, count] = [0, 0];
      for (let v = Math.max(y - 4, 0); v <= Math.min(y + 4, 79); v++) {
        for (let u = Math.max(x - 4, 0); u <= Math.min(x + 4, 95); u++, count++) {
          sum += known.matte.data[v * 96 + u]!;
        }
      }
      return sum / count;
    }),
  };

  it('refines what a network is not sure of by alpha matting', async () => {
    const refined = await estimateMatte(known.image, knows(coarse), { alphaMatting: { erodeSize: 2 } });
    expect(meanError(coarse.data, known.matte.data)).toBeGreaterThan(0.07);
    expect(meanError(refined.data, known.matte.data)).toBeLessThan(0.012);
  });

  it('keeps the matte of the network where nothing is sure', async () => {
    const unsure = { ...coarse, data: coarse.data.map(() => 0.5) };
    expect(await estimateMatte(known.image, knows(unsure), { alphaMatting: true })).toEqual(unsure);
  });

  it('post-processes to 0 and 1', async () => {
    const { data } = await estimateMatte(known.image, knows(coarse), { postProcessMask: true });
    expect(new Set(data)).toEqual(new Set([0, 1]));
  });
});

describe('matteInBoxes', () => {
  /** A network that says how large its part is, and where red is. */
  const seen: number[][] = [];
  const red: MattingNetwork = {
    async matte({ width, height, data }) {
      seen.push([width, height]);
      return { width, height, data: Float32Array.from({ length: width * height }, (_, i) => data[3 * i]!) };
    },
  };

  it('refines each box by itself, padded and inside of the image; outside alpha is 0', async () => {
    seen.length = 0;
    const { data } = await matteInBoxes(
      known.image,
      [
        [10, 10, 30, 20],
        [90.5, 70, 110, 90],
        [25, 15, 40, 40],
        [200, 200, 210, 210],
      ],
      red,
      { padding: 0.25 },
    );
    expect(seen).toEqual([
      [30, 16],
      [11, 15],
      [23, 39],
    ]);
    const inside = (x: number, y: number) =>
      (x >= 5 && x < 35 && y >= 7 && y < 23) ||
      (x >= 85 && y >= 65) ||
      (x >= 21 && x < 44 && y >= 8 && y < 47);
    data.forEach((alpha, i) => {
      const expected = inside(i % 96, Math.floor(i / 96)) ? known.image.data[3 * i]! : 0;
      expect(alpha).toBe(expected);
    });
  });

  it('is 0 without boxes', async () => {
    expect(new Set((await matteInBoxes(known.image, [], red)).data)).toEqual(new Set([0]));
  });
});

describe('composite', () => {
  const cut = {
    width: 3,
    height: 1,
    data: Uint8ClampedArray.of(200, 100, 50, 255, 200, 100, 50, 102, 9, 9, 9, 0),
  };
  it('lays a cut-out over a colour, also over one that is not opaque', () => {
    expect([...composite(cut, [0, 0, 100, 255]).data]).toEqual([
      ...[200, 100, 50, 255],
      ...[80, 40, 80, 255],
      ...[0, 0, 100, 255],
    ]);
    // 0.4 + 0.5 * 0.6 = 0.7 of 255 is 178.5; its colour (0.4 * 200 + 0.3 * 0) / 0.7
    expect([...composite(cut, [0, 0, 100, 127.5]).data]).toEqual([
      ...[200, 100, 50, 255],
      ...[114, 57, 71, 178],
      ...[0, 0, 100, 128],
    ]);
    expect([...composite(cut, [1, 2, 3, 0]).data]).toEqual([
      200, 100, 50, 255, 200, 100, 50, 102, 0, 0, 0, 0,
    ]);
  });

  it('refuses other sizes and colours', () => {
    expect(() => composite(cut, { ...cut, width: 1, height: 3 })).toThrow(
      'composite: the background is 1x3, the cut-out 3x1; give one of the same size',
    );
    expect(() => composite(cut, [0, 0, 256, 0])).toThrow('background is [0, 0, 256, 0]; give four numbers');
    expect(() => composite(cut, [0, 0, 1] as never)).toThrow('composite: background is a list; give a box');
  });
});
