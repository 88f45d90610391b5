import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { convertCommand } from '../../cli/src/commands/convert.ts';
import { loadFolder } from '../../cli/src/samples.ts';
import type { FormatName } from '../../src/data/formats/format.ts';
import { objectsOf, trainingShapes } from '../../src/data/objects.ts';
import { twoScene, writeScene } from '../tasks/scenes.ts';

let root: string;
const folders = new Map<FormatName, string>();

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'fovea-samples-'));
  const source = join(root, 'labelme');
  await writeScene(source, twoScene(48));
  folders.set('labelme', source);
  const spy = vi.spyOn(process.stdout, 'write').mockImplementation(() => true);
  for (const format of ['coco', 'voc', 'yolo'] as const) {
    folders.set(format, join(root, format));
    await convertCommand(source, join(root, format), { format });
  }
  spy.mockRestore();
});
afterAll(() => rm(root, { recursive: true, force: true }));

describe('samples of any format', () => {
  it.each(['labelme', 'coco', 'voc', 'yolo'] as const)('%s: the same image and objects', async (format) => {
    const [expected] = await loadFolder(folders.get('labelme')!);
    const found = await loadFolder(folders.get(format)!);
    expect(found).toHaveLength(1);
    expect(found[0]!.image).toEqual(expected!.image);
    const boxes = (sample: typeof expected) =>
      objectsOf(sample!.annotation.shapes).map(({ label, box }) => [label, ...box.map(Math.round)]);
    expect(boxes(found[0]!)).toEqual(boxes(expected!));
    expect(found[0]!.source).toContain(folders.get(format)!);
    const [small] = await loadFolder(folders.get(format)!, 24);
    expect([small!.image.width, small!.annotation.width]).toEqual([24, 24]);
  });

  it('crowds and difficult objects are read, but a detector is not taught them', async () => {
    const folder = join(root, 'crowds');
    await mkdir(folder);
    const file = JSON.parse(await readFile(join(folders.get('coco')!, 'annotations.json'), 'utf8'));
    file.annotations[0].iscrowd = 1;
    file.annotations.push({ ...file.annotations[1], id: 77, attributes: { difficult: true } });
    await writeFile(join(folder, 'all.json'), JSON.stringify(file));
    const images = join(folders.get('coco')!, 'images');
    const [whole] = await loadFolder(folder, Infinity, { images });
    expect(objectsOf(whole!.annotation.shapes).map(({ crowd, difficult }) => [crowd, difficult])).toEqual([
      [true, undefined],
      [undefined, undefined],
      [undefined, true],
    ]);
    const [taught] = await loadFolder(folder, Infinity, { images }, (annotation) => ({
      ...annotation,
      shapes: trainingShapes(annotation.shapes),
    }));
    expect(taught!.annotation.shapes.map(({ id }) => id)).toEqual([file.annotations[1].id]);
    await expect(loadFolder(folder)).rejects.toThrow(
      /file_name "two\.png" is not in .*give its folder \(--images\)/,
    );
  });

  it('of several parts one must be chosen', async () => {
    const voc = folders.get('voc')!;
    for (const part of ['train', 'val']) {
      await writeFile(join(voc, `ImageSets/Main/${part}.txt`), part === 'train' ? 'two\n' : '');
    }
    await expect(loadFolder(voc)).rejects.toThrow(
      /has the parts train, val, trainval; choose one with --split, or use --split all/,
    );
    expect(await loadFolder(voc, Infinity, { split: 'train' })).toHaveLength(1);
    await expect(loadFolder(voc, Infinity, { split: 'val' })).rejects.toThrow(/voc: has no images; give/);
    expect(await loadFolder(voc, Infinity, { split: 'all' })).toHaveLength(1);
  });

  it('an image of another size than was labelled is an error', async () => {
    const folder = join(root, 'size');
    await mkdir(folder);
    const file = JSON.parse(await readFile(join(folders.get('coco')!, 'annotations.json'), 'utf8'));
    file.images[0].width = 50;
    await writeFile(join(folder, 'all.json'), JSON.stringify(file));
    await expect(
      loadFolder(folder, Infinity, { images: join(folders.get('coco')!, 'images') }),
    ).rejects.toThrow(
      /all\.json: images\[0\] \(id 1\): the annotation is for 50x48 pixels, but the image has 48x48; it is not clear how the image was changed, so use the one that was labelled/,
    );
  });

  it('what is bad is left out where that is asked for, and told once', async () => {
    const folder = join(root, 'bad');
    await mkdir(folder);
    const file = JSON.parse(await readFile(join(folders.get('coco')!, 'annotations.json'), 'utf8'));
    file.annotations[0].bbox[2] = 0;
    await writeFile(join(folder, 'all.json'), JSON.stringify(file));
    const images = join(folders.get('coco')!, 'images');
    await expect(loadFolder(folder, Infinity, { images })).rejects.toThrow(
      /annotations\[0\] \(id 1\): .* has no area/,
    );
    const told: string[] = [];
    const spy = vi.spyOn(process.stderr, 'write').mockImplementation((text) => told.push(String(text)) > 0);
    const [one] = await loadFolder(folder, Infinity, { images, skipBad: true });
    spy.mockRestore();
    expect(objectsOf(one!.annotation.shapes)).toHaveLength(1);
    expect(told.join('')).toMatch(/^left out 1 object: 1 no area; the first: .*annotations\[0\]/);
  });

  it('and everything is listed in a file, with or without going on', async () => {
    const folder = join(root, 'listed');
    await mkdir(folder);
    const file = JSON.parse(await readFile(join(folders.get('coco')!, 'annotations.json'), 'utf8'));
    file.annotations[0].bbox[2] = 0;
    file.annotations[1].category_id = 99;
    await writeFile(join(folder, 'all.json'), JSON.stringify(file));
    const options = {
      images: join(folders.get('coco')!, 'images'),
      reportBad: join(root, 'reports', 'bad.json'),
    };
    const spy = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    await expect(loadFolder(folder, Infinity, options)).rejects.toThrow(
      /^2 faults in the data, listed in .*bad\.json; mend them, or leave out what is bad \(--skip-bad\)$/,
    );
    const report = JSON.parse(await readFile(options.reportBad, 'utf8'));
    expect(report.levels).toEqual({ object: 2 });
    expect(report.kinds).toEqual({ 'no area': 1, 'unknown class': 1 });
    expect(report.faults).toHaveLength(2);
    expect(await loadFolder(folder, Infinity, { ...options, skipBad: true })).toHaveLength(1);
    spy.mockRestore();
  });
});
