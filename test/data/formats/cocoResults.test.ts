import { describe, expect, it } from 'vitest';
import { diskFiles } from '../../../cli/src/dataFiles.ts';
import type { Annotation } from '../../../src/data/annotation.ts';
import { formatCocoResults, readCocoResults } from '../../../src/data/formats/coco/results.ts';
import { categories, holed } from './cocoFiles.ts';
import { faultOf, folderOf } from './folders.ts';

describe('COCO results', () => {
  const references = { images: new Map([[7, { width: 20, height: 10 }]]), classes: categories };
  const results = async (list: unknown) => {
    const folder = await folderOf({ 'results.json': list as object });
    const found = [];
    for await (const result of readCocoResults(diskFiles, `${folder}/results.json`, references))
      found.push(result);
    return found;
  };
  const { mask, text } = holed();
  const predictions: Annotation = {
    id: 7,
    width: 20,
    height: 10,
    shapes: [
      { label: 'dog', box: [-1.123456789, 2, 30.5, 9], score: 0.912345678901, groupId: null },
      { label: 'person', box: [3, 2, 12, 8], mask, score: 0.5, groupId: null },
      {
        label: 'dog',
        box: [1, 1, 5, 5],
        points: [
          [1, 1],
          [5, 1],
          [1, 5],
        ],
        score: 0.25,
        groupId: null,
      },
    ],
  };

  it('are written as pycocotools reads them, and read back without loss', async () => {
    const written = JSON.parse(formatCocoResults([predictions], categories));
    expect(written).toHaveLength(3);
    expect(written[1]).toEqual({
      image_id: 7,
      category_id: 1,
      bbox: [3, 2, 9, 6],
      segmentation: { size: [10, 20], counts: text },
      score: 0.5,
    });
    const found = await results(written);
    expect(found.map(({ imageId }) => imageId)).toEqual([7, 7, 7]);
    const shapes = found.flatMap((result) => result.shapes);
    for (const [i, value] of predictions.shapes[0]!.box.entries()) {
      expect(shapes[0]!.box[i]).toBeCloseTo(value, 12);
    }
    expect(shapes.slice(1)).toEqual(predictions.shapes.slice(1));
    expect(shapes[0]!.score).toBe(0.912345678901);
  });

  it('name what is wrong with them', async () => {
    const one = { image_id: 7, category_id: 18, bbox: [1, 2, 3, 4], score: 0.5 };
    const fault = async (change: object) => (await faultOf(results([one, { ...one, ...change }]))).message;
    expect(await fault({ image_id: 8 })).toContain('[1]: image_id 8 is not in the annotations');
    expect(await fault({ category_id: 2 })).toContain('[1]: category_id 2 is not in the annotations');
    expect(await fault({ score: undefined })).toContain('[1]: score is missing; write the results again');
    expect(await fault({ bbox: [1, 2, 0, 4] })).toContain(
      '[1]: bbox [1, 2, 0, 4] (x, y, width, height) has no area',
    );
    expect(await fault({ bbox: null })).toContain('has neither bbox nor segmentation');
    expect((await faultOf(results({ images: [], annotations: [] as object[], info: 1 }))).message).toContain(
      'is not a list of results',
    );
    const { id: _, ...unnumbered } = predictions;
    expect(() => formatCocoResults([unnumbered], categories)).toThrow(/has no id/);
    expect(() => formatCocoResults([predictions], [{ name: 'dog' }])).toThrow(/detection of "person"/);
  });
});
