/** What is said of slips: labels that look alike, names that cannot be opened, kinds of faults. */
import { writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { encodeIndexedPng } from '../../../src/data/indexedPng.ts';
import { coco, labelme, lenient, rectangle } from './fieldFiles.ts';
import { folderOf, image } from './folders.ts';

const mask = () => encodeIndexedPng({ width: 20, height: 10, data: new Uint8Array(200).fill(1) });

describe('labels', () => {
  it('with blanks at their ends, and classes that differ in blanks or case alone, are noted once', async () => {
    const shapes = [' coin', 'coin', 'Token', 'token', 'cat', 'coin'].map((label, i) =>
      rectangle(1 + i, 1, 4 + i, 4, label),
    );
    const png = await image();
    const folder = await folderOf({
      'a.json': labelme(shapes),
      'a.png': png,
      'b.json': labelme(shapes, { imagePath: 'b.png' }),
      'b.png': png,
    });
    const { images, faults } = await lenient(folder);
    expect(images[0]!.annotation.shapes.map(({ label }) => label)).toEqual(shapes.map(({ label }) => label));
    expect(faults.map(({ level, kind, message }) => [level, kind, message])).toEqual([
      ['note', 'class name', `${folder}/a.json: the class " coin" begins or ends with a blank`],
      [
        'note',
        'class name',
        `${folder}/a.json: the classes " coin" and "coin" differ only in blanks or in upper and lower case; they are two classes`,
      ],
      ['note', 'class name', expect.stringContaining('the classes "Token" and "token" differ only')],
    ]);
    const listed = await folderOf({
      'c.json': {
        ...coco([]),
        categories: [
          { id: 1, name: 'cat' },
          { id: 2, name: 'Cat ' },
        ],
      },
      'a.png': png,
    });
    expect((await lenient(listed)).said).toEqual(['note: class name']);
  });
});

describe('names that are not UTF-8 text', () => {
  const xml =
    '<annotation><filename>a.png</filename><object><name>cat</name><bndbox><xmin>3</xmin><ymin>2</ymin><xmax>8</xmax><ymax>4</ymax></bndbox></object></annotation>';
  const latin = (folder: string, name: string) =>
    Buffer.concat([Buffer.from(`${folder}/m`), Buffer.from([0xfc]), Buffer.from(name)]);

  it('cost the files alone, in every format', async () => {
    const png = await image();
    const label = '0 0.5 0.5 0.2 0.2\n';
    const cases: [files: Record<string, string | object>, bad: [string, string][], level: string[]][] = [
      [{ 'a.json': labelme([rectangle(1, 1, 4, 4)]), 'a.png': png }, [['', '.json']], ['annotation: path']],
      [
        { 'Annotations/a.xml': xml, 'JPEGImages/a.png': png },
        [['/Annotations', '.xml']],
        ['annotation: path'],
      ],
      [
        { 'images/a.png': png, 'labels/a.txt': label, 'data.yaml': 'names: [cat]\n' },
        [
          ['/images', '.png'],
          ['', '.yaml'],
        ],
        ['image: missing image'],
      ],
      [
        { 'images/a.png': png, 'masks/a.png': await mask() },
        [['/masks', '.png']],
        ['annotation: missing image'],
      ],
      [{ 'a.png': png, 'c.json': coco([{ bbox: [1, 1, 4, 4] }]) }, [['', '.json']], []],
    ];
    for (const [files, bad, said] of cases) {
      const folder = await folderOf(files);
      for (const [below, name] of bad) await writeFile(latin(`${folder}${below}`, name), '{}');
      const found = await lenient(folder);
      expect([Object.keys(files)[0], found.images.length, found.said]).toEqual([
        Object.keys(files)[0],
        1,
        said,
      ]);
    }
  });
});

describe('kinds of faults', () => {
  it('have names for broken JSON and damaged run lengths', async () => {
    const png = await image();
    const broken = await folderOf({
      'a.json': '{"shapes": [',
      'b.json': labelme([], { imagePath: 'a.png' }),
      'a.png': png,
    });
    expect((await lenient(broken)).said).toEqual(['annotation: not JSON']);
    const segmentation = { counts: 'abc', size: [10, 20] };
    const runs = await folderOf({ 'c.json': coco([{ bbox: [1, 1, 4, 4], segmentation }]), 'a.png': png });
    expect((await lenient(runs)).said).toEqual(['part: run lengths']);
  });
});
