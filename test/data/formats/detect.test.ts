import { describe, expect, it } from 'vitest';
import { diskFiles } from '../../../cli/src/dataFiles.ts';
import { detectFormat } from '../../../src/data/formats/index.ts';
import { fileOf, triangle } from '../labelmeFiles.ts';
import { faultOf, folderOf, image, readAll } from './folders.ts';

const coco = {
  annotations: [],
  images: [{ id: 1, file_name: 'a.png', width: 20, height: 10 }],
  categories: [],
};
const FILES = {
  labelme: { 'a.json': fileOf([triangle]) },
  coco: { 'instances.json': coco },
  voc: { 'Annotations/a.xml': '<?xml version="1.0"?>\n<annotation></annotation>' },
  yolo: { 'data.yaml': 'names: [a]\n' },
} as const;
const detect = async (files: Readonly<Record<string, string | object>>) =>
  detectFormat(diskFiles, await folderOf(files));

describe('the format of a folder', () => {
  it.each(Object.keys(FILES) as (keyof typeof FILES)[])('%s is told by its content', async (name) => {
    const files = FILES[name];
    expect(await detect({ ...files, 'notes.txt': 'x', 'b.json': '[1, 2]', 'c.json': '{"loss": 1}' })).toBe(
      name,
    );
  });

  it('is told in other places too, and of files', async () => {
    expect(await detect({ 'annotations/instances.json': coco })).toBe('coco');
    expect(await detect({ 'a.xml': '<annotation></annotation>' })).toBe('voc');
    expect(await detect({ 'labels/classes.txt': 'a\n' })).toBe('yolo');
    expect(await detect({ 'obj.names': 'a\n' })).toBe('yolo');
    const folder = await folderOf({ ...FILES.labelme, ...FILES.coco, ...FILES.yolo });
    expect(await detectFormat(diskFiles, `${folder}/a.json`)).toBe('labelme');
    expect(await detectFormat(diskFiles, `${folder}/instances.json`)).toBe('coco');
    expect(await detectFormat(diskFiles, `${folder}/data.yaml`)).toBe('yolo');
  });

  it('is told where the text is broken behind the telling key, and then the reader says so', async () => {
    const folder = await folderOf({ 'a.json': '{"version": "5", "shapes": [{' });
    expect(await detectFormat(diskFiles, folder)).toBe('labelme');
    expect((await faultOf(readAll(folder))).message).toMatch(/a\.json: line 1, column 30: expected/);
  });

  it('is not told of broken text: that is the fault', async () => {
    const folder = await folderOf({ 'a.json': '{"version": "5", shapes' });
    expect((await faultOf(detectFormat(diskFiles, folder))).message).toContain(
      `${folder}/a.json: line 1, column 18: expected a key in double quotes, found "s"; save it again`,
    );
  });

  it('is asked for where there are several', async () => {
    const folder = await folderOf({ ...FILES.labelme, ...FILES.coco, ...FILES.voc, ...FILES.yolo });
    const { name, message } = await faultOf(detectFormat(diskFiles, folder));
    expect(name).toBe('DataError');
    expect(message).toBe(
      `${folder}: contains COCO (instances.json) and Pascal VOC (Annotations/a.xml) and YOLO (data.yaml) and Labelme (a.json); choose one, for example --from coco`,
    );
  });

  it('is missed with a hint at what there is', async () => {
    const none = await folderOf({ 'a.png': await image(), 'c.json': '{"loss": 1}', 'x.xml': '<svg/>' });
    expect((await faultOf(detectFormat(diskFiles, none))).message).toMatch(
      /: contains no annotations of a known format; give a folder of Labelme \(.*\), COCO \(.*\), Pascal VOC \(.*\), YOLO/,
    );
    const below = await folderOf({ 'VOC2012/Annotations/a.xml': '<annotation></annotation>' });
    expect((await faultOf(detectFormat(diskFiles, below))).message).toBe(
      `${below}: contains no annotations, but ${below}/VOC2012 contains Pascal VOC (Annotations/a.xml); give that folder`,
    );
    expect((await faultOf(detectFormat(diskFiles, `${none}/no`))).message).toContain(
      'no such file or folder',
    );
    expect((await faultOf(detectFormat(diskFiles, `${none}/a.png`))).message).toContain(
      'contains no annotations',
    );
  });

  it('is wrong where it is said to be another', async () => {
    const folder = await folderOf(FILES.labelme);
    const fault = async (format: 'coco' | 'voc' | 'yolo') =>
      (await faultOf(readAll(folder, { format }))).message;
    expect(await fault('coco')).toContain('contains no COCO file');
    expect(await fault('voc')).toContain('contains no Annotations/*.xml');
    expect(await fault('yolo')).toContain('has no data.yaml, classes.txt or obj.names');
    const empty = await folderOf({ 'a.png': await image() });
    expect((await faultOf(readAll(empty, { format: 'labelme' }))).message).toContain(
      'contains no Labelme file (*.json with "shapes")',
    );
  });

  it('of several COCO files, one must be given, or chosen by its part', async () => {
    const png = await image();
    const folder = await folderOf({
      'annotations/instances_train2017.json': coco,
      'annotations/instances_val2017.json': coco,
      'val2017/a.png': png,
      'train2017/a.png': png,
    });
    expect((await faultOf(readAll(folder))).message).toContain(
      'contains 2 COCO files (instances_train2017.json, instances_val2017.json); give one of them',
    );
    for (const split of ['val', 'val2017']) {
      const [one] = await readAll(folder, { split });
      expect(one!.image).toBe(`${folder}/val2017/a.png`);
    }
    expect((await faultOf(readAll(folder, { split: 'test' }))).message).toContain(
      'has no part "test" (instances_train2017.json, instances_val2017.json); choose from train2017, val2017',
    );
  });
});
