/**
 * Data as people have it: what readers mend, say or refuse. Each case stands for a kind of fault, on inputs made here.
 */
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import type { DataFault } from '../../../src/data/faults.ts';
import { coco, labelme, lenient, polygon, rectangle } from './fieldFiles.ts';
import { annotationsOf, faultOf, folderOf, image, readAll } from './folders.ts';

/** A JPEG of 20x10 stored pixels that is shown as 10x20. */
const turnedImage = async (): Promise<Buffer> =>
  sharp({ create: { width: 20, height: 10, channels: 3, background: '#777' } })
    .withMetadata({ orientation: 6 })
    .jpeg()
    .toBuffer();

describe('an image of another size than its annotation says', () => {
  const folders = {
    labelme: async (png: Buffer) =>
      folderOf({ 'a.json': labelme([rectangle(2, 1, 8, 4)], { imagePath: 'a.jpg' }), 'a.jpg': png }),
    coco: async (png: Buffer) =>
      folderOf({
        'c.json': coco([{ bbox: [2, 1, 6, 3] }], [{ id: 1, file_name: 'a.jpg', width: 20, height: 10 }]),
        'a.jpg': png,
      }),
    voc: async (png: Buffer) =>
      folderOf({
        'Annotations/a.xml':
          '<annotation><filename>a.jpg</filename><size><width>20</width><height>10</height></size><object><name>cat</name><bndbox><xmin>3</xmin><ymin>2</ymin><xmax>8</xmax><ymax>4</ymax></bndbox></object></annotation>',
        'JPEGImages/a.jpg': png,
      }),
  };

  it.each(
    Object.entries(folders),
  )('is refused, and turned or scaled where it is clear: %s', async (_, folder) => {
    const turned = await folder(await turnedImage());
    expect((await faultOf(readAll(turned))).message).toMatch(
      /the annotation is for 20x10 pixels, but the image has 10x20 once it is turned as its EXIF data say; .*--fix-sizes/,
    );
    const [first] = await annotationsOf(turned, { fixSizes: true });
    expect(first).toMatchObject({ width: 10, height: 20 });
    // (x, y) of the stored pixels is shown at (10 - y, x).
    expect(first!.shapes[0]!.box).toEqual([6, 2, 9, 8]);

    const large = await folder(await image(60, 30));
    expect((await faultOf(readAll(large))).message).toContain(
      'is for 20x10 pixels, but the image has 60x30;',
    );
    const [second] = await annotationsOf(large, { fixSizes: true });
    expect(second!.shapes[0]!.box).toEqual([6, 3, 24, 12]);

    const other = await folder(await image(50, 30));
    expect((await faultOf(readAll(other, { fixSizes: true }))).message).toContain(
      'it is not clear how the image was changed',
    );
    const { images, said } = await lenient(other);
    expect([images.length, said]).toEqual([0, [expect.stringMatching(/^(image|annotation): size differs$/)]]);
  });

  it('has width and height exchanged, where the objects show it', async () => {
    const png = await image(10, 20);
    const clear = await folderOf({ 'a.json': labelme([rectangle(2, 1, 8, 16)]), 'a.png': png });
    const [one] = await annotationsOf(clear, { fixSizes: true });
    expect(one).toMatchObject({ width: 10, height: 20 });
    expect(one!.shapes[0]!.box).toEqual([2, 1, 8, 16]);
    const unclear = await folderOf({ 'a.json': labelme([rectangle(2, 1, 8, 4)]), 'a.png': png });
    expect((await faultOf(readAll(unclear, { fixSizes: true }))).message).toContain(
      'it is not clear whether the image was turned',
    );
  });

  it('takes masks along', async () => {
    const folder = await folderOf({
      'c.json': coco(
        [{ segmentation: { size: [10, 20], counts: [0, 3, 197] } }],
        [{ id: 1, file_name: 'a.jpg', width: 20, height: 10 }],
      ),
      'a.jpg': await turnedImage(),
    });
    const [one] = await annotationsOf(folder, { fixSizes: true });
    // The first three pixels of the first column become the last three of the first row.
    expect(one!.shapes[0]!.mask).toEqual({ x: 7, y: 0, width: 3, height: 1, data: Uint8Array.of(1, 1, 1) });
  });
});

describe('what is bad', () => {
  it('is left out at its own level, and told by kind', async () => {
    const sliver = [1, 1, 5, 1];
    const triangle = [1, 1, 5, 1, 1, 5];
    const folder = await folderOf({
      'c.json': coco([
        { bbox: [1, 1, 4, 4], segmentation: [sliver, triangle] },
        { bbox: [10, 2, 4, 4], segmentation: [sliver] },
        { bbox: [5, 5, 3, 3], category_id: 9 },
        { bbox: [5, 5, 0, 3] },
        { segmentation: [sliver, sliver] },
      ]),
      'a.png': await image(),
    });
    const { images, said } = await lenient(folder);
    const { shapes, ignored } = images[0]!.annotation;
    // The object stays without its sliver; the one of a bad outline and a good box stays a box.
    expect(shapes.map(({ id, points, box }) => [id, points?.length, box])).toEqual([
      [1, 3, [1, 1, 5, 5]],
      [2, undefined, [10, 2, 14, 6]],
    ]);
    // What is left out is not background; what has no area covers nothing.
    expect(ignored).toEqual([{ box: [5, 5, 8, 8] }]);
    expect(said).toEqual([
      'part: structure',
      'part: structure',
      'object: unknown class',
      'object: no area',
      'part: structure',
      'part: structure',
      'object: no area',
    ]);
  });

  it('of an object whose place is not known makes the whole image ignored', async () => {
    const folder = await folderOf({
      'a.json': labelme([
        rectangle(1, 1, 4, 4),
        { ...rectangle(1, 1, 4, 4), shape_type: 'line', points: [] },
      ]),
      'a.png': await image(),
    });
    const { images } = await lenient(folder);
    expect(images[0]!.annotation.ignored).toEqual([{ box: [0, 0, 20, 10] }]);
  });

  it.each([
    ['missing', undefined, 'missing image'],
    ['empty', '', 'damaged image'],
    ['text', 'no image', 'not an image'],
    ['a drawing', '<svg xmlns="http://www.w3.org/2000/svg" width="20" height="10"/>', 'not an image'],
  ])('is an image: %s', async (_, content, kind) => {
    const good = {
      'b.json': labelme([rectangle(1, 1, 4, 4)], { imagePath: 'b.png' }),
      'b.png': await image(),
    };
    const folder = await folderOf({
      ...good,
      'a.json': labelme([rectangle(1, 1, 4, 4)]),
      ...(content === undefined ? {} : { 'a.png': content }),
    });
    expect((await faultOf(readAll(folder))).name).toBe('DataError');
    const { images, said } = await lenient(folder);
    expect(images.map(({ name }) => name)).toEqual(['b']);
    expect(said).toEqual([`annotation: ${kind}`]);
  });

  it('is a broken annotation file, a list that names what is not there, and a number that is there twice', async () => {
    const png = await image();
    const xml = '<annotation><filename>a.png</filename></annotation>';
    const voc = await folderOf({
      'Annotations/a.xml': xml,
      'Annotations/b.xml': '<annotation><size></annotation>',
      'JPEGImages/a.png': png,
      'JPEGImages/b.png': png,
      'ImageSets/Main/train.txt': 'a\nb\nc\n',
    });
    const found = await lenient(voc, { split: 'train' });
    expect(found.images.map(({ name }) => name)).toEqual(['a']);
    expect(found.said).toEqual(['annotation: missing annotation', 'annotation: structure']);

    const twice = await folderOf({
      'c.json': coco(
        [
          { id: 5, bbox: [1, 1, 4, 4] },
          { id: 5, bbox: [6, 1, 4, 4] },
          { id: 6, image_id: 3, bbox: [6, 1, 4, 4] },
        ],
        [
          { id: 1, file_name: 'a.png', width: 20, height: 10 },
          { id: 1, file_name: 'a.png', width: 20, height: 10 },
          { id: 2, file_name: 'b.png', width: 20, height: 10 },
          { id: 2, file_name: 'c.png', width: 20, height: 10 },
        ],
      ),
      'a.png': png,
      'b.png': png,
      'c.png': png,
    });
    expect((await faultOf(readAll(twice))).message).toContain('both have id 1');
    const kept = await lenient(twice);
    expect(kept.images.map(({ annotation }) => annotation.shapes.map(({ id }) => id))).toEqual([
      [undefined, undefined],
    ]);
    expect(kept.said.sort()).toEqual([
      'image: duplicate',
      'image: duplicate',
      'image: duplicate',
      'object: missing image',
      'part: duplicate',
    ]);
  });
});

describe('clip', () => {
  it('cuts boxes and outlines at the border, in every format', async () => {
    const png = await image();
    const folders = [
      await folderOf({
        'a.json': labelme([
          rectangle(15, 2, 30, 8),
          polygon([
            [10, 5],
            [30, 5],
            [30, 15],
            [10, 15],
          ]),
        ]),
        'a.png': png,
      }),
      await folderOf({
        'c.json': coco([{ bbox: [15, 2, 15, 6] }, { segmentation: [[10, 5, 30, 5, 30, 15, 10, 15]] }]),
        'a.png': png,
      }),
      await folderOf({
        'classes.txt': 'cat\n',
        'images/a.png': png,
        'labels/a.txt': '0 1.125 0.5 0.75 0.6\n0 0.5 0.5 1.5 0.5 1.5 1.5 0.5 1.5\n',
      }),
    ];
    for (const folder of folders) {
      expect((await faultOf(readAll(folder))).message).toMatch(
        /is outside of the image of 20x10; cut it at the border \(--clip\)/,
      );
      const faults: DataFault[] = [];
      const [one] = await annotationsOf(folder, { clip: true, onFault: (fault) => faults.push(fault) });
      const [box, outline] = one!.shapes;
      for (const [i, side] of [15, 2, 20, 8].entries()) expect(box!.box[i]).toBeCloseTo(side, 9);
      expect(outline!.box).toEqual([10, 5, 20, 10]);
      expect(faults.map(({ level, kind }) => `${level}: ${kind}`)).toEqual(
        new Array(2).fill('note: clipped at the border'),
      );
    }
  });
});

describe('images without an object, and regions to ignore', () => {
  it('are read from every format', async () => {
    const png = await image();
    const empty = await folderOf({ 'a.json': labelme([]), 'a.png': png });
    expect((await annotationsOf(empty))[0]!.shapes).toEqual([]);
    const ignore = await folderOf({
      'a.json': labelme([rectangle(1, 1, 5, 5, '__ignore__'), rectangle(2, 2, 4, 4)]),
      'a.png': png,
    });
    const [one] = await annotationsOf(ignore);
    expect(one!.shapes.map(({ label }) => label)).toEqual(['cat']);
    expect(one!.ignored).toEqual([{ box: [1, 1, 5, 5] }]);
  });
});
