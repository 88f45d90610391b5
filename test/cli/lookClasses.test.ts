import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseHTML } from 'linkedom';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { ClassStatistics } from '../../cli/src/classStatistics.ts';
import { lookCommand } from '../../cli/src/commands/look.ts';
import { chooseOfClasses, isClassData } from '../../cli/src/lookClasses.ts';
import type { LookOptions } from '../../cli/src/lookPage.ts';
import { Random } from '../../src/vision/random.ts';

const EVIL = '<b>&"\u202e';
/** As it is shown. */
const SHOWN = '<b>&"\\u202e';
let folder: string;
const at = (...names: string[]) => path.join(folder, ...names);

async function noise(file: string, width: number, height: number, seed: number): Promise<void> {
  const random = new Random(seed);
  const pixels = Uint8Array.from({ length: width * height * 3 }, () => random.integer(256));
  mkdirSync(path.dirname(file), { recursive: true });
  await sharp(pixels, { raw: { width, height, channels: 3 } })
    .png()
    .toFile(file);
}

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'fovea-look-classes-'));
  for (let i = 0; i < 6; i++) await noise(at('set/train/cat', `${i}.png`), 40, 30, i);
  for (let i = 0; i < 2; i++) await noise(at('set/train', EVIL, `${i}.png`), 50 + i, 20, 10 + i);
  // The same as two images to train on, one of them of another class.
  await noise(at('set/val/cat/same.png'), 40, 30, 0);
  await noise(at('set/val', EVIL, 'wrong.png'), 40, 30, 1);
  writeFileSync(at('set/train/cat/bad.png'), 'no image');
  mkdirSync(at('set/val/dog'));
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

describe('fovea look on a folder per class', () => {
  it('counts classes and parts, and names images that are the same and images that are bad', async () => {
    const { document, text, html } = await look(at('set'));
    expect(text).toContain('10 images of 2 classes');
    expect(rows(document, 'Classes')).toEqual([
      ['cat', '7', '70.0 %', '6', '1'],
      [SHOWN, '3', '30.0 %', '2', '1'],
      ['dog', '0', '0.0 %', '0', '0'],
    ]);
    expect(rows(document, 'Sizes of images')).toEqual([
      ['40 x 30', '8'],
      ['50 x 20', '1'],
      ['51 x 20', '1'],
    ]);
    expect(rows(document, 'Images that look the same')).toEqual([
      ['train/cat/0, val/cat/same', 'cat'],
      [`train/cat/1, val/${SHOWN}/wrong`, `cat, ${SHOWN}`],
    ]);
    expect(rows(document, 'Faults').map(([kind, count]) => [kind, count])).toEqual([
      ['missing image', '1'],
      ['not an image', '1'],
    ]);
    const notes = [...document.querySelectorAll('main ul')][0]!.textContent!;
    expect(notes).toContain('2 classes have fewer than 10 images');
    expect(notes).toContain('1 class has no image: dog.');
    expect(notes).toContain('4 images look the same as another');
    expect(notes).toContain('2 of them are in different classes');
    expect(notes).toContain('4 of them are in different parts');
    const [labelled, crops] = [...document.querySelectorAll('.gallery')];
    expect(labelled!.querySelectorAll('img[src^="data:image/webp"]')).toHaveLength(10);
    expect([...labelled!.querySelectorAll('option')].map((option) => option.textContent)).toEqual([
      'all',
      `${SHOWN} (3)`,
      'cat (7)',
    ]);
    expect(crops!.querySelectorAll('img')).toHaveLength(10);
    expect(crops!.textContent).toContain('Images of 128 x 128 pixels');
    expect(html).not.toMatch(/(?:src|href)="(?!data:)/);
    expect(document.querySelector('main')!.textContent).not.toMatch(/NaN|Infinity|undefined/);
  });

  it('of one part shows that part; the same images for the same seed; and none with --samples 0', async () => {
    const one = await look(at('set'), { split: 'train', samples: 4, seed: 3, crop: 32, augment: 'none' });
    const two = await look(at('set'), { split: 'train', samples: 4, seed: 3, crop: 32, augment: 'none' });
    const time = /<time.*?<\/time>/;
    expect(one.html.replace(time, '')).toBe(two.html.replace(time, ''));
    expect(rows(one.document, 'Classes')[0]).toEqual(['cat', '6', '75.0 %']);
    const [labelled, crops] = [...one.document.querySelectorAll('.gallery')];
    const classes = [...labelled!.querySelectorAll('.cards p')].map(
      (notes) => notes.textContent!.split(',')[0],
    );
    expect(classes.sort()).toEqual([SHOWN, SHOWN, 'cat', 'cat']);
    expect(crops!.textContent).toContain('Images of 32 x 32 pixels');
    const none = await look(at('set'), { samples: 0 });
    expect(none.document.querySelectorAll('img')).toHaveLength(0);
  });

  it('reads a CSV file, given or in its folder', async () => {
    mkdirSync(at('table/photos'), { recursive: true });
    await noise(at('table/photos/a.png'), 20, 20, 1);
    await noise(at('table/photos/b.png'), 20, 20, 2);
    writeFileSync(at('table/labels.csv'), 'file,label\nphotos/a.png,x\nphotos/b.png,y\n');
    for (const data of ['table', 'table/labels.csv']) {
      const { text } = await look(at(data));
      expect(text).toContain('(CSV): 2 images of 2 classes');
    }
  });
});

describe('what look takes for classes of images', () => {
  it('is a folder without annotations, and without a broken file of them', async () => {
    expect(await isClassData(at('set'), {})).toBe(true);
    expect(await isClassData(at('set'), { from: 'coco' })).toBe(false);
    expect(await isClassData(at('missing'), {})).toBe(false);
    expect(await isClassData(path.resolve('examples/coins'), {})).toBe(false);
    expect(await isClassData(path.resolve('examples'), {})).toBe(false);
    await noise(at('broken/images/a.png'), 8, 8, 1);
    writeFileSync(at('broken/annotations.json'), '{"images": [');
    expect(await isClassData(at('broken'), {})).toBe(false);
  });

  it('shows all classes as often as there is room for', () => {
    const images = [...'aaaaaaaabbbc'].map((label, i) => ({ label, i }));
    const chosen = chooseOfClasses(images, { count: 6, seed: 1 });
    expect(
      chosen
        .map(({ label }) => label)
        .sort()
        .join(''),
    ).toMatch(/^aaa?bbb?c$/);
    expect(chosen.map(({ i }) => i)).toEqual(chosen.map(({ i }) => i).sort((a, b) => a - b));
    expect(chooseOfClasses(images, { count: 0, seed: 1 })).toEqual([]);
    expect(chooseOfClasses(images, { count: 99, seed: 1 })).toEqual(images);
  });

  it('chooses and counts among 200,000 images of 2,000 classes', () => {
    const classes = Array.from({ length: 2000 }, (_, i) => `class ${i}`);
    const statistics = new ClassStatistics(classes);
    for (let i = 0; i < 200_000; i++) {
      // Half of the images are of the first class.
      const label = classes[i % 2 === 0 ? 0 : (i >> 1) % 2000]!;
      const part = i % 4 === 3 ? 'val' : 'train';
      const file = { name: `${i}`, label, source: '', image: '' };
      statistics.add(file, part, { width: 8, height: 8 }, undefined);
    }
    const { header, rows, total } = statistics.classTable;
    expect(header).toEqual(['class', 'images', 'share', 'train', 'val']);
    expect(rows[0]).toEqual(['class 0', '100050', '50.0 %', '100050', '0']);
    expect(rows[1]).toEqual(['class 1', '50', '0.0 %', '0', '50']);
    expect(total).toEqual(['all', '200000', '', '150000', '50000']);
    const chosen = chooseOfClasses(statistics.images, { count: 150_000, seed: 1 });
    expect(chosen).toHaveLength(150_000);
    expect(new Set(chosen.map(({ label }) => label)).size).toBe(2000);
  });
});
