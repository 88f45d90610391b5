import { describe, expect, it } from 'vitest';
import { applyEffects, type Effect } from '../../src/data/augment/effects.ts';
import { Random } from '../../src/vision/random.ts';
import { expectNear } from './pixels.ts';

const SIZE = [12, 15] as const;
const [H, W] = SIZE;

const colors = (seed: number): Float32Array => {
  const random = new Random(seed);
  return Float32Array.from({ length: H * W * 3 }, (_, i) =>
    i < 9 ? Math.floor(i / 3) / 2 : random.uniform(),
  );
};
const changed = (data: Float32Array, ...effects: Effect[]): Float32Array => {
  const own = data.slice();
  applyEffects(own, SIZE, effects);
  return own;
};
const clamp = (x: number): number => Math.min(Math.max(x, 0), 1);
type Color = [number, number, number];
const colorsOf = (data: Float32Array): Color[] =>
  Array.from({ length: data.length / 3 }, (_, i) => [data[3 * i]!, data[3 * i + 1]!, data[3 * i + 2]!]);
const grey = ([r, g, b]: Color): number => 0.299 * r + 0.587 * g + 0.114 * b;

/** torchvision's `_blend`. */
const blend = (list: Color[], other: (color: Color) => number, ratio: number): Color[] =>
  list.map((color) => color.map((x) => clamp(ratio * x + (1 - ratio) * other(color))) as Color);

/** Python's colorsys, after which torchvision's `_rgb2hsv` and `_hsv2rgb` are written. */
function rgbToHsv([r, g, b]: Color): Color {
  const [most, least] = [Math.max(r, g, b), Math.min(r, g, b)];
  if (most === least) return [0, 0, most];
  const [rc, gc, bc] = [r, g, b].map((x) => (most - x) / (most - least)) as Color;
  const h = r === most ? bc - gc : g === most ? 2 + rc - bc : 4 + gc - rc;
  return [(h / 6 + 1) % 1, (most - least) / most, most];
}
function hsvToRgb([h, s, v]: Color): Color {
  const i = Math.floor(h * 6);
  const f = h * 6 - i;
  const [p, q, t] = [v * (1 - s), v * (1 - s * f), v * (1 - s * (1 - f))];
  return (
    [
      [v, t, p],
      [q, v, p],
      [p, v, t],
      [p, q, v],
      [t, p, v],
      [v, p, q],
    ] as Color[]
  )[i % 6]!;
}

describe('colorJitter', () => {
  it("computes what torchvision's ColorJitter does: brightness, contrast, saturation, hue", () => {
    const random = new Random(1);
    for (let round = 0; round < 40; round++) {
      const data = colors(round);
      const [brightness, contrast, saturation] = [0, 1, 2].map(() => random.range(0, 2)) as Color;
      const hue = random.range(-0.5, 0.5);
      let list = blend(colorsOf(data), () => 0, brightness);
      const mean = list.reduce((sum, color) => sum + grey(color), 0) / list.length;
      list = blend(list, () => mean, contrast);
      list = blend(list, grey, saturation);
      list = list.map((color) => {
        const [h, s, v] = rgbToHsv(color);
        return hsvToRgb([(h + hue + 1) % 1, s, v]);
      });
      const got = changed(data, { name: 'colorJitter', brightness, contrast, saturation, hue });
      expectNear([...got], list.flat(), 1e-5);
    }
  });

  it('turns red, green and blue into each other by thirds, and leaves greys alone', () => {
    const primaries = Float32Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1, 0.4, 0.4, 0.4, 1, 1, 1);
    const turned = (hue: number): number[] => {
      const own = primaries.slice();
      applyEffects(own, [1, 5], [{ name: 'colorJitter', brightness: 1, contrast: 1, saturation: 1, hue }]);
      return [...own];
    };
    expectNear(turned(1 / 3), [0, 1, 0, 0, 0, 1, 1, 0, 0, 0.4, 0.4, 0.4, 1, 1, 1], 1e-6);
    expectNear(turned(-1 / 3), [0, 0, 1, 1, 0, 0, 0, 1, 0, 0.4, 0.4, 0.4, 1, 1, 1], 1e-6);
    expectNear(turned(0.5), [0, 1, 1, 1, 0, 1, 1, 1, 0, 0.4, 0.4, 0.4, 1, 1, 1], 1e-6);
  });
});

describe('grayscale', () => {
  it('gives all channels the luminance', () => {
    const data = colors(2);
    const wanted = colorsOf(data).flatMap((color) => [grey(color), grey(color), grey(color)]);
    expectNear([...changed(data, { name: 'grayscale' })], wanted, 1e-6);
  });
});

describe('blur', () => {
  /** As torchvision's gaussian_blur: an outer product of weights, the image mirrored at the centres of its border pixels. */
  function reference(data: Float32Array, sigma: number): number[] {
    const reach = Math.ceil(3 * sigma);
    const taps = Array.from({ length: 2 * reach + 1 }, (_, i) =>
      Math.exp(-((i - reach) ** 2) / (2 * sigma ** 2)),
    );
    const total = taps.reduce((a, b) => a + b, 0) ** 2;
    const bounced = (i: number, length: number): number => {
      let at = i;
      while (at < 0 || at >= length) at = at < 0 ? -at : 2 * (length - 1) - at;
      return at;
    };
    return Array.from(data, (_, k) => {
      const [y, x, channel] = [Math.floor(k / 3 / W), Math.floor(k / 3) % W, k % 3];
      let sum = 0;
      for (let j = -reach; j <= reach; j++) {
        for (let i = -reach; i <= reach; i++) {
          const from = bounced(y + j, H) * W + bounced(x + i, W);
          sum += taps[j + reach]! * taps[i + reach]! * data[3 * from + channel]!;
        }
      }
      return sum / total;
    });
  }

  it.each([0.4, 1, 2, 5.5])('of sigma %d is the sum weighted by a Gaussian', (sigma) => {
    const data = colors(3);
    expectNear([...changed(data, { name: 'blur', sigma })], reference(data, sigma), 2e-6);
  });

  it('of next to nothing changes nothing', () => {
    const data = colors(4);
    expect(changed(data, { name: 'blur', sigma: 0.1 })).toEqual(data);
    // What it leaves out is less than a step of 8 bits.
    const steps = reference(data, 0.2).map((value, i) => Math.abs(value - data[i]!) * 255);
    expect(Math.max(...steps)).toBeLessThan(1);
  });

  it('of one row or column mirrors it', () => {
    const row = Float32Array.of(0.1, 0.2, 0.3);
    applyEffects(row, [1, 1], [{ name: 'blur', sigma: 2 }]);
    expectNear([...row], [0.1, 0.2, 0.3], 1e-6);
  });
});

describe('noise', () => {
  const size = [100, 100] as const;
  const noisy = (value: number, sigma: number, seed: number): Float32Array => {
    const data = new Float32Array(size[0] * size[1] * 3).fill(value);
    applyEffects(data, size, [{ name: 'noise', sigma, seed }]);
    return data;
  };

  it('is normal, and independent of channel and pixel', () => {
    const values = [...noisy(0.5, 0.05, 7)].map((value) => (value - 0.5) / 0.05);
    const n = values.length;
    const mean = values.reduce((a, b) => a + b, 0) / n;
    const moment = (k: number): number => values.reduce((sum, x) => sum + (x - mean) ** k, 0) / n;
    // Within four standard errors.
    expect(Math.abs(mean)).toBeLessThan(4 / Math.sqrt(n));
    expect(Math.abs(moment(2) - 1)).toBeLessThan(4 * Math.sqrt(2 / n));
    expect(Math.abs(moment(3))).toBeLessThan(4 * Math.sqrt(15 / n));
    expect(Math.abs(moment(4) - 3)).toBeLessThan(4 * Math.sqrt(96 / n));
    // Shares within 1, 2 and 3 standard deviations.
    for (const [reach, share] of [
      [1, 0.682689],
      [2, 0.9545],
      [3, 0.9973],
    ] as const) {
      const within = values.filter((x) => Math.abs(x) < reach).length / n;
      expect(Math.abs(within - share)).toBeLessThan(4 * Math.sqrt((share * (1 - share)) / n));
    }
    for (const lag of [1, 2, 3, 300]) {
      let sum = 0;
      for (let i = lag; i < n; i++) sum += values[i]! * values[i - lag]!;
      expect(Math.abs(sum / n)).toBeLessThan(4 / Math.sqrt(n));
    }
  });

  it('stays in 0..1, and depends on its seed', () => {
    const data = noisy(0.02, 0.5, 1);
    expect(data.every((value) => value >= 0 && value <= 1)).toBe(true);
    expect(data.some((value) => value === 0) && data.some((value) => value === 1)).toBe(true);
    expect(noisy(0.02, 0.5, 1)).toEqual(data);
    expect(noisy(0.02, 0.5, 2)).not.toEqual(data);
  });
});

describe('cutout', () => {
  it('fills boxes and leaves the rest', () => {
    const data = colors(5);
    const boxes = [
      [2, 1, 6, 4],
      [0, 10, 15, 12],
    ] as const;
    const got = changed(data, { name: 'cutout', boxes, fill: 0.25 });
    got.forEach((value, i) => {
      const [x, y] = [Math.floor(i / 3) % W, Math.floor(i / 3 / W)];
      const inside = boxes.some(([x1, y1, x2, y2]) => x >= x1 && x < x2 && y >= y1 && y < y2);
      expect(value).toBe(inside ? 0.25 : data[i]);
    });
  });
});

describe('effects', () => {
  it('happen in their order', () => {
    const data = colors(6);
    const cut: Effect = { name: 'cutout', boxes: [[0, 0, 15, 6]], fill: 0 };
    const blur: Effect = { name: 'blur', sigma: 1 };
    const [first, second] = [changed(data, cut, blur), changed(data, blur, cut)];
    expect(first[3 * (5 * W + 7)]).toBeGreaterThan(0);
    expect(second[3 * (5 * W + 7)]).toBe(0);
  });
});
