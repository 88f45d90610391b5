import { describe, expect, it } from 'vitest';
import { diskFiles } from '../../../cli/src/dataFiles.ts';
import { openDataset } from '../../../src/data/formats/index.ts';
import { labelFile } from '../../../src/data/formats/yolo/reader.ts';
import { joinRings } from '../../../src/data/formats/yolo/writer.ts';
import { parseDataYaml } from '../../../src/data/formats/yolo/yaml.ts';
import { polygonArea, rasterizePolygon } from '../../../src/data/polygon.ts';
import type { Point } from '../../../src/vision/boxes.ts';
import { annotationsOf, faultOf, folderOf, image, readAll } from './folders.ts';

const yoloFolder = async (labels: string, more: Readonly<Record<string, string>> = {}) =>
  folderOf({
    'images/a.png': await image(),
    'labels/a.txt': labels,
    'classes.txt': 'cat\ndog\n',
    ...more,
  });

describe('reading YOLO', () => {
  it('boxes, polygons and scores, by classes.txt', async () => {
    const folder = await yoloFolder('0 0.5 0.5 1 1\r\n1 0.25 0.5 0.1 0.2 0.75\n\n1 0 0 0.5 0 0.5 1\n');
    const [one] = await readAll(folder);
    expect(one!.name).toBe('a');
    expect(one!.source).toBe(`${folder}/labels/a.txt`);
    expect(one!.annotation).toMatchObject({ width: 20, height: 10 });
    const [box, scored, polygon] = one!.annotation.shapes;
    expect(box).toEqual({ label: 'cat', box: [0, 0, 20, 10], groupId: null });
    expect(scored).toMatchObject({ label: 'dog', score: 0.75 });
    for (const [i, value] of [4, 4, 6, 6].entries()) expect(scored!.box[i]).toBeCloseTo(value, 12);
    expect(polygon).toEqual({
      label: 'dog',
      points: [
        [0, 0],
        [10, 0],
        [10, 10],
      ],
      box: [0, 0, 10, 10],
      groupId: null,
    });
  });

  it('data.yaml with parts, as a folder and as a file', async () => {
    const png = await image();
    const folder = await folderOf({
      'data.yaml': `# made by hand
path: .
train: images/train
val: [images/val]
names:
  0: cat  # the first
  1: 'guide dog'
download: |
  bash get.sh
`,
      'images/train/a.png': png,
      'labels/train/a.txt': '1 0.5 0.5 0.5 0.5\n',
      'images/val/a.png': png,
      'images/val/b.png': png,
      'labels/val/a.txt': '0 0.5 0.5 0.5 0.5\n',
    });
    const dataset = await openDataset(diskFiles, folder);
    expect(dataset).toMatchObject({
      format: 'yolo',
      splits: ['train', 'val'],
      classes: [{ name: 'cat' }, { name: 'guide dog' }],
    });
    const names = async (path: string, split?: string) =>
      (await readAll(path, split ? { split } : {})).map(({ name }) => name);
    expect(await names(folder)).toEqual(['train/a', 'val/a', 'val/b']);
    expect(await names(`${folder}/data.yaml`, 'train')).toEqual(['train/a']);
    const [a, b] = await annotationsOf(folder, { split: 'val' });
    expect(a!.shapes[0]!.label).toBe('cat');
    // Without a label file there is nothing to see.
    expect(b!.shapes).toEqual([]);
    expect((await faultOf(readAll(folder, { split: 'test' }))).message).toContain(
      `${folder}/data.yaml: has no part "test"; choose from train, val`,
    );
  });

  it('Roboflow’s paths, obj.names, lists of images, labels beside images', async () => {
    const png = await image();
    const box = '0 0.5 0.5 0.5 0.5\n';
    const roboflow = await folderOf({
      'data.yaml': "train: ../train/images\nval: ../valid/images\nnc: 1\nnames: ['cat']\n",
      'train/images/a.png': png,
      'train/labels/a.txt': box,
      'valid/images/b.png': png,
      'valid/labels/b.txt': box,
    });
    expect((await readAll(roboflow)).map(({ name }) => name)).toEqual(['train/a', 'valid/b']);
    // One part of it, whose classes stand above.
    expect((await readAll(`${roboflow}/valid`, { format: 'yolo' })).map(({ name }) => name)).toEqual(['b']);

    const darknet = await folderOf({
      'obj.names': 'cat\n',
      'a.png': png,
      'a.txt': box,
      'train.txt': 'a.png\n',
    });
    expect((await annotationsOf(darknet))[0]!.shapes).toHaveLength(1);

    const list = await folderOf({
      'coco.yaml': 'names: [cat]\ntrain: train.txt\n',
      'train.txt': 'images/a.png\n',
      'images/a.png': png,
      'images/b.png': png,
      'labels/a.txt': box,
    });
    expect((await readAll(list)).map(({ name }) => name)).toEqual(['a']);
  });

  it('finds labels as Ultralytics does', () => {
    expect(labelFile('/d/images/train/a.b.jpg')).toBe('/d/labels/train/a.b.txt');
    expect(labelFile('images/a.jpg')).toBe('labels/a.txt');
    expect(labelFile('/images/x/images/a.jpg')).toBe('/images/x/labels/a.txt');
    expect(labelFile('/d/a.jpg')).toBe('/d/a.txt');
    expect(labelFile('/d/myimages/a.jpg')).toBe('/d/myimages/a.txt');
  });
});

describe('a line that cannot be used', () => {
  it.each([
    ['2 0.5 0.5 0.5 0.5', 'class 2 is not one of 0 to 1, which'],
    ['-1 0.5 0.5 0.5 0.5', 'class -1 is not one of 0 to 1'],
    ['0.5 0.5 0.5 0.5 0.5', 'class 0.5 is not one of'],
    ['cat 0.5 0.5 0.5 0.5', '"cat" is not a finite number'],
    ['0 0.5 nan 0.5 0.5', '"nan" is not a finite number'],
    ['0 0.5 0.5 0.5', 'has 3 numbers after the class; a box has 4'],
    ['0 0 0 0.5 0 0.5 0.5 1', 'has 7 numbers after the class'],
    ['0 10 5 4 4', '10 5 4 4 are not all from 0 to 1'],
    ['0 0.9 0.5 0.5 0.5', 'the box [13, 2.5, 23, 7.5] (x1, y1, x2, y2) is outside of the image of 20x10'],
    ['0 0.5 0.5 -0.5 0.5', 'is inside out'],
    ['0 0.5 0.5 0 0.5', 'has no area'],
    ['0 0 0 0.5 0 1 0', 'the polygon has no area'],
    ['0 0 0 0.5 0 0.5 1.5', 'point 2 of the polygon (10, 15) is outside of the image'],
  ])('%s', async (line, expected) => {
    const folder = await yoloFolder(`0 0.5 0.5 0.5 0.5\n${line}\n1 0.5 0.5 0.5 0.5\n`);
    const { name, message } = await faultOf(readAll(folder));
    expect(name).toBe('DataError');
    expect(message).toContain(`${folder}/labels/a.txt: line 2: `);
    expect(message).toContain(expected);
    expect(message).toContain('; ');
    const [left] = await annotationsOf(folder, { skipBad: true });
    expect(left!.shapes.map(({ label }) => label)).toEqual(['cat', 'dog']);
  });
});

describe('a folder that cannot be used', () => {
  it('labels without an image, images without labels, none at all, no classes', async () => {
    const stray = await yoloFolder('', { 'labels/b.txt': '' });
    expect((await faultOf(readAll(stray))).message).toContain(
      `${stray}/labels/b.txt: has no image ${stray}/images/b.*; put the image there, or remove the labels`,
    );
    const bare = await folderOf({ 'images/a.png': await image(), 'classes.txt': 'cat\n' });
    expect((await faultOf(readAll(bare))).message).toContain(
      `its image has no labels, for example ${bare}/labels/a.txt`,
    );
    const empty = await folderOf({ 'classes.txt': 'cat\n', 'images/readme.md': '' });
    expect((await faultOf(readAll(empty))).message).toContain(`there is no image in ${empty}/images`);
    const nameless = await folderOf({ 'images/a.png': await image(), 'labels/a.txt': '' });
    expect((await faultOf(readAll(nameless))).message).toContain(
      'has no data.yaml, classes.txt or obj.names',
    );
    const gap = await yoloFolder('', { 'classes.txt': 'cat\n\ndog\n' });
    expect((await faultOf(readAll(gap))).message).toContain('classes.txt: line 2 is empty');
    const broken = await yoloFolder('', { 'data.yaml': 'names: [cat]\ntrain: nowhere\n' });
    expect((await faultOf(readAll(broken))).message).toContain(
      'data.yaml: train is nowhere, which does not exist',
    );
    const damaged = await yoloFolder('', { 'images/a.png': 'no image' });
    expect((await faultOf(readAll(damaged))).message).toContain(
      'images/a.png: not an image that can be read',
    );
  });
});

describe('data.yaml', () => {
  const parse = (text: string) => Object.fromEntries(parseDataYaml(text, 'd.yaml'));

  it('is read in the forms that it has', () => {
    expect(parse('---\na: 1 # one\n"b c": "x # y\\n"\nd: \'it\'\'s\'\ne:\n')).toEqual({
      a: '1',
      'b c': 'x # y\n',
      d: "it's",
      e: '',
    });
    expect(parse('names: ["a, b", c, \'d\'] # three')).toEqual({ names: ['a, b', 'c', 'd'] });
    expect(parse('names: [\n  a, # one\n  b\n]\nnc: 2')).toEqual({ names: ['a', 'b'], nc: '2' });
    expect(parse('names:\n- a\n- "b"\nnc: 2')).toEqual({ names: ['a', 'b'], nc: '2' });
    expect(parse('names:\n  - a\n\n  # and\n  - b')).toEqual({ names: ['a', 'b'] });
    expect(parse('names: {0: a, 1: b}')).toEqual({
      names: new Map([
        ['0', 'a'],
        ['1', 'b'],
      ]),
    });
    expect(parse('names:\n  0: a\n  1: "b: c"\nx:\n  y:\n    z: 1\n')).toEqual({
      names: new Map([
        ['0', 'a'],
        ['1', 'b: c'],
      ]),
    });
    expect(parse('script: |\n  echo a\n  b: c\nnc: 1')).toEqual({ script: 'echo a\nb: c\n', nc: '1' });
    expect(parse('names: &all [a, b]\nothers: *all')).toEqual({ names: ['a', 'b'], others: ['a', 'b'] });
    expect(parse('train: C:/data/images')).toEqual({ train: 'C:/data/images' });
  });

  it.each([
    ['names', 'd.yaml: is not a list of "key: value"; write it as'],
    ['a: 1\n  b: 2', 'd.yaml: line 1: Nested mappings are not allowed'],
    ['x: 1\nnames: [a, b', 'd.yaml: line 2: Flow sequence in block collection'],
    ['names: a\nnames: b', 'd.yaml: line 2: Map keys must be unique'],
  ])('%j is named with its place', (text, expected) => {
    expect(() => parse(text)).toThrow(expected);
  });

  it('must name its classes, from 0 on', async () => {
    for (const [text, expected] of [
      ['names:\n', 'names is not a list of classes'],
      ['names: {1: a, 2: b}', 'names has 2 classes, but none has number 0'],
      ['names: {0: a, 2: b}', 'none has number 1'],
    ] as const) {
      const folder = await yoloFolder('', { 'data.yaml': text });
      expect((await faultOf(readAll(folder))).message).toContain(expected);
    }
  });
});

describe('joinRings', () => {
  it('goes around both, and encloses nothing else', () => {
    const a: Point[] = [
      [1, 1],
      [6, 1],
      [6, 6],
      [1, 6],
    ];
    const b: Point[] = [
      [9, 3],
      [15, 3],
      [15, 9],
      [9, 9],
    ];
    const c: Point[] = [
      [2, 8],
      [5, 8],
      [5, 9],
    ];
    const joined = joinRings([a, b, c]);
    expect(polygonArea(joined)).toBe(polygonArea(a) + polygonArea(b) + polygonArea(c));
    const both = [a, b, c].map((ring) => rasterizePolygon(ring, { width: 20, height: 10 }));
    expect(rasterizePolygon(joined, { width: 20, height: 10 })).toEqual(
      both[0]!.map((value, i) => value | both[1]![i]! | both[2]![i]!),
    );
  });
});
