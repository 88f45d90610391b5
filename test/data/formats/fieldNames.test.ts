/** Images that are not quite where their annotations say: paths of other machines, letters in another Unicode form. */
import { describe, expect, it } from 'vitest';
import { encodeIndexedPng } from '../../../src/data/indexedPng.ts';
import { coco, labelme, lenient, rectangle } from './fieldFiles.ts';
import { faultOf, folderOf, image, readAll } from './folders.ts';

describe('an imagePath of another machine', () => {
  it.each([
    'C:\\Users\\me\\a.png',
    '/home/me/data/a.png',
    '..\\images\\a.png',
    'D:/x/a.png',
  ])('is the image of that name beside the annotation, and noted: %s', async (imagePath) => {
    const folder = await folderOf({
      'x/a.json': labelme([rectangle(1, 1, 4, 4)], { imagePath }),
      'x/a.png': await image(),
    });
    const { images, faults } = await lenient(folder);
    expect(images.map((one) => one.image)).toEqual([`${folder}/x/a.png`]);
    expect(faults).toMatchObject([
      {
        level: 'note',
        kind: 'path',
        message: expect.stringMatching(
          /x\/a\.json: imagePath is .*a\.png, .* x?.*\/x\/a\.png beside it was read/,
        ),
      },
    ]);
  });

  it('is missing where no image of that name is there, and stays an address', async () => {
    for (const imagePath of ['C:\\Users\\me\\b.png', 'file:///tmp/a.png']) {
      const folder = await folderOf({ 'a.json': labelme([], { imagePath }), 'a.png': await image() });
      expect((await faultOf(readAll(folder))).message).toMatch(
        /there is no such file|an address and not a path/,
      );
    }
  });
});

describe('letters that macOS writes as two characters', () => {
  const [one, two] = ['m\u00fcnze', 'mu\u0308nze'];
  const box = '0 0.5 0.5 0.4 0.4\n';
  const xml = (name: string) =>
    `<annotation><filename>${name}</filename><object><name>cat</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>20</xmax><ymax>10</ymax></bndbox></object></annotation>`;

  it.each([
    [one, two],
    [two, one],
  ])('are the same in names of images and annotations', async (named, there) => {
    const png = await image();
    const mask = await encodeIndexedPng({ width: 20, height: 10, data: new Uint8Array(200).fill(1) });
    const folders = {
      labelme: {
        [`${named}.json`]: labelme([rectangle(1, 1, 4, 4)], { imagePath: `${named}.png` }),
        [`${there}.png`]: png,
      },
      coco: {
        'c.json': coco(
          [{ bbox: [1, 1, 4, 4] }],
          [{ id: 1, file_name: `${named}.png`, width: 20, height: 10 }],
        ),
        [`images/${there}.png`]: png,
      },
      voc: {
        [`Annotations/${there}.xml`]: xml(`${named}.png`),
        [`JPEGImages/${there}.png`]: png,
        'ImageSets/Main/train.txt': `${named}\n`,
        [`SegmentationClass/${named}.png`]: mask,
        'labelmap.txt': 'background:0,0,0::\ncat:1,2,3::\n',
      },
      yolo: {
        'data.yaml': 'names: [cat]\ntrain: train.txt\n',
        'train.txt': `images/${named}.png\n`,
        [`images/${there}.png`]: png,
        [`labels/${named}.txt`]: box,
      },
      masks: { [`images/${there}.png`]: png, [`masks/${named}_mask.png`]: mask },
    };
    for (const [format, files] of Object.entries(folders)) {
      const folder = await folderOf(files);
      const { images, said } = await lenient(
        folder,
        format === 'voc' || format === 'yolo' ? { split: 'train' } : {},
      );
      expect([format, images.map(({ annotation }) => annotation.shapes.length)]).toEqual([format, [1]]);
      expect(said.filter((text) => text !== 'note: path')).toEqual([]);
      if (format === 'labelme' || format === 'coco') expect(said).toEqual(['note: path']);
      if (format === 'voc') expect(images[0]!.annotation.shapes[0]!.mask).toBeDefined();
    }
  });
});
