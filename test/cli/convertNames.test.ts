/** Whatever images and classes are called: what convert writes is read back, or refused before anything is written. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { convertCommand } from '../../cli/src/commands/convert.ts';
import { FORMAT_NAMES } from '../../src/data/formats/format.ts';
import { objectsOf } from '../../src/data/objects.ts';
import { coco, labelme, polygon } from '../data/formats/fieldFiles.ts';
import { folderOf, image, readAll } from '../data/formats/folders.ts';
import { newPath, said, useConvertFolders } from './convertFolders.ts';

useConvertFolders();

/** Triangles side by side. */
const triangle = (i: number, label: string) => {
  const left = 1 + 9 * i;
  return polygon(
    [
      [left, 1],
      [left + 8, 1],
      [left, 8],
    ],
    label,
  );
};

const NAMES = [
  'my picture.png',
  'img 1.png',
  'img.png',
  'two  blanks -1.png',
  '.hidden.png',
  'noext',
  'p.json',
  'p.txt',
  'p.xml',
  'p.tar.gz',
  ' outer .png',
  'a\nb.png',
  'a\u001b[31m.png',
  'classes.png',
  'train.png',
  'x.png.png',
  'x_mask.png',
  'x.png',
  'Ä.png',
  'A\u0308.png',
  '\u3000wide.png',
  'dot..png',
];

describe('images of any name', () => {
  it.each(FORMAT_NAMES)('are read back: %s', async (format) => {
    const png = await image();
    const images = NAMES.map((file_name, i) => ({ id: i + 1, file_name, width: 20, height: 10 }));
    const annotations = NAMES.map((_, i) => ({
      image_id: i + 1,
      segmentation: [[1, 1, 1 + (i % 18), 2, 3, 9]],
      bbox: [1, 1, Math.max(2, i % 18), 8],
    }));
    const folder = await folderOf({
      'annotations/c.json': coco(annotations, images),
      ...Object.fromEntries(NAMES.map((name) => [`images/${name}`, png])),
    });
    const to = newPath(format);
    await convertCommand(folder, to, { format, from: 'coco' });
    const back = await readAll(to);
    expect(back).toHaveLength(NAMES.length);
    expect(new Set(back.map(({ name }) => name)).size).toBe(NAMES.length);
    expect(said()).toContain('5 names of images, changed so that they can be read back');
    // Each has its own object.
    const sizes = (found: readonly { annotation: { shapes: { box: readonly number[] }[] } }[]) =>
      found.map(({ annotation }) => Math.round(annotation.shapes[0]!.box[2]!)).sort((a, b) => a - b);
    if (format !== 'masks' && format !== 'voc') expect(sizes(back)).toEqual(sizes(await readAll(folder)));
  });

  it('are counted where they change because several folders have them', async () => {
    const png = await image();
    const files = ['x', 'y', 'z'].flatMap((folder): [string, object | Uint8Array][] => [
      [`${folder}/1.png`, png],
      [`${folder}/1.json`, labelme([triangle(0, folder)], { imagePath: '1.png' })],
    ]);
    const folder = await folderOf(Object.fromEntries(files));
    for (const format of FORMAT_NAMES) {
      const to = newPath(format);
      await convertCommand(folder, to, { format });
      expect((await readAll(to)).map(({ name }) => name)).toEqual(['1', 'y_1', 'z_1']);
    }
    const line = '2 names of images, changed because other images have the same';
    expect(said().split(line)).toHaveLength(FORMAT_NAMES.length + 1);
  });

  it('that only the file system knows are read from lists of VOC', async () => {
    const folder = await folderOf({
      'img 1.json': labelme([triangle(1, 'cat')], { imagePath: 'img 1.png' }),
      'img 1.png': await image(),
    });
    const to = newPath('voc');
    await convertCommand(folder, to, { format: 'voc' });
    expect(await readFile(`${to}/ImageSets/Main/trainval.txt`, 'utf8')).toBe('img 1\n');
    expect((await readAll(to, { split: 'trainval' })).map(({ name }) => name)).toEqual(['img 1']);
  });
});

const LABELS = [
  'background',
  '_Background_',
  '# x',
  '# label',
  '#',
  '\ud800',
  'a\udc00b',
  'a:1,2,3::',
  'a\tb',
  ' x',
  'x\u3000',
  'a\u2028b',
  '- "q": [\\',
  '0x1',
  'null',
  'Ä ä 猫 👩‍🚀',
  '<a> & "b"',
];

describe('classes of any name', () => {
  it.each(FORMAT_NAMES)('are read back, or refused with nothing written: %s', async (format) => {
    let written = 0;
    for (const label of LABELS) {
      const other = label === '\ud800' ? '\ud801' : 'other';
      const folder = await folderOf({
        'a.json': labelme([triangle(0, label), triangle(1, other)]),
        'a.png': await image(),
      });
      const to = newPath(format);
      const error = await convertCommand(folder, to, { format }).then(
        () => undefined,
        (reason: Error) => reason,
      );
      if (error) {
        expect([error.name, error.message]).toEqual([
          'DataError',
          expect.stringContaining('rename the class'),
        ]);
        expect(existsSync(to)).toBe(false);
        continue;
      }
      written++;
      const labels = (await readAll(to)).flatMap(({ annotation }) =>
        objectsOf(annotation.shapes).map((object) => object.label),
      );
      expect(labels.sort()).toEqual([label, other].sort());
    }
    expect(written).toBe({ coco: 17, labelme: 17, yolo: 11, voc: 6, masks: 6 }[format]);
  });
});
