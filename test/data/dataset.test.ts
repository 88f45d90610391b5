import { describe, expect, it } from 'vitest';
import type { AnnotatedShape } from '../../src/data/annotation.ts';
import { colorJitter, crop, flip, rotate90, zoom } from '../../src/data/augment/transforms.ts';
import type { BatchOptions, Sample } from '../../src/data/dataset.ts';
import { BatchSource, classNames } from '../../src/data/dataset.ts';
import { DataError } from '../../src/errors.ts';
import type { Box } from '../../src/vision/boxes.ts';
import { boxesFromMask } from '../../src/vision/boxes.ts';

const WIDTH = 60;
const HEIGHT = 50;

/** An image of one grey, with its shapes drawn white. */
function sample(name: string, grey: number, shapes: AnnotatedShape[]): Sample {
  const data = new Float32Array(WIDTH * HEIGHT * 3).fill(grey);
  for (const { box } of shapes) {
    for (let y = box[1]; y < box[3]; y++) data.fill(1, 3 * (y * WIDTH + box[0]), 3 * (y * WIDTH + box[2]));
  }
  const image = { width: WIDTH, height: HEIGHT, channels: 3 as const, data };
  return { name, image, annotation: { width: WIDTH, height: HEIGHT, shapes } };
}

const shape = (label: string, box: Box): AnnotatedShape => ({ label, box, groupId: null });

const samples = [
  sample('a', 0.1, [shape('coin', [10, 10, 30, 30]), shape('cup', [35, 20, 55, 45])]),
  sample('b', 0.2, [shape('coin', [20, 5, 40, 20])]),
  sample('negative', 0.3, []),
];

const options = (extra: Partial<BatchOptions<'detect'>> = {}): BatchOptions<'detect'> => ({
  task: 'detect',
  batchSize: 2,
  size: [24, 32],
  classNames: ['coin', 'cup'],
  seed: 1,
  augment: [zoom({ scale: [0.7, 1.5] }), rotate90(), flip({ vertical: 0.5 })],
  ...extra,
});

describe('classNames', () => {
  it('are sorted and unique', () => {
    expect(classNames([...samples, sample('c', 0, [shape('apple', [0, 0, 5, 5])])])).toEqual([
      'apple',
      'coin',
      'cup',
    ]);
    expect(classNames([])).toEqual([]);
  });
});

describe('BatchSource', () => {
  it('gives detection batches of fixed shapes, padded behind the count', () => {
    const source = new BatchSource(samples, options({ maxBoxes: 5 }));
    let objects = 0;
    for (let n = 0; n < 60; n++) {
      const { images, boxes, labels, counts } = source.next();
      expect([images.length, boxes.length, labels.length, counts.length]).toEqual([
        2 * 24 * 32 * 3,
        40,
        10,
        2,
      ]);
      for (let i = 0; i < 10; i++) {
        const [x1, y1, x2, y2] = boxes.subarray(4 * i, 4 * i + 4);
        if (i % 5 < counts[Math.floor(i / 5)]!) {
          objects++;
          expect([0, 1]).toContain(labels[i]);
          expect(x1! >= 0 && y1! >= 0 && x2! <= 32 && y2! <= 24 && x2! - x1! >= 1 && y2! - y1! >= 1).toBe(
            true,
          );
        } else {
          expect([labels[i], x1, y1, x2, y2]).toEqual([-1, 0, 0, 0, 0]);
        }
      }
    }
    expect(objects).toBeGreaterThan(30);
  });

  it('teaches no object to be background: what is cut off, or more than fits, is ignored', () => {
    const many = Array.from({ length: 70 }, (_, i) =>
      shape('coin', [(i % 10) * 6, Math.floor(i / 10) * 7, (i % 10) * 6 + 3, Math.floor(i / 10) * 7 + 4]),
    );
    for (const [scenes, extra] of [
      [samples, {}],
      [samples, { maxBoxes: 1 }],
      [samples, { minVisible: 1 }],
      [[sample('many', 0, many)], { maxBoxes: 2 }],
    ] as const) {
      const source = new BatchSource(scenes, options(extra));
      let alone = 0;
      for (let n = 0; n < 40; n++) {
        const { images, boxes, ignored } = source.next();
        expect(ignored.length).toBe(2 * source.maxIgnored * 4);
        const listed = (list: Float32Array, image: number) => {
          const each = list.length / 2;
          return Array.from({ length: each / 4 }, (_, i) =>
            list.subarray(image * each + 4 * i).subarray(0, 4),
          );
        };
        for (let i = 0; i < images.length; i += 3) {
          if (images[i]! < 0.999) continue;
          const image = Math.floor(i / 3 / (24 * 32));
          const [x, y] = [((i / 3) % 32) + 0.5, (Math.floor(i / 3 / 32) % 24) + 0.5];
          const within = ([x1, y1, x2, y2]: Float32Array) => x1! <= x && x <= x2! && y1! <= y && y <= y2!;
          const object = listed(boxes, image).some(within);
          const region = listed(ignored, image).some(within);
          expect(object || region).toBe(true);
          if (!object) alone++;
        }
      }
      expect(alone).toBeGreaterThan(0);
    }
  });

  it('puts boxes where the pixels are', () => {
    const alone = [sample('a', 0, [shape('coin', [22, 18, 38, 32])])];
    const source = new BatchSource(
      alone,
      options({ minVisible: 0, augment: [zoom({ scale: [0.8, 2] }), rotate90(), crop({ fill: 0 })] }),
    );
    let compared = 0;
    for (let n = 0; n < 40; n++) {
      const { images, boxes, counts } = source.next();
      for (let i = 0; i < 2; i++) {
        const white = Uint8Array.from({ length: 24 * 32 }, (_, k) =>
          Number(images[3 * (i * 24 * 32 + k)]! > 0.5),
        );
        const [drawn] = boxesFromMask(white, { width: 32, height: 24 });
        if (drawn === undefined || counts[i] === 0) continue;
        compared++;
        drawn.box.forEach((side, k) => {
          expect(Math.abs(side - boxes[4 * i + k]!)).toBeLessThanOrEqual(1);
        });
      }
    }
    expect(compared).toBeGreaterThan(40);
  });

  it('gives label maps that agree with the boxes of the same crops', () => {
    const detect = new BatchSource(samples, options({ minVisible: 0 }));
    const segment = new BatchSource(samples, { ...options(), task: 'segment' });
    for (let n = 0; n < 30; n++) {
      const { images, boxes, labels, counts } = detect.next();
      const { images: same, labels: maps } = segment.next();
      expect(maps.length).toBe(2 * 24 * 32);
      expect(same).toEqual(images);
      for (let i = 0; i < 2; i++) {
        const filled = boxesFromMask(maps.subarray(i * 24 * 32, (i + 1) * 24 * 32), {
          width: 32,
          height: 24,
        });
        for (let k = 0; k < counts[i]!; k++) {
          const found = filled.find(({ label }) => label === labels[2 * i + k]! + 1)!;
          found.box.forEach((side, s) => {
            expect(Math.abs(side - boxes[4 * (2 * i + k) + s]!)).toBeLessThanOrEqual(1);
          });
        }
      }
    }
  });

  describe('with masks', () => {
    const SIZE = [32, 40] as const;
    const PIXELS = SIZE[0] * SIZE[1];
    const disc = Array.from({ length: 24 }, (_, k): [number, number] => [
      42 + 9 * Math.cos((k * Math.PI) / 12),
      15 + 9 * Math.sin((k * Math.PI) / 12),
    ]);
    // A box, an angle that a disc reaches over, and two parts of one cup.
    const shapes: AnnotatedShape[] = [
      { label: 'cup', box: [4, 30, 14, 46], groupId: 3 },
      shape('coin', [5, 5, 21, 20]),
      {
        label: 'cup',
        box: [24, 8, 40, 24],
        mask: {
          x: 24,
          y: 8,
          width: 16,
          height: 16,
          data: Uint8Array.from({ length: 256 }, (_, i) => Number(i % 16 >= 10 || i >= 160)),
        },
        groupId: null,
      },
      { label: 'coin', box: [33, 6, 51, 24], points: disc, groupId: null },
      { label: 'cup', box: [22, 34, 50, 44], groupId: 3 },
    ];
    const OBJECTS = 4;
    const several = [sample('several', 0, shapes), samples[2]!];
    const augment = [zoom({ scale: [0.5, 0.8] }), rotate90(), flip({ vertical: 0.5 })];
    const given = options({ minVisible: 0, size: SIZE, augment });

    it('adds them to what it gives without', () => {
      const [plain, source] = [
        new BatchSource(several, given),
        new BatchSource(several, { ...given, masks: true }),
      ];
      for (let n = 0; n < 10; n++) {
        const without = plain.next();
        const { masks, ...rest } = source.next();
        expect(rest).toEqual(without);
        expect(masks!.length).toBe(2 * source.maxBoxes * PIXELS);
        for (let i = 0; i < 2; i++) {
          const unused = masks!.subarray(
            (i * source.maxBoxes + rest.counts[i]!) * PIXELS,
            (i + 1) * source.maxBoxes * PIXELS,
          );
          expect(unused.every((value) => value === 0)).toBe(true);
        }
      }
    });

    it('gives each object’s own, as the boxes and the label map have it', () => {
      const detect = new BatchSource(several, { ...given, masks: true });
      const segment = new BatchSource(several, { ...given, task: 'segment' });
      const seen = { wrong: 0, whole: 0, hidden: 0, empty: 0 };
      for (let n = 0; n < 40; n++) {
        const { boxes, labels, counts, masks } = detect.next();
        const painted = segment.next().labels;
        for (let i = 0; i < 2; i++) {
          const own = Array.from({ length: counts[i]! }, (_, k) => {
            const place = i * detect.maxBoxes + k;
            const mask = Uint8Array.from(masks!.subarray(place * PIXELS, (place + 1) * PIXELS));
            const [drawn] = boxesFromMask(mask, { width: SIZE[1], height: SIZE[0] });
            drawn!.box.forEach((side, s) => {
              expect(Math.abs(side - boxes[4 * place + s]!)).toBeLessThanOrEqual(1);
            });
            return { mask, value: labels[place]! + 1 };
          });
          if (counts[i] === 0) seen.empty++;
          if (counts[i] === OBJECTS) seen.whole++;
          for (let pixel = 0; pixel < PIXELS; pixel++) {
            const value = painted[i * PIXELS + pixel]!;
            const covering = own.filter(({ mask }) => mask[pixel] === 1).map((object) => object.value);
            if (covering.length > 1) seen.hidden++;
            // What is drawn last is seen; of what is cut to less than a pixel there is no mask.
            const right =
              covering.length > 0 ? covering.includes(value) : counts[i]! < OBJECTS || value === 0;
            if (!right) seen.wrong++;
          }
        }
      }
      expect(seen.wrong).toBe(0);
      expect(seen.whole).toBeGreaterThan(10);
      expect(seen.hidden).toBeGreaterThan(100);
      expect(seen.empty).toBeGreaterThan(10);
    });
  });

  it('shows every sample once an epoch, in changing orders', () => {
    // The first has its coin in a corner that crops never reach, so that an image is one grey throughout.
    const coins = [[shape('coin', [50, 40, 60, 50])], [], []];
    const greys = coins.map((shapes, i) => ({
      ...sample(`${i}`, (i + 1) / 10, shapes),
      region: [0, 0, 50, 40] as const,
    }));
    const source = new BatchSource(greys, options({ batchSize: 3, augment: 'none' }));
    const orders = new Set<string>();
    for (let epoch = 0; epoch < 30; epoch++) {
      const { images } = source.next();
      const order = [0, 1, 2].map((n) => Math.round(images[n * 24 * 32 * 3]! * 10));
      expect([...order].sort()).toEqual([1, 2, 3]);
      orders.add(order.join());
    }
    expect(orders.size).toBeGreaterThan(4);
  });

  it('resumes bit for bit, in the middle of an epoch and through JSON', () => {
    const source = new BatchSource(samples, options());
    for (let n = 0; n < 4; n++) source.next();
    const state = JSON.parse(JSON.stringify(source.state()));
    expect(state).toEqual({ seed: 1, batch: 4, batchSize: 2, samples: 3 });
    const resumed = new BatchSource(samples, options({ seed: 99 }));
    resumed.next();
    resumed.restore(state);
    for (let n = 0; n < 6; n++) expect(resumed.next()).toEqual(source.next());
    expect(new BatchSource(samples, options({ seed: 2 })).next()).not.toEqual(
      new BatchSource(samples, options()).next(),
    );
  });

  it('gives arrays that later batches leave alone', () => {
    const source = new BatchSource(samples, options());
    const first = source.next();
    const copy = structuredClone(first);
    source.next();
    expect(first).toEqual(copy);
  });

  it('takes room for all shapes, and keeps the largest boxes in less', () => {
    expect(new BatchSource(samples, options()).maxBoxes).toBe(2);
    const one = new BatchSource([samples[0]!], options({ maxBoxes: 1, augment: 'none', size: [50, 60] }));
    const { boxes, labels, counts } = one.next();
    expect([...counts]).toEqual([1, 1]);
    expect([...labels]).toEqual([1, 1]);
    expect((boxes[2]! - boxes[0]!) * (boxes[3]! - boxes[1]!)).toBe(500);
  });

  it('keeps to the region of a sample', () => {
    const held = { ...samples[1]!, region: [0, 20, 60, 50] as const };
    const source = new BatchSource([held], options({ augment: 'none', size: [30, 30] }));
    for (let n = 0; n < 10; n++)
      expect(source.next().images.every((value) => value === Math.fround(0.2))).toBe(true);
  });

  it('refuses what nothing can be learnt from, in one line that says what to do', () => {
    const build =
      (of: Sample[], extra: Partial<BatchOptions<'detect'>> = {}) =>
      () =>
        new BatchSource(of, options(extra));
    expect(build([])).toThrow(DataError);
    expect(build([])).toThrow(/no samples; label/);
    expect(build([samples[2]!])).toThrow(/none of the 1 samples has a shape/);
    expect(build(samples, { classNames: ['coin'] })).toThrow(/a has label "cup"/);
    expect(build(samples, { batchSize: 0 })).toThrow(/batchSize 0/);
    const other = { ...samples[0]!, annotation: { ...samples[0]!.annotation, width: 61 } };
    expect(build([other])).toThrow(/a is 60x50, its annotation 61x50/);
    const source = new BatchSource(samples, options());
    expect(() => source.restore({ ...source.state(), samples: 4 })).toThrow(/samples is 4/);
    expect(() => source.restore({ ...source.state(), batch: -1 })).toThrow(DataError);
  });

  it('reads of a large image what its crops show, four pixels for each of theirs', () => {
    const [width, height] = [1200, 800];
    let reads = 0;
    const data = new Proxy(new Float32Array(width * height * 3).fill(0.5), {
      get(target, name) {
        if (typeof name === 'string' && /^\d/.test(name)) reads++;
        const member = Reflect.get(target, name, target) as unknown;
        return typeof member === 'function' ? member.bind(target) : member;
      },
    });
    const annotation = { width, height, shapes: [shape('coin', [500, 300, 700, 500])] };
    const photo = { name: 'photo', image: { width, height, channels: 3 as const, data }, annotation };
    const augment = [
      zoom({ scale: [0.7, 1.4] }),
      rotate90(),
      colorJitter({ brightness: 0.2, saturation: 0.2 }),
    ];
    for (const task of ['detect', 'segment'] as const) {
      const source = new BatchSource([photo], { ...options({ size: [64, 64], augment }), task });
      source.next();
      reads = 0;
      source.next();
      expect(reads, task).toBeGreaterThan(2 * 64 * 64 * 3);
      expect(reads, task).toBeLessThanOrEqual(2 * 64 * 64 * 3 * 4);
    }
  });
});
