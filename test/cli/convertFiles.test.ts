import { lstat, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { convertCommand } from '../../cli/src/commands/convert.ts';

import {
  ALL,
  boxes,
  labelmeFolder,
  newPath,
  objects,
  rootOf,
  said,
  through,
  useConvertFolders,
} from './convertFolders.ts';

useConvertFolders();

describe('fovea convert and files', () => {
  const fails = async (work: Promise<unknown>): Promise<string> =>
    work.then(
      () => 'did not fail',
      (error: Error) => `${error.name}: ${error.message}`,
    );

  it('copies images or links to them, and says what it did', async () => {
    const source = await labelmeFolder({ one: boxes, two: boxes });
    const copied = await through(source, ['yolo']);
    expect((await lstat(join(copied, 'images/one.png'))).isFile()).toBe(true);
    expect(await readFile(join(copied, 'images/one.png'))).toEqual(await readFile(join(source, 'one.png')));
    const linked = await through(source, ['yolo'], { linkImages: true });
    expect((await lstat(join(linked, 'images/one.png'))).isSymbolicLink()).toBe(true);
    expect(await objects(linked)).toHaveLength(4);
    expect(said()).toContain(
      `${source} (Labelme): 2 images, 4 objects (2 cat, 2 dog & co)\n${copied} (YOLO): written\n`,
    );
  });

  it('gives images of one name different ones', async () => {
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
      `UsageError: ${to}: already exists; choose another folder, or replace it with --force`,
    );
    expect(await readFile(join(to, 'annotations.json'), 'utf8')).toBe(before);
    await convertCommand(source, to, { format: 'yolo', force: true });
    expect((await readdir(to)).sort()).toEqual([
      '.fovea-files.json',
      'classes.txt',
      'data.yaml',
      'images',
      'labels',
    ]);
    await writeFile(join(to, 'thesis.tex'), 'years of work');
    expect(await fails(convertCommand(source, to, { format: 'coco', force: true }))).toContain(
      'contains thesis.tex, which fovea convert did not write there, and which --force would remove',
    );
    expect(await readFile(join(to, 'thesis.tex'), 'utf8')).toBe('years of work');
    // Nor where all looks like a data set, at any depth.
    await rm(join(to, 'thesis.tex'));
    await writeFile(join(to, 'images', 'holiday.jpg'), 'irreplaceable');
    expect(await fails(convertCommand(source, to, { format: 'coco', force: true }))).toContain(
      `contains ${join('images', 'holiday.jpg')}, which`,
    );
    await rm(join(to, 'images', 'holiday.jpg'));
    const masks = { format: 'masks', force: true, boxesAsMasks: true } as const;
    await convertCommand(source, to, masks);
    await convertCommand(source, to, masks);
    const own = newPath('own');
    await mkdir(own);
    await writeFile(join(own, 'secret.json'), '{}');
    expect(await fails(convertCommand(source, own, { format: 'coco', force: true }))).toContain(
      'contains secret.json',
    );
    expect(await fails(convertCommand(source, join(source, 'one.png'), { format: 'coco' }))).toContain(
      'is inside',
    );
  });

  it('writes where a link leads, there or not yet', async () => {
    const source = await labelmeFolder({ one: boxes });
    const [link, target] = [newPath('link'), newPath('target')];
    await symlink(target, link);
    await convertCommand(source, link, { format: 'yolo' });
    expect(await objects(target)).toHaveLength(2);
    await convertCommand(source, link, { format: 'coco', force: true });
    expect((await lstat(link)).isSymbolicLink()).toBe(true);
    expect((await readdir(target)).sort()).toEqual(['.fovea-files.json', 'annotations.json', 'images']);
  });

  it('does not write into what it reads, nor the other way round', async () => {
    const source = await labelmeFolder({ one: boxes });
    const force = true;
    expect(await fails(convertCommand(source, source, { format: 'coco', force }))).toContain(
      'is the folder to convert',
    );
    expect(await fails(convertCommand(source, join(source, 'coco'), { format: 'coco', force }))).toContain(
      `${join(source, 'coco')}: is inside ${source}, or contains it`,
    );
    expect(await fails(convertCommand(source, rootOf(), { format: 'coco', force }))).toContain('is inside');
    // The annotations are elsewhere, the images are in the folder that would go.
    const images = newPath('images');
    await mkdir(images);
    await writeFile(join(images, 'one.png'), await readFile(join(source, 'one.png')));
    const coco = await through(source, ['coco']);
    await rm(join(coco, 'images'), { recursive: true });
    expect(await fails(convertCommand(coco, images, { format: 'labelme', force, images }))).toContain(
      `${images}: contains one.png, which fovea convert did not write there`,
    );
    expect(await readdir(images)).toEqual(['one.png']);
  });

  it('leaves nothing behind where it fails half-way, and what was there as it was', async () => {
    const source = await labelmeFolder({ one: boxes, two: boxes });
    const to = await through(source, ['coco']);
    await writeFile(join(source, 'two.json'), '{"shapes": [');
    const before = await readdir(rootOf());
    for (const format of ALL) {
      expect(await fails(convertCommand(source, newPath('never'), { format }))).toContain('two.json: line 1');
      expect(await fails(convertCommand(source, to, { format, force: true }))).toContain('two.json: line 1');
    }
    expect(await readdir(rootOf())).toEqual(before);
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
      `left out 1 object: 1 unknown class; the first: ${source}/labels/one.txt: line 2: class 7 is not one of 0 to 1`,
    );
  });

  it('writes Labelme files without shapes for images without an object', async () => {
    const source = await through(await labelmeFolder({ one: boxes, two: boxes }), ['yolo']);
    await writeFile(join(source, 'labels/one.txt'), '');
    const to = await through(source, ['labelme']);
    expect(await readdir(to)).toEqual(['.fovea-files.json', 'one.json', 'one.png', 'two.json', 'two.png']);
    expect(await objects(to)).toHaveLength(2);
  });
});
