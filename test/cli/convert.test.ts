import { lstat, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { type ConvertOptions, convertCommand } from '../../cli/src/commands/convert.ts';
import { diskFiles } from '../../cli/src/dataFiles.ts';
import type { AnnotatedShape, Annotation, MaskPatch, Point } from '../../src/data/annotation.ts';
import type { AnnotatedPicture, FormatName } from '../../src/data/formats/format.ts';
import { openDataset } from '../../src/data/formats/index.ts';
import { formatLabelme } from '../../src/data/formats/labelme/labelme.ts';
import { decodeIndexedPng, encodeIndexedPng } from '../../src/data/indexedPng.ts';
import { paintPatch, patchOf, shapePatch } from '../../src/data/maskPatch.ts';
import { type AnnotatedObject, objectsOf } from '../../src/data/objects.ts';
import { polygonBounds } from '../../src/data/polygon.ts';

let root: string;
let printed = '';

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'fovea-convert-'));
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    printed += text;
    return true;
  });
});
afterEach(() => {
  printed = '';
});
afterAll(async () => {
  vi.restoreAllMocks();
  await rm(root, { recursive: true, force: true });
});

let count = 0;
const newPath = (name: string) => join(root, `${count++}-${name}`);

/** A ring of pixels: a mask with a hole. */
function ring(x: number, y: number, side: number): MaskPatch {
  const data = Uint8Array.from({ length: side * side }, (_, i) => {
    const [u, v] = [i % side, Math.floor(i / side)];
    return u > 1 && v > 1 && u < side - 2 && v < side - 2 ? 0 : 1;
  });
  return { x, y, width: side, height: side, data };
}

const outlined = (label: string, points: Point[], more: Partial<AnnotatedShape> = {}): AnnotatedShape => ({
  label,
  points,
  box: polygonBounds(points),
  groupId: null,
  ...more,
});

/** Outlines whose corners are whole, since VOC has pixels. */
const polygons: AnnotatedShape[] = [
  outlined('cat', [
    [2, 2],
    [20, 4],
    [14, 22],
    [4, 18],
  ]),
  outlined(
    'dog',
    [
      [30, 5],
      [45, 5],
      [45, 12],
    ],
    { groupId: 4 },
  ),
  outlined(
    'dog',
    [
      [32, 20],
      [46, 20],
      [46, 28],
      [32, 28],
    ],
    { groupId: 4 },
  ),
];
const boxes: AnnotatedShape[] = [
  { label: 'cat', box: [1, 2, 13, 17], groupId: null },
  { label: 'dog & co', box: [20, 4, 47, 31], groupId: null },
];
const masks: AnnotatedShape[] = [
  { label: 'cat', box: [3, 3, 15, 15], mask: ring(3, 3, 12), groupId: null },
  { label: 'dog', box: [20, 10, 29, 19], mask: ring(20, 10, 9), groupId: null },
];

/** A Labelme folder of 48x32 pictures with these shapes. */
async function labelmeFolder(pictures: Readonly<Record<string, readonly AnnotatedShape[]>>): Promise<string> {
  const folder = newPath('source');
  await mkdir(folder, { recursive: true });
  for (const [name, shapes] of Object.entries(pictures)) {
    const image = { create: { width: 48, height: 32, channels: 3, background: '#385' } } as const;
    await sharp(image)
      .png()
      .toFile(join(folder, `${name}.png`));
    const annotation: Annotation = { width: 48, height: 32, shapes: [...shapes] };
    const encoded = new Map<MaskPatch, string>();
    for (const { mask } of shapes) {
      if (mask) encoded.set(mask, Buffer.from(await encodeIndexedPng(mask)).toString('base64'));
    }
    const text = formatLabelme(annotation, { imagePath: `${name}.png`, png: (mask) => encoded.get(mask) });
    await writeFile(join(folder, `${name}.json`), text);
  }
  return folder;
}

async function read(folder: string): Promise<AnnotatedPicture[]> {
  const found: AnnotatedPicture[] = [];
  for await (const picture of (await openDataset(diskFiles, folder)).pictures()) found.push(picture);
  return found.sort((a, b) => (a.name < b.name ? -1 : 1));
}

const objects = async (folder: string): Promise<AnnotatedObject[]> =>
  (await read(folder)).flatMap(({ annotation }) => objectsOf(annotation.shapes));

/** Converts on from one format to the next; gives the last folder. */
async function through(
  source: string,
  formats: readonly FormatName[],
  options: Partial<ConvertOptions> = {},
): Promise<string> {
  let from = source;
  for (const format of formats) {
    const to = newPath(format);
    await convertCommand(from, to, { format, ...options });
    from = to;
  }
  return from;
}

/** The pixels of an object in a 48x32 picture. */
function pixels({ shapes }: AnnotatedObject): Uint8Array {
  const map = new Uint8Array(48 * 32);
  const size = { width: 48, height: 32 };
  for (const shape of shapes) paintPatch(map, shapePatch(shape, size), size, 1);
  return map;
}

const ALL = ['coco', 'voc', 'yolo', 'labelme'] as const;
const PAIRS = ALL.flatMap((a) => ALL.map((b) => [a, b] as const));

describe('fovea convert, there and back', () => {
  it.each(PAIRS)('keeps boxes: %s, %s', async (a, b) => {
    const source = await labelmeFolder({ one: boxes, two: [boxes[1]!] });
    const found = await read(await through(source, [a, b]));
    expect(found.map(({ name }) => name.split('/').at(-1))).toEqual(['one', 'two']);
    const [one, two] = found.map(({ annotation }) => objectsOf(annotation.shapes));
    expect(one!.map(({ label }) => label)).toEqual(['cat', 'dog & co']);
    for (const [object, expected] of [
      [one![0]!, boxes[0]!],
      [one![1]!, boxes[1]!],
      [two![0]!, boxes[1]!],
    ] as const) {
      // YOLO's shares have seven digits: 1e-7 of 48 pixels.
      object.box.forEach((value, i) => {
        expect(Math.abs(value - expected.box[i]!)).toBeLessThan(1e-5);
      });
      expect(object.shapes[0]!.points).toBeUndefined();
    }
    expect(found[0]!.annotation).toMatchObject({ width: 48, height: 32 });
  });

  it.each(PAIRS.filter((pair) => !pair.includes('voc')))('keeps outlines: %s, %s', async (a, b) => {
    // No centre of a pixel is on an edge, where the last bit of a corner would decide.
    const shifted = polygons.map(({ label, points, groupId }) =>
      outlined(
        label,
        points!.map(([x, y]): Point => [x + 0.3, y + 0.45]),
        { groupId },
      ),
    );
    const found = await objects(await through(await labelmeFolder({ one: shifted }), [a, b]));
    expect(found.map(({ label }) => label)).toEqual(['cat', 'dog']);
    // The two parts of the dog are one outline in YOLO.
    expect(found[1]!.shapes).toHaveLength(a === 'yolo' || b === 'yolo' ? 1 : 2);
    const expected = objectsOf(shifted);
    found.forEach((object, i) => {
      object.box.forEach((value, k) => {
        expect(Math.abs(value - expected[i]!.box[k]!)).toBeLessThan(1e-5);
      });
      expect(pixels(object)).toEqual(pixels(expected[i]!));
    });
  });

  it.each(PAIRS.filter((pair) => !pair.includes('yolo')))('keeps masks with holes: %s, %s', async (a, b) => {
    const source = await labelmeFolder({ one: masks });
    const found = await objects(await through(source, [a, b]));
    expect(found.map(({ label }) => label)).toEqual(['cat', 'dog']);
    found.forEach((object, i) => {
      expect(object.box).toEqual(masks[i]!.box);
      expect(object.shapes).toHaveLength(1);
      const { mask } = object.shapes[0]!;
      expect({ ...mask, data: [...mask!.data] }).toEqual({
        ...masks[i]!.mask,
        data: [...masks[i]!.mask!.data],
      });
    });
    expect(printed).not.toContain('not expressed');
  });

  it('draws outlines as VOC’s pixels, and says so', async () => {
    const source = await labelmeFolder({ one: polygons });
    const found = await objects(await through(source, ['voc']));
    const expected = objectsOf(polygons);
    expect(found.map(pixels)).toEqual(expected.map(pixels));
    expect(found.map(({ box }) => box)).toEqual(expected.map(({ box }) => box));
    expect(printed).toContain('not expressed in Pascal VOC: 3 outlines, drawn as pixels');
  });

  it('fills holes for YOLO, and says so', async () => {
    const source = await labelmeFolder({ one: masks });
    const [cat] = await objects(await through(source, ['yolo']));
    const { mask: _, ...filled } = masks[0]!;
    expect(pixels(cat!)).toEqual(pixels(objectsOf([filled])[0]!));
    expect(printed).toContain('not expressed in YOLO: 2 masks with holes, which were filled');
  });

  it('keeps flags where the format has them, and crowds out of YOLO', async () => {
    const flagged: AnnotatedShape[] = [
      { ...boxes[0]!, difficult: true, truncated: true },
      { ...masks[0]!, crowd: true },
      { ...boxes[1]!, occluded: true },
    ];
    const source = await labelmeFolder({ one: flagged });
    const flagsOf = (found: readonly AnnotatedObject[]) =>
      found.map(({ crowd, difficult, truncated, occluded }) => [crowd, difficult, truncated, occluded]);
    const expected = flagsOf(objectsOf(flagged));
    const kept = await objects(await through(source, ['coco', 'labelme', 'coco']));
    expect(flagsOf(kept)).toEqual(expected);
    expect(kept[1]!.shapes[0]!.mask).toEqual(masks[0]!.mask);
    expect(printed).not.toContain('not expressed');

    expect(flagsOf(await objects(await through(source, ['voc', 'coco'])))).toEqual([
      expected[0],
      [undefined, true, undefined, undefined],
      expected[2],
    ]);
    expect(printed).toContain('not expressed in Pascal VOC: 1 crowds, written as difficult objects');

    expect((await objects(await through(source, ['yolo']))).map(({ label }) => label)).toEqual(['dog & co']);
    expect(printed).toContain('not expressed in YOLO: 1 difficult objects, left out');
    expect(printed).toContain('not expressed in YOLO: 1 crowds, left out');
    expect(printed).toContain('not expressed in YOLO: 1 flags "truncated" and "occluded"');
  });

  it('keeps COCO’s numbers, boxes and areas', async () => {
    const source = newPath('coco-source');
    await mkdir(join(source, 'deep/er'), { recursive: true });
    await sharp({ create: { width: 48, height: 32, channels: 3, background: '#385' } })
      .png()
      .toFile(join(source, 'deep/er/a.png'));
    const file = {
      images: [{ id: 9, file_name: 'deep/er/a.png', width: 48, height: 32 }],
      categories: [
        { id: 90, name: 'x', supercategory: 'y' },
        { id: 3, name: 'z' },
      ],
      annotations: [
        { id: 31, image_id: 9, category_id: 90, bbox: [1.11, 2.22, 3.33, 4.44], area: 7.5, iscrowd: 0 },
        {
          id: 7,
          image_id: 9,
          category_id: 3,
          bbox: [1, 2, 20, 20.5],
          segmentation: [
            [1.5, 2, 10, 2, 10, 9.25],
            [12, 12, 21, 12, 21, 22],
          ],
          area: 100.25,
          iscrowd: 0,
        },
      ],
    };
    await writeFile(join(source, 'all.json'), JSON.stringify(file));
    const written = JSON.parse(
      await readFile(join(await through(source, ['coco']), 'annotations.json'), 'utf8'),
    );
    expect(written).toEqual({
      annotations: file.annotations,
      images: [{ id: 9, file_name: 'a.png', width: 48, height: 32 }],
      categories: [file.categories[0], { ...file.categories[1], supercategory: '' }],
    });
  });

  it('keeps pixels that nobody labelled in VOC, and says where they became background', async () => {
    const source = await through(await labelmeFolder({ one: masks }), ['voc']);
    const file = join(source, 'SegmentationObject/one.png');
    const mask = await decodeIndexedPng(await readFile(file), file);
    mask.data.fill(255, 0, 48);
    await writeFile(file, await encodeIndexedPng(mask, new Uint8Array(768)));
    const again = await through(source, ['voc']);
    const [one] = await read(again);
    expect(one!.annotation.unlabelled).toEqual(
      patchOf(
        Uint8Array.from({ length: 48 * 32 }, (_, i) => (i < 48 ? 1 : 0)),
        48,
        32,
      ),
    );
    await through(source, ['coco']);
    expect(printed).toContain(
      'not expressed in COCO: 1 regions that nobody labelled, which became background',
    );
  });
});

describe('fovea convert and files', () => {
  const fails = async (work: Promise<unknown>): Promise<string> =>
    work.then(
      () => 'did not fail',
      (error: Error) => `${error.name}: ${error.message}`,
    );

  it('copies pictures or links to them, and says what it did', async () => {
    const source = await labelmeFolder({ one: boxes, two: boxes });
    const copied = await through(source, ['yolo']);
    expect((await lstat(join(copied, 'images/one.png'))).isFile()).toBe(true);
    expect(await readFile(join(copied, 'images/one.png'))).toEqual(await readFile(join(source, 'one.png')));
    const linked = await through(source, ['yolo'], { pictures: 'link' });
    expect((await lstat(join(linked, 'images/one.png'))).isSymbolicLink()).toBe(true);
    expect(await objects(linked)).toHaveLength(4);
    expect(printed).toContain(
      `${source} (Labelme): 2 pictures, 4 objects (2 cat, 2 dog & co)\n${copied} (YOLO): written\n`,
    );
  });

  it('gives pictures of one name different ones', async () => {
    const first = await labelmeFolder({ one: boxes });
    const yolo = await through(first, ['yolo']);
    for (const part of ['train', 'val']) {
      for (const kind of ['images', 'labels']) await mkdir(join(yolo, kind, part), { recursive: true });
      await writeFile(join(yolo, 'images', part, 'one.png'), await readFile(join(first, 'one.png')));
      await writeFile(join(yolo, 'labels', part, 'one.txt'), await readFile(join(yolo, 'labels/one.txt')));
    }
    const to = await through(yolo, ['voc'], { split: 'all' });
    expect((await readdir(join(to, 'Annotations'))).sort()).toEqual([
      'one.xml',
      'train_one.xml',
      'val_one.xml',
    ]);
    expect(await objects(to)).toHaveLength(6);
  });

  it('does not replace a folder unless asked to, and never what is none of its own', async () => {
    const source = await labelmeFolder({ one: boxes });
    const to = await through(source, ['coco']);
    const before = await readFile(join(to, 'annotations.json'), 'utf8');
    expect(await fails(convertCommand(source, to, { format: 'yolo' }))).toBe(
      `UsageError: ${to}: is there already; choose another folder, or replace it by --force`,
    );
    expect(await readFile(join(to, 'annotations.json'), 'utf8')).toBe(before);
    await convertCommand(source, to, { format: 'yolo', force: true });
    expect((await readdir(to)).sort()).toEqual(['classes.txt', 'data.yaml', 'images', 'labels']);
    await writeFile(join(to, 'thesis.tex'), 'years of work');
    expect(await fails(convertCommand(source, to, { format: 'coco', force: true }))).toContain(
      'holds thesis.tex, which is no part of a data set, and --force would remove it',
    );
    expect(await readFile(join(to, 'thesis.tex'), 'utf8')).toBe('years of work');
    expect(await fails(convertCommand(source, join(source, 'one.png'), { format: 'coco' }))).toContain(
      'lies in',
    );
  });

  it('does not write into what it reads, nor the other way round', async () => {
    const source = await labelmeFolder({ one: boxes });
    const force = true;
    expect(await fails(convertCommand(source, source, { format: 'coco', force }))).toContain(
      'is what is read',
    );
    expect(await fails(convertCommand(source, join(source, 'coco'), { format: 'coco', force }))).toContain(
      `${join(source, 'coco')}: lies in ${source}`,
    );
    expect(await fails(convertCommand(source, root, { format: 'coco', force }))).toContain('lies in');
    // The annotations are elsewhere, the pictures are in the folder that would go.
    const pictures = newPath('pictures');
    await mkdir(pictures);
    await writeFile(join(pictures, 'one.png'), await readFile(join(source, 'one.png')));
    const coco = await through(source, ['coco']);
    await rm(join(coco, 'images'), { recursive: true });
    expect(
      await fails(convertCommand(coco, pictures, { format: 'labelme', force, images: pictures })),
    ).toContain(`${pictures}/one.png: lies in ${pictures}, which is to be replaced`);
    expect(await readdir(pictures)).toEqual(['one.png']);
  });

  it('leaves nothing behind where it fails half-way, and what was there as it was', async () => {
    const source = await labelmeFolder({ one: boxes, two: boxes });
    const to = await through(source, ['coco']);
    await writeFile(join(source, 'two.json'), '{"shapes": [');
    const before = await readdir(root);
    for (const format of ALL) {
      expect(await fails(convertCommand(source, newPath('never'), { format }))).toContain('two.json: line 1');
      expect(await fails(convertCommand(source, to, { format, force: true }))).toContain('two.json: line 1');
    }
    expect(await readdir(root)).toEqual(before);
    expect(await objects(to)).toHaveLength(4);
  });

  it('leaves out what is bad where it is asked to, and counts it once', async () => {
    const source = await through(await labelmeFolder({ one: boxes, two: boxes }), ['yolo']);
    await writeFile(join(source, 'labels/one.txt'), '0 0.5 0.5 0.5 0.5\n7 0.5 0.5 0.5 0.5\n');
    const errors: string[] = [];
    const spy = vi.spyOn(process.stderr, 'write').mockImplementation((text) => errors.push(String(text)) > 0);
    const to = await through(source, ['voc'], { skipBad: true });
    spy.mockRestore();
    expect(await objects(to)).toHaveLength(3);
    expect(errors.join('')).toContain(
      `left out 1 object that cannot be used; the first: ${source}/labels/one.txt: line 2: class 7 is not one of 0 to 1`,
    );
  });

  it('says that Labelme has no file for a picture without an object', async () => {
    const source = await through(await labelmeFolder({ one: boxes, two: boxes }), ['yolo']);
    await writeFile(join(source, 'labels/one.txt'), '');
    const to = await through(source, ['labelme']);
    expect(await readdir(to)).toEqual(['two.json', 'two.png']);
    expect(printed).toContain('not expressed in Labelme: 1 pictures without an object');
  });
});
