import { describe, expect, it } from 'vitest';
import { decodePng } from '../../cli/src/images.ts';
import {
  annotationOverlay,
  colorAt,
  detectionOverlay,
  encodePng,
  enlarged,
  imageGrid,
  paintOverlay,
  parseColor,
  type RgbaImage,
  type UndrawnText,
} from '../../src/draw/index.ts';
import { ShapeError, UsageError } from '../../src/errors.ts';

const grey = (width: number, height: number): RgbaImage => {
  const data = new Uint8ClampedArray(width * height * 4).fill(90);
  for (let i = 3; i < data.length; i += 4) data[i] = 255;
  return { width, height, data };
};
const at = ({ width, data }: RgbaImage, x: number, y: number): number[] => [
  ...data.subarray(4 * (y * width + x), 4 * (y * width + x) + 4),
];
const RED = [255, 0, 0, 255];
const GREY = [90, 90, 90, 255];

describe('paintOverlay', () => {
  it('draws lines of two pixels centred on the coordinates, with a rim', () => {
    const image = grey(60, 40);
    paintOverlay(image, { boxes: [{ box: [10, 10, 50, 30], color: '#ff0000' }] });
    for (const x of [9, 10, 49, 50]) expect(at(image, x, 20)).toEqual(RED);
    for (const y of [9, 10, 29, 30]) expect(at(image, 30, y)).toEqual(RED);
    for (const x of [8, 11]) expect(at(image, x, 20)).toEqual([40, 40, 40, 255]);
    for (const [x, y] of [
      [6, 20],
      [13, 20],
      [30, 20],
    ] as const) {
      expect(at(image, x, y)).toEqual(GREY);
    }
  });

  it('takes coordinates and masks of another size', () => {
    const image = grey(80, 80);
    const mask = new Uint8Array(400);
    for (let y = 5; y < 15; y++) mask.fill(1, y * 20 + 5, y * 20 + 15);
    paintOverlay(
      image,
      {
        masks: [{ mask, color: '#00ff00', opacity: 0.5 }],
        boxes: [{ box: [1, 1, 19, 19], color: '#ff0000' }],
      },
      { size: { width: 20, height: 20 } },
    );
    expect(at(image, 40, 40)).toEqual([45, 173, 45, 255]);
    expect(at(image, 12, 12)).toEqual(GREY);
    expect(at(image, 4, 40)).toEqual(RED);
    expect(() => paintOverlay(grey(80, 80), { masks: [{ mask, color: '#00ff00' }] })).toThrow(
      'paintOverlay: mask 0 has 400 values, the image 80x80 = 6400; paste it into the whole image first',
    );
  });

  it('draws points as dots, or as crosses for the truth, and polygons', () => {
    const image = grey(60, 60);
    paintOverlay(image, {
      points: [
        { points: [[20, 20]], color: '#ff0000' },
        { points: [[40, 20]], color: '#0000ff', dashed: true },
      ],
      polygons: [
        {
          points: [
            [10, 40],
            [50, 40],
            [30, 58],
          ],
          color: '#ff0000',
          opacity: 1,
        },
      ],
    });
    expect(at(image, 20, 20)).toEqual(RED);
    expect(at(image, 18, 19)).toEqual(RED);
    expect(at(image, 43, 23)).toEqual([0, 0, 255, 255]);
    expect(at(image, 40, 15)).toEqual(GREY);
    expect(at(image, 30, 46)).toEqual(RED);
    expect(at(image, 12, 55)).toEqual(GREY);
  });

  it('hands over texts that it has no glyphs for, or draws boxes', () => {
    const boxes = [{ box: [4, 20, 56, 56], label: 'a \u786c\u5e01', color: '#ffffff' }];
    const undrawn: UndrawnText[] = [];
    const [left, boxed] = [grey(60, 60), grey(60, 60)];
    paintOverlay(left, { boxes }, { undrawn });
    expect(undrawn).toEqual([
      {
        text: '\u786c\u5e01',
        x: expect.any(Number),
        y: expect.any(Number),
        size: 8,
        width: expect.any(Number),
        color: '#000000',
      },
    ]);
    const { x, y, width, size } = undrawn[0]!;
    const ink = (image: RgbaImage): number => {
      let count = 0;
      for (let j = Math.floor(y); j < y + size; j++) {
        for (let i = Math.floor(x); i < x + width; i++) if (at(image, i, j)[0]! < 128) count++;
      }
      return count;
    };
    paintOverlay(boxed, { boxes });
    expect(ink(left)).toBe(0);
    expect(ink(boxed)).toBeGreaterThan(20);
  });

  it('paints on what can be seen through, and nothing outside', () => {
    const clear: RgbaImage = { width: 20, height: 20, data: new Uint8ClampedArray(1600) };
    paintOverlay(clear, {
      boxes: [
        { box: [5, -50, 100, 10], color: '#ff0000' },
        { box: [Number.NaN, 0, 1, 1], color: '#ff0000', label: 'lost' },
      ],
    });
    expect(at(clear, 5, 3)).toEqual(RED);
    expect(at(clear, 3, 15)).toEqual([0, 0, 0, 0]);
    expect(at(clear, 3, 3)).toEqual([0, 0, 0, 140]);
  });

  it('refuses what it cannot paint', () => {
    const data = new Uint8ClampedArray(5);
    expect(() => paintOverlay({ width: 2, height: 2, data }, {})).toThrow(ShapeError);
    expect(() => paintOverlay(grey(2, 2), { boxs: [] } as never)).toThrow('did you mean boxes?');
    expect(() => paintOverlay(grey(2, 2), { boxes: [{ color: '#fff' }] } as never)).toThrow(UsageError);
  });
});

describe('imageGrid', () => {
  const image = grey(30, 20);

  it('has rows and columns under titles, with nothing around them', () => {
    const images = ['one', 'two', 'three'].map((title) => ({
      image,
      title,
      color: '#ff0000',
      dashed: title === 'two',
    }));
    const grid = imageGrid(images);
    // The least size of text is 9: margins of 8, strips of 22.
    expect([grid.width, grid.height]).toEqual([8 + 2 * 38, 8 + 2 * (22 + 20 + 8)]);
    expect(at(grid, 1, 1)).toEqual([0, 0, 0, 0]);
    expect(at(grid, 8 + 29, 8 + 1)).toEqual([0x24, 0x29, 0x2f, 255]);
    expect(at(grid, 8 + 15, 8 + 22 + 10)).toEqual(GREY);
    expect(at(grid, 8 + 38 + 15, 8 + 50 + 22 + 10)).toEqual([0, 0, 0, 0]);
  });

  it('has a background where there is one, and no strips without titles', () => {
    const grid = imageGrid([{ image }, { image }, { image }], { columns: 3, background: '#ffffff' });
    expect([grid.width, grid.height]).toEqual([8 + 3 * 38, 8 + 28]);
    expect(at(grid, 1, 1)).toEqual([255, 255, 255, 255]);
    expect(() => imageGrid([])).toThrow('imageGrid: there are no images; give at least one');
    expect(() => imageGrid([{ image }], { columns: 0 })).toThrow(UsageError);
    expect(() => imageGrid([{ image: { ...image, width: 3 } }])).toThrow(ShapeError);
  });

  it('enlarges by whole factors', () => {
    const small = grey(2, 1);
    small.data.set([1, 2, 3, 4]);
    const large = enlarged(small, 3);
    expect([large.width, large.height]).toEqual([6, 3]);
    expect(at(large, 2, 2)).toEqual([1, 2, 3, 4]);
    expect(at(large, 3, 2)).toEqual(GREY);
    expect(() => enlarged(small, 1.5)).toThrow('enlarged: factor is 1.5; give a whole number of at least 1');
  });

  it('is written as PNG', async () => {
    const png = await encodePng(imageGrid([{ image }], { background: '#102030' }));
    const { width, height, rgb } = await decodePng(png);
    expect([width, height]).toEqual([46, 36]);
    expect([...rgb.subarray(0, 3)]).toEqual([0x10, 0x20, 0x30]);
    expect([...rgb.subarray(3 * (18 * 46 + 20), 3 * (18 * 46 + 21))]).toEqual([90, 90, 90]);
  });
});

describe('what is drawn of objects', () => {
  const mask = { x: 1, y: 1, width: 2, height: 1, data: Uint8Array.of(1, 1) };

  it('annotationOverlay has outlines, masks, or else boxes, and one tag per object', () => {
    const points: [number, number][] = [
      [0, 0],
      [4, 0],
      [0, 4],
    ];
    const annotation = {
      width: 8,
      height: 4,
      shapes: [
        { label: 'b', box: [0, 0, 4, 4] as const, points, groupId: 1 },
        { label: 'b', box: [0, 0, 4, 4] as const, points, groupId: 1 },
        { label: 'a', box: [1, 1, 3, 2] as const, mask, groupId: null },
      ],
      ignored: [{ box: [5, 1, 7, 3] as const }],
    };
    const { boxes, polygons, masks } = annotationOverlay(annotation, { dashed: true });
    const line = { color: colorAt(1), dashed: true };
    expect(polygons).toEqual([
      { points, label: 'b', ...line },
      { points, ...line },
    ]);
    expect(boxes).toEqual([
      { box: [1, 1, 3, 2], label: 'a', color: colorAt(0), dashed: true },
      { box: [5, 1, 7, 3], label: 'ignored', color: '#8c959f', dashed: true },
    ]);
    expect(masks).toHaveLength(1);
    expect([...(masks![0]!.mask as Uint8Array)].flatMap((value, i) => (value ? [i] : []))).toEqual([9, 10]);
  });

  it('detectionOverlay has boxes with scores, and the masks of a class in one', () => {
    const found = { box: [0, 0, 4, 4] as const, label: 'b', score: 0.5, mask };
    const { boxes, masks } = detectionOverlay(
      [found, { ...found, mask: { ...mask, y: 2 } }],
      { width: 8, height: 4 },
      { classNames: ['a', 'b'] },
    );
    expect(boxes![0]).toEqual({ box: found.box, label: 'b', score: 0.5, color: colorAt(1), dashed: false });
    expect(masks!.map(({ color }) => parseColor(color))).toEqual([parseColor(colorAt(1))]);
    expect([...(masks![0]!.mask as Uint8Array)].filter((value) => value === 1)).toHaveLength(4);
  });
});
