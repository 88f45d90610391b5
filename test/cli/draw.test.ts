import { describe, expect, it } from 'vitest';
import { drawOverlay, overlayScale, sideBySide } from '../../cli/src/draw.ts';
import { decodePng, type LoadedImage } from '../../cli/src/images.ts';
import { fitText, textLines, textWidth } from '../../src/draw/glyphs.ts';
import { PALETTE, parseColor } from '../../src/draw/index.ts';
import { ShapeError } from '../../src/errors.ts';

const grey = (width: number, height: number) => ({
  width,
  height,
  rgb: new Uint8Array(width * height * 3).fill(90),
});
const at = ({ rgb, width }: LoadedImage, x: number, y: number): number[] => [
  ...rgb.subarray(3 * (y * width + x), 3 * (y * width + x) + 3),
];

describe('drawOverlay', () => {
  it('draws a box along its edges and nowhere else', async () => {
    const png = await drawOverlay(
      grey(60, 40),
      { boxes: [{ box: [10, 8, 50, 30], color: '#ff0000' }] },
      { scale: 2 },
    );
    const image = await decodePng(png);
    expect([image.width, image.height]).toEqual([120, 80]);
    for (const [x, y] of [
      [20, 40],
      [99, 40],
      [60, 16],
      [60, 59],
    ] as const) {
      expect(at(image, x, y)).toEqual([255, 0, 0]);
    }
    expect(at(image, 60, 40)).toEqual([90, 90, 90]);
    expect(at(image, 5, 5)).toEqual([90, 90, 90]);
  });

  it('puts a tag in the box colour above the box, without any font', async () => {
    const overlay = { boxes: [{ box: [10, 20, 50, 38], label: 'coin', score: 0.5, color: '#ff0000' }] };
    const image = await decodePng(await drawOverlay(grey(60, 40), overlay, { scale: 4 }));
    let red = 0;
    let ink = 0;
    for (let y = 60; y < 78; y++) {
      for (let x = 40; x < 90; x++) {
        const [r, g] = at(image, x, y) as [number, number];
        if (r > 200 && g < 30) red++;
        if (r < 60 && g < 30) ink++;
      }
    }
    expect(red).toBeGreaterThan(200);
    expect(ink).toBeGreaterThan(20);
  });

  it('tints what a mask covers and outlines it', async () => {
    const mask = new Uint8Array(20 * 20);
    for (let y = 5; y < 15; y++) mask.fill(1, y * 20 + 5, y * 20 + 15);
    const image = await decodePng(
      await drawOverlay(grey(20, 20), { masks: [{ mask, color: '#00ff00', opacity: 0.5 }] }, { scale: 4 }),
    );
    expect(at(image, 40, 40)).toEqual([45, 173, 45]);
    expect(at(image, 8, 8)).toEqual([90, 90, 90]);
    expect(at(image, 40, 20)[1]).toBeGreaterThan(200);
  });

  it('dashes what is marked as true, and takes boxes off the image and labels of any sort', async () => {
    const points = [
      [4, 4],
      [56, 4],
      [56, 36],
      [4, 36],
    ] as const;
    const image = await decodePng(
      await drawOverlay(
        grey(60, 40),
        { polygons: [{ points, color: '#0000ff', dashed: true }] },
        { scale: 2 },
      ),
    );
    const row = Array.from({ length: 90 }, (_, i) => at(image, 12 + i, 8)[2]!);
    expect(row.some((blue) => blue > 240)).toBe(true);
    expect(row.some((blue) => blue < 120)).toBe(true);
    await drawOverlay(grey(60, 40), {
      boxes: [
        { box: [-50, -50, 200, 200], label: '<b>&"\u0000\u786c\u5e01 \u00e9', color: 'no colour' },
        { box: [Number.NaN, 0, 1, 1], label: 'lost', color: '#123' },
      ],
    });
  });

  it('refuses pixels and masks of the wrong size', async () => {
    await expect(drawOverlay({ width: 2, height: 2, rgb: new Uint8Array(5) }, {})).rejects.toThrow(
      ShapeError,
    );
    const masks = [{ mask: new Uint8Array(3), color: '#ffffff' }];
    await expect(drawOverlay(grey(4, 4), { masks })).rejects.toThrow(/mask 0 has 3 values/);
  });

  it('enlarges small images and shrinks huge ones', () => {
    expect(overlayScale(384, 303)).toBe(2);
    expect(overlayScale(64, 64)).toBe(8);
    expect(overlayScale(1500, 900)).toBe(1);
    expect(overlayScale(6400, 900)).toBe(0.25);
  });
});

describe('sideBySide', () => {
  it('sets panels beside each other under titles', async () => {
    const left = await drawOverlay(grey(500, 300), {}, { scale: 1 });
    const right = await drawOverlay(
      { width: 500, height: 200, rgb: new Uint8Array(500 * 200 * 3).fill(20) },
      {},
      { scale: 1 },
    );
    const both = await decodePng(
      await sideBySide([
        { title: 'Predicted', png: left, color: '#FFB000' },
        { title: 'x'.repeat(400), png: right },
      ]),
    );
    expect(both.width).toBeGreaterThan(1000);
    expect(both.height).toBeGreaterThan(300);
    const middle = Math.floor(both.width / 4);
    expect(at(both, middle, 150)).toEqual([90, 90, 90]);
    expect(at(both, 3 * middle, 150)).toEqual([20, 20, 20]);
    expect(at(both, 3 * middle, both.height - 30)).toEqual([255, 255, 255]);
    await expect(sideBySide([])).rejects.toThrow(ShapeError);
  });
});

describe('glyphs', () => {
  it('cover printable ASCII, so that no font is needed', () => {
    const ascii = Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i)).join('');
    for (const text of [ascii, '\u00e9\u00fc\u00d1']) {
      const { lines, runs } = textLines(text, 0, 0, 10);
      expect(runs).toEqual([]);
      // In the line of the text: descenders reach 13.
      for (const [x, y] of lines.flat()) {
        expect(x).toBeGreaterThan(-0.1);
        expect(x).toBeLessThan(textWidth(text, 10) + 0.7);
        expect(y).toBeGreaterThan(-1.1);
        expect(y).toBeLessThan(14);
      }
    }
    expect(textLines('a\u786c\u5e01<', 3, 4, 20).runs).toEqual([
      { text: '\u786c\u5e01', x: 3 + 2 * 7.1, y: 4, size: 20, width: 2 * (11 * 2 + 2.3) },
    ]);
  });

  it('fit a width', () => {
    const cut = fitText('a long caption', 10, 60);
    expect(cut.endsWith('\u2026')).toBe(true);
    expect(textWidth(cut, 10)).toBeLessThanOrEqual(60);
    expect(fitText('a', 10, 60)).toBe('a');
    expect(fitText('abc', 10, 0)).toBe('');
  });
});

it('the palette has no colour twice', () => {
  expect(new Set(PALETTE.map((color) => parseColor(color).join())).size).toBe(PALETTE.length);
});
