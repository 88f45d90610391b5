/** What readers of all formats share: what they say of faults, what they take from the image, and the classes of a model. */
import { describe, expect, it } from 'vitest';
import { decodeText } from '../../../src/data/formats/text.ts';
import { encodeIndexedPng } from '../../../src/data/indexedPng.ts';
import { coco, labelme, lenient, rectangle } from './fieldFiles.ts';
import { annotationsOf, faultOf, folderOf, image, readAll } from './folders.ts';

const vocObject = (name: string, [x1, y1, x2, y2]: number[]) =>
  `<object><name>${name}</name><bndbox><xmin>${x1! + 1}</xmin><ymin>${y1! + 1}</ymin><xmax>${x2}</xmax><ymax>${y2}</ymax></bndbox></object>`;
const voc = (objects: string, more = '') =>
  `<annotation><filename>a.png</filename>${more}${objects}</annotation>`;
/** A mask of 20x10 with a rectangle of this value, as a PNG. */
const maskOf = (value: number, [x1, y1, x2, y2]: number[]): Promise<Uint8Array> => {
  const data = new Uint8Array(200);
  for (let y = y1!; y < y2!; y++) data.fill(value, y * 20 + x1!, y * 20 + x2!);
  return encodeIndexedPng({ width: 20, height: 10, data });
};
const GB_CLASS = Uint8Array.of(0xc4, 0xe3, 0x0a); // 你 in GB18030, and a line break

/** One image of 20x10 in each format, with two objects: a cat at [2, 1, 8, 4], and a dog at [10, 5, 16, 9]. */
const two = {
  labelme: async () =>
    folderOf({
      'a.json': labelme([rectangle(2, 1, 8, 4), rectangle(10, 5, 16, 9, 'dog')]),
      'a.png': await image(),
    }),
  coco: async () =>
    folderOf({
      'c.json': {
        ...coco([{ bbox: [2, 1, 6, 3] }, { bbox: [10, 5, 6, 4], category_id: 2 }]),
        categories: [
          { id: 1, name: 'cat' },
          { id: 2, name: 'dog' },
        ],
      },
      'a.png': await image(),
    }),
  voc: async () =>
    folderOf({
      'Annotations/a.xml': voc(vocObject('cat', [2, 1, 8, 4]) + vocObject('dog', [10, 5, 16, 9])),
      'JPEGImages/a.png': await image(),
    }),
  yolo: async () =>
    folderOf({
      'images/a.png': await image(),
      'labels/a.txt': '0 0.25 0.25 0.3 0.3\n1 0.65 0.7 0.3 0.4\n',
      'classes.txt': 'cat\ndog\n',
    }),
  masks: async () =>
    folderOf({
      'images/a.png': await image(),
      'masks/a.png': await maskOf(2, [10, 5, 16, 9]),
      'class_names.txt': '_background_\ncat\ndog\n',
    }),
};
const PLACES = {
  labelme: 'a.json: shapes[1]: ',
  coco: 'c.json: annotations[1] (id 2): ',
  voc: 'a.xml: object 2 (line 1): ',
  yolo: 'a.txt: line 2: ',
  masks: 'masks/a.png: ',
};

describe('the classes of a model', () => {
  it.each(
    Object.entries(two),
  )('make an object of another class a fault, and with skipBad a region: %s', async (format, folder) => {
    const path = await folder();
    const { message } = await faultOf(readAll(path, { classes: ['cat'] }));
    expect(message).toContain(
      `${PLACES[format as keyof typeof two]}the label "dog" is not a class of the model (cat); rename it, train the model with it, or leave out what is bad (--skip-bad)`,
    );
    const { images, said } = await lenient(path, { classes: ['cat'] });
    expect(said).toEqual(['object: unknown class']);
    const { shapes, ignored } = images[0]!.annotation;
    expect(shapes.map(({ label }) => label)).toEqual(format === 'masks' ? [] : ['cat']);
    expect(ignored!.map(({ box }) => box.map(Math.round))).toEqual([[10, 5, 16, 9]]);
    expect(await annotationsOf(path, { classes: ['cat', 'dog'] })).toHaveLength(1);
  });
});

describe('an object that occurs twice', () => {
  it('counts once, or is kept where it has a number or a mask of its own, and is noted', async () => {
    const once = [rectangle(2, 1, 8, 4), rectangle(2, 1, 8, 4), { ...rectangle(2, 1, 8, 4), group_id: 1 }];
    const cases = [
      [await folderOf({ 'a.json': labelme(once), 'a.png': await image() }), 2],
      [
        await folderOf({
          'images/a.png': await image(),
          'labels/a.txt': '0 0.5 0.5 0.2 0.2\n0 0.50 0.5 0.2 0.2\n',
          'classes.txt': 'cat\n',
        }),
        1,
      ],
      [
        await folderOf({
          'c.json': coco([{ bbox: [2, 1, 6, 3] }, { bbox: [2, 1, 6, 3] }]),
          'a.png': await image(),
        }),
        2,
      ],
      [
        await folderOf({
          'Annotations/a.xml': voc(vocObject('cat', [2, 1, 8, 4]).repeat(2)),
          'JPEGImages/a.png': await image(),
        }),
        2,
      ],
    ] as const;
    for (const [folder, count] of cases) {
      const { images, said } = await lenient(folder);
      expect(images[0]!.annotation.shapes).toHaveLength(count);
      expect(said).toEqual(['note: duplicate']);
    }
  });
});

describe('a size of 0, null or none', () => {
  const folders = {
    labelme: async (size: object) =>
      folderOf({ 'a.json': labelme([rectangle(2, 1, 8, 4)], size), 'a.png': await image() }),
    coco: async (size: object) =>
      folderOf({
        'c.json': coco([{ bbox: [2, 1, 6, 3] }], [{ id: 1, file_name: 'a.png', ...size }]),
        'a.png': await image(),
      }),
  };
  const sizes = {
    labelme: [
      { imageHeight: 0, imageWidth: 0 },
      { imageHeight: null },
      { imageHeight: undefined, imageWidth: undefined },
    ],
    coco: [{ width: 0, height: 0 }, { width: 20, height: null }, {}],
  };
  it.each(['labelme', 'coco'] as const)('is taken from the image: %s', async (format) => {
    for (const size of sizes[format]) {
      const folder = await folders[format](size);
      for (const imagesOptional of [false, true]) {
        expect(await annotationsOf(folder, { imagesOptional })).toMatchObject([{ width: 20, height: 10 }]);
      }
    }
  });
});

describe('an encoding', () => {
  const encoding = 'gb18030';
  it.each([
    ['data.yaml', Uint8Array.of(...Buffer.from('train: images\nnames: ['), 0xc4, 0xe3, 0x5d, 0x0a)],
    ['classes.txt', GB_CLASS],
  ])('counts while the format is detected: YOLO %s', async (name, content) => {
    const folder = await folderOf({
      'images/a.png': await image(),
      'labels/a.txt': '0 0.5 0.5 0.2 0.2\n',
      [name]: content,
    });
    expect((await faultOf(readAll(folder))).message).toContain('--encoding gb18030');
    expect((await annotationsOf(folder, { encoding }))[0]!.shapes[0]!.label).toBe('你');
  });

  it('counts while the format is detected: a list beside masks', async () => {
    const folder = await folderOf({
      'images/a.png': await image(),
      'masks/a.png': await maskOf(1, [1, 1, 4, 4]),
      'classes.txt': GB_CLASS,
      'ImageSets/Segmentation/你.txt': GB_CLASS,
    });
    expect((await faultOf(readAll(folder))).message).toContain('--encoding gb18030');
    expect((await annotationsOf(folder, { encoding }))[0]!.shapes[0]!.label).toBe('你');
  });

  it('of UTF-16 without a byte order mark is told from the zeros', async () => {
    const json = JSON.stringify(labelme([rectangle(2, 1, 8, 4)]));
    for (const [name, bytes] of [
      ['utf-16le', Buffer.from(json, 'utf16le')],
      ['utf-16be', Buffer.from(json, 'utf16le').swap16()],
    ] as const) {
      const folder = await folderOf({ 'a.json': bytes, 'a.png': await image() });
      const { message } = await faultOf(readAll(folder));
      expect(message).toContain('a.json: seems to be UTF-16 text without a byte order mark');
      expect(message).toContain(`--encoding ${name}`);
      expect(await annotationsOf(folder, { encoding: name })).toHaveLength(1);
    }
    expect(() => decodeText(Buffer.from('a\n', 'utf16le'), 'classes.txt')).toThrow(
      /^classes.txt: seems to be/,
    );
  });
});

describe('messages', () => {
  it('offer --skip-bad wherever it leaves something out', async () => {
    const png = await image();
    const folders: Record<string, string | object>[] = [
      { 'a.json': labelme([rectangle(2, 1, 2, 4)]), 'a.png': png },
      { 'a.json': labelme([{ ...rectangle(2, 1, 8, 4), shape_type: 'line' }]), 'a.png': png },
      { 'a.json': labelme([]) },
      { 'a.json': labelme([], { imageWidth: 7 }), 'a.png': png },
      { 'a.json': `${JSON.stringify(labelme([])).slice(0, 60)}`, 'b.json': labelme([]), 'a.png': png },
      { 'c.json': coco([{ bbox: [1, 1, 2, 2], category_id: 9 }]), 'a.png': png },
      { 'c.json': coco([]) },
      { 'c.json': coco([{ bbox: [1, 1, 2, 2], image_id: 99 }]), 'a.png': png },
      { 'Annotations/a.xml': '<annotation>', 'JPEGImages/a.png': png },
      { 'Annotations/a.xml': voc(vocObject('cat', [1, 1, 30, 4])), 'JPEGImages/a.png': png },
      { 'images/a.png': png, 'labels/a.txt': '7 0.5 0.5 0.1 0.1\n', 'classes.txt': 'cat\n' },
      { 'images/a.png': png, 'labels/a.txt': '', 'labels/b.txt': '', 'classes.txt': 'cat\n' },
      { 'images/b.png': png, 'masks/a.png': await maskOf(1, [0, 0, 2, 2]) },
      {
        'images/a.png': png,
        'masks/a.png': await maskOf(9, [0, 0, 2, 2]),
        'class_names.txt': '_background_\ncat\n',
      },
    ];
    for (const files of folders) {
      const folder = await folderOf(files);
      const { message } = await faultOf(readAll(folder));
      expect(message).toMatch(/, or leave out what is bad \(--skip-bad\)$/);
      expect(message.split('--skip-bad')).toHaveLength(2);
      expect((await lenient(folder)).said.length).toBeGreaterThan(0);
    }
  });

  it('name a file whose name differs only in case', async () => {
    const png = await image();
    const hint = /\/a\.PNG is there: upper and lower case must be the same\)/;
    const folders: Record<string, string | object>[] = [
      { 'a.json': labelme([]), 'a.PNG': png },
      { 'c.json': coco([]), 'images/a.PNG': png },
      { 'Annotations/b.xml': voc('').replace('a.png', 'A.png'), 'JPEGImages/a.PNG': png },
      { 'a.PNG': png, 'train.txt': 'a.png\n', 'data.yaml': 'train: train.txt\nnames: [cat]\n', 'a.txt': '' },
    ];
    for (const files of folders) {
      expect((await faultOf(readAll(await folderOf(files)))).message).toMatch(hint);
    }
  });

  it('recommend --fix-sizes only where it helps', async () => {
    const of = async (width: number, height: number) => {
      const folder = await folderOf({ 'a.json': labelme([]), 'a.png': await image(width, height) });
      return (await faultOf(readAll(folder))).message;
    };
    expect(await of(40, 20)).toContain('--fix-sizes');
    expect(await of(50, 7)).not.toContain('--fix-sizes');
    expect(await of(50, 7)).toContain('it is not clear how the image was changed');
  });
});

describe('what has no annotation', () => {
  it('is noted: an image without a mask or a file, a name without an XML file', async () => {
    const png = await image();
    const folders: Record<string, string | object>[] = [
      { 'images/a.png': png, 'images/b.png': png, 'masks/a.png': await maskOf(1, [0, 0, 2, 2]) },
      { 'a.json': labelme([]), 'a.png': png, 'b.png': png },
      { 'Annotations/a.xml': voc(''), 'JPEGImages/a.png': png, 'JPEGImages/b.png': png },
      { 'Annotations/a.xml': voc(''), 'JPEGImages/a.png': png, 'ImageSets/Main/train.txt': 'a\nb\n' },
    ];
    for (const files of folders) {
      const { images, said, faults } = await lenient(await folderOf(files));
      expect(images).toHaveLength(1);
      expect(said).toEqual(['note: missing annotation']);
      expect(faults[0]!.message).toMatch(/passed over$/);
    }
  });
});
