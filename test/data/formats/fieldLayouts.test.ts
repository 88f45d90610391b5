/** Folders as programs and competitions lay them out. */
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { diskFiles } from '../../../cli/src/dataFiles.ts';
import { detectFormat } from '../../../src/data/formats/index.ts';
import { encodeIndexedPng } from '../../../src/data/indexedPng.ts';
import { lenient } from './fieldFiles.ts';
import { faultOf, folderOf, image, readAll } from './folders.ts';

/** A mask of 20x10 with value 1 in the first row and 2 in the second. */
const mask = () =>
  encodeIndexedPng({
    width: 20,
    height: 10,
    data: Uint8Array.from({ length: 200 }, (_, i) => [1, 2][Math.floor(i / 20)] ?? 0),
  });
const xml =
  '<annotation><filename>a.png</filename><object><name>cat</name><bndbox><xmin>3</xmin><ymin>2</ymin><xmax>8</xmax><ymax>4</ymax></bndbox></object></annotation>';
const labelsIn = async (folder: string) => {
  const { images, said } = await lenient(folder);
  return [images.map(({ annotation }) => annotation.shapes.map(({ label }) => label).sort()), said];
};

describe('masks in labels/ or annotations/', () => {
  it('are masks, and no labels of YOLO', async () => {
    const png = await image();
    const others: Record<string, string | Uint8Array>[] = [
      { 'labels/a_P.png': await mask(), 'codes.txt': '_background_\ncoin\ntoken\n' },
      { 'labels/a.png': await mask(), 'classes.txt': 'bg\ncoin\ntoken\n' },
      { 'annotations/a.png': await mask(), 'annotations/class_names.txt': '_background_\ncoin\ntoken\n' },
    ];
    for (const files of others) {
      const folder = await folderOf({ 'images/a.png': png, ...files });
      expect(await detectFormat(diskFiles, folder)).toBe('masks');
      expect(await labelsIn(folder)).toEqual([[['coin', 'token']], []]);
    }
    const yolo = { 'labels/a.txt': '0 0.5 0.5 0.1 0.1\n', 'labels/a.png': png, 'classes.txt': 'cat\n' };
    expect(await detectFormat(diskFiles, await folderOf({ 'images/a.png': png, ...yolo }))).toBe('yolo');
  });

  it('with Void as value 0 are not labelled there, which is noted', async () => {
    const folder = await folderOf({
      'images/a.png': await image(),
      'labels/a_P.png': await mask(),
      'codes.txt': 'Void\ncoin\ntoken\n',
    });
    expect(await labelsIn(folder)).toEqual([[['coin', 'token']], ['note: mask value']]);
    const [one] = await readAll(folder);
    expect(one!.annotation.unlabelled).toMatchObject({ y: 2, height: 8 });
  });
});

describe('masks that are no PNG files', () => {
  it.each(['a.jpg', 'a_mask.gif', 'a.bmp'])('are an error that says so: %s', async (name) => {
    const folder = await folderOf({ 'images/a.png': await image(), [`masks/${name}`]: await image() });
    expect(await detectFormat(diskFiles, folder)).toBe('masks');
    const { message } = await faultOf(readAll(folder));
    expect(message).toContain(`masks/${name}: is a ${name.slice(-3).toUpperCase()} file, w`);
    expect(message).toContain('save masks as PNG files');
    const yolo = { 'labels/a.txt': '0 0.5 0.5 0.1 0.1\n', 'classes.txt': 'cat\n' };
    const beside = await folderOf({
      'images/a.png': await image(),
      [`masks/${name}`]: await image(),
      ...yolo,
    });
    expect(await detectFormat(diskFiles, beside)).toBe('yolo');
  });

  it('nor of 16 bits per pixel', async () => {
    const words = new Uint16Array(200).fill(1);
    const png = await sharp(words, { raw: { width: 20, height: 10, channels: 1 } })
      .toColourspace('grey16')
      .png()
      .toBuffer();
    const folder = await folderOf({ 'images/a.png': await image(), 'masks/a.png': png });
    expect((await faultOf(readAll(folder))).message).toMatch(
      /has 16 bits per pixel; save the mask with 8 bits per pixel/,
    );
  });
});

describe('what other programs lay out', () => {
  it('VOC with images/ and annotations/, also given as the folder of the XML files', async () => {
    const folder = await folderOf({ 'images/a.png': await image(), 'annotations/a.xml': xml });
    for (const path of [folder, `${folder}/annotations`]) {
      expect(await detectFormat(diskFiles, path)).toBe('voc');
      expect((await labelsIn(path))[0]).toEqual([['cat']]);
    }
    const missing = await folderOf({ 'annotations/a.xml': xml });
    const { message } = await faultOf(readAll(`${missing}/annotations`));
    expect(message).toContain(
      `is not in ${missing}/annotations/JPEGImages, ${missing}/annotations, ${missing}/images, ${missing}/JPEGImages; put`,
    );
  });

  it('Label Studio’s YOLO, whose notes.json is no COCO file', async () => {
    const folder = await folderOf({
      'images/a.png': await image(),
      'labels/a.txt': '0 0.5 0.5 0.1 0.1\n',
      'classes.txt': 'cat\n',
      'notes.json': { categories: [{ id: 0, name: 'cat' }], info: {} },
    });
    expect(await detectFormat(diskFiles, folder)).toBe('yolo');
  });

  it('YOLO with a data.yaml that has no names', async () => {
    const folder = await folderOf({
      'images/a.png': await image(),
      'labels/a.txt': '0 0.5 0.5 0.1 0.1\n',
      'data.yaml': 'nc: 1\ntrain: images\n',
    });
    expect((await faultOf(readAll(folder))).message).toBe(
      `${folder}/data.yaml: has no "names", which list the classes; add "names: [first, second]"`,
    );
  });
});
