import { describe, expect, it } from 'vitest';
import { diskFiles } from '../../../cli/src/dataFiles.ts';
import { encodePng } from '../../../cli/src/images.ts';
import { detectFormat } from '../../../src/data/formats/index.ts';
import { vocPalette } from '../../../src/data/formats/voc/masks.ts';
import { encodeIndexedPng } from '../../../src/data/indexedPng.ts';
import { annotationsOf, faultOf, folderOf, image, readAll } from './folders.ts';

/** A mask of 20x10 whose rectangles [x1, y1, x2, y2, value] are painted in their order. */
function pixels(rectangles: readonly (readonly number[])[]): Uint8Array {
  const data = new Uint8Array(200);
  for (const [x1, y1, x2, y2, value] of rectangles) {
    for (let y = y1!; y < y2!; y++) data.fill(value!, y * 20 + x1!, y * 20 + x2!);
  }
  return data;
}
const mask = (rectangles: readonly (readonly number[])[], palette = true): Promise<Uint8Array> =>
  encodeIndexedPng({ width: 20, height: 10, data: pixels(rectangles) }, palette ? vocPalette() : undefined);

describe('masks', () => {
  it('by a list of classes, with 255 as not labelled', async () => {
    const folder = await folderOf({
      'images/a.png': await image(),
      'images/b.png': await image(),
      'images/unlabelled.png': await image(),
      'masks/a.png': await mask([
        [1, 1, 5, 5, 2],
        [0, 0, 20, 1, 255],
      ]),
      'masks/b.png': await mask([]),
      'class_names.txt': '__ignore__\n_background_\ncat\ndog\n',
    });
    expect(await detectFormat(diskFiles, folder)).toBe('masks');
    const [a, b] = await readAll(folder);
    expect([a!.name, b!.name]).toEqual(['a', 'b']);
    expect(a!.annotation.shapes.map(({ label, box }) => [label, box])).toEqual([['dog', [1, 1, 5, 5]]]);
    expect(a!.annotation.unlabelled).toMatchObject({ x: 0, y: 0, width: 20, height: 1 });
    expect(b!.annotation.shapes).toEqual([]);
    const notes: string[] = [];
    await readAll(folder, { onFault: ({ message }) => notes.push(message) });
    expect(notes.join()).toContain('unlabelled.png: has no mask in ');
  });

  it('without a list: numbers are the classes, and 0 and 255 alone are one', async () => {
    const numbered = await folderOf({
      'images/train/a.png': await image(),
      'masks/train/a.png': await mask(
        [
          [1, 1, 5, 5, 7],
          [6, 1, 9, 5, 3],
        ],
        false,
      ),
      'images/val/b.png': await image(),
      'masks/val/b.png': await mask([[1, 1, 5, 5, 3]], false),
    });
    const [one] = await annotationsOf(numbered, { split: 'train' });
    expect(one!.shapes.map(({ label }) => label).sort()).toEqual(['3', '7']);
    expect((await faultOf(readAll(numbered, { split: 'test' }))).message).toContain('choose from train, val');
    const binary = await folderOf({
      'images/a.png': await image(),
      'masks/a_mask.png': await mask([[1, 1, 5, 5, 255]], false),
    });
    const [object] = await annotationsOf(binary);
    expect(object!.shapes.map(({ label, box }) => [label, box])).toEqual([['object', [1, 1, 5, 5]]]);
    expect(object!.unlabelled).toBeUndefined();
  });

  it('of VOC without XML, with objects; of labelme_json_to_dataset; of CVAT’s colours', async () => {
    const voc = await folderOf({
      'JPEGImages/a.png': await image(),
      'SegmentationClass/a.png': await mask([[1, 1, 9, 5, 8]]),
      'SegmentationObject/a.png': await mask([
        [1, 1, 4, 5, 1],
        [4, 1, 9, 5, 2],
      ]),
    });
    const [cats] = await annotationsOf(voc);
    expect(cats!.shapes.map(({ label, box }) => [label, box])).toEqual([
      ['cat', [1, 1, 4, 5]],
      ['cat', [4, 1, 9, 5]],
    ]);
    const single = await folderOf({
      'one_json/img.png': await image(),
      'one_json/label.png': await mask([[1, 1, 5, 5, 1]]),
      'one_json/label_names.txt': '_background_\ncat\n',
    });
    expect(
      (await readAll(single)).map(({ name, annotation }) => [name, annotation.shapes[0]!.label]),
    ).toEqual([['one', 'cat']]);
    const rgb = new Uint8Array(600);
    for (let i = 0; i < 3; i++) rgb.set([10, 20, 30], 3 * i);
    const files = {
      'images/a.png': await image(),
      'masks/a.png': await encodePng({ width: 20, height: 10, data: rgb }),
    };
    const colours = await folderOf({
      ...files,
      'labelmap.txt': '# label:color_rgb:parts:actions\nbackground:0,0,0::\n#1:10,20,30::\n',
    });
    const [named] = await annotationsOf(colours);
    expect(named!.shapes.map(({ label, box }) => [label, box])).toEqual([['#1', [0, 0, 3, 1]]]);
    expect((await faultOf(readAll(await folderOf(files)))).message).toContain(
      'does not say which classes they are',
    );
  });

  it('must be of the image’s size, have an image, and a background', async () => {
    const small = await encodeIndexedPng({ width: 5, height: 5, data: new Uint8Array(25) }, vocPalette());
    const files = { 'images/a.png': await image(), 'class_names.txt': '_background_\ncat\n' };
    const other = await folderOf({ ...files, 'masks/a.png': small });
    expect((await faultOf(readAll(other))).message).toContain('5x5 pixels, but the image has 20x10');
    const missing = await folderOf({ ...files, 'masks/b.png': await mask([]) });
    expect((await faultOf(readAll(missing))).message).toContain(`has no image ${missing}/images/b.*`);
    expect(await readAll(missing, { skipBad: true })).toEqual([]);
    const animal = await folderOf({
      'images/a.png': await image(),
      'masks/a.png': await mask([]),
      'codes.txt': 'Animal\n',
    });
    expect((await faultOf(readAll(animal))).message).toContain(
      'its first line is "Animal", but pixel value 0 is the background',
    );
  });
});
