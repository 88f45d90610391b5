import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { diskFiles } from '../../cli/src/dataFiles.ts';
import { loadImage } from '../../cli/src/images.ts';
import type { AnnotatedShape } from '../../src/data/annotation.ts';
import type { AnnotatedImage } from '../../src/data/formats/format.ts';
import { openDataset } from '../../src/data/formats/index.ts';
import { paintPatch } from '../../src/data/maskPatch.ts';

const root = path.join(import.meta.dirname, '../..');
const CUTOUTS = path.join(root, 'examples/cutouts');

async function readAll(folder: string): Promise<AnnotatedImage[]> {
  const images: AnnotatedImage[] = [];
  for await (const image of (await openDataset(diskFiles, folder)).images()) images.push(image);
  return images;
}

/** The file itself, for what the reader makes of it or passes over. */
const readCoco = (folder: string) =>
  JSON.parse(readFileSync(path.join(folder, 'annotations.json'), 'utf8')) as {
    images: { id: number; file_name: string; photograph: string }[];
    annotations: { id: number; image_id: number; bbox: number[]; area: number }[];
  };

const shapesOf = (images: readonly AnnotatedImage[]): AnnotatedShape[] =>
  images.flatMap(({ annotation }) => annotation.shapes);

/** How often each class is labelled, by name. */
function countClasses(images: readonly AnnotatedImage[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { label } of shapesOf(images)) counts[label] = (counts[label] ?? 0) + 1;
  return counts;
}

/** How many objects' masks have each pixel. */
function coverage({ annotation }: AnnotatedImage): Uint8Array {
  const sum = new Uint8Array(annotation.width * annotation.height);
  for (const { mask } of annotation.shapes) {
    const one = new Uint8Array(sum.length);
    paintPatch({ width: annotation.width, height: annotation.height, data: one }, mask!, 1);
    one.forEach((set, i) => {
      sum[i]! += set;
    });
  }
  return sum;
}

/** Checks what holds for every composed split. */
function checkLabels(folder: string, images: readonly AnnotatedImage[]): void {
  const { images: listed, annotations } = readCoco(folder);
  expect(readdirSync(path.join(folder, 'images')).sort()).toEqual(listed.map(({ file_name }) => file_name));
  for (const { annotation } of images) {
    expect(annotation.shapes.length).toBeGreaterThan(0);
    for (const { mask, box, area, id } of annotation.shapes) {
      // The reader's patch is the tight one around the mask's pixels, none of which the run lengths have outside.
      const { x, y, width, height, data } = mask!;
      expect(box).toEqual([x, y, x + width, y + height]);
      expect(data.reduce((sum, set) => sum + set, 0)).toBe(area);
      expect(area).toBeGreaterThan(0);
      expect(
        Math.min(x, y, annotation.width - x - width, annotation.height - y - height),
      ).toBeGreaterThanOrEqual(0);
      const [bx, by, w, h] = annotations.find((row) => row.id === id)!.bbox;
      expect([bx, by, bx! + w!, by! + h!]).toEqual(box);
    }
  }
}

describe('examples/cutouts', () => {
  const splits = ['train', 'val'] as const;
  let images: Record<(typeof splits)[number], AnnotatedImage[]>;
  beforeAll(async () => {
    images = {
      train: await readAll(path.join(CUTOUTS, 'train')),
      val: await readAll(path.join(CUTOUTS, 'val')),
    };
  });

  it('has the images and objects that its README and recipe say', () => {
    const readme = readFileSync(path.join(CUTOUTS, 'README.md'), 'utf8');
    const recipe = JSON.parse(readFileSync(path.join(CUTOUTS, 'recipe.json'), 'utf8'));
    const said = [...readme.matchAll(/^\| (\w+) \| (\d+) \| (\d+) \|/gm)].map(([, name, train, val]) => ({
      name,
      train: Number(train),
      val: Number(val),
    }));
    const [train, val] = splits.map((split) => countClasses(images[split]));
    const rows = Object.keys(recipe.classes).map((name) => ({ name, train: train![name], val: val![name] }));
    const all = { name: 'all', train: shapesOf(images.train).length, val: shapesOf(images.val).length };
    expect(said).toEqual([...rows, all]);
    for (const split of splits) {
      const { images: count, photographs } = recipe.splits[split];
      expect(images[split].length).toBe(count);
      const used = new Set(readCoco(path.join(CUTOUTS, split)).images.map(({ photograph }) => photograph));
      expect([...used].sort()).toEqual(photographs);
      for (const { annotation } of images[split]) {
        expect([annotation.width, annotation.height]).toEqual(recipe.size);
        expect(annotation.shapes.length).toBeLessThanOrEqual(recipe.objects[1]);
      }
    }
  });

  it.each(splits)('%s: masks are in their images, not empty, and boxed tightly', (split) => {
    checkLabels(path.join(CUTOUTS, split), images[split]);
  });

  it.each(splits)('%s: no pixel shows two objects', (split) => {
    for (const image of images[split]) expect(Math.max(...coverage(image))).toBe(1);
  });

  // The photographs are all but grey and the cut-outs, balls aside, are not.
  it.each(splits)('%s: where the labels say, there is colour, and only there', async (split) => {
    let [inside, colourful, outside, stray] = [0, 0, 0, 0];
    for (const image of images[split]) {
      const { rgb } = await loadImage(image.image as string);
      const { width, height, shapes } = image.annotation;
      const labels = new Uint8Array(width * height);
      for (const { mask, label } of shapes) {
        paintPatch({ width, height, data: labels }, mask!, label === 'ball' ? 2 : 1);
      }
      labels.forEach((label, i) => {
        const [r, g, b] = [rgb[3 * i]!, rgb[3 * i + 1]!, rgb[3 * i + 2]!];
        const coloured = Math.max(r, g, b) - Math.min(r, g, b) > 90;
        if (label === 1) {
          inside++;
          colourful += coloured ? 1 : 0;
        } else if (label === 0) {
          outside++;
          stray += coloured ? 1 : 0;
        }
      });
    }
    expect(colourful / inside).toBeGreaterThan(0.7);
    expect(stray / outside).toBeLessThan(0.01);
  });

  it('shares nothing between train and val', () => {
    const files = splits.map((split) =>
      images[split].map(({ image }) =>
        createHash('sha256')
          .update(readFileSync(image as string))
          .digest('hex'),
      ),
    );
    expect(new Set(files.flat()).size).toBe(80);
    const [train, val] = splits.map((split) =>
      readCoco(path.join(CUTOUTS, split)).images.map(({ photograph }) => photograph),
    );
    expect(train!.filter((photograph) => val!.includes(photograph))).toEqual([]);
  });
});

describe('scripts/compose.mjs', () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'fovea-compose-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const SIZE = [48, 32] as const;
  const recipe = {
    seed: 3,
    size: SIZE,
    quality: 95,
    objects: [3, 3],
    scale: [9, 16],
    brightness: [1, 1],
    minVisible: 0.5,
    splits: {
      train: { images: 4, photographs: ['grey.png'] },
      val: { images: 2, photographs: ['grey.png'] },
    },
    classes: {
      disc: { turn: 180, cutouts: ['disc.png'] },
      square: { turn: 30, cutouts: ['square.png'] },
    },
  };

  const svg = (shape: string) =>
    Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg" width="24" height="24">${shape}</svg>`);

  beforeAll(async () => {
    await sharp({ create: { width: 96, height: 80, channels: 3, background: '#404040' } })
      .png()
      .toFile(path.join(folder, 'grey.png'));
    await sharp(svg('<circle cx="12" cy="12" r="10" fill="#f00"/>'))
      .png()
      .toFile(path.join(folder, 'disc.png'));
    await sharp(svg('<rect x="2" y="2" width="20" height="20" fill="#00f"/>'))
      .png()
      .toFile(path.join(folder, 'square.png'));
  });

  async function compose(name: string, changed: object = {}): Promise<string> {
    const out = path.join(folder, name);
    writeFileSync(`${out}.json`, JSON.stringify({ ...recipe, ...changed }));
    const script = path.join(root, 'scripts/compose.mjs');
    const args = [
      script,
      '--recipe',
      `${out}.json`,
      '--photographs',
      folder,
      '--cutouts',
      folder,
      '--out',
      out,
    ];
    await promisify(execFile)(process.execPath, args);
    return out;
  }

  /** Every file of a folder, with its bytes. */
  const contents = (out: string): [string, string][] =>
    readdirSync(out, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => path.join(entry.parentPath, entry.name))
      .sort()
      .map((file) => [path.relative(out, file), readFileSync(file, 'base64')]);

  it('gives the same bytes for the same recipe, and others for another seed', async () => {
    const first = contents(await compose('first'));
    expect(first.map(([name]) => name)).toEqual([
      'train/annotations.json',
      ...[1, 2, 3, 4].map((n) => `train/images/train-00${n}.jpg`),
      'val/annotations.json',
      ...[1, 2].map((n) => `val/images/val-00${n}.jpg`),
    ]);
    expect(contents(await compose('second'))).toEqual(first);
    expect(contents(await compose('other', { seed: 4 }))).not.toEqual(first);
  });

  it('replaces what was there', async () => {
    const out = await compose('again');
    const stale = path.join(out, 'train/images/train-009.jpg');
    writeFileSync(stale, '');
    await compose('again');
    checkLabels(path.join(out, 'train'), await readAll(path.join(out, 'train')));
  });

  it('labels the pixels that show the object', async () => {
    const out = await compose('exact');
    for (const split of ['train', 'val']) {
      const images = await readAll(path.join(out, split));
      checkLabels(path.join(out, split), images);
      for (const image of images) {
        const { rgb } = await loadImage(image.image as string);
        const wrong = { disc: 0, square: 0 };
        for (const [label, channel, other] of [
          ['disc', 0, 2],
          ['square', 2, 0],
        ] as const) {
          const mask = new Uint8Array(SIZE[0] * SIZE[1]);
          for (const shape of image.annotation.shapes) {
            if (shape.label === label)
              paintPatch({ width: SIZE[0], height: SIZE[1], data: mask }, shape.mask!, 1);
          }
          // Half of red over dark grey is (255 + 64) / 2 of red.
          mask.forEach((set, i) => {
            const seen = rgb[3 * i + channel]! >= 160 && rgb[3 * i + channel]! > rgb[3 * i + other]!;
            if (seen !== (set === 1)) wrong[label]++;
          });
        }
        // What JPEG makes of edges; labels that are off by one pixel would be wrong at a hundred.
        expect(wrong.disc + wrong.square).toBeLessThan(12);
      }
    }
  });

  it('gives a split other cut-outs of a class, if the recipe names them', async () => {
    const splits = {
      train: { images: 2, photographs: ['grey.png'] },
      val: { images: 2, photographs: ['grey.png'], cutouts: { square: ['disc.png'] } },
    };
    const out = await compose('designs', { splits });
    const blue = { train: 0, val: 0 };
    for (const split of ['train', 'val'] as const) {
      const images = await readAll(path.join(out, split));
      checkLabels(path.join(out, split), images);
      expect(Object.keys(countClasses(images)).sort()).toEqual(['disc', 'square']);
      for (const { image } of images) {
        const { rgb } = await loadImage(image as string);
        for (let i = 0; i < rgb.length; i += 3) if (rgb[i + 2]! >= 160) blue[split]++;
      }
    }
    expect(blue.train).toBeGreaterThan(0);
    expect(blue.val).toBe(0);
    const stray = { val: { ...splits.val, cutouts: { cube: ['disc.png'] } } };
    await expect(compose('stray', { splits: stray })).rejects.toThrow(
      /splits: val: cutouts of cube, which is no class/,
    );
  });

  it('names a photograph that is too small, and a cut-out that shows nothing', async () => {
    await expect(compose('large', { size: [128, 96] })).rejects.toThrow(
      /grey\.png: 96x80 is smaller than an image of 128x96/,
    );
    await sharp(svg('')).png().toFile(path.join(folder, 'nothing.png'));
    const classes = { none: { turn: 0, cutouts: ['nothing.png'] } };
    await expect(compose('nothing', { classes })).rejects.toThrow(
      /nothing\.png: has no pixel that is half opaque/,
    );
  });
});
