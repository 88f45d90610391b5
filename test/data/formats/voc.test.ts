import { describe, expect, it } from 'vitest';
import { vocPalette } from '../../../src/data/formats/voc/masks.ts';
import { encodeIndexedPng } from '../../../src/data/indexedPng.ts';
import { annotationsOf, faultOf, folderOf, image, readAll } from './folders.ts';

const object = (name: string, box: readonly (number | string)[], more = ''): string =>
  `<object><name>${name}</name>${more}<bndbox><xmin>${box[0]}</xmin><ymin>${box[1]}</ymin><xmax>${box[2]}</xmax><ymax>${box[3]}</ymax></bndbox></object>`;

const annotation = (
  objects: readonly string[],
  size = '<size><width>20</width><height>10</height><depth>3</depth></size>',
) => `<annotation>\n<filename>a.png</filename>\n${size}\n${objects.join('\n')}\n</annotation>\n`;

async function vocFolder(
  objects: readonly string[],
  more: Readonly<Record<string, string | Uint8Array>> = {},
): Promise<string> {
  return folderOf({
    'Annotations/a.xml': annotation(objects),
    'JPEGImages/a.png': await image(),
    ...more,
  });
}

/** A mask of 20x10 with rectangles of numbers: x1, y1, x2, y2, index. */
function maskPng(rectangles: readonly (readonly [number, number, number, number, number])[]) {
  const data = new Uint8Array(200);
  for (const [x1, y1, x2, y2, index] of rectangles) {
    for (let y = y1; y < y2; y++) data.fill(index, y * 20 + x1, y * 20 + x2);
  }
  return encodeIndexedPng({ width: 20, height: 10, data }, vocPalette());
}

describe('reading Pascal VOC', () => {
  it('boxes count pixels from 1 and hold the last one; flags', async () => {
    const folder = await vocFolder([
      object('cat', [1, 1, 20, 10], '<truncated>1</truncated><difficult>0</difficult>'),
      object('dog &amp; co', [3, 4, 3, 4], '<difficult>1</difficult><occluded>1</occluded><pose>Left</pose>'),
      object('cat', ['2.5', 0, '7.25', 6], '<truncated>Unspecified</truncated>'),
    ]);
    const [one] = await readAll(folder);
    expect(one).toEqual({
      name: 'a',
      source: `${folder}/Annotations/a.xml`,
      image: `${folder}/JPEGImages/a.png`,
      annotation: {
        imagePath: 'a.png',
        width: 20,
        height: 10,
        shapes: [
          { label: 'cat', box: [0, 0, 20, 10], groupId: null, truncated: true },
          { label: 'dog & co', box: [2, 3, 3, 4], groupId: null, difficult: true, occluded: true },
          // Some programs count from 0.
          { label: 'cat', box: [1.5, 0, 7.25, 6], groupId: null },
        ],
      },
    });
  });

  it('XML beside images, a file name without extension, a size from the image', async () => {
    const png = await image(30, 40);
    const folder = await folderOf({
      'x.xml': '<annotation><filename>x</filename></annotation>',
      'x.png': png,
      'y.xml': '<annotation><filename>C:\\data\\other.jpg</filename></annotation>',
      'y.png': png,
    });
    const found = await readAll(folder);
    expect(found.map(({ image }) => image)).toEqual([`${folder}/x.png`, `${folder}/y.png`]);
    expect(found[0]!.annotation).toEqual({ imagePath: 'x.png', width: 30, height: 40, shapes: [] });
  });

  it('the parts of ImageSets', async () => {
    const folder = await folderOf({
      'Annotations/a.xml': annotation([]),
      'Annotations/b.xml': annotation([]).replace('a.png', 'b.png'),
      'JPEGImages/a.png': await image(),
      'JPEGImages/b.png': await image(),
      'ImageSets/Main/train.txt': 'b\n',
      'ImageSets/Main/cat_train.txt': 'b -1\n',
      'ImageSets/Main/val.txt': 'a\nc\n',
    });
    expect((await readAll(folder, { split: 'train' })).map(({ name }) => name)).toEqual(['b']);
    expect(await readAll(folder)).toHaveLength(2);
    expect((await faultOf(readAll(folder, { split: 'val' }))).message).toContain(
      `${folder}/ImageSets/Main/val.txt: lists c, but there is no ${folder}/Annotations/c.xml; add it`,
    );
    expect((await faultOf(readAll(folder, { split: 'test' }))).message).toContain('choose from train, val');
  });
});

describe('the masks of Pascal VOC', () => {
  it('go to the box of their class that fits, whatever the order; void stays apart', async () => {
    const folder = await vocFolder(
      [object('cat', [11, 1, 20, 5]), object('dog', [1, 1, 6, 6]), object('cat', [1, 2, 5, 6])],
      {
        'SegmentationObject/a.png': await maskPng([
          [0, 1, 5, 6, 1],
          [10, 0, 19, 5, 2],
          [19, 0, 20, 10, 255],
        ]),
        'SegmentationClass/a.png': await maskPng([
          [0, 1, 5, 6, 8],
          [10, 0, 19, 5, 8],
          [19, 0, 20, 10, 255],
        ]),
      },
    );
    const [one] = await annotationsOf(folder);
    expect(
      one!.shapes.map(({ label, mask }) => [label, mask && [mask.x, mask.y, mask.width, mask.height]]),
    ).toEqual([
      ['cat', [10, 0, 9, 5]],
      ['dog', undefined],
      ['cat', [0, 1, 5, 5]],
    ]);
    expect(one!.unlabelled).toEqual({ x: 19, y: 0, width: 1, height: 10, data: new Uint8Array(10).fill(1) });
  });

  it('of two boxes that fit alike, the one with the same number', async () => {
    const folder = await vocFolder([object('cat', [1, 1, 4, 4]), object('cat', [1, 1, 4, 4])], {
      'SegmentationObject/a.png': await maskPng([[0, 0, 4, 4, 2]]),
    });
    const [one] = await annotationsOf(folder);
    expect(one!.shapes.map(({ mask }) => mask !== undefined)).toEqual([false, true]);
  });

  it('without a box become a shape, without objects go to the smallest box around', async () => {
    const classes = await maskPng([
      [0, 0, 4, 4, 8],
      [2, 2, 3, 3, 12],
      [10, 0, 14, 4, 8],
    ]);
    const objects = await maskPng([[10, 0, 14, 4, 1]]);
    const boxes = [object('cat', [1, 1, 6, 6]), object('dog', [1, 1, 6, 6]), object('cat', [1, 1, 4, 4])];
    const folder = await vocFolder(boxes, {
      'SegmentationClass/a.png': classes,
      'SegmentationObject/a.png': objects,
    });
    const [own] = await annotationsOf(folder);
    expect(own!.shapes).toHaveLength(4);
    expect(own!.shapes[3]).toMatchObject({ label: 'cat', box: [10, 0, 14, 4] });

    const [shared] = await annotationsOf(await vocFolder(boxes, { 'SegmentationClass/a.png': classes }));
    expect(shared!.shapes.map(({ label, box, mask }) => [label, box[2], mask?.width])).toEqual([
      ['cat', 6, undefined],
      ['dog', 6, 1],
      ['cat', 4, 4],
      ['cat', 14, 4],
    ]);
  });

  it('have the classes of labelmap.txt', async () => {
    const mask = await maskPng([[0, 0, 4, 4, 2]]);
    const masks = { 'SegmentationClass/a.png': mask, 'SegmentationObject/a.png': mask };
    const list = '# label:color_rgb:parts:actions\nbackground:0,0,0::\nbolt:128,0,0::\nnut:0,128,0::\n';
    const [one] = await annotationsOf(await vocFolder([], { ...masks, 'labelmap.txt': list }));
    expect(one!.shapes).toMatchObject([{ label: 'nut', box: [0, 0, 4, 4] }]);
    const unknown = await vocFolder([object('gear', [1, 1, 4, 4])], { 'labelmap.txt': list });
    expect((await faultOf(readAll(unknown))).message).toContain(
      `object 1 (line 4): name "gear" is not one of bolt, nut, which labelmap.txt lists; add it there`,
    );
    const beyond = await maskPng([[0, 0, 4, 4, 21]]);
    const folder = await vocFolder([], { 'SegmentationClass/a.png': beyond });
    expect((await faultOf(readAll(folder))).message).toContain(
      `${folder}/SegmentationClass/a.png: has class index 21, but the last class of ${folder}/labelmap.txt is 20; list all classes there`,
    );
  });

  it('must be of the image’s size, and say what they are', async () => {
    const small = await encodeIndexedPng({ width: 5, height: 5, data: new Uint8Array(25) }, vocPalette());
    const folder = await vocFolder([], { 'SegmentationClass/a.png': small });
    expect((await faultOf(readAll(folder))).message).toContain(
      'SegmentationClass/a.png: has 5x5 pixels, but its image 20x10',
    );
    const alone = await vocFolder([object('cat', [10, 5, 12, 8])], {
      'SegmentationObject/a.png': await maskPng([[0, 0, 4, 4, 1]]),
    });
    expect((await faultOf(readAll(alone))).message).toContain(
      'object 1 overlaps no box of the annotation, and there is no',
    );
    const colour = await vocFolder([], { 'SegmentationClass/a.png': await image() });
    expect((await faultOf(readAll(colour))).message).toMatch(/has RGB pixels; save the mask with a palette/);
  });

  it('have the colours of the development kit', () => {
    const palette = vocPalette();
    const colour = (i: number) => [...palette.subarray(3 * i, 3 * i + 3)];
    // The first 21 of PASCAL's table, and the void.
    expect([0, 1, 2, 3, 7, 8, 12, 15, 16, 20, 255].map(colour)).toEqual([
      [0, 0, 0],
      [128, 0, 0],
      [0, 128, 0],
      [128, 128, 0],
      [128, 128, 128],
      [64, 0, 0],
      [64, 0, 128],
      [192, 128, 128],
      [0, 64, 0],
      [0, 64, 128],
      [224, 224, 192],
    ]);
  });
});

describe('an annotation that cannot be used', () => {
  it.each([
    [
      'outside',
      object('cat', [15, 1, 25, 5]),
      'the box [14, 0, 25, 5] (x1, y1, x2, y2) is outside of the image of 20x10',
    ],
    ['inside out', object('cat', [8, 1, 2, 5]), 'is inside out'],
    ['of a word', object('cat', ['a', 1, 2, 5]), 'bndbox.xmin is "a", not a number'],
    ['of NaN', object('cat', ['nan', 1, 2, 5]), 'bndbox.xmin is "nan", not a number'],
    ['without a corner', object('cat', [1, 1, '', 5]), 'bndbox.xmax is "", not a number'],
    ['without a box', '<object><name>cat</name></object>', 'has no bndbox'],
    ['without a name', object('', [1, 1, 2, 2]), 'has no name'],
    [
      'hard to say how difficult',
      object('cat', [1, 1, 2, 2], '<difficult>2</difficult>'),
      'difficult is "2", not 0 or 1',
    ],
  ])('a box %s', async (_, bad, expected) => {
    const folder = await vocFolder([object('dog', [1, 1, 2, 2]), bad]);
    const { name, message } = await faultOf(readAll(folder));
    expect(name).toBe('DataError');
    expect(message).toContain(`${folder}/Annotations/a.xml: object 2 (line 5)`);
    expect(message).toContain(expected);
    expect(message).toMatch(
      /; (cut it at the border \(--clip\), or )?correct or remove the object, or leave out what is bad \(--skip-bad\)$/,
    );
    const [left] = await annotationsOf(folder, { skipBad: true });
    expect(left!.shapes.map(({ label }) => label)).toEqual(['dog']);
  });

  it.each([
    [
      'broken XML',
      '<annotation>\n<size></annotation>',
      /a\.xml: line 2, column 7: expected <\/size> \(opened on line 2\), found <\/annotation>; save/,
    ],
    ['another XML', '<svg/>', /a\.xml: line 1: is <svg>, not the <annotation> of Pascal VOC/],
    [
      'no width',
      annotation([], '<size><height>10</height></size>'),
      /line 3: size\.width is null, not a whole number of pixels/,
    ],
    [
      'a negative width',
      annotation([], '<size><width>-3</width><height>10</height></size>'),
      /line 3: size\.width is "-3"/,
    ],
  ])('%s', async (_, text, expected) => {
    const folder = await vocFolder([], { 'Annotations/a.xml': text });
    const { name, message } = await faultOf(readAll(folder, { format: 'voc' } as object));
    expect(name).toBe('DataError');
    expect(message).toMatch(expected);
  });

  it('no image', async () => {
    const folder = await folderOf({ 'Annotations/a.xml': annotation([]) });
    expect((await faultOf(readAll(folder))).message).toContain(
      `a.xml: filename "a.png" is not in ${folder}/JPEGImages, ${folder}, ${folder}/Annotations; put the image there`,
    );
    const [one] = await readAll(folder, { imagesOptional: true });
    expect(one!.image).toBe(`${folder}/JPEGImages/a.png`);
  });
});
