import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { readArrival } from '../../web/src/studio/project/arrival.ts';
import { annotationOf, objectsOfAnnotation } from '../../web/src/studio/project/convert.ts';
import type { DroppedFile } from '../../web/src/studio/project/dropped.ts';

const COINS = readFileSync(path.join(import.meta.dirname, '../../examples/coins/coins.png'));
const picture = (name: string): DroppedFile => ({ path: name, file: new Blob([COINS]) });
const text = (name: string, content: unknown): DroppedFile => ({
  path: name,
  file: new Blob([typeof content === 'string' ? content : JSON.stringify(content)]),
});

describe('dropped files', () => {
  it('are pictures where there are no labels; others are counted', async () => {
    const { pictures, format, others } = await readArrival([
      picture('a.png'),
      picture('more/b.PNG'),
      text('notes.txt', 'hello'),
    ]);
    expect(pictures.map((one) => one.path)).toEqual(['a.png', 'more/b.PNG']);
    expect([format, others]).toEqual([undefined, 1]);
  });

  it('bring the labels of YOLO with their parts, from a folder in a folder', async () => {
    const arrival = await readArrival([
      text('set/data.yaml', 'train: images/train\nval: images/val\nnames: [cent, dime]\n'),
      picture('set/images/train/one.png'),
      text('set/labels/train/one.txt', '1 0.5 0.5 0.25 0.5\n'),
      picture('set/images/val/two.png'),
      text('set/labels/val/two.txt', ''),
    ]);
    expect(arrival.format).toBe('yolo');
    expect(arrival.classes).toEqual(['cent', 'dime']);
    expect(arrival.pictures.map((one) => [one.path, one.split, one.annotation?.shapes.length])).toEqual([
      ['set/images/train/one.png', 'train', 1],
      ['set/images/val/two.png', 'valid', 0],
    ]);
  });

  it('bring those of a COCO file that lies beside its pictures, and pictures without labels too', async () => {
    const arrival = await readArrival([
      picture('one.png'),
      picture('two.png'),
      text('annotations.json', {
        images: [{ id: 7, file_name: 'one.png', width: 384, height: 303 }],
        categories: [{ id: 3, name: 'coin' }],
        annotations: [{ id: 1, image_id: 7, category_id: 3, bbox: [10, 20, 30, 40], area: 1200, iscrowd: 0 }],
      }),
    ]);
    expect(arrival.format).toBe('coco');
    expect(arrival.pictures.map((one) => [one.path, one.annotation?.shapes[0]?.box])).toEqual([
      ['one.png', [10, 20, 40, 60]],
      ['two.png', undefined],
    ]);
  });

  it('tell what is bad, and bring the rest', async () => {
    const arrival = await readArrival([
      text('classes.txt', 'coin\n'),
      picture('images/one.png'),
      text('labels/one.txt', '0 0.5 0.5 0.25 0.5\n0 nonsense 1 1 1\n'),
    ]);
    expect(arrival.pictures[0]?.annotation?.shapes).toHaveLength(1);
    expect(arrival.faults.some(({ message }) => message.includes('labels/one.txt'))).toBe(true);
  });
});

describe('annotations and labels', () => {
  it('are the same there and back', () => {
    const classes = [{ id: 'c', name: 'coin', color: '#ff0000', key: '1' }];
    const annotation = {
      imagePath: 'a.png',
      width: 40,
      height: 30,
      shapes: [
        { label: 'coin', box: [1, 2, 3, 4] as const, groupId: null, difficult: true },
        {
          label: 'coin',
          box: [0, 0, 10, 10] as const,
          groupId: 2,
          points: [[0, 0] as const, [10, 0] as const, [5, 10] as const],
        },
        {
          label: 'coin',
          box: [4, 5, 6, 7] as const,
          groupId: null,
          mask: { x: 4, y: 5, width: 2, height: 2, data: Uint8Array.of(1, 0, 0, 1) },
        },
      ],
    };
    let last = 0;
    const objects = objectsOfAnnotation(
      annotation,
      () => 'c',
      () => String(last++),
    );
    expect(annotationOf({ name: 'a.png', width: 40, height: 30 }, objects, classes)).toEqual(annotation);
  });

  it('leave out proposals, points, and objects of a class that was deleted', () => {
    const classes = [{ id: 'c', name: 'coin', color: '#ff0000', key: '1' }];
    const box = { kind: 'box', box: [1, 2, 3, 4] } as const;
    const { shapes } = annotationOf(
      { name: 'a.png', width: 40, height: 30 },
      [
        { id: '1', classId: 'c', shape: box, score: 0.9 },
        { id: '2', classId: 'gone', shape: box },
        { id: '3', classId: 'c', shape: { kind: 'point', at: [3, 3] } },
        { id: '4', classId: 'c', shape: box },
      ],
      classes,
    );
    expect(shapes).toHaveLength(1);
  });
});
