import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseHTML } from 'linkedom';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { chooseSamples } from '../../cli/src/chooseSamples.ts';
import { lookCommand } from '../../cli/src/commands/look.ts';
import type { SeenImage } from '../../cli/src/dataStatistics.ts';
import { sameImages } from '../../cli/src/fingerprint.ts';
import { encodePng } from '../../cli/src/images.ts';
import type { LookOptions } from '../../cli/src/lookPage.ts';
import { detectionMistakes, errorTable } from '../../cli/src/mistakes.ts';
import { PixelMistakes } from '../../cli/src/pixelMistakes.ts';
import { augmented } from '../../cli/src/sampleGalleries.ts';
import { loadFolder, type ReadSample } from '../../cli/src/samples.ts';
import { Worst } from '../../cli/src/worst.ts';
import { type DetectionImage, detectionErrors, evaluateDetections } from '../../src/vision/index.ts';

const EVIL = '<script>alert(1)</script>';
let folder: string;
const at = (...names: string[]) => path.join(folder, ...names);

/** Grey noise, another one for each seed. */
const noise = (width: number, height: number, seed: number) =>
  encodePng({
    width,
    height,
    data: Uint8Array.from(
      { length: width * height },
      (_, i) => (Math.imul(i + 1, seed * 2654435761) >>> 13) & 255,
    ),
  });

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'fovea-look-'));
  await mkdir(at('set/images'), { recursive: true });
  const sizes = [
    [8, 8],
    [64, 48],
    [64, 48],
    [640, 32],
  ] as const;
  for (const [i, [width, height]] of sizes.entries()) {
    await writeFile(at(`set/images/${i}.png`), await noise(width, height, i === 2 ? 1 : i));
  }
  await writeFile(at('set/images/bad.png'), 'no image');
  const box = (id: number, image_id: number, category_id: number, bbox: number[]) => ({
    ...{ id, image_id, category_id, bbox },
    ...{ area: bbox[2]! * bbox[3]!, iscrowd: 0 },
  });
  const images = [...sizes.entries()].map(([i, [width, height]]) => ({
    id: i,
    file_name: `${i}.png`,
    width,
    height,
  }));
  await writeFile(
    at('set/annotations.json'),
    JSON.stringify({
      images: [...images, { id: 9, file_name: 'bad.png', width: 8, height: 8 }],
      annotations: [
        box(1, 0, 1, [1, 1, 4, 4]),
        box(2, 1, 1, [8, 8, 30, 30]),
        box(3, 1, 2, [1, 2, 10, 20]),
        box(4, 2, 1, [8, 8, 30, 30]),
        box(5, 2, 1, [8, 8, -3, 30]),
      ],
      categories: [
        { id: 1, name: EVIL },
        { id: 2, name: '\u05e9\u05dc\u05d5\u05dd' },
        { id: 3, name: 'never' },
      ],
    }),
  );
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function look(data: string, options: LookOptions = {}) {
  vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  const parts: string[] = [];
  const out = at('look.html');
  await lookCommand(
    data,
    { out, ...options },
    { isTTY: false, write: (part: string) => parts.push(part) > 0 },
  );
  const html = readFileSync(out, 'utf8');
  return { text: parts.join(''), html, document: parseHTML(html).document };
}

const rows = (document: Document, title: string): string[][] => {
  const heading = [...document.querySelectorAll('h3')].find((one) => one.textContent === title)!;
  return [...heading.nextElementSibling!.querySelectorAll('tbody tr')].map((row) =>
    [...row.children].map((cell) => cell.textContent!),
  );
};

describe('fovea look', () => {
  it('counts, shows and names what is labelled, and what is wrong', async () => {
    const { document, text, html } = await look(at('set'));
    expect(text).toContain('4 images, 4 objects of 2 classes');
    expect(rows(document, 'Classes')).toEqual([
      [EVIL, '3', '75.0 %', '3'],
      ['\u05e9\u05dc\u05d5\u05dd', '1', '25.0 %', '1'],
    ]);
    expect(rows(document, 'Sizes of images')).toEqual([
      ['64 x 48', '2'],
      ['8 x 8', '1'],
      ['640 x 32', '1'],
    ]);
    expect(rows(document, 'Images that look the same')).toEqual([['1, 2', '2, 1']]);
    expect(rows(document, 'Faults').map(([kind, count, of]) => [kind, count, of])).toEqual([
      ['inside out', '1', 'object'],
      ['not an image', '1', 'image'],
    ]);
    const notes = [...document.querySelectorAll('main ul')][0]!.textContent!;
    expect(notes).toContain('1 image has no object (25.0 %): 3.');
    expect(notes).toContain('1 class of the list without an object: never.');
    expect(notes).toContain('2 images look the same as another');
    const [labelled, crops] = [...document.querySelectorAll('.gallery')];
    expect([...labelled!.querySelectorAll('h4')].map((title) => title.textContent)).toEqual([
      '0',
      '1',
      '2',
      '3',
    ]);
    expect(labelled!.querySelectorAll('img[src^="data:image/webp"]')).toHaveLength(4);
    expect([...labelled!.querySelectorAll('option')].map((option) => option.textContent)).toEqual([
      'all',
      `${EVIL} (3)`,
      '\u05e9\u05dc\u05d5\u05dd (1)',
      'no object (1)',
    ]);
    // Small images are enlarged by whole factors, large ones shrunk.
    expect(
      [...labelled!.querySelectorAll('img')].map((img) => [
        img.getAttribute('width'),
        img.getAttribute('height'),
      ]),
    ).toEqual([
      ['480', '480'],
      ['448', '336'],
      ['448', '336'],
      ['480', '24'],
    ]);
    expect(crops!.querySelectorAll('img')).toHaveLength(4);
    expect(document.querySelectorAll('script')).toHaveLength(1);
    expect(html).not.toMatch(/(?:src|href)="(?!data:)/);
  });

  it('shows the same images for the same seed, and none of them with --samples 0', async () => {
    const [one, two] = [
      await look(at('set'), { samples: 2, seed: 3 }),
      await look(at('set'), { samples: 2, seed: 3 }),
    ];
    const time = /<time.*?<\/time>/;
    expect(one.html.replace(time, '')).toBe(two.html.replace(time, ''));
    expect(one.document.querySelectorAll('.gallery')[0]!.querySelectorAll('li img')).toHaveLength(2);
    const none = await look(at('set'), { samples: 0 });
    expect(none.document.querySelectorAll('img')).toHaveLength(0);
  });

  it('of a set without any object says so', async () => {
    await mkdir(at('none/images'), { recursive: true });
    await writeFile(at('none/images/a.png'), await noise(32, 32, 1));
    const images = [{ id: 1, file_name: 'a.png', width: 32, height: 32 }];
    await writeFile(
      at('none/annotations.json'),
      JSON.stringify({ images, annotations: [], categories: [{ id: 1, name: 'x' }] }),
    );
    const { document, text, html } = await look(at('none'));
    expect(text).toContain('No image has an object: there is nothing to train on.');
    expect(document.querySelectorAll('.gallery')).toHaveLength(1);
    expect(html).not.toMatch(/NaN|Infinity|undefined/);
  });
});

describe('what look chooses', () => {
  const image = (name: string, classes: string[], smallest = 10, largest = 20): SeenImage => ({
    ...{ name, classes, smallest, largest },
    ...{ width: 10, height: 10, objects: classes.length },
  });

  it('has the rarest class, the extremes and an empty image', () => {
    const many = Array.from({ length: 200 }, (_, i) => image(`${i}`, ['common']));
    many[50] = image('rare', ['rare']);
    many[60] = image('small', ['common'], 1);
    many[70] = image('large', ['common'], 10, 900);
    many[80] = image('empty', [], Number.NaN, Number.NaN);
    many[90] = image('most', ['common', 'common', 'common']);
    const chosen = chooseSamples(many, ['common', 'rare'], { count: 8, seed: 1 }).map(({ name }) => name);
    expect(chosen).toHaveLength(8);
    for (const name of ['rare', 'small', 'large', 'empty', 'most']) expect(chosen).toContain(name);
  });

  it('finds images that look the same, and no flat ones', () => {
    const grey = (value: (i: number) => number) => ({
      grey: Uint8Array.from({ length: 64 }, (_, i) => value(i)),
    });
    const [a, b] = [grey((i) => (i * 37) % 251), grey((i) => (i * 53) % 251)];
    const again = { grey: a.grey.map((value) => Math.min(255, value + 1)) };
    const flat = grey(() => 7);
    expect(sameImages([a, b, flat, again, undefined, flat])).toEqual([[0, 3]]);
  });

  it('finds crops by all of their classes, also those of high numbers', async () => {
    const classes = Array.from({ length: 300 }, (_, i) => `class ${i}`);
    const image = {
      width: 32,
      height: 32,
      channels: 3 as const,
      data: new Float32Array(32 * 32 * 3).fill(0.5),
    };
    const shapes = [254, 255, 299].map((c, i) => ({
      ...{ label: classes[c]!, box: [10 * i, 2, 10 * i + 9, 30] as const, groupId: null },
    }));
    const annotation = { width: 32, height: 32, shapes };
    const how = { segment: false, masks: false, name: 'none', classes };
    const crops = await augmented([{ name: 'a', image, annotation }], { size: 32, crop: 32 }, how);
    const [item] = crops!.gallery.items;
    expect(item!.tags.map(({ values }) => values[0])).toEqual(['class 254', 'class 255', 'class 299']);
  });

  it('keeps the highest ranks, the earlier of equal ones', () => {
    const worst = new Worst<string>(2);
    for (const [rank, item] of [
      [1, 'a'],
      [3, 'b'],
      [1, 'c'],
      [3, 'd'],
      [3, 'e'],
    ] as const)
      worst.add(rank, item);
    expect(worst.items).toEqual(['b', 'd']);
    expect(worst.takes(3)).toBe(false);
    const none = new Worst<string>(0);
    expect(none.takes(1)).toBe(false);
    none.add(1, 'a');
    expect(none.items).toEqual([]);
  });
});

describe('the mistakes in the report of fovea eval', () => {
  const right = { label: EVIL, box: [1, 1, 5, 5] as const };
  const images: DetectionImage<string>[] = [
    { groundTruth: [right], predictions: [{ ...right, score: 0.9 }] },
    {
      groundTruth: [right, { label: 'b', box: [20, 20, 30, 30] }],
      predictions: [
        { ...right, score: 0.9 },
        { ...right, score: 0.8 },
        { label: EVIL, box: [20, 20, 30, 30], score: 0.7 },
        { label: 'b', box: [50, 1, 60, 10], score: 0.1 },
      ],
    },
    { groundTruth: [right], predictions: [] },
  ];
  const classes = [EVIL, 'b'];
  const samples = async () => {
    const [sample] = await loadFolder(at('set'), Infinity, { skipBad: true });
    const rgb = new Uint8Array(64 * 48 * 3);
    const loaded = { width: 64, height: 48, channels: 3 as const, rgb, data: new Float32Array(rgb.length) };
    return ['one', 'two', 'three'].map((name): ReadSample => ({ ...sample!, name, loaded }));
  };

  it('of a detector are the images with errors, worst first, found by error and class', async () => {
    vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    const all = await samples();
    const errors = detectionErrors(images, { classes, scoreThreshold: 0.5 });
    expect(errorTable(errors, 0.5).rows.map(([type, count]) => [type, count])).toEqual([
      ['missed', '1'],
      ['duplicate', '1'],
      ['wrong class', '1'],
      ['badly placed', '0'],
      ['wrong class, badly placed', '0'],
      ['no object there', '0'],
    ]);
    const asked: string[][] = [];
    const gallery = (worst: number) =>
      detectionMistakes({ images, result: evaluateDetections(images, { classes }) }, errors, {
        ...{ scoreThreshold: 0.5, worst, names: ['one', 'two', 'three'] },
        async *read(names) {
          asked.push([...names]);
          for (const sample of all) if (names.has(sample.name)) yield sample;
        },
      });
    const { items, note } = await gallery(100);
    expect(items.map(({ title, notes }) => [title, notes])).toEqual([
      ['two', ['1 right', '1 duplicate', '1 wrong class']],
      ['three', ['0 right', '1 missed']],
    ]);
    expect(items[0]!.tags).toEqual([
      { values: ['duplicate', EVIL], rank: 1 },
      { values: ['wrong class', EVIL], rank: 1 },
      { values: ['wrong class', 'b'], rank: 1 },
    ]);
    expect(note).toBe('2 of 3 images have errors.');
    expect((await gallery(1)).note).toBe(
      '1 of 2 images with errors (--worst shows more), of 3 images in all.',
    );
    // Only what is shown is read again.
    expect(asked).toEqual([['two', 'three'], ['two']]);
  });

  it('of a segmenter are the images with the lowest IoU; at most so many are kept', async () => {
    vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    const [sample] = await samples();
    const found = new PixelMistakes(['a'], 1);
    const shape = { label: 'a', box: [0, 0, 64, 24] as const, groupId: null };
    const annotation = {
      width: 64,
      height: 48,
      shapes: [{ ...shape, box: [...shape.box] as [number, number, number, number] }],
    };
    const labels = (share: number) =>
      Uint8Array.from({ length: 64 * 48 }, (_, i) => (i < 64 * 48 * share ? 1 : 0));
    for (const [name, share] of [
      ['right', 0.5],
      ['half', 0.25],
      ['none', 0],
      ['more', 0.75],
    ] as const) {
      await found.add({ ...sample!, name, annotation }, { width: 64, height: 48, labels: labels(share) });
    }
    const { items, note } = found.gallery;
    expect(items.map(({ title, notes }) => [title, notes![0]])).toEqual([['none', 'IoU 0.000']]);
    expect(items[0]!.images.map(({ caption }) => caption)).toEqual(['labelled', 'predicted', 'wrong pixels']);
    expect(items[0]!.tags).toEqual([{ values: ['a'], rank: 1 }]);
    expect(note).toMatch(/^1 of 3 images with errors/);
  });
});
