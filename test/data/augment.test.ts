import { describe, expect, it } from 'vitest';
import type { AnnotatedShape } from '../../src/data/annotation.ts';
import { type Crop, sampleCrop, toImageOf } from '../../src/data/augment/crop.ts';
import { compose, rotation, scaling } from '../../src/data/augment/matrix.ts';
import { cropImage } from '../../src/data/augment/resample.ts';
import { colorJitter, crop as cropTo, flip, rotate90, zoom } from '../../src/data/augment/transforms.ts';
import { cropBoxes, cropIgnored, cropLabels } from '../../src/data/cropTargets.ts';
import type { FloatImage } from '../../src/data/image.ts';
import { rasterizePolygon } from '../../src/data/polygon.ts';
import { DataError } from '../../src/errors.ts';
import type { Box, Point } from '../../src/vision/boxes.ts';
import { boxesFromMask } from '../../src/vision/boxes.ts';
import { Random } from '../../src/vision/random.ts';
import { blank, coordinates, drawBox, expectNear } from './pixels.ts';

const ALL_MOVES = ([0, 1, 2, 3] as const).flatMap((quarterTurns) =>
  [false, true].flatMap((flipHorizontal) =>
    [false, true].map((flipVertical) => ({ quarterTurns, flipHorizontal, flipVertical })),
  ),
);

const shape = (box: Box, extra: Partial<AnnotatedShape> = {}): AnnotatedShape => ({
  label: 'coin',
  box,
  groupId: null,
  ...extra,
});

const asPolygon = ([x1, y1, x2, y2]: Box): Point[] => [
  [x1, y1],
  [x2, y1],
  [x2, y2],
  [x1, y2],
];

const plain = (size: [number, number], region: Box, toImage: Crop['toImage']): Crop => ({
  size,
  region,
  toImage,
  fill: 0.5,
  effects: [],
});

interface Moves {
  readonly size: Crop['size'];
  readonly origin: readonly [number, number];
  readonly scale: number;
  readonly quarterTurns: number;
  readonly flipHorizontal: boolean;
  readonly flipVertical: boolean;
}

/** The map of a window at `origin` that fills the crop once it is scaled, turned clockwise and mirrored. */
function cropTransform({ size, origin, scale, ...moves }: Moves): Crop['toImage'] {
  const mirror = scaling(moves.flipHorizontal ? -1 : 1, moves.flipVertical ? -1 : 1);
  const linear = compose(mirror, compose(rotation(-90 * moves.quarterTurns), scaling(scale, scale)));
  return toImageOf({ linear, still: linear }, size, () => origin);
}

function render(image: FloatImage, crop: Crop): Float32Array {
  const out = new Float32Array(crop.size[0] * crop.size[1] * 3).fill(Number.NaN);
  cropImage(image, crop, out);
  return out;
}

describe('crops', () => {
  it('turn a 3 x 2 window as drawn by hand', () => {
    const image = coordinates(10, 10);
    const at = (quarterTurns: 0 | 1 | 2 | 3, flipHorizontal: boolean, size: [number, number]) => {
      const toImage = cropTransform({
        size,
        origin: [4, 5],
        scale: 1,
        quarterTurns,
        flipHorizontal,
        flipVertical: false,
      });
      const out = render(image, plain(size, [0, 0, 10, 10], toImage));
      return Array.from(
        { length: 6 },
        (_, i) => `${Math.floor(out[3 * i]! * 100)}${Math.floor(out[3 * i + 1]! * 100)}`,
      ).join(' ');
    };
    expect(at(0, false, [2, 3])).toBe('45 55 65 46 56 66');
    expect(at(0, true, [2, 3])).toBe('65 55 45 66 56 46');
    expect(at(1, false, [3, 2])).toBe('46 45 56 55 66 65'); // clockwise: the left column becomes the top row
    expect(at(2, false, [2, 3])).toBe('66 56 46 65 55 45');
    expect(at(3, false, [3, 2])).toBe('65 66 55 56 45 46');
    expect(at(1, true, [3, 2])).toBe('45 46 55 56 65 66');
  });

  it('sample bilinearly where toImage says, at any scale', () => {
    const image = coordinates(90, 80);
    const random = new Random(5);
    for (let i = 0; i < 60; i++) {
      const crop = sampleCrop(
        image,
        { size: [17, 23], augment: [zoom({ scale: [0.5, 3] }), rotate90(), flip({ vertical: 0.5 })] },
        random,
      );
      const out = render(image, crop);
      const [a, b, c, d, e, f] = crop.toImage;
      for (let v = 0; v < 17; v++) {
        for (let u = 0; u < 23; u++) {
          const x = a * (u + 0.5) + b * (v + 0.5) + c;
          const y = d * (u + 0.5) + e * (v + 0.5) + f;
          // The outermost half pixels repeat the border's.
          expect(out[3 * (v * 23 + u)]).toBeCloseTo(Math.min(Math.max(x, 0.5), 89.5) / 100, 5);
          expect(out[3 * (v * 23 + u) + 1]).toBeCloseTo(Math.min(Math.max(y, 0.5), 79.5) / 100, 5);
        }
      }
    }
  });

  it('copy pixels where the scale is 1', () => {
    const image = coordinates(30, 30);
    const random = new Random(1);
    for (let i = 0; i < 20; i++) {
      const crop = sampleCrop(image, { size: [8, 8], augment: [rotate90(), flip()] }, random);
      for (const [k, value] of render(image, crop).entries()) {
        if (k % 3 < 2) expect(value * 100 - 0.5).toBeCloseTo(Math.round(value * 100 - 0.5), 4);
      }
    }
  });

  it('never read or label a pixel outside the region, and reach every pixel in it', () => {
    const region: Box = [10, 5, 40, 33];
    const inside = drawBox(blank(60, 50, Number.NaN), [0, 0, 0, 0]);
    for (let y = 5; y < 33; y++) inside.data.fill(0.25, 3 * (y * 60 + 10), 3 * (y * 60 + 40));
    const everywhere = [shape([0, 0, 60, 50], { points: asPolygon([0, 0, 60, 50]) })];
    const random = new Random(2);
    const seen = new Set<string>();
    for (let i = 0; i < 400; i++) {
      const augment = [
        zoom({ scale: [0.4, 2.5] }),
        rotate90(),
        cropTo({ fill: 0.75 }),
        flip({ vertical: 0.5 }),
      ];
      const crop = sampleCrop(inside, { size: [24, 20], region, augment }, random);
      const out = render(inside, crop);
      const labels = cropLabels({ shapes: everywhere }, crop, ['coin']);
      const [a, b, c, d, e, f] = crop.toImage;
      for (const [k, label] of labels.entries()) {
        const [u, v] = [(k % 20) + 0.5, Math.floor(k / 20) + 0.5];
        const [x, y] = [a * u + b * v + c, d * u + e * v + f];
        const isIn = x >= 10 && x < 40 && y >= 5 && y < 33;
        if (out[3 * k] !== (isIn ? 0.25 : 0.75) || label !== Number(isIn)) {
          expect.fail(`pixel ${u}, ${v} from ${x}, ${y} is ${out[3 * k]}, label ${label}`);
        }
        if (isIn) seen.add(`${Math.floor(x)},${Math.floor(y)}`);
      }
    }
    expect(seen.size).toBe(30 * 28);
  });

  it('keep a region smaller than the crop whole, padded on all sides', () => {
    const random = new Random(3);
    const image = blank(6, 4, 1);
    const counts = Array.from({ length: 50 }, () => {
      const out = render(image, sampleCrop(image, { size: [8, 16] }, random));
      expect(out.filter((value) => value === 1).length).toBe(6 * 4 * 3);
      expect(out.filter((value) => value === 0.5).length).toBe((8 * 16 - 24) * 3);
      return out.indexOf(1);
    });
    expect(new Set(counts).size).toBeGreaterThan(20);
  });

  it('jitter colours as torchvision does, and keep them in 0..1', () => {
    const image = blank(2, 1);
    image.data.set([0.2, 0.4, 0.6, 0.8, 0.5, 0.1]);
    const base = plain([1, 2], [0, 0, 2, 1], [1, 0, 0, 0, 1, 0, 0, 0, 1]);
    const near = (crop: Crop, want: number[]) => {
      const got = render(image, crop);
      want.forEach((value, i) => {
        expect(got[i]).toBeCloseTo(value, 5);
      });
    };
    const jittered = (change: object): Crop => ({
      ...base,
      effects: [{ name: 'colorJitter', brightness: 1, contrast: 1, saturation: 1, hue: 0, ...change }],
    });
    near(base, [0.2, 0.4, 0.6, 0.8, 0.5, 0.1]);
    near(jittered({ brightness: 1.5 }), [0.3, 0.6, 0.9, 1, 0.75, 0.15]);
    const greys = [0.299 * 0.2 + 0.587 * 0.4 + 0.114 * 0.6, 0.299 * 0.8 + 0.587 * 0.5 + 0.114 * 0.1];
    near(jittered({ contrast: 0 }), new Array(6).fill((greys[0]! + greys[1]!) / 2));
    near(jittered({ saturation: 0 }), [greys[0]!, greys[0]!, greys[0]!, greys[1]!, greys[1]!, greys[1]!]);
    near(
      jittered({ saturation: 0.5 }),
      [0.2, 0.4, 0.6].map((x) => (x + greys[0]!) / 2),
    );
    const random = new Random(8);
    for (let i = 0; i < 50; i++) {
      const augment = [colorJitter({ brightness: 1, contrast: 1, saturation: 1, hue: 0.5 })];
      const crop = sampleCrop(image, { size: [1, 2], augment }, random);
      expect(render(image, crop).every((value) => value >= 0 && value <= 1)).toBe(true);
      const [effect] = crop.effects;
      if (effect?.name !== 'colorJitter') expect.fail('no colorJitter');
      expect(effect.brightness >= 0 && effect.brightness <= 2).toBe(true);
    }
  });

  it('depend on the generator alone', () => {
    const options = { augment: [zoom({ scale: [0.5, 2] }), rotate90(), colorJitter({ brightness: 0.2 })] };
    const once = sampleCrop(blank(50, 50), { size: [8, 8], ...options }, new Random(9));
    expect(sampleCrop(blank(50, 50), { size: [8, 8], ...options }, new Random(9))).toEqual(once);
    expect(sampleCrop(blank(50, 50), { size: [8, 8], ...options }, new Random(10))).not.toEqual(once);
  });

  it('refuse what cannot be', () => {
    const random = new Random(0);
    const image = blank(20, 10);
    expect(() => sampleCrop(image, { size: [8, 8], region: [20, 0, 30, 10] }, random)).toThrow(
      /region \[20, 0, 30, 10\]/,
    );
    expect(() => sampleCrop(image, { size: [8.5, 8] }, random)).toThrow(DataError);
  });
});

describe('objects of a crop', () => {
  it.each(ALL_MOVES)('are where their pixels are: %o', (moves) => {
    const random = new Random(11);
    for (let round = 0; round < 12; round++) {
      const [x, y] = [20 + random.integer(15), 20 + random.integer(15)];
      const box: Box = [x, y, x + 12 + random.integer(12), y + 12 + random.integer(12)];
      const image = drawBox(blank(80, 70), box);
      const scale = random.range(0.7, 2.2);
      const origin = [random.range(0, 20), random.range(0, 20)] as const;
      const toImage = cropTransform({ size: [60, 64], origin, scale, ...moves });
      const crop = plain([60, 64], [0, 0, 80, 70], toImage);
      const mask = { x: box[0], y: box[1], width: box[2] - box[0], height: box[3] - box[1] };
      const patch = { ...mask, data: new Uint8Array(mask.width * mask.height).fill(1) };
      const out = render(image, crop);
      const drawn = boxesFromMask(
        Uint8Array.from({ length: 60 * 64 }, (_, i) =>
          Number(out[3 * i]! >= 0.5 && toImageIsInside(crop, i)),
        ),
        { width: 64, height: 60 },
      );
      for (const extra of [{}, { points: asPolygon(box) }, { mask: patch }]) {
        const found = cropBoxes([shape(box, extra)], crop, { minVisible: 0 });
        const filled = boxesFromMask(cropLabels({ shapes: [shape(box, extra)] }, crop, ['coin']), {
          width: 64,
          height: 60,
        });
        if (drawn.length === 0) continue;
        expectNear(filled[0]!.box, drawn[0]!.box, 1);
        expectNear(found[0]!.box, drawn[0]!.box, 1);
      }
    }
  });

  it('are boxed by what is left of a polygon, or of a mask', () => {
    // A triangle with its point at the right, of which the crop sees the right half: a quarter of its area.
    const points: Point[] = [
      [0, 0],
      [16, 8],
      [0, 16],
    ];
    const crop = plain([16, 16], [0, 0, 40, 40], [1, 0, 8, 0, 1, 0, 0, 0, 1]);
    const triangle = shape([0, 0, 16, 16], { points });
    expect(cropBoxes([triangle], crop, { minVisible: 0.2 })).toEqual([
      { label: 'coin', box: [0, 4, 8, 12], shapes: [triangle] },
    ]);
    expect(cropBoxes([triangle], crop, { minVisible: 0.26 })).toEqual([]);
    const mask = {
      x: 0,
      y: 0,
      width: 16,
      height: 16,
      data: rasterizePolygon(points, { width: 16, height: 16 }),
    };
    // By pixel centres the point ends a pixel earlier: row 7 reaches x = 15.
    const cut = cropBoxes([shape([0, 0, 16, 16], { mask })], crop, { minVisible: 0.2 });
    expect(cut).toMatchObject([{ label: 'coin', box: [0, 4, 7, 12] }]);
    // Its box alone would be half visible, and too high.
    expect(cropBoxes([shape([0, 0, 16, 16])], crop)).toMatchObject([{ label: 'coin', box: [0, 0, 8, 16] }]);
  });

  it('are dropped below 35 % of their area or under a pixel, in the order of the shapes', () => {
    const crop = plain([10, 10], [0, 0, 100, 100], [1, 0, 0, 0, 1, 0, 0, 0, 1]);
    const shapes = [
      shape([6.5, 0, 16.5, 5], { label: 'b' }),
      shape([6.6, 0, 16.6, 5], { label: 'c' }),
      shape([1, 1, 1.9, 5], { label: 'thin' }),
      shape([20, 20, 30, 30], { label: 'out' }),
      shape([0, 0, 3, 3], { label: 'a' }),
    ];
    expect(cropBoxes(shapes, crop).map(({ label }) => label)).toEqual(['b', 'a']);
    // What is left out and yet seen is no background either; what is out of sight is nothing.
    const ignored = [{ box: [2, 2, 4, 12] as const }];
    expect(cropIgnored({ shapes, ignored }, crop)).toEqual([
      [2, 2, 4, 10],
      [6.6, 0, 10, 5],
      [1, 1, 1.9, 5],
    ]);
    expect(cropIgnored({ shapes }, crop, { minVisible: 0.3 })).toEqual([[1, 1, 1.9, 5]]);
    expect(() => cropBoxes(shapes, crop, { minVisibel: 0 } as never)).toThrow('did you mean minVisible?');
  });

  it('join the shapes of a group', () => {
    const crop = plain([10, 10], [0, 0, 100, 100], [1, 0, 0, 0, 1, 0, 0, 0, 1]);
    const part = (box: Box, label = 'coin') => shape(box, { label, groupId: 7 });
    const shapes = [part([0, 0, 2, 2]), part([5, 6, 7, 9]), part([1, 1, 4, 4], 'cup'), shape([3, 3, 5, 5])];
    expect(cropBoxes(shapes, crop)).toEqual([
      { label: 'coin', box: [0, 0, 7, 9], shapes: shapes.slice(0, 2) },
      { label: 'cup', box: [1, 1, 4, 4], shapes: [shapes[2]] },
      { label: 'coin', box: [3, 3, 5, 5], shapes: [shapes[3]] },
    ]);
    // 4 of 104 square pixels are to be seen.
    expect(cropBoxes([part([0, 0, 2, 2]), part([20, 0, 30, 10])], crop)).toEqual([]);
  });

  it('are labelled by class, later ones on top', () => {
    const crop = plain([2, 4], [0, 0, 4, 2], [1, 0, 0, 0, 1, 0, 0, 0, 1]);
    const shapes = [shape([0, 0, 3, 2], { label: 'b' }), shape([2, 1, 9, 9], { label: 'a' })];
    expect([...cropLabels({ shapes }, crop, ['a', 'b'])]).toEqual([2, 2, 2, 0, 2, 2, 1, 1]);
    expect(() => cropLabels({ shapes }, crop, ['a'])).toThrow(/label "b"/);
  });
});

function toImageIsInside(crop: Crop, i: number): boolean {
  const [u, v] = [(i % crop.size[1]) + 0.5, Math.floor(i / crop.size[1]) + 0.5];
  const [a, b, c, d, e, f] = crop.toImage;
  const [x, y] = [a * u + b * v + c, d * u + e * v + f];
  return x >= crop.region[0] && x < crop.region[2] && y >= crop.region[1] && y < crop.region[3];
}
