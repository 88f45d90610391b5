/** One image that is there several times: under several names, in several lists or parts, with several annotations. */
import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { encodeIndexedPng } from '../../../src/data/indexedPng.ts';
import { coco, labelme, lenient, rectangle } from './fieldFiles.ts';
import { faultOf, folderOf, image, readAll } from './folders.ts';

const LABEL = '0 0.5 0.5 0.2 0.2\n';
const xml = (name: string) =>
  `<annotation><filename>${name}</filename><object><name>cat</name><bndbox><xmin>3</xmin><ymin>2</ymin><xmax>8</xmax><ymax>4</ymax></bndbox></object></annotation>`;
const mask = () => encodeIndexedPng({ width: 20, height: 10, data: new Uint8Array(200).fill(1) });

describe('an image that is listed twice in one part', () => {
  it('counts once in YOLO, whatever path leads to it', async () => {
    const png = await image();
    const folder = await folderOf({
      'images/p.png': png,
      'images/q.png': png,
      'labels/p.txt': LABEL,
      'labels/q.txt': LABEL,
      'train.txt': 'images/p.png\n./images/p.png\nimages/../images/p.png\nimages/q.png\nalias/q.png\n',
      'data.yaml': 'train: train.txt\nnames: [cat]\n',
    });
    await symlink(join(folder, 'images'), join(folder, 'alias'));
    const { images, said, faults } = await lenient(folder);
    expect(images.map(({ name }) => name)).toEqual(['p', 'q']);
    expect(said).toEqual(Array(3).fill('note: duplicate'));
    expect(faults[0]!.message).toMatch(/train\.txt: line 2: the image \.\/images\/p\.png .* it counts once$/);
    await symlink(join(folder, 'images/q.png'), join(folder, 'images/r.png'));
    const all = await lenient(join(folder, 'images'), { format: 'yolo' });
    expect(all.images.map(({ name }) => name)).toEqual(['p', 'q']);
    expect(all.said).toEqual(['note: duplicate']);
  });

  it('counts once in lists of ImageSets/', async () => {
    const png = await image();
    const voc = await folderOf({
      'Annotations/a.xml': xml('a.png'),
      'JPEGImages/a.png': png,
      'ImageSets/Main/train.txt': 'a\na  1\n\na -1\n',
    });
    const read = await lenient(voc, { split: 'train' });
    expect([read.images.length, read.said]).toEqual([1, Array(2).fill('note: duplicate')]);
    const masks = await folderOf({
      'images/a.png': png,
      'masks/a.png': await mask(),
      'ImageSets/Segmentation/train.txt': 'a\na\n',
    });
    const found = await lenient(masks, { split: 'train', format: 'masks' });
    expect([found.images.length, found.said]).toEqual([1, ['note: duplicate']]);
  });
});

describe('an image in two parts', () => {
  const several = 'note: in several parts';

  it('is noted once per pair of parts: YOLO', async () => {
    const png = await image();
    const folder = await folderOf({
      'images/p.png': png,
      'images/q.png': png,
      'labels/p.txt': LABEL,
      'labels/q.txt': LABEL,
      'train.txt': 'images/p.png\nimages/q.png\n',
      'val.txt': './images/p.png\n',
      'data.yaml': 'train: train.txt\nval: val.txt\ntest: nowhere.txt\nnames: [cat]\n',
    });
    for (const split of ['train', 'val']) {
      const { images, said, faults } = await lenient(folder, { split });
      expect([images.length, said]).toEqual([split === 'train' ? 2 : 1, [several]]);
      expect(faults[0]!.message).toMatch(/the parts train and val both have the image .*images\/p\.png$/);
    }
    const all = await lenient(folder);
    expect([all.images.length, all.said]).toEqual([2, ['note: duplicate', several]]);
    const same = 'train: images\nval: images\nnames: [cat]\n';
    const tiny = await folderOf({ 'images/p.png': png, 'labels/p.txt': LABEL, 'data.yaml': same });
    for (const options of [{}, { split: 'train' }, { split: 'val' }]) {
      expect((await lenient(tiny, options)).said).toEqual([]);
    }
  });

  it('is noted: VOC, where trainval is train and val, and masks', async () => {
    const png = await image();
    const sets = { 'train.txt': 'a\nb\n', 'val.txt': 'a\n', 'trainval.txt': 'a\nb\n' };
    const lists = (folder: string) =>
      Object.fromEntries(Object.entries(sets).map(([name, text]) => [`ImageSets/${folder}/${name}`, text]));
    const voc = await folderOf({
      'Annotations/a.xml': xml('a.png'),
      'Annotations/b.xml': xml('b.png'),
      'JPEGImages/a.png': png,
      'JPEGImages/b.png': png,
      ...lists('Main'),
    });
    const masks = await folderOf({
      'images/a.png': png,
      'images/b.png': png,
      'masks/a.png': await mask(),
      'masks/b.png': await mask(),
      ...lists('Segmentation'),
    });
    for (const folder of [voc, masks]) {
      expect((await lenient(folder, { split: 'val' })).said).toEqual([several]);
      expect((await lenient(folder, { split: 'trainval' })).said).toEqual([]);
      expect((await lenient(folder)).said).toEqual([several]);
    }
  });
});

describe('two annotations of one image', () => {
  it('are one in COCO where the entries are alike, and none where they are not', async () => {
    const png = await image();
    const size = { width: 20, height: 10 };
    const objects = [
      { bbox: [1, 1, 4, 4], image_id: 1 },
      { bbox: [9, 1, 4, 4], image_id: 2 },
    ];
    const images = [
      { id: 1, file_name: 'a.png', ...size },
      { id: 2, file_name: './a.png', ...size },
    ];
    const alike = await folderOf({ 'c.json': coco(objects, images), 'a.png': png });
    expect((await faultOf(readAll(alike))).message).toMatch(
      /c\.json: the images with id 1 and 2 are both \.\/a\.png; .*--skip-bad/,
    );
    const read = await lenient(alike);
    expect(read.images.map(({ annotation }) => annotation.shapes.length)).toEqual([2]);
    expect(read.said).toEqual(['image: duplicate']);
    images[1]!.width = 30;
    const unlike = await folderOf({ 'c.json': coco(objects, images), 'a.png': png });
    const left = await lenient(unlike);
    expect([left.images.length, left.said]).toEqual([0, ['image: duplicate', 'image: duplicate']]);
  });

  it('are faults that name both: links in COCO, Labelme, VOC and masks', async () => {
    const png = await image();
    const two = [
      { id: 1, file_name: 'a.png', width: 20, height: 10 },
      { id: 2, file_name: 'b.png', width: 20, height: 10 },
    ];
    const linked = await folderOf({ 'c.json': coco([], two), 'a.png': png });
    await symlink(join(linked, 'a.png'), join(linked, 'b.png'));
    const folders: [folder: string, level: string, names: [string, string]][] = [
      [linked, 'image', ['images\\[1\\]', 'images\\[0\\]']],
      [
        await folderOf({
          'a.json': labelme([rectangle(1, 1, 4, 4)]),
          'b.json': labelme([], { imagePath: './a.png' }),
          'a.png': png,
        }),
        'annotation',
        ['b\\.json', 'a\\.json'],
      ],
      [
        await folderOf({
          'Annotations/a.xml': xml('a.png'),
          'Annotations/b.xml': xml('a.png'),
          'JPEGImages/a.png': png,
          'JPEGImages/b.png': png,
        }),
        'annotation',
        ['b\\.xml', 'a\\.xml'],
      ],
      [
        await folderOf({
          'images/a.png': png,
          'masks/a.png': await mask(),
          'masks/a_mask.png': await mask(),
        }),
        'annotation',
        ['a_mask\\.png', 'masks/a\\.png'],
      ],
    ];
    for (const [folder, level, [second, first]] of folders) {
      expect((await faultOf(readAll(folder))).message).toMatch(
        new RegExp(`${second}.*: is of the image .*\\.png, and so is .*${first}.*; keep one .*--skip-bad`),
      );
      const { images, said } = await lenient(folder);
      expect(images).toHaveLength(1);
      expect(said[0]).toBe(`${level}: duplicate`);
    }
  });
});

describe('a copy of an annotation file', () => {
  it('gives way to the one that is named after the image, also where it comes first', async () => {
    const png = await image();
    const own = labelme([rectangle(1, 1, 4, 4, 'own')]);
    const copy = labelme([rectangle(1, 1, 4, 4, 'copy')]);
    const folders = [
      await folderOf({ 'a.png': png, 'a.json': own, 'a (1).json': copy }),
      await folderOf({
        'JPEGImages/a.png': png,
        'Annotations/a.xml': xml('a.png').replace('cat', 'own'),
        'Annotations/a (1).xml': xml('a.png').replace('cat', 'copy'),
      }),
    ];
    for (const folder of folders) {
      const { images, said, faults } = await lenient(folder);
      expect(images.map(({ name, annotation }) => [name, annotation.shapes[0]!.label])).toEqual([
        ['a', 'own'],
      ]);
      expect(said).toEqual(['annotation: duplicate']);
      expect(faults[0]!.message).toMatch(
        /a \(1\)\.\w+: is of the image .*a\.png, and so is .*a\.(json|xml); keep/,
      );
      expect((await faultOf(readAll(folder))).name).toBe('DataError');
    }
  });

  it('is read where the file of that name is broken, or of another image', async () => {
    const png = await image();
    const copy = labelme([rectangle(1, 1, 4, 4, 'copy')]);
    const broken = await folderOf({ 'a.png': png, 'a.json': '{"shapes": [', 'a (1).json': copy });
    const one = await lenient(broken);
    expect([one.images.length, one.said]).toEqual([1, ['annotation: not JSON']]);
    const other = labelme([], { imagePath: 'b.png' });
    const apart = await folderOf({ 'a.png': png, 'b.png': png, 'a.json': other, 'a (1).json': copy });
    const two = await lenient(apart);
    expect([two.images.length, two.said]).toEqual([2, []]);
  });
});

describe('two classes of one name', () => {
  it('are one, and noted: COCO and YOLO', async () => {
    const png = await image();
    const categories = [1, 2].map((id) => ({ id, name: 'cat' }));
    const objects = categories.map(({ id }) => ({ bbox: [id, 1, 4, 4], category_id: id }));
    const folders = [
      await folderOf({ 'c.json': { ...coco(objects), categories }, 'a.png': png }),
      await folderOf({
        'images/a.png': png,
        'labels/a.txt': `${LABEL}1 0.3 0.3 0.1 0.1\n`,
        'classes.txt': 'cat\ncat\n',
      }),
    ];
    for (const folder of folders) {
      const { images, said } = await lenient(folder);
      expect(images[0]!.annotation.shapes.map(({ label }) => label)).toEqual(['cat', 'cat']);
      expect(said).toEqual(['note: duplicate']);
    }
  });
});

describe('two images of one annotation', () => {
  it('are faults that name both: YOLO and masks', async () => {
    const png = await image();
    const jpg = await sharp(png).jpeg().toBuffer();
    const yolo = { 'images/p.png': png, 'images/p.jpg': jpg, 'classes.txt': 'cat\n' };
    const labelled = await folderOf({ ...yolo, 'labels/p.txt': LABEL });
    expect((await faultOf(readAll(labelled))).message).toMatch(
      /labels\/p\.txt: is there for .*p\.jpg and for .*p\.png; keep one/,
    );
    const { images, said } = await lenient(labelled);
    expect([images.length, said]).toEqual([0, ['image: duplicate', 'image: duplicate']]);
    // Without labels both are images without an object.
    const plain = await folderOf({ ...yolo, 'images/q.png': png, 'labels/q.txt': LABEL });
    expect(await readAll(plain)).toHaveLength(3);
    const masks = await folderOf({ 'images/p.png': png, 'images/p.jpg': jpg, 'masks/p.png': await mask() });
    expect((await faultOf(readAll(masks))).message).toMatch(
      /masks\/p\.png: is there for .*p\.jpg and for .*p\.png; keep one/,
    );
    expect((await lenient(masks)).said).toEqual(['annotation: duplicate']);
  });
});
