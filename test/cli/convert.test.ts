import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import type { AnnotatedShape } from '../../src/data/annotation.ts';
import { decodeIndexedPng, encodeIndexedPng } from '../../src/data/indexedPng.ts';
import { maskToPatch } from '../../src/data/maskPatch.ts';
import { type AnnotatedObject, objectsOf } from '../../src/data/objects.ts';
import type { Point } from '../../src/vision/boxes.ts';

import {
  boxes,
  labelmeFolder,
  masks,
  newPath,
  objects,
  outlined,
  PAIRS,
  pixels,
  polygons,
  read,
  said,
  through,
  useConvertFolders,
} from './convertFolders.ts';

useConvertFolders();

describe('fovea convert, there and back', () => {
  it.each(PAIRS)('keeps boxes: %s, %s', async (a, b) => {
    const source = await labelmeFolder({ one: boxes, two: [boxes[1]!] });
    const found = await read(await through(source, [a, b]));
    expect(found.map(({ name }) => name.split('/').at(-1))).toEqual(['one', 'two']);
    const [one, two] = found.map(({ annotation }) => objectsOf(annotation.shapes));
    expect(one!.map(({ label }) => label)).toEqual(['cat', 'dog & co']);
    for (const [object, expected] of [
      [one![0]!, boxes[0]!],
      [one![1]!, boxes[1]!],
      [two![0]!, boxes[1]!],
    ] as const) {
      // YOLO's shares have seven digits: 1e-7 of 48 pixels.
      object.box.forEach((value, i) => {
        expect(Math.abs(value - expected.box[i]!)).toBeLessThan(1e-5);
      });
      expect(object.shapes[0]!.points).toBeUndefined();
    }
    expect(found[0]!.annotation).toMatchObject({ width: 48, height: 32 });
  });

  it.each(PAIRS.filter((pair) => !pair.includes('voc')))('keeps outlines: %s, %s', async (a, b) => {
    // No centre of a pixel is on an edge, where the last bit of a corner would decide.
    const shifted = polygons.map(({ label, points, groupId }) =>
      outlined(
        label,
        points!.map(([x, y]): Point => [x + 0.3, y + 0.45]),
        { groupId },
      ),
    );
    const found = await objects(await through(await labelmeFolder({ one: shifted }), [a, b]));
    expect(found.map(({ label }) => label)).toEqual(['cat', 'dog']);
    // The two parts of the dog are one outline in YOLO.
    expect(found[1]!.shapes).toHaveLength(a === 'yolo' || b === 'yolo' ? 1 : 2);
    const expected = objectsOf(shifted);
    found.forEach((object, i) => {
      object.box.forEach((value, k) => {
        expect(Math.abs(value - expected[i]!.box[k]!)).toBeLessThan(1e-5);
      });
      expect(pixels(object)).toEqual(pixels(expected[i]!));
    });
  });

  it.each(PAIRS.filter((pair) => !pair.includes('yolo')))('keeps masks with holes: %s, %s', async (a, b) => {
    const source = await labelmeFolder({ one: masks });
    const found = await objects(await through(source, [a, b]));
    expect(found.map(({ label }) => label)).toEqual(['cat', 'dog']);
    found.forEach((object, i) => {
      expect(object.box).toEqual(masks[i]!.box);
      expect(object.shapes).toHaveLength(1);
      const { mask } = object.shapes[0]!;
      expect({ ...mask, data: [...mask!.data] }).toEqual({
        ...masks[i]!.mask,
        data: [...masks[i]!.mask!.data],
      });
    });
    expect(said()).not.toContain('not expressed');
  });

  it('draws outlines as VOC’s pixels, and says so', async () => {
    const source = await labelmeFolder({ one: polygons });
    const found = await objects(await through(source, ['voc']));
    const expected = objectsOf(polygons);
    expect(found.map(pixels)).toEqual(expected.map(pixels));
    expect(found.map(({ box }) => box)).toEqual(expected.map(({ box }) => box));
    expect(said()).toContain('not expressed in Pascal VOC: 3 outlines, drawn as pixels');
  });

  it('fills holes for YOLO, and says so', async () => {
    const source = await labelmeFolder({ one: masks });
    const [cat] = await objects(await through(source, ['yolo']));
    const { mask: _, ...filled } = masks[0]!;
    expect(pixels(cat!)).toEqual(pixels(objectsOf([filled])[0]!));
    expect(said()).toContain('not expressed in YOLO: 2 masks with holes, which were filled');
  });

  it('counts images in masks only where objects of one class can no longer be told apart', async () => {
    const line = 'whose objects of one class are no longer told apart';
    await through(await labelmeFolder({ one: masks, two: [] }), ['masks']);
    expect(said()).not.toContain(line);
    const twice = [masks[0]!, { ...masks[1]!, label: masks[0]!.label }];
    await through(await labelmeFolder({ one: masks, two: twice }), ['masks']);
    expect(said()).toContain(`not expressed in masks: 1 image ${line}`);
  });

  it('keeps flags where the format has them, and crowds out of YOLO', async () => {
    const flagged: AnnotatedShape[] = [
      { ...boxes[0]!, difficult: true, truncated: true },
      { ...masks[0]!, crowd: true },
      { ...boxes[1]!, occluded: true },
    ];
    const source = await labelmeFolder({ one: flagged });
    const flagsOf = (found: readonly AnnotatedObject[]) =>
      found.map(({ crowd, difficult, truncated, occluded }) => [crowd, difficult, truncated, occluded]);
    const expected = flagsOf(objectsOf(flagged));
    const kept = await objects(await through(source, ['coco', 'labelme', 'coco']));
    expect(flagsOf(kept)).toEqual(expected);
    expect(kept[1]!.shapes[0]!.mask).toEqual(masks[0]!.mask);
    expect(said()).not.toContain('not expressed');

    expect(flagsOf(await objects(await through(source, ['voc', 'coco'])))).toEqual([
      expected[0],
      [undefined, true, undefined, undefined],
      expected[2],
    ]);
    expect(said()).toContain('not expressed in Pascal VOC: 1 crowd, written as difficult objects');

    expect((await objects(await through(source, ['yolo']))).map(({ label }) => label)).toEqual(['dog & co']);
    expect(said()).toContain('not expressed in YOLO: 1 difficult object, left out');
    expect(said()).toContain('not expressed in YOLO: 1 crowd, left out');
    expect(said()).toContain('not expressed in YOLO: 1 object with the flags "truncated" or "occluded"');
  });

  it('keeps COCO’s numbers, boxes and areas', async () => {
    const source = newPath('coco-source');
    await mkdir(join(source, 'deep/er'), { recursive: true });
    await sharp({ create: { width: 48, height: 32, channels: 3, background: '#385' } })
      .png()
      .toFile(join(source, 'deep/er/a.png'));
    const file = {
      images: [{ id: 9, file_name: 'deep/er/a.png', width: 48, height: 32 }],
      categories: [
        { id: 90, name: 'x', supercategory: 'y' },
        { id: 3, name: 'z' },
      ],
      annotations: [
        { id: 31, image_id: 9, category_id: 90, bbox: [1.11, 2.22, 3.33, 4.44], area: 7.5, iscrowd: 0 },
        {
          id: 7,
          image_id: 9,
          category_id: 3,
          bbox: [1, 2, 20, 20.5],
          segmentation: [
            [1.5, 2, 10, 2, 10, 9.25],
            [12, 12, 21, 12, 21, 22],
          ],
          area: 100.25,
          iscrowd: 0,
        },
      ],
    };
    await writeFile(join(source, 'all.json'), JSON.stringify(file));
    const written = JSON.parse(
      await readFile(join(await through(source, ['coco']), 'annotations.json'), 'utf8'),
    );
    expect(written).toEqual({
      annotations: file.annotations,
      images: [{ id: 9, file_name: 'a.png', width: 48, height: 32 }],
      categories: [file.categories[0], { ...file.categories[1], supercategory: '' }],
    });
  });

  it('keeps pixels that nobody labelled in VOC, and says where they became background', async () => {
    const source = await through(await labelmeFolder({ one: masks }), ['voc']);
    const file = join(source, 'SegmentationObject/one.png');
    const mask = await decodeIndexedPng(await readFile(file), file);
    mask.data.fill(255, 0, 48);
    await writeFile(file, await encodeIndexedPng(mask, new Uint8Array(768)));
    const again = await through(source, ['voc']);
    const [one] = await read(again);
    expect(one!.annotation.unlabelled).toEqual(
      maskToPatch(
        Uint8Array.from({ length: 48 * 32 }, (_, i) => (i < 48 ? 1 : 0)),
        { width: 48, height: 32 },
      ),
    );
    await through(source, ['coco']);
    expect(said()).toContain('not expressed in COCO: 1 region that nobody labelled, which became background');
  });
});
