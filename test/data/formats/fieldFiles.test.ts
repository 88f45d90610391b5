/** Files as people have them: encodings, layouts, leftovers, links and paths. */
import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Annotation } from '../../../src/data/annotation.ts';
import { coco, labelme, lenient, rectangle } from './fieldFiles.ts';
import { annotationsOf, faultOf, folderOf, image, readAll } from './folders.ts';

describe('nothing is guessed where the file says otherwise', () => {
  it('keypoints of YOLO give their box', async () => {
    const folder = await folderOf({
      'data.yaml': 'kpt_shape: [2, 3]\nnc: 1\nnames: [hand]\ntrain: images\n',
      'images/a.png': await image(),
      'labels/a.txt': '0 0.5 0.5 0.2 0.4 0.1 0.1 2 0.9 0.9 2\n',
    });
    const [one] = await annotationsOf(folder);
    expect(one!.shapes).toHaveLength(1);
    for (const [i, side] of [8, 3, 12, 7].entries()) expect(one!.shapes[0]!.box[i]).toBeCloseTo(side, 9);
    const wrong = await folderOf({
      'data.yaml': 'nc: 2\nnames: [hand]\ntrain: images\n',
      'images/a.png': await image(),
      'labels/a.txt': '',
    });
    expect((await faultOf(readAll(wrong))).message).toContain('nc is 2, but names has 1 class;');
  });

  it('VOC’s file name has its extension, and <polygon> its outline', async () => {
    const [png, jpg] = [await image(), await image(30, 10)];
    const xml = (name: string, width: number) =>
      `<annotation><filename>${name}</filename><size><width>${width}</width><height>10</height></size><object><name>cat</name><polygon><x1>1</x1><y1>1</y1><x2>9</x2><y2>1</y2><x3>1</x3><y3>8</y3></polygon></object></annotation>`;
    const folder = await folderOf({
      'Annotations/a.xml': xml('a.jpg', 30),
      'JPEGImages/a.png': png,
      'JPEGImages/a.jpg': jpg,
    });
    const [one] = await readAll(folder);
    expect(one!.image).toBe(`${folder}/JPEGImages/a.jpg`);
    expect(one!.annotation.shapes[0]!.points).toHaveLength(3);
    const neither = await folderOf({
      'Annotations/a.xml': xml('a.bmp', 30),
      'JPEGImages/a.png': png,
      'JPEGImages/a.jpg': jpg,
    });
    expect((await faultOf(readAll(neither))).message).toMatch(
      /"a\.bmp" is not there, but .*a\.jpg and .*a\.png are/,
    );
  });

  it('text is in the encoding that it has, or refused', async () => {
    const gbk = Buffer.concat([
      Buffer.from('{"shapes": [{"label": "'),
      Buffer.from([0xc4, 0xe3]),
      Buffer.from(
        '", "points": [[1,1],[5,5]], "shape_type": "rectangle"}], "imagePath": "a.png", "imageWidth": 20, "imageHeight": 10}',
      ),
    ]);
    const folder = await folderOf({ 'a.json': gbk, 'a.png': await image() });
    expect((await faultOf(readAll(folder))).message).toContain(
      'a.json: is not UTF-8 text; save it as UTF-8, or name its encoding',
    );
    expect((await annotationsOf(folder, { encoding: 'gb18030' }))[0]!.shapes[0]!.label).toBe('你');
    expect((await faultOf(readAll(folder, { encoding: 'klingon' }))).message).toContain(
      '"klingon" is not an encoding',
    );
    const xml =
      '<?xml version="1.0" encoding="Shift_JIS"?><annotation><filename>a.png</filename><object><name>';
    const end =
      '</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>5</xmax><ymax>5</ymax></bndbox></object></annotation>';
    const japanese = await folderOf({
      'Annotations/a.xml': Buffer.concat([Buffer.from(xml), Buffer.from([0x94, 0x4c]), Buffer.from(end)]),
      'JPEGImages/a.png': await image(),
    });
    expect((await annotationsOf(japanese))[0]!.shapes[0]!.label).toBe('猫');
    const wide = await folderOf({
      'Annotations/a.xml': Buffer.from(`\uFEFF${xml.replace('Shift_JIS', 'UTF-16')}猫${end}`, 'utf16le'),
      'JPEGImages/a.png': await image(),
    });
    expect((await annotationsOf(wide))[0]!.shapes[0]!.label).toBe('猫');
  });

  it('COCO is in the encoding that it has, or refused, whatever its size', async () => {
    // Several blocks of 64 KiB; the second byte of 乗 is a backslash in Shift_JIS, that of 亄 one in GB18030.
    const count = 3000;
    const numbers = Array.from({ length: count }, (_, i) => i + 1);
    const value = {
      info: { contributor: '乗亄'.repeat(9) },
      images: numbers.map((id) => ({ id, file_name: 'a.png', width: 20, height: 10 })).slice(0, 1),
      annotations: numbers.map((id) => ({
        ...{
          id,
          image_id: 1,
          category_id: 1 + (id % 2),
          bbox: [1, 1, 4, 4],
          note: '猫\u{1f408}'.repeat(id % 7),
        },
      })),
      categories: ['乗', '猫'].map((name, i) => ({ id: i + 1, name })),
    };
    const text = JSON.stringify(value).replaceAll('\u{1f408}', '');
    const wide = Buffer.from(`\uFEFF${JSON.stringify(value)}`, 'utf16le');
    const swapped = Buffer.from(wide).swap16();
    for (const bytes of [wide, swapped, Buffer.from(JSON.stringify(value))]) {
      const folder = await folderOf({ 'a.json': bytes, 'a.png': await image() });
      const [{ shapes }] = (await annotationsOf(folder)) as [Annotation];
      expect(shapes.length).toBe(count);
      expect([shapes[0]!.label, shapes[1]!.label]).toEqual(['猫', '乗']);
    }
    // Characters that both tables have, so that no encoder is needed.
    const encode = (table: Readonly<Record<string, readonly number[]>>) =>
      Buffer.concat([...text].map((letter) => Buffer.from(table[letter] ?? letter)));
    const japanese = encode({ 乗: [0x8f, 0xe6], 亄: [0x83, 0x5c], 猫: [0x94, 0x4c] });
    const chinese = encode({ 乗: [0x81, 0x5c], 亄: [0x81, 0x7d], 猫: [0xc3, 0xa8] });
    for (const [bytes, encoding, name] of [
      [japanese, 'shift_jis', '乗'],
      [chinese, 'gb18030', new TextDecoder('gb18030').decode(Uint8Array.of(0x81, 0x5c))],
    ] as const) {
      const folder = await folderOf({ 'a.json': bytes, 'a.png': await image() });
      const [{ shapes }] = (await annotationsOf(folder, { encoding })) as [Annotation];
      expect(shapes.length).toBe(count);
      expect([shapes[0]!.label, shapes[1]!.label]).toEqual(['猫', name]);
      expect((await faultOf(readAll(folder))).message).toMatch(
        /a\.json.*is not UTF-8 text.*--encoding gb18030/,
      );
      expect((await faultOf(readAll(folder, { encoding: 'utf-16le' }))).message).toContain('a.json');
      expect((await faultOf(readAll(folder, { encoding: 'klingon' }))).message).toContain(
        'is not an encoding',
      );
    }
    const broken = await folderOf({
      'a.json': Buffer.concat([japanese, Buffer.of(0xff)]),
      'a.png': await image(),
    });
    expect((await faultOf(readAll(broken, { encoding: 'shift_jis' }))).message).toContain(
      'a.json: is not SHIFT_JIS text',
    );
  });

  it('names of Object’s own properties are no entities, flags or classes', async () => {
    const xml = (name: string, flag: string) =>
      `<annotation><filename>a.png</filename><object><name>${name}</name><difficult>${flag}</difficult><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>5</xmax><ymax>5</ymax></bndbox></object></annotation>`;
    for (const [text, message] of [
      [xml('&constructor;', '0'), 'unknown entity &constructor;'],
      [xml('cat', 'constructor'), 'difficult is "constructor", not 0 or 1'],
    ] as const) {
      const folder = await folderOf({ 'Annotations/a.xml': text, 'JPEGImages/a.png': await image() });
      expect((await faultOf(readAll(folder))).message).toContain(message);
    }
  });
});

describe('files that are not meant', () => {
  it('are passed over: dot-files, leftovers of editors and systems, stray JSON', async () => {
    const png = await image();
    const folder = await folderOf({
      'a.json': labelme([rectangle(1, 1, 4, 4)]),
      'a.png': png,
      '._a.json': 'resource fork',
      '__MACOSX/a.json': 'resource fork',
      'settings.json': '{"theme": "dark"}',
    });
    const { images, said } = await lenient(folder);
    expect(images).toHaveLength(1);
    expect(said).toEqual(['note: structure']);
    const yolo = await folderOf({
      'classes.txt': 'cat\n',
      'images/a.png': png,
      'images/.ipynb_checkpoints/a-checkpoint.png': png,
      'images/Thumbs.db': 'x',
      'labels/a.txt': '0 0.5 0.5 0.5 0.5\n0 0.5 0.5 0.5 0.5\n',
    });
    const notebook = await lenient(yolo);
    expect(notebook.images).toHaveLength(1);
    // A line that occurs twice is one object.
    expect(notebook.images[0]!.annotation.shapes).toHaveLength(1);
    expect(notebook.said).toEqual(['note: duplicate']);
  });

  it('links that lead in circles are followed once', async () => {
    const folder = await folderOf({
      'classes.txt': 'cat\n',
      'images/a.png': await image(),
      'labels/a.txt': '0 0.5 0.5 0.5 0.5\n',
    });
    for (const name of ['x', 'y']) await symlink(join(folder, 'images'), join(folder, 'images', name));
    expect(await readAll(folder)).toHaveLength(1);
  });

  it('and images in nested folders are found, a COCO part by its name, val.json beside val/', async () => {
    const png = await image();
    const nested = await folderOf({
      'c.json': coco([], [{ id: 1, file_name: 'a.png', width: 20, height: 10 }]),
      'images/x/y/a.png': png,
    });
    expect((await readAll(nested))[0]!.image).toBe(`${nested}/images/x/y/a.png`);
    const layout = await folderOf({
      'annotations/instances_train2017.json': coco([]),
      'annotations/captions_train2017.json': { images: [], annotations: [] },
      'annotations/person_keypoints_train2017.json': coco([]),
      'annotations/instances_val2017.json': coco([]),
      'train2017/a.png': png,
      'val2017/a.png': png,
    });
    expect((await readAll(layout, { split: 'train' }))[0]!.image).toBe(`${layout}/train2017/a.png`);
    expect((await faultOf(readAll(layout, { split: 'dev' }))).message).toContain(
      'choose from train2017, val2017',
    );
    const beside = await folderOf({ 'val.json': coco([]), 'val/a.png': png });
    expect((await readAll(beside))[0]!.image).toBe(`${beside}/val/a.png`);
  });
});

describe('paths', () => {
  it('beside the data set are noted, outside of its parent they want allowOutside, addresses are refused', async () => {
    const png = await image();
    const folder = await folderOf({
      'data/a.json': labelme([], { imagePath: '../images/a.png' }),
      'images/a.png': png,
      'far/data/b.json': labelme([], { imagePath: '../../images/a.png' }),
      'far/other/c.json': labelme([], { imagePath: 'file:///etc/passwd' }),
      'linked/d.json': labelme([]),
      'deep/linked/e.json': labelme([]),
    });
    const { images, said } = await lenient(`${folder}/data`);
    expect([images.length, said]).toEqual([1, ['note: path']]);
    const outside = `${folder}/far/data`;
    expect((await faultOf(readAll(outside))).message).toMatch(
      /"\.\.\/\.\.\/images\/a\.png" is outside of .*\/far; .*--allow-outside/,
    );
    expect(await readAll(outside, { allowOutside: true })).toHaveLength(1);
    const address = readAll(`${folder}/far/other`, { allowOutside: true });
    expect((await faultOf(address)).message).toContain('"file:///etc/passwd", an address and not a path');
    // A link is where it leads.
    await symlink(`${folder}/images/a.png`, `${folder}/deep/linked/a.png`);
    expect((await faultOf(readAll(`${folder}/deep/linked`))).message).toContain('which leads to');
    await symlink(`${folder}/images/a.png`, `${folder}/linked/a.png`);
    expect(await readAll(`${folder}/linked`)).toHaveLength(1);
  });
});
