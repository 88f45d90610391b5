/** What files say beyond boxes, outlines and masks: kept in the same format, and counted in others. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { convertCommand } from '../../cli/src/commands/convert.ts';
import { coco, labelme, rectangle } from '../data/formats/fieldFiles.ts';
import { folderOf, image } from '../data/formats/folders.ts';
import { newPath, said, through, useConvertFolders } from './convertFolders.ts';

useConvertFolders();

const jsonIn = async (folder: string, file: string) => JSON.parse(await readFile(join(folder, file), 'utf8'));

const person = { keypoints: ['nose', 'ear'], skeleton: [[1, 2]] };
const object = {
  keypoints: [4, 4, 2, 8, 6, 1],
  num_keypoints: 2,
  score: 0.5,
  caption: 'two blue cats',
  attributes: { occluded: true, truncated: false, color: 'red' },
};
const cocoFolder = async () => {
  const file = coco([{ bbox: [2, 2, 8, 6], area: 48, iscrowd: 0, ...object }]);
  return folderOf({
    'all.json': {
      info: { description: 'cats' },
      licenses: [{ id: 1, name: 'MIT' }],
      ...file,
      images: [
        { ...file.images[0]!, license: 1, coco_url: 'http://x/a.png', date_captured: '', camera: [1, 2] },
      ],
      categories: [{ ...file.categories[0]!, supercategory: 'animal', ...person }],
      contributors: 'us',
    },
    'a.png': await image(),
  });
};

const shape = {
  ...rectangle(2, 2, 10, 8),
  description: 'seen from behind',
  flags: { occluded: true, blurry: true, wet: false },
  kie_linking: [],
  direction: 0.5,
};
const labelmeFolder = async () =>
  folderOf({
    'a.json': labelme([shape], { flags: { night: true }, camera: 'left' }),
    'a.png': await image(),
  });

describe('what is not used', () => {
  it('is kept in COCO', async () => {
    const source = await cocoFolder();
    const before = await jsonIn(source, 'all.json');
    const after = await jsonIn(await through(source, ['coco']), 'annotations.json');
    const { attributes, ...rest } = before.annotations[0];
    expect(after).toEqual({
      ...before,
      annotations: [{ ...rest, attributes: { occluded: true, color: 'red' } }],
    });
    expect(said()).not.toContain('not expressed');
  });

  it('is kept in Labelme', async () => {
    const after = await jsonIn(await through(await labelmeFolder(), ['labelme']), 'a.json');
    expect(after).toMatchObject({ flags: { night: true }, camera: 'left' });
    const { flags, description, direction, kie_linking } = after.shapes[0];
    expect({ flags, description, direction, kie_linking }).toEqual({
      flags: shape.flags,
      description: shape.description,
      direction: 0.5,
      kie_linking: [],
    });
    expect(said()).not.toContain('not expressed');
  });

  it('is kept in VOC, but for attributes of elements', async () => {
    const folder = await folderOf({
      'Annotations/a.xml':
        '<annotation><filename>a.png</filename><source><database>My &amp; own</database></source><owner><name>Unknown</name></owner><object><name>cat</name><pose>Left</pose><bndbox><xmin>3</xmin><ymin>2</ymin><xmax>8</xmax><ymax>4</ymax></bndbox><part><name>head</name></part></object></annotation>',
      'JPEGImages/a.png': await image(),
    });
    const written = await readFile(join(await through(folder, ['voc']), 'Annotations/a.xml'), 'utf8');
    expect(written).toContain('<source><database>My &amp; own</database></source>');
    expect(written).toMatch(/<pose>Left<\/pose>\s*<part><name>head<\/name><\/part>/);
    expect(written.match(/<pose>/g)).toHaveLength(1);
    expect(said()).not.toContain('not expressed');
    await through(folder, ['coco']);
    for (const line of ['1 image with "source"', '1 object with "pose"', '1 object with "part"']) {
      expect(said()).toContain(`not expressed in COCO: ${line}\n`);
    }
    expect(said()).not.toContain('owner');
  });

  it('is counted in other formats', async () => {
    for (const [format, title] of [
      ['labelme', 'Labelme'],
      ['voc', 'Pascal VOC'],
      ['yolo', 'YOLO'],
    ] as const) {
      await through(await cocoFolder(), [format]);
      for (const line of [
        ...['info', 'licenses', 'contributors'].map((key) => `1 file with "${key}"`),
        ...['keypoints', 'skeleton'].map((key) => `1 class with "${key}"`),
        ...['license', 'coco_url', 'camera'].map((key) => `1 image with "${key}"`),
        ...['keypoints', 'num_keypoints', 'caption'].map((key) => `1 object with "${key}"`),
        '1 object with the attribute "color"',
        ...(format === 'labelme' ? [] : ['1 score']),
      ]) {
        expect(said()).toContain(`not expressed in ${title}: ${line}\n`);
      }
    }
    expect(said()).not.toMatch(/date_captured|truncated": false/);
    const source = await labelmeFolder();
    await convertCommand(source, newPath('coco'), { format: 'coco' });
    for (const line of [
      '1 image with the flag "night"',
      '1 image with "camera"',
      '1 object with the flag "blurry"',
      '1 object with "direction"',
      '1 object with "description"',
    ]) {
      expect(said()).toContain(`not expressed in COCO: ${line}\n`);
    }
    expect(said()).not.toMatch(/wet|kie_linking/);
  });

  it('is counted where coordinates changed, since what it says may have some', async () => {
    const folder = await cocoFolder();
    const small = await sharp(await image(10, 5))
      .png()
      .toFile(join(folder, 'a.png'));
    expect(small.width).toBe(10);
    const to = await through(folder, ['coco'], { fixSizes: true });
    expect((await jsonIn(to, 'annotations.json')).annotations[0]).not.toHaveProperty('keypoints');
    expect(said()).toContain('not expressed in COCO: 1 object with "keypoints"\n');
  });

  it('of YOLO: keypoints behind boxes', async () => {
    const folder = await folderOf({
      'images/a.png': await image(),
      'labels/a.txt': '0 0.5 0.5 0.4 0.4 0.5 0.5 2\n',
      'data.yaml': 'names: [cat]\nkpt_shape: [1, 3]\ntrain: images\n',
    });
    await through(folder, ['yolo']);
    expect(said()).toContain('not expressed in YOLO: 1 object with "keypoints"\n');
  });

  it('of any form takes no harm: deep values, long lists of names, control characters', async () => {
    const deep = '['.repeat(20_000) + ']'.repeat(20_000);
    const names = Array.from({ length: 200 }, (_, i) => `"n${i}\\u001b[31m": 1`).join(', ');
    const text = JSON.stringify(labelme([rectangle(2, 2, 10, 8)], { deep: 'DEEP', names: 'NAMES' }));
    const folder = await folderOf({
      'a.json': text.replace('"DEEP"', deep).replace('"names":"NAMES"', names),
      'a.png': await image(),
    });
    await through(folder, ['labelme']);
    expect(said()).toContain('1 image with "deep"\n');
    expect(said()).toMatch(/15\d values of other names in images\n/);
    expect(said()).not.toContain('\u001b');
    expect(said().split('\n').length).toBeLessThan(60);
  });
});
