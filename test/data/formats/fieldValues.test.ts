/** Values that are no numbers, too large, or written in a way that a format does not have; and what else costs one object, not all. */
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { diskFiles } from '../../../cli/src/dataFiles.ts';
import { readCocoResults } from '../../../src/data/formats/coco/results.ts';
import { outlineArea } from '../../../src/vision/outline.ts';
import { coco, labelme, lenient, polygon, rectangle } from './fieldFiles.ts';
import { annotationsOf, faultOf, folderOf, image, readAll } from './folders.ts';

const withWords = (value: object): string =>
  JSON.stringify(value).replaceAll('"nan"', 'NaN').replaceAll('"inf"', '-Infinity');

describe('one bad thing costs itself alone', () => {
  it('NaN and Infinity as Python writes them: the value, or the object that needs it', async () => {
    const png = await image();
    const folder = await folderOf({
      'c.json': withWords(
        coco([
          { bbox: [1, 1, 4, 4], area: 'nan' },
          { bbox: [2, 'nan', 4, 4] },
          { bbox: [3, 3, 4, 4], attributes: { 'NaN \\" Infinity': 'inf' } },
          { bbox: [1, 2, 3, 4], image_id: 'nan' },
        ]),
      ),
      'a.png': png,
    });
    expect((await faultOf(readAll(folder))).message).toMatch(
      /c\.json: annotations\[0\]: .*found "NaN"; .*--skip-bad/,
    );
    const { images, said } = await lenient(folder);
    expect(images[0]!.annotation.shapes.map(({ id, box }) => [id, box])).toEqual([
      [1, [1, 1, 5, 5]],
      [3, [3, 3, 7, 7]],
    ]);
    expect(images[0]!.annotation.ignored).toEqual([{ box: [0, 0, 20, 10] }]);
    const nan = 'part: not a number';
    expect(said).toEqual([nan, nan, nan, nan, 'object: structure', 'object: structure']);

    const one = await folderOf({
      'a.json': withWords(
        labelme([
          rectangle(1, 1, 4, 4),
          polygon([
            [1, 1],
            ['inf' as never, 5],
            [5, 5],
          ]),
        ]),
      ),
      'a.png': png,
    });
    expect((await faultOf(readAll(one))).message).toContain('found "-Infinity"');
    const read = await lenient(one);
    expect(read.images[0]!.annotation.shapes).toHaveLength(1);
    expect(read.said).toEqual([nan, 'object: structure']);
  });

  it('a shape of Labelme that is no shape', async () => {
    const bad = [
      null,
      { label: '' },
      { ...rectangle(5, 5, 8, 8), group_id: 'x' },
      { label: 'a', points: [[1]] },
    ];
    const folder = await folderOf({
      'a.json': labelme([rectangle(1, 1, 4, 4), ...(bad as object[])]),
      'a.png': await image(),
    });
    expect((await faultOf(readAll(folder))).message).toMatch(/a\.json: shapes\[1\] must be an object; /);
    const { images, said } = await lenient(folder);
    expect(said).toEqual(Array(4).fill('object: structure'));
    const { shapes, ignored } = images[0]!.annotation;
    expect(shapes).toHaveLength(1);
    expect(ignored).toEqual([
      { box: [0, 0, 20, 10] },
      { box: [0, 0, 20, 10] },
      { box: [5, 5, 8, 8] },
      { box: [0, 0, 20, 10] },
    ]);
  });

  it('a category of COCO: its objects go along, the others stay', async () => {
    const categories = [
      { id: 1, name: 'cat' },
      { id: 2, name: null },
      { id: 3, name: 'dog' },
      { id: 3, name: 'dog' },
      { id: 4, name: 'a' },
      { id: 4, name: 'b' },
    ];
    const objects = [1, 2, 3, 4].map((category_id) => ({ bbox: [category_id, 1, 2, 2], category_id }));
    const folder = await folderOf({ 'c.json': { ...coco(objects), categories }, 'a.png': await image() });
    expect((await faultOf(readAll(folder))).message).toMatch(/categories\[1\]: name .*--skip-bad/);
    const { images, said } = await lenient(folder);
    expect(images[0]!.annotation.shapes.map(({ label }) => label)).toEqual(['cat', 'dog']);
    expect(images[0]!.annotation.ignored).toHaveLength(2);
    const twice = 'class: duplicate';
    const unknown = 'object: unknown class';
    expect(said).toEqual(['class: structure', twice, twice, twice, unknown, unknown]);
  });
});

describe('numbers', () => {
  it('of a text format are decimal', async () => {
    const png = await image();
    const rows = '0 .5 .5 .2 .2\n0x1 .5 .5 .3 .3\n0 0.50 5e-1 .20 0.2\n1e0 .5 .5 .4 .4\n0 0b1 .5 .2 .2\n';
    const yolo = await folderOf({ 'images/a.png': png, 'labels/a.txt': rows, 'classes.txt': 'cat\ndog\n' });
    expect((await faultOf(readAll(yolo))).message).toContain(
      'line 2: "0x1" is not a finite number in decimal',
    );
    const { images, said } = await lenient(yolo);
    expect(images[0]!.annotation.shapes.map(({ label }) => label)).toEqual(['cat', 'dog']);
    expect(said).toEqual(['object: not a number', 'note: duplicate', 'object: not a number']);
    const xml =
      '<annotation><filename>a.png</filename><object><name>cat</name><bndbox><xmin>0x3</xmin><ymin>2</ymin><xmax>8</xmax><ymax>4</ymax></bndbox></object></annotation>';
    const voc = await folderOf({ 'Annotations/a.xml': xml, 'JPEGImages/a.png': png });
    expect((await faultOf(readAll(voc))).message).toContain('bndbox.xmin is "0x3", not a number');
  });

  it('that are too large to be cut at the border are refused; others are cut exactly', async () => {
    const png = await image();
    const at = (far: number) =>
      polygon([
        [5, 2],
        [far, 2],
        [far, 8],
        [5, 8],
      ]);
    for (const far of [1e308, -1e308, 2e9]) {
      const folder = await folderOf({ 'a.json': labelme([at(far)]), 'a.png': png });
      expect((await faultOf(readAll(folder, { clip: true }))).message).toMatch(
        /outside of the image of 20x10, by more than can be cut/,
      );
      const box = await folderOf({ 'c.json': coco([{ bbox: [1, 1, Math.abs(far), 5] }]), 'a.png': png });
      expect((await lenient(box, { clip: true })).said).toEqual(['object: outside of the image']);
    }
    const folder = await folderOf({ 'a.json': labelme([at(9e8)]), 'a.png': png });
    const [annotation] = await annotationsOf(folder, { clip: true });
    expect(outlineArea(annotation!.shapes[0]!.points!)).toBeCloseTo(15 * 6, 5);
  });
});

describe('fixSizes', () => {
  const turned = async (width: number, height: number, orientation: number) =>
    sharp({ create: { width, height, channels: 3, background: '#777' } })
      .withMetadata({ orientation })
      .jpeg()
      .toBuffer();
  const folderFor = async (jpg: Buffer, imageWidth: number, imageHeight: number) =>
    folderOf({
      'a.json': labelme([rectangle(1, 1, 4, 4)], { imagePath: 'a.jpg', imageWidth, imageHeight }),
      'a.jpg': jpg,
    });

  it('does not guess where the size fits the image as stored and as shown', async () => {
    for (const [width, height, orientation] of [
      [12, 12, 6],
      [12, 12, 8],
      [20, 10, 3],
      [20, 10, 2],
    ] as const) {
      const jpg = await turned(width, height, orientation);
      for (const scale of [1, 2]) {
        const folder = await folderFor(jpg, width * scale, height * scale);
        expect((await faultOf(readAll(folder, { fixSizes: true }))).message).toMatch(
          /may have been made before or after the image was turned.*leave out --fix-sizes if it fits/,
        );
        expect((await lenient(folder, { fixSizes: true })).said).toEqual(['annotation: size differs']);
      }
      expect(await annotationsOf(await folderFor(jpg, width, height))).toHaveLength(1);
    }
  });

  it('turns what was made for the stored pixels, and leaves alone what was made for those shown', async () => {
    const jpg = await turned(21, 20, 6);
    expect(await annotationsOf(await folderFor(jpg, 20, 21), { fixSizes: true })).toMatchObject([
      { shapes: [{ box: [1, 1, 4, 4] }] },
    ]);
    expect(await annotationsOf(await folderFor(jpg, 21, 20), { fixSizes: true })).toMatchObject([
      { shapes: [{ box: [16, 1, 19, 4] }] },
    ]);
  });
});

describe('encodings', () => {
  const xml = (declared: string, label: Uint8Array): Uint8Array =>
    Buffer.concat([
      Buffer.from(
        `<?xml version="1.0" encoding="${declared}"?><annotation><filename>a.png</filename><object><name>`,
      ),
      label,
      Buffer.from(
        '</name><bndbox><xmin>3</xmin><ymin>2</ymin><xmax>8</xmax><ymax>4</ymax></bndbox></object></annotation>',
      ),
    ]);
  const GB = Uint8Array.of(0xc4, 0xe3);

  it('that are given come before a declaration, but not before UTF-8 that holds', async () => {
    const png = await image();
    const folderFor = (bytes: Uint8Array) =>
      folderOf({ 'Annotations/a.xml': bytes, 'JPEGImages/a.png': png });
    const labelIn = async (folder: string, encoding?: string) =>
      (await annotationsOf(folder, encoding === undefined ? {} : { encoding }))[0]!.shapes[0]!.label;
    for (const declared of ['UTF-8', 'ISO-8859-1', 'utf-16']) {
      const folder = await folderFor(xml(declared, GB));
      expect(await labelIn(folder, 'gb18030')).toBe('你');
      if (declared === 'UTF-8') {
        expect((await faultOf(readAll(folder))).message).toMatch(
          /is not UTF-8 text, which its XML declaration says it is; .*--encoding gb18030/,
        );
      }
    }
    expect(await labelIn(await folderFor(xml('UTF-8', Buffer.from('你'))), 'gb18030')).toBe('你');
    expect((await faultOf(readAll(await folderFor(xml('UTF-16', GB))))).message).toContain(
      '--encoding utf-8',
    );
  });

  it('of UTF-16 are named for every text file with bytes of 0', async () => {
    const png = await image();
    const names = ['classes.txt', 'labels/a.txt', 'train.txt', 'data.yaml'];
    const base: Record<string, string | Uint8Array> = {
      'images/a.png': png,
      'labels/a.txt': '0 0.5 0.5 0.2 0.2\n',
      'train.txt': 'images/a.png\n',
      'data.yaml': 'train: train.txt\nnames: [cat]\n',
    };
    for (const name of names) {
      const { 'data.yaml': yaml, ...rest } = base;
      const files: typeof base =
        name === 'classes.txt' ? { ...rest, [name]: '你\ncat\n' } : { ...rest, 'data.yaml': yaml! };
      const text = Buffer.from(`${files[name]}`, 'utf16le');
      for (const [encoding, bytes] of [
        ['utf-16le', text],
        ['utf-16be', Buffer.from(text).swap16()],
      ] as const) {
        const folder = await folderOf({ ...files, [name]: bytes });
        expect((await faultOf(readAll(folder))).message).toMatch(
          new RegExp(`${name}: seems to be UTF-16 .*--encoding ${encoding}`),
        );
      }
    }
    const zero = await folderOf({ ...base, 'labels/a.txt': '0 0.5 0.5 0.2 0.2\n\0' });
    expect((await faultOf(readAll(zero))).message).toContain('as it has bytes of 0');
  });

  it('are an option of results, too', async () => {
    const text = JSON.stringify([{ image_id: 1, category_id: 1, bbox: [1, 1, 2, 2], score: 0.5 }]);
    const folder = await folderOf({ 'r.json': Buffer.from(text, 'utf16le') });
    const references = { images: new Map([[1, { width: 9, height: 9 }]]), classes: [{ id: 1, name: 'cat' }] };
    const read = async (options: { encoding?: string }) => {
      const found = [];
      for await (const one of readCocoResults(diskFiles, `${folder}/r.json`, references, options))
        found.push(one);
      return found;
    };
    expect((await faultOf(read({}))).message).toContain('--encoding utf-16le');
    expect(await read({ encoding: 'utf-16le' })).toMatchObject([{ imageId: 1 }]);
  });
});
