import { describe, expect, it } from 'vitest';
import type { AnnotatedShape } from '../../src/data/annotation.ts';
import { type Crop, sampleCrop } from '../../src/data/augment/crop.ts';
import { compose, type Homography, invert, mapPoint, squareTo } from '../../src/data/augment/matrix.ts';
import type { Augment } from '../../src/data/augment/parameters.ts';
import { cropPoints } from '../../src/data/augment/points.ts';
import { cropImage } from '../../src/data/augment/resample.ts';
import {
  affine,
  crop as cropTo,
  flip,
  perspective,
  randomResizedCrop,
  resize,
  rotate,
  rotate90,
  zoom,
} from '../../src/data/augment/transforms.ts';
import { cropBoxes, cropIgnored, cropLabels, cropMask } from '../../src/data/cropTargets.ts';
import { rasterizePolygon } from '../../src/data/polygon.ts';
import type { Box, Point } from '../../src/vision/boxes.ts';
import { boxesFromMask } from '../../src/vision/boxes.ts';
import { Random } from '../../src/vision/random.ts';
import { blank, coordinates } from './pixels.ts';

const IMAGE = { width: 120, height: 90 };
const SIZE = [64, 80] as const;
const [H, W] = SIZE;

/** A white disk on black, and its shapes: by outline, by mask. */
function disk(cx: number, cy: number, radius: number) {
  const points = Array.from({ length: 180 }, (_, k): Point => {
    const angle = (k * Math.PI) / 90;
    return [cx + radius * Math.cos(angle), cy + radius * Math.sin(angle)];
  });
  const inside = rasterizePolygon(points, IMAGE);
  const image = blank(IMAGE.width, IMAGE.height);
  inside.forEach((value, i) => {
    image.data.fill(value, 3 * i, 3 * i + 3);
  });
  const box: Box = [cx - radius, cy - radius, cx + radius, cy + radius];
  const [x, y, width, height] = [Math.floor(box[0]), Math.floor(box[1]), 2 * radius + 2, 2 * radius + 2];
  const data = Uint8Array.from({ length: width * height }, (_, i) =>
    Number(inside[(y + Math.floor(i / width)) * IMAGE.width + x + (i % width)]),
  );
  const shape = { label: 'disk', box, groupId: null };
  const outline: AnnotatedShape = { ...shape, points };
  const mask: AnnotatedShape = { ...shape, mask: { x, y, width, height, data } };
  return { image, outline, mask, center: [cx, cy] as Point };
}

const whiteIn = (pixels: Float32Array): Uint8Array =>
  Uint8Array.from({ length: H * W }, (_, i) => Number(pixels[3 * i]! >= 0.5));

const LISTS: Readonly<Record<string, Augment>> = {
  flip: [flip({ horizontal: 0.5, vertical: 0.5 })],
  rotate90: [rotate90()],
  rotate: [rotate({ degrees: 180 })],
  zoom: [zoom({ scale: [0.6, 2] })],
  affine: [affine({ degrees: 30, scale: [0.7, 1.5], shear: [-20, 20, -10, 10], translate: [0.2, 0.2] })],
  perspective: [perspective({ distortionScale: 0.6 })],
  cover: [resize()],
  contain: [resize({ fit: 'contain' })],
  fill: [resize({ fit: 'fill' }), cropTo({ fill: 0 })],
  randomResizedCrop: [randomResizedCrop({ scale: [0.2, 1] })],
  together: [
    zoom({ scale: [0.8, 1.5] }),
    perspective({ distortionScale: 0.4, p: 0.7 }),
    rotate90(),
    affine({ degrees: 15, shear: 10, translate: [0.1, 0.1] }),
    cropTo({ fill: 0 }),
    flip({ vertical: 0.5 }),
  ],
};

/** Every pixel of a crop, and where it comes from, computed point by point. */
function* origins({
  toImage: [a, b, c, d, e, f, g, h, i],
}: Crop): Generator<[number, number, number, number]> {
  for (let v = 0; v < H; v++) {
    for (let u = 0; u < W; u++) {
      const [p, q] = [u + 0.5, v + 0.5];
      const w = g * p + h * q + i;
      yield [v * W + u, (a * p + b * q + c) / w, (d * p + e * q + f) / w, w];
    }
  }
}

describe.each(Object.entries(LISTS))('crops by %s', (_, augment) => {
  it('show at each pixel what is at its place in the image', () => {
    const image = coordinates(IMAGE.width, IMAGE.height);
    const random = new Random(3);
    for (let round = 0; round < 20; round++) {
      const crop = sampleCrop(IMAGE, { size: SIZE, augment }, random);
      const pixels = cropImage(image, crop);
      for (const [k, x, y, w] of origins(crop)) {
        const isIn = w > 0 && x >= 0 && x < IMAGE.width && y >= 0 && y < IMAGE.height;
        const wanted = isIn
          ? [
              Math.min(Math.max(x, 0.5), IMAGE.width - 0.5) / 100,
              Math.min(Math.max(y, 0.5), IMAGE.height - 0.5) / 100,
            ]
          : [crop.fill, crop.fill];
        const got = [pixels[3 * k]!, pixels[3 * k + 1]!];
        if (got.some((value, n) => Math.abs(value - wanted[n]!) > 2e-6)) {
          expect.fail(`pixel ${k} shows ${got}, (${x}, ${y}) is ${wanted}`);
        }
      }
    }
  });

  it('have their objects where the pixels are, of outlines and of masks', () => {
    const random = new Random(4);
    let compared = 0;
    for (let round = 0; round < 30; round++) {
      const scene = disk(random.range(30, 90), random.range(30, 60), 12 + random.integer(10));
      const crop = sampleCrop(IMAGE, { size: SIZE, augment: [...augment] }, random);
      const white = whiteIn(cropImage(scene.image, { ...crop, fill: 0 }));
      const [drawn] = boxesFromMask(white, { width: W, height: H });
      // A pixel of a shape is one of the disk's or touches one, and the other way around.
      for (const shape of [scene.outline, scene.mask]) {
        const labels = cropLabels({ shapes: [shape] }, crop, ['disk']);
        const mask = cropMask([shape], crop);
        expect(labels.every((label, i) => label === mask[i])).toBe(true);
        expectClose(white, labels);
        const [found] = cropBoxes([shape], crop, { minVisible: 0 });
        // Of a thin slice, the border of the crop shows a row of pixels more or less.
        if (!drawn || !found || Math.min(...sidesOf(found.box)) < 5) continue;
        compared++;
        const grain = pixelIn(crop);
        found.box.forEach((side, k) => {
          expect(Math.abs(side - drawn.box[k]!), `${found.box} for ${drawn.box}`).toBeLessThanOrEqual(
            1 + grain,
          );
        });
      }
      const [[u, v, visible] = [0, 0, 0]] = cropPoints([[...scene.center, 2]], crop);
      const isIn = u > 1 && v > 1 && u < W - 1 && v < H - 1;
      if (visible === 2) expect(white[Math.floor(v) * W + Math.floor(u)]).toBe(1);
      else expect(isIn).toBe(false);
    }
    expect(compared).toBeGreaterThan(30);
  });
});

const sidesOf = ([x1, y1, x2, y2]: Box): Point => [x2 - x1, y2 - y1];

/** The largest side of a pixel of the image in the crop. */
function pixelIn({ toImage }: Crop): number {
  const center = mapPoint(toImage, [W / 2, H / 2]);
  const back = invert(toImage);
  const at = ([dx, dy]: Point): Point => mapPoint(back, [center[0] + dx, center[1] + dy]);
  const [[x, y], [rx, ry], [bx, by]] = [at([0, 0]), at([1, 0]), at([0, 1])];
  return 1.5 * Math.max(Math.hypot(rx - x, ry - y), Math.hypot(bx - x, by - y));
}

/** Fails unless two masks differ along their borders only. */
function expectClose(a: ArrayLike<number>, b: ArrayLike<number>): void {
  for (let v = 1; v + 1 < H; v++) {
    for (let u = 1; u + 1 < W; u++) {
      const i = v * W + u;
      if (a[i] === b[i]) continue;
      const around = [i - 1, i + 1, i - W, i + W, i - W - 1, i - W + 1, i + W - 1, i + W + 1];
      if (around.every((k) => a[k] === a[i]) || around.every((k) => b[k] === b[i])) {
        expect.fail(`pixel (${u}, ${v}) is ${a[i]} in the image, ${b[i]} in the labels`);
      }
    }
  }
}

describe('boxes', () => {
  /** A crop of the whole of an image, turned about its middle. */
  const turned = (degrees: number): Crop => {
    const augment = [rotate({ degrees: [degrees, degrees] }), cropTo({ position: 'center' })];
    return sampleCrop({ width: 40, height: 40 }, { size: [40, 40], augment }, new Random(0));
  };
  const shape = (box: Box, extra: Partial<AnnotatedShape> = {}): AnnotatedShape => ({
    label: 'a',
    box,
    groupId: null,
    ...extra,
  });

  it('of an outline that is cut are exact, of a box those of its corners', () => {
    const crop = turned(45);
    const r = 10 * Math.SQRT2;
    const [whole] = cropBoxes([shape([10, 10, 30, 30])], crop);
    [20 - r, 20 - r, 20 + r, 20 + r].forEach((side, k) => {
      expect(whole!.box[k]).toBeCloseTo(side, 9);
    });
    // A triangle that becomes (20, 20), (20 + 2r, 20), (20 + r, 20 - r), of which the crop shows what is left of x = 40.
    const points: Point[] = [
      [20, 20],
      [40, 40],
      [40, 20],
    ];
    const [cut] = cropBoxes([shape([20, 20, 40, 40], { points })], crop, { minVisible: 0 });
    const side = 2 * r;
    expect(side).toBeGreaterThan(20);
    [20, 20 - r, 40, 20].forEach((value, k) => {
      expect(cut!.box[k]).toBeCloseTo(value, 9);
    });
    // The part beyond is a triangle with legs of 2r - 20.
    const beyond = (side - 20) ** 2 / 2 / (side ** 2 / 4);
    expect(
      cropBoxes([shape([20, 20, 40, 40], { points })], crop, { minVisible: 1 - beyond - 1e-9 }),
    ).toHaveLength(1);
    expect(cropBoxes([shape([20, 20, 40, 40], { points })], crop, { minVisible: 1 - beyond + 1e-9 })).toEqual(
      [],
    );
  });

  it('of regions to ignore are those of their corners', () => {
    const r = 5 * Math.SQRT2;
    const [box] = cropIgnored({ ignored: [{ box: [15, 15, 25, 25] }] }, turned(45));
    [20 - r, 20 - r, 20 + r, 20 + r].forEach((side, k) => {
      expect(box![k]).toBeCloseTo(side, 9);
    });
  });

  it('leave out what a region hides, even where joining the pieces would touch', () => {
    // A U of two prongs that reach over the region's border; the crop shows one.
    const points: Point[] = [
      [10, 10],
      [14, 10],
      [14, 32],
      [26, 32],
      [26, 10],
      [30, 10],
      [30, 36],
      [10, 36],
    ];
    const crop: Crop = { ...turned(0.001), region: [0, 0, 40, 30] };
    const [u] = cropBoxes([shape([10, 10, 30, 36], { points })], crop, { minVisible: 0 });
    [10, 10, 30, 30].forEach((side, k) => {
      expect(u!.box[k]).toBeCloseTo(side, 1);
    });
    const left: Crop = { ...crop, windows: [[0, 0, 20, 40]] };
    const [prong] = cropBoxes([shape([10, 10, 30, 36], { points })], left, { minVisible: 0 });
    [10, 10, 14, 30].forEach((side, k) => {
      expect(prong!.box[k]).toBeCloseTo(side, 1);
    });
  });

  it('behind the horizon are not seen', () => {
    // w = 1 - x / 10 from image to crop: what is right of x = 10 is behind.
    const toCrop: Homography = [1, 0, 0, 0, 1, 0, -0.1, 0, 1];
    const crop: Crop = {
      size: [20, 20],
      toImage: invert(toCrop),
      region: [0, 0, 40, 40],
      fill: 0,
      effects: [],
    };
    expect(cropBoxes([shape([20, 2, 30, 8])], crop, { minVisible: 0 })).toEqual([]);
    expect(cropLabels({ shapes: [shape([20, 2, 30, 8])] }, crop, ['a']).every((value) => value === 0)).toBe(
      true,
    );
    expect(cropPoints([[20, 5, 1]], crop)).toEqual([[0, 0, 0]]);
    const [half] = cropBoxes([shape([5, 1, 30, 3])], crop, { minVisible: 0 });
    // x = 5 goes to 10, y = 1 to 2; x of 20 / 3 goes to 20, where y = 3 is 9.
    [10, 2, 20, 9].forEach((side, k) => {
      expect(half!.box[k]).toBeCloseTo(side, 9);
    });
  });
});

describe('points', () => {
  it('change places with their counterparts where a crop is mirrored', () => {
    const eyes = [
      [10, 5, 2],
      [30, 5, 1],
      [20, 15, 2],
    ] as const;
    const whole = { size: [20, 40] as const };
    const image = { width: 40, height: 20 };
    const mirrored = sampleCrop(image, { ...whole, augment: [flip({ horizontal: 1 })] }, new Random(0));
    const flipIndices = [1, 0, 2];
    expect(cropPoints(eyes, mirrored, { flipIndices })).toEqual([
      [10, 5, 1],
      [30, 5, 2],
      [20, 15, 2],
    ]);
    const turned = sampleCrop(
      image,
      { ...whole, augment: [flip({ horizontal: 1, vertical: 1 })] },
      new Random(0),
    );
    expect(cropPoints(eyes, turned, { flipIndices })).toEqual([
      [30, 15, 2],
      [10, 15, 1],
      [20, 5, 2],
    ]);
    expect(() => cropPoints(eyes, turned, { flipIndices: [0, 1] })).toThrow('flipIndices is [0, 1]');
  });

  it('are invisible outside', () => {
    const crop: Crop = {
      ...sampleCrop({ width: 40, height: 20 }, { size: [20, 40] }, new Random(0)),
      region: [5, 0, 40, 20],
      windows: [[0, 0, 30, 20]],
    };
    const visible = (x: number, y: number): number => cropPoints([[x, y, 2]], crop)[0]![2];
    expect([visible(6, 3), visible(4, 3), visible(31, 3), visible(6, 21)]).toEqual([2, 0, 0, 0]);
  });
});

describe('squareTo', () => {
  it('takes the corners of a box to four points, and back', () => {
    const to = [
      [1, 2],
      [9, 3],
      [8, 11],
      [0, 7],
    ] as const;
    const map = squareTo([-2, -3, 6, 5], to);
    const from = [
      [-2, -3],
      [6, -3],
      [6, 5],
      [-2, 5],
    ] as const;
    from.forEach((corner, k) => {
      const [x, y] = mapPoint(map, corner);
      expect(x).toBeCloseTo(to[k]![0], 12);
      expect(y).toBeCloseTo(to[k]![1], 12);
      const [u, v] = mapPoint(compose(invert(map), map), corner);
      expect(u).toBeCloseTo(corner[0], 12);
      expect(v).toBeCloseTo(corner[1], 12);
    });
  });
});
