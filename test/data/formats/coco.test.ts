import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { diskFiles } from '../../../cli/src/dataFiles.ts';
import { openDataset } from '../../../src/data/formats/index.ts';
import { objectsOf } from '../../../src/data/objects.ts';
import { Random } from '../../../src/vision/random.ts';
import { annotation, categories, cocoFolder, holed, images } from './cocoFiles.ts';
import { annotationsOf, faultOf, folderOf, image, readAll } from './folders.ts';

const read = async (...changes: object[]) =>
  (
    await annotationsOf(await cocoFolder(changes.map((change, i) => annotation({ id: i + 1, ...change }))))
  )[0]!;

describe('reading COCO', () => {
  it('boxes, numbers, areas and classes', async () => {
    const folder = await cocoFolder([annotation({ area: 21.5 }), annotation({ id: 3, category_id: 1 })]);
    const dataset = await openDataset(diskFiles, folder);
    expect(dataset.classes).toEqual([
      { id: 18, name: 'dog', supercategory: 'animal' },
      { id: 1, name: 'person' },
    ]);
    const [one] = await readAll(folder);
    expect(one).toEqual({
      name: 'a',
      source: `${folder}/instances.json: images[0] (id 7)`,
      image: `${folder}/a.png`,
      annotation: {
        imagePath: 'a.png',
        id: 7,
        width: 20,
        height: 10,
        shapes: [
          { label: 'dog', id: 100, area: 21.5, box: [2, 3, 8.5, 7], groupId: null },
          { label: 'person', id: 3, box: [2, 3, 8.5, 7], groupId: null },
        ],
      },
    });
  });

  it('polygons: one is a shape, several are a group with the box of the whole', async () => {
    const [a, b] = [
      [1, 1, 5, 1, 1, 5],
      [8, 2, 12, 2, 12, 6, 8, 6],
    ];
    const { shapes } = await read(
      { segmentation: [a], bbox: [1, 1, 4, 4] },
      { segmentation: [a, b], bbox: [1, 1, 11, 5] },
      { segmentation: [a, b], bbox: [0.5, 1, 12, 5.5] },
      { segmentation: [a], bbox: null },
      { segmentation: [], bbox: [1, 1, 2, 2] },
    );
    expect(shapes.map(({ groupId }) => groupId)).toEqual([null, 0, 0, 1, 1, null, null]);
    expect(shapes[0]).toMatchObject({
      box: [1, 1, 5, 5],
      points: [
        [1, 1],
        [5, 1],
        [1, 5],
      ],
    });
    expect(shapes[2]).toMatchObject({
      box: [8, 2, 12, 6],
      points: [
        [8, 2],
        [12, 2],
        [12, 6],
        [8, 6],
      ],
    });
    const objects = objectsOf(shapes);
    expect(objects.map(({ id, box }) => [id, ...box])).toEqual([
      [1, 1, 1, 5, 5],
      [2, 1, 1, 12, 6],
      [3, 0.5, 1, 12.5, 6.5],
      [4, 1, 1, 5, 5],
      [5, 1, 1, 3, 3],
    ]);
  });

  it('masks, as a list of runs and as a compressed string', async () => {
    const { mask, runs, text } = holed();
    const { shapes } = await read(
      { segmentation: { size: [10, 20], counts: runs }, bbox: [3, 2, 9, 6], iscrowd: 1 },
      { segmentation: { size: [10, 20], counts: text }, bbox: null },
    );
    expect(shapes[0]).toMatchObject({ crowd: true, mask, box: [3, 2, 12, 8] });
    expect(shapes[1]).toMatchObject({ mask, box: [3, 2, 12, 8] });
    expect(shapes[1]!.crowd).toBeUndefined();
  });

  it('CVAT’s attributes as flags', async () => {
    const { shapes } = await read({ attributes: { difficult: true, occluded: false, truncated: 1, hue: 3 } });
    expect(shapes[0]).toMatchObject({ difficult: true, truncated: true });
    expect(shapes[0]!.occluded).toBeUndefined();
  });

  it('images in other folders, annotations in any order, images without any', async () => {
    const many = Array.from({ length: 5 }, (_, i) => ({
      id: 10 - i,
      file_name: `sub/${i}.png`,
      width: 20,
      height: 10,
    }));
    const random = new Random(3);
    const annotations = Array.from({ length: 40 }, (_, i) =>
      annotation({ id: i, image_id: 10 - random.integer(4), bbox: [i / 10, 1, 5, 5], note: 'ü'.repeat(i) }),
    );
    const png = await image();
    const folder = await folderOf({
      // Annotations come before what they refer to.
      'annotations/instances_val2017.json': { annotations, images: many, categories, info: { year: 1 } },
      ...Object.fromEntries(many.map(({ file_name }) => [`val2017/${file_name}`, png])),
    });
    const images = await readAll(folder);
    expect(images.map(({ name, image }) => [name, image])).toEqual(
      many.map((_, i) => [`sub/${i}`, `${folder}/val2017/sub/${i}.png`]),
    );
    images.forEach(({ annotation: { id, shapes } }) => {
      const expected = annotations.filter(({ image_id }) => image_id === id);
      expect(shapes.map((shape) => [shape.id, shape.box[0]])).toEqual(
        expected.map((one) => [one.id, one.bbox[0]]),
      );
    });
    expect(images[4]!.annotation.shapes).toEqual([]);
    await writeFile(join(folder, 'far.json'), '{}');
    expect(
      await annotationsOf(`${folder}/annotations/instances_val2017.json`, {
        imageFolder: `${folder}/val2017`,
      }),
    ).toHaveLength(5);
  });

  it('leaves out what is bad where that is asked for, and says what', async () => {
    const folder = await cocoFolder([
      annotation(),
      annotation({ id: 2, bbox: [1, 1, 0, 3] }),
      annotation({ id: 3 }),
    ]);
    const bad: string[] = [];
    const [one] = await annotationsOf(folder, {
      skipBad: true,
      onFault: ({ level, message }) => void (level === 'note' || bad.push(message)),
    });
    expect(one!.shapes.map(({ id }) => id)).toEqual([100, 3]);
    expect(bad).toHaveLength(1);
    expect(bad[0]).toContain('annotations[1] (id 2): the box [1, 1, 1, 4] (x1, y1, x2, y2) has no area');
  });
});

describe('a COCO file that cannot be used', () => {
  const rle = (size: number[], counts: unknown) => ({ segmentation: { size, counts } });
  const faults: [name: string, change: object, message: string][] = [
    [
      'a category that is not there',
      { category_id: 2 },
      'category_id 2 is not among the categories (18, 1); add the category, or remove the annotation',
    ],
    [
      'a box outside',
      { bbox: [15, 3, 8, 4] },
      'the box [15, 3, 23, 7] (x1, y1, x2, y2) is outside of the image of 20x10',
    ],
    ['a box far outside', { bbox: [-30, 3, 8, 4] }, 'is outside of the image of 20x10'],
    ['a box inside out', { bbox: [5, 3, -2, 4] }, 'the box [5, 3, 3, 7] (x1, y1, x2, y2) is inside out'],
    ['a box without area', { bbox: [5, 3, 2, 0] }, 'has no area'],
    ['a box of three numbers', { bbox: [5, 3, 2] }, 'bbox[3] is missing'],
    ['an infinite box', { bbox: '1e999' }, 'bbox[0] must be a finite number'],
    ['neither box nor segmentation', { bbox: null }, 'has neither bbox nor segmentation'],
    [
      'an odd polygon',
      { segmentation: [[1, 1, 5, 1, 1, 5, 7]] },
      'segmentation[0]: the polygon has 7 values, which are not pairs of x and y',
    ],
    [
      'a polygon of two points',
      { segmentation: [[1, 1, 5, 1]] },
      'segmentation[0]: the polygon has 2 points; at least 3 are needed',
    ],
    [
      'a polygon without area',
      { segmentation: [[1, 1, 5, 1, 3, 1]] },
      'segmentation[0]: the polygon has no area',
    ],
    [
      'a polygon outside',
      { segmentation: [[1, 1, 5, 1, 1, 15]] },
      'segmentation[0]: point 2 of the polygon (1, 15) is outside of the image of 20x10',
    ],
    ['a polygon of words', { segmentation: [['a']] }, 'segmentation[0][0] must be a number'],
    [
      'run lengths of another size',
      rle([20, 10], [200]),
      'segmentation.size is [20, 10] (height, width), the image has [10, 20]',
    ],
    [
      'run lengths of another sum',
      rle([10, 20], [100, 50]),
      'segmentation.counts: the runs add up to 150 pixels, 20x10 has 200',
    ],
    ['negative run lengths', rle([10, 20], [-10, 210]), 'counts[0] is -10'],
    [
      'a broken string of run lengths',
      rle([10, 20], 'a~b'),
      'segmentation.counts: character 1 of the run lengths is "~"',
    ],
    ['an empty mask', rle([10, 20], [200]), 'the mask has no pixel set'],
    ['a crowd of three', { iscrowd: 3 }, 'iscrowd must be 0 or 1'],
  ];
  // Nothing of these is in the image, so that there is nothing to ignore.
  const LEFT_OUT = new Set(['a box far outside', 'a box without area']);
  it.each(faults)('%s', async (name_, change, expected) => {
    const folder = await cocoFolder([annotation({ id: 1 }), annotation({ id: 55, ...change })]);
    if ('bbox' in change && change.bbox === '1e999') {
      const file = join(folder, 'instances.json');
      const text = JSON.stringify({
        images,
        categories,
        annotations: [annotation({ id: 1 }), annotation({ id: 55, bbox: [0, 1, 2, 3] })],
      });
      await writeFile(file, text.replace('[0,1,2,3]', '[1e999,1,2,3]'));
    }
    const { name, message } = await faultOf(readAll(folder));
    expect(name).toBe('DataError');
    expect(message).toContain(`${folder}/instances.json: annotations[1] (id 55)`);
    expect(message).toContain(expected);
    expect(message).toMatch(
      /; ((cut it at the border \(--clip\), or )?correct or remove the annotation, or leave out what is bad \(--skip-bad\)|add the category.*|give the size.*|COCO's compressed.*|runs must be integers.*)$/,
    );
    expect(message).not.toContain('\n');
    const left = await annotationsOf(folder, { skipBad: true });
    // Where only the outline is bad, the box stays.
    const ids = 'segmentation' in change ? [1, 55] : [1];
    expect(left[0]!.shapes.map(({ id }) => id)).toEqual(ids);
    expect(left[0]!.ignored?.length ?? 0).toBe(ids.length === 2 || LEFT_OUT.has(name_) ? 0 : 1);
  });

  it.each([
    [
      'an image that is not there',
      {},
      { images: [{ ...images[0], file_name: 'b.png' }] },
      'images[0] (id 7): file_name "b.png" is not in ',
    ],
    ['no images', {}, { images: [] }, 'has no images; export it as COCO JSON again'],
    ['no categories', {}, { categories: [] }, 'has no categories'],
    [
      'images of a negative size',
      {},
      { images: [{ ...images[0], width: -1 }] },
      'images[0]: width must be at least 1 pixel',
    ],
    [
      'two images of one number',
      {},
      { images: [images[0], images[0]] },
      'images[1] and images[0] both have id 7',
    ],
    ['two categories of one number', {}, { categories: [categories[0], categories[0]] }, 'both have id 18'],
    [
      'two annotations of one number',
      {},
      { annotations: [annotation(), annotation()] },
      'two annotations have id 100',
    ],
    [
      'an annotation of no image',
      { image_id: 8 },
      {},
      'annotations[0] (id 100): image_id 8 is not among the images; add the image',
    ],
    [
      'an annotation of an image without number',
      { image_id: 'x' },
      {},
      'annotations[0]: image_id is "x" and id 100, which must be whole',
    ],
    ['a list that is none', {}, { annotations: {} }, 'annotations must be a list'],
  ])('%s', async (_, change, changes, expected) => {
    const folder = await cocoFolder([annotation(change)], changes);
    const { name, message } = await faultOf(readAll(folder));
    expect(name).toBe('DataError');
    expect(message).toContain(`${folder}/instances.json: `);
    expect(message).toContain(expected);
  });

  it.each([
    ['cut off', (text: string) => text.slice(0, -40), /annotations|line 1, column \d+: expected/],
    [
      'with NaN',
      (text: string) => text.replace('[2,3,', '[NaN,3,'),
      /annotations\[0\]: line 1, column \d+: expected a value or '\]', found "NaN"/,
    ],
    [
      'with a comma too many',
      (text: string) => text.replace('"width":20', '"width":20,'),
      /images\[0\]: line 1, column \d+: expected a key in double quotes, found ","/,
    ],
  ])('%s', async (_, change, expected) => {
    const folder = await cocoFolder([]);
    const text = JSON.stringify({ images, categories, annotations: [annotation()] });
    await writeFile(join(folder, 'instances.json'), change(text));
    const { name, message } = await faultOf(readAll(folder));
    expect(name).toBe('DataError');
    expect(message).toContain(`${folder}/instances.json: `);
    expect(message).toMatch(expected);
    expect(message).toMatch(/; export it as COCO JSON again(, or leave out what is bad \(--skip-bad\))?$/);
  });
});
