/** What convert says of data of which something, or everything, is bad. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { describe, expect, it, vi } from 'vitest';
import { type ConvertOptions, convertCommand } from '../../cli/src/commands/convert.ts';
import { diskFiles } from '../../cli/src/dataFiles.ts';
import { loadFolder } from '../../cli/src/samples.ts';
import { openDataset } from '../../src/data/formats/index.ts';
import { decodeIndexedPng, encodeIndexedPng } from '../../src/data/indexedPng.ts';
import { coco, labelme, polygon, rectangle } from '../data/formats/fieldFiles.ts';
import { folderOf, image } from '../data/formats/folders.ts';
import { newPath, said, useConvertFolders } from './convertFolders.ts';

useConvertFolders();

interface Converted {
  readonly error: string;
  readonly told: string;
  readonly report: { readonly kinds: object; readonly faults: readonly { readonly message: string }[] };
  readonly written: boolean;
}

async function converted(from: string, options: Partial<ConvertOptions>): Promise<Converted> {
  let told = '';
  const spy = vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    told += text;
    return true;
  });
  const [to, reportBad] = [newPath('to'), `${newPath('bad')}.json`];
  const error = await convertCommand(from, to, { format: 'coco', reportBad, ...options }).then(
    () => '',
    (reason: Error) => `${reason.name}: ${reason.message}`,
  );
  spy.mockRestore();
  return { error, told, report: JSON.parse(await readFile(reportBad, 'utf8')), written: existsSync(to) };
}

const good = { bbox: [1, 1, 4, 4] };

describe('faults of a whole data set', () => {
  const png = image();
  const sets: [name: string, kind: string, files: () => Promise<Parameters<typeof folderOf>[0]>][] = [
    [
      'an annotation without its image',
      'missing image',
      async () => ({ 'c.json': coco([good, { ...good, image_id: 99 }]), 'a.png': await png }),
    ],
    [
      'two annotations of one number',
      'duplicate',
      async () => ({ 'c.json': coco([good, { bbox: [5, 5, 2, 2], id: 1 }]), 'a.png': await png }),
    ],
    [
      'an image listed twice',
      'duplicate',
      async () => {
        const one = { id: 1, file_name: 'a.png', width: 20, height: 10 };
        return { 'c.json': coco([good], [one, one]), 'a.png': await png };
      },
    ],
    [
      'a label file without its image',
      'missing image',
      async () => ({
        'images/a.png': await png,
        'labels/a.txt': '0 0.5 0.5 0.1 0.1\n',
        'labels/b.txt': '',
        'classes.txt': 'cat\n',
      }),
    ],
  ];
  it.each(sets)('are refused, or left out and told: %s', async (_, kind, files) => {
    const folder = await folderOf(await files());
    const refused = await converted(folder, {});
    expect(refused.error).toMatch(/^DataError: 1 fault in the data, listed in /);
    expect([refused.report.kinds, refused.written]).toEqual([{ [kind]: 1 }, false]);
    const left = await converted(folder, { skipBad: true });
    expect([left.error, left.report.kinds, left.written]).toEqual(['', { [kind]: 1 }, true]);
    expect(left.told).toMatch(new RegExp(`^left out 1 .*: 1 ${kind}; the first: `));
  });
});

describe('boxes and masks', () => {
  it('boxes alone are refused, or filled with --boxes-as-masks; beside outlines they are not labelled', async () => {
    const png = await image();
    const boxes = await folderOf({ 'a.json': labelme([rectangle(2, 1, 8, 4)]), 'a.png': png });
    const refused = await converted(boxes, { format: 'masks' });
    expect(refused.error).toBe(
      `DataError: ${boxes}: has boxes but no outlines or masks; convert it to another format, or fill the boxes (--boxes-as-masks)`,
    );
    expect(refused.written).toBe(false);
    const valuesOf = async (from: string, options: Partial<ConvertOptions>) => {
      const to = newPath('masks');
      await convertCommand(from, to, { format: 'masks', ...options });
      const { data } = await decodeIndexedPng(await readFile(`${to}/masks/a.png`), 'a.png');
      return [data[1 * 20 + 2], data[3 * 20 + 7], data[4 * 20 + 8], data[6 * 20 + 12]];
    };
    expect(await valuesOf(boxes, { boxesAsMasks: true })).toEqual([1, 1, 0, 0]);
    const outline = [
      [10, 5],
      [16, 5],
      [16, 9],
      [10, 9],
    ];
    const mixed = await folderOf({
      'a.json': labelme([rectangle(2, 1, 8, 4), polygon(outline)]),
      'a.png': png,
    });
    expect(await valuesOf(mixed, {})).toEqual([255, 255, 0, 1]);
    expect(said()).toContain('not expressed in masks: 1 box without an outline, written as not labelled');
    await expect(
      convertCommand(boxes, newPath('to'), { format: 'coco', boxesAsMasks: true }),
    ).rejects.toThrow(/--boxes-as-masks is for --format masks/);
  });
});

describe('regions to ignore', () => {
  it('are crowds of a category of their own in COCO, and read back', async () => {
    const triangle = [
      [10, 5],
      [16, 5],
      [10, 9],
    ];
    const folder = await folderOf({
      'a.json': labelme([rectangle(2, 1, 8, 4), polygon(triangle, '__ignore__')]),
      'a.png': await image(),
    });
    const to = newPath('coco');
    await convertCommand(folder, to, { format: 'coco' });
    expect(said()).not.toContain('not expressed');
    const file = JSON.parse(await readFile(`${to}/annotations.json`, 'utf8'));
    expect(file.categories.map(({ id, name }: { id: number; name: string }) => [id, name])).toEqual([
      [1, 'cat'],
      [2, '__ignore__'],
    ]);
    expect(file.annotations).toMatchObject([
      { category_id: 1, iscrowd: 0 },
      { category_id: 2, iscrowd: 1, bbox: [10, 5, 6, 4] },
    ]);
    const dataset = await openDataset(diskFiles, to);
    expect(dataset.classes!.map(({ name }) => name)).toEqual(['cat']);
    for await (const { annotation } of dataset.images()) {
      expect(annotation.shapes.map(({ label }) => label)).toEqual(['cat']);
      expect(annotation.ignored).toMatchObject([{ box: [10, 5, 16, 9] }]);
    }
  });
});

describe('data of which everything is left out', () => {
  it('is an error that says why, with a report', async () => {
    const png = await image();
    const one = { id: 1, width: 20, height: 10 };
    const images = [
      { ...one, file_name: 'a.png' },
      { ...one, file_name: 'b.png' },
    ];
    const mask = await encodeIndexedPng({ width: 20, height: 10, data: new Uint8Array(200).fill(9) });
    const sets = [
      [{ 'c.json': coco([], images), 'a.png': png, 'b.png': png }, 'all 2 images were left out', 'duplicate'],
      [
        { 'a.json': labelme([]), 'a.png': png.subarray(0, 60) },
        'its only image was left out',
        'damaged image',
      ],
      [
        { 'images/a.png': png, 'masks/a.png': mask, 'class_names.txt': '_background_\ncat\n' },
        'its only image was left out',
        'unknown class',
      ],
    ] as const;
    for (const [files, why, kind] of sets) {
      const folder = await folderOf(files);
      const { error, report, written } = await converted(folder, { skipBad: true });
      expect(error).toBe(
        `DataError: ${folder}: ${why}; mend the data; the first fault: ${report.faults[0]!.message}`,
      );
      expect([Object.keys(report.kinds), written]).toEqual([[kind], false]);
      vi.spyOn(process.stderr, 'write').mockReturnValue(true);
      await expect(loadFolder(folder, Infinity, { skipBad: true })).rejects.toThrow(why);
    }
  });

  it('or cannot be opened has a report with the reason', async () => {
    const folder = await folderOf({ 'c.json': coco([], []), 'a.png': await image() });
    const { error, report } = await converted(folder, { skipBad: true });
    expect(error).toContain('has no images; export it as COCO JSON again');
    expect(report).toMatchObject({ error: error.replace('DataError: ', ''), faults: [] });
  });

  it('keeps what a note says once, though the data are read twice', async () => {
    const folder = await folderOf({
      'a.json': labelme([rectangle(1, 1, 5, 5), rectangle(1, 1, 5, 5)]),
      'a.png': await image(),
      'other.json': { version: 1 },
    });
    const { error, report } = await converted(folder, {});
    expect([error, report.kinds]).toEqual(['', { duplicate: 1, structure: 1 }]);
  });
});

describe('the report of what was bad', () => {
  it('has the file of each fault, and the place in it', async () => {
    const png = await image();
    const from = await folderOf({
      'odd: name/a.json': labelme([rectangle(1, 1, 4, 4), rectangle(3, 3, 3, 3)], { imagePath: 'a.png' }),
      'odd: name/a.png': png,
      'b.json': '{"shapes": [',
      'c.json': labelme([], { imagePath: 'c.png' }),
      'lone.png': png,
    });
    const { report } = await converted(from, { skipBad: true });
    expect(report.faults).toMatchObject([
      { level: 'annotation', kind: 'not JSON', file: `${from}/b.json`, place: 'line 1, column 13' },
      { level: 'annotation', kind: 'missing image', file: `${from}/c.json` },
      { level: 'object', kind: 'no area', file: `${from}/odd: name/a.json`, place: 'shapes[1]' },
      { level: 'note', kind: 'missing annotation', file: `${from}/lone.png` },
    ]);
    expect(report.faults[1]).not.toHaveProperty('place');
    const voc = await folderOf({
      'Annotations/a.xml':
        '<annotation>\n<filename>a.png</filename>\n<object><name>cat</name></object>\n</annotation>',
      'JPEGImages/a.png': png,
    });
    expect((await converted(voc, { skipBad: true })).report.faults).toMatchObject([
      { file: `${voc}/Annotations/a.xml`, place: 'object 1 (line 3)' },
    ]);
    const yolo = await folderOf({
      'data.yaml': 'names: [cat]\n',
      'images/a.png': png,
      'labels/a.txt': '0 0.5 0.5 0.2 0.2\n7 0.5 0.5 0.2 0.2\n',
    });
    expect((await converted(yolo, { skipBad: true })).report.faults).toMatchObject([
      { file: `${yolo}/labels/a.txt`, place: 'line 2' },
    ]);
    const file = await folderOf({ 'c.json': coco([good, { ...good, bbox: [1, 1, 0, 4] }]), 'a.png': png });
    expect((await converted(file, { skipBad: true })).report.faults).toMatchObject([
      { file: `${file}/c.json`, place: 'annotations[1] (id 2)' },
    ]);
  });

  it('shows labels with blanks at their ends in quotes', async () => {
    const from = await folderOf({
      'a.json': labelme([rectangle(1, 1, 4, 4, ' cat')]),
      'a.png': await image(),
    });
    const { told } = await converted(from, {});
    expect(said()).toContain('1 object (1 " cat")');
    expect(told).toContain('noted 1 class name; the first: ');
  });
});
