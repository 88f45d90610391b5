import { existsSync, readFileSync } from 'node:fs';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import {
  type Annotation,
  type DecodePng,
  embeddedImage,
  formatLabelme,
  parseLabelme,
  polygonArea,
  rasterizePolygon,
  toAnnotation,
} from '../../src/data/index.ts';
import { fileOf, pngOf, read, triangle } from './labelmeFiles.ts';

const COINS = new URL('../../examples/coins/', import.meta.url);
const SHARED_COINS = new URL('../../../shared/data/coins/coins.json', import.meta.url);

describe('reading shapes', () => {
  it('keeps polygons, labels and groups, and turns backslashes of the path', async () => {
    const annotation = await read(
      [
        { ...triangle, group_id: 3 },
        { ...triangle, label: 'b' },
      ],
      {
        imagePath: '..\\images\\a.png',
      },
    );
    expect(annotation).toEqual({
      imagePath: '../images/a.png',
      width: 20,
      height: 10,
      shapes: [
        { label: 'a', points: triangle.points, box: [1, 1, 5, 5], groupId: 3 },
        { label: 'b', points: triangle.points, box: [1, 1, 5, 5], groupId: null },
      ],
    });
  });

  it('takes rectangles from any two corners, or four', async () => {
    const corners = [
      [
        [2, 3],
        [8, 7],
      ],
      [
        [8, 3],
        [2, 7],
      ],
      [
        [8, 7],
        [2, 3],
      ],
      [
        [2, 3],
        [8, 3],
        [8, 7],
        [2, 7],
      ],
    ];
    const { shapes } = await read(corners.map((points) => ({ label: 'r', points, shape_type: 'rectangle' })));
    for (const shape of shapes) expect(shape).toEqual({ label: 'r', box: [2, 3, 8, 7], groupId: null });
  });

  it('keeps the corners of a turned rectangle', async () => {
    const points = [
      [5, 1],
      [9, 5],
      [5, 9],
      [1, 5],
    ];
    const { shapes } = await read([{ label: 'r', points, shape_type: 'rectangle' }]);
    expect(shapes[0]).toEqual({ label: 'r', box: [1, 1, 9, 9], points, groupId: null });
  });

  it('draws circles finely enough and cuts them off at the image', async () => {
    const circle = { label: 'c', shape_type: 'circle' };
    const { shapes } = await read([
      {
        ...circle,
        points: [
          [10, 5],
          [10, 8],
        ],
      },
      {
        ...circle,
        points: [
          [0, 0],
          [6, 0],
        ],
      },
    ]);
    const [whole, quarter] = shapes;
    expect(whole!.points!.length).toBeGreaterThanOrEqual(32);
    for (const [x, y] of whole!.points!) expect(Math.hypot(x - 10, y - 5)).toBeCloseTo(3, 9);
    expect(whole!.box.map((value) => Math.round(value * 1e6) / 1e6)).toEqual([7, 2, 13, 8]);
    expect(quarter!.box[0]).toBe(0);
    expect(quarter!.box[1]).toBe(0);
    expect(polygonArea(quarter!.points!)).toBeCloseTo(9 * Math.PI, 0);

    const large = await read(
      [
        {
          ...circle,
          points: [
            [500, 500],
            [900, 500],
          ],
        },
      ],
      {
        imageHeight: 1000,
        imageWidth: 1000,
      },
    );
    const { points } = large.shapes[0]!;
    for (const [i, [x, y]] of points!.entries()) {
      const [nextX, nextY] = points![(i + 1) % points!.length]!;
      expect(400 - Math.hypot((x + nextX) / 2 - 500, (y + nextY) / 2 - 500)).toBeLessThan(0.251);
    }
  });

  it('moves points within a pixel of the image to its edge', async () => {
    const points = [
      [-0.75, -1],
      [21, 0],
      [20.5, 11],
    ];
    const { shapes } = await read([{ ...triangle, points }]);
    expect(shapes[0]!.points).toEqual([
      [0, 0],
      [20, 0],
      [20, 10],
    ]);
    expect(shapes[0]!.box).toEqual([0, 0, 20, 10]);
  });

  it('reads masks through the decoder, cut to the pixels that are set', async () => {
    const png = await pngOf(4, 3, [0, 0, 0, 0, 0, 1, 255, 0, 0, 1, 0, 0]);
    const mask = {
      label: 'm',
      points: [
        [10, 2],
        [13, 4],
      ],
      shape_type: 'mask',
      mask: png,
    };
    const { shapes } = await read([mask]);
    expect(shapes[0]).toEqual({
      label: 'm',
      box: [11, 3, 13, 5],
      mask: { x: 11, y: 3, width: 2, height: 2, data: Uint8Array.of(1, 1, 1, 0) },
      groupId: null,
    });
  });

  it('takes decoders of four channels, and cuts masks off at the image', async () => {
    const png = await pngOf(2, 2, [1, 1, 1, 1]);
    const text = fileOf([
      {
        label: 'm',
        points: [
          [19, 9],
          [20, 10],
        ],
        shape_type: 'mask',
        mask: png,
      },
    ]);
    const rgba: DecodePng = async (bytes) => {
      expect([...bytes]).toEqual([...Buffer.from(png, 'base64')]);
      return {
        width: 2,
        height: 2,
        data: Uint8ClampedArray.from({ length: 16 }, (_, i) => (i % 4 === 3 ? 255 : 1)),
      };
    };
    const { shapes } = await toAnnotation(parseLabelme(text, 'a.json'), 'a.json', { decodePng: rgba });
    expect(shapes[0]!.mask).toEqual({ x: 19, y: 9, width: 1, height: 1, data: Uint8Array.of(1) });
  });

  it('does without what is not needed: flags, version, description, type of old polygons', async () => {
    const { shapes, imagePath } = await read([{ label: 'a', points: triangle.points, flags: '' }], {
      version: undefined,
      flags: null,
      imagePath: undefined,
      lineColor: [0, 255, 0, 128],
    });
    expect(shapes).toEqual([{ label: 'a', points: triangle.points, box: [1, 1, 5, 5], groupId: null }]);
    expect(imagePath).toBeUndefined();
  });

  it('gives the embedded image', () => {
    const document = parseLabelme(fileOf([triangle], { imageData: 'AQL/' }), 'a.json');
    expect(embeddedImage(document, 'a.json')).toEqual(Uint8Array.of(1, 2, 255));
    expect(embeddedImage(parseLabelme(fileOf([triangle]), 'a.json'), 'a.json')).toBeUndefined();
    expect(() => embeddedImage({ ...document, imageData: '*' }, 'a.json')).toThrow(
      /^a\.json: imageData is not base64; /,
    );
  });
});

describe('formatLabelme', () => {
  const annotation: Annotation = {
    imagePath: 'photos/a.png',
    width: 20,
    height: 10,
    shapes: [
      {
        label: 'polygon',
        points: [
          [1, 1],
          [5, 1.5],
          [1, 5],
        ],
        box: [1, 1, 5, 5],
        groupId: 4,
      },
      { label: 'box', box: [2.25, 3, 8, 7.125], groupId: null, score: 0.973 },
    ],
  };

  it('writes the keys that Labelme 5 reads', () => {
    const text = formatLabelme(annotation, { imagePath: 'b.png', version: '5.4.0' });
    expect(text.endsWith('}\n')).toBe(true);
    expect(JSON.parse(text)).toEqual({
      version: '5.4.0',
      flags: {},
      shapes: [
        {
          label: 'polygon',
          points: [
            [1, 1],
            [5, 1.5],
            [1, 5],
          ],
          group_id: 4,
          description: '',
          shape_type: 'polygon',
          flags: {},
        },
        {
          label: 'box',
          points: [
            [2.25, 3],
            [8, 7.125],
          ],
          group_id: null,
          description: 'score 0.973',
          shape_type: 'rectangle',
          flags: {},
        },
      ],
      imagePath: 'b.png',
      imageData: null,
      imageHeight: 10,
      imageWidth: 20,
    });
  });

  it('comes back as it was', async () => {
    const text = formatLabelme(annotation);
    expect(await toAnnotation(parseLabelme(text, 'a.json'), 'a.json')).toEqual(annotation);
  });

  it('writes masks as polygons, and the parts of one as a group of its own', async () => {
    const data = Uint8Array.of(1, 1, 0, 0, 1, 1, 0, 1);
    const mask = { x: 10, y: 4, width: 4, height: 2, data };
    const masked: Annotation = {
      ...annotation,
      shapes: [...annotation.shapes, { label: 'm', box: [10, 4, 14, 6], mask, groupId: null, score: 0.5 }],
    };
    const text = formatLabelme(masked, { tolerance: 0 });
    const { shapes } = await toAnnotation(parseLabelme(text, 'a.json'), 'a.json');
    const parts = shapes.slice(2);
    expect(parts.map(({ groupId, score, box }) => ({ groupId, score, box }))).toEqual([
      { groupId: 5, score: 0.5, box: [10, 4, 12, 6] },
      { groupId: 5, score: 0.5, box: [13, 5, 14, 6] },
    ]);
    const again = new Uint8Array(200);
    for (const { points } of parts) {
      rasterizePolygon(points!, { width: 20, height: 10 }).forEach((value, i) => {
        again[i]! |= value;
      });
    }
    for (let i = 0; i < data.length; i++) {
      expect(again[(4 + Math.floor(i / 4)) * 20 + 10 + (i % 4)]).toBe(data[i]);
    }
  });

  it('refuses what would make a file that cannot be read', () => {
    const shape = annotation.shapes[1]!;
    const broken: Annotation = { ...annotation, shapes: [{ ...shape, box: [0, 0, Number.NaN, 1] }] };
    expect(() => formatLabelme(broken)).toThrow(/shapes\[0\]: point \(NaN, 1\) is not finite/);
    expect(() => formatLabelme({ ...annotation, imagePath: undefined })).toThrow(/no image path/);
    const mask = { x: 0, y: 0, width: 1, height: 1, data: Uint8Array.of(0) };
    expect(() => formatLabelme({ ...annotation, shapes: [{ ...shape, mask }] })).toThrow(/no pixel set/);
  });
});

describe('the coins', () => {
  const text = readFileSync(new URL('coins.json', COINS), 'utf8');

  it('are 24 polygons in the image beside them', async () => {
    const annotation = await toAnnotation(parseLabelme(text, 'coins.json'), 'coins.json');
    const { width, height } = await sharp(readFileSync(new URL(annotation.imagePath!, COINS))).metadata();
    expect([annotation.width, annotation.height]).toEqual([width, height]);
    expect(annotation.shapes.length).toBe(24);
    for (const { label, points, box } of annotation.shapes) {
      expect(label).toBe('coin');
      const area = rasterizePolygon(points!, { width, height }).reduce((sum, value) => sum + value, 0);
      expect(Math.abs(area / polygonArea(points!) - 1)).toBeLessThan(0.03);
      const side = (box[2] - box[0]) * (box[3] - box[1]);
      expect(area / side).toBeGreaterThan(0.7);
    }
  });

  it('come back, byte for byte in what they mean', async () => {
    const annotation = await toAnnotation(parseLabelme(text, 'coins.json'), 'coins.json');
    expect(JSON.parse(formatLabelme(annotation))).toEqual(JSON.parse(text));
  });

  it.runIf(existsSync(SHARED_COINS))('are the ones that were handed out', () => {
    expect(text).toBe(readFileSync(SHARED_COINS, 'utf8'));
  });
});
