import { describe, expect, it } from 'vitest';
import { cocoKeypoints, labelmePoints } from '../../src/data/index.ts';
import { scaleAnnotation } from '../../src/data/transform.ts';
import { DataError, UsageError } from '../../src/errors.ts';
import { annotation as cocoAnnotation, cocoFolder } from './formats/cocoFiles.ts';
import { annotationsOf } from './formats/folders.ts';

const point = (label: string, x: number, y: number, more: object = {}) => ({
  label,
  points: [[x, y]],
  shape_type: 'point',
  group_id: null,
  flags: {},
  ...more,
});
const fileOf = (...shapes: object[]) =>
  JSON.stringify({
    version: '5.0.0',
    flags: {},
    shapes,
    imagePath: 'a.png',
    imageHeight: 10,
    imageWidth: 20,
  });

describe('labelmePoints', () => {
  it('reads points by their names, in the order that is asked for', () => {
    const polygon = {
      label: 'face',
      shape_type: 'polygon',
      points: [
        [0, 0],
        [5, 0],
        [5, 5],
      ],
    };
    const text = fileOf(point('tail', 12.5, 3), polygon, point('head', 1, 2, { flags: { occluded: true } }));
    expect(labelmePoints(text, 'a.json', ['head', 'back', 'tail'])).toEqual([
      [1, 2, 1],
      [0, 0, 0],
      [12.5, 3, 2],
    ]);
  });

  it.each([
    [fileOf(), 'a.json: there are no points; label head, tail as points in Labelme, or leave out the image'],
    [
      fileOf(point('nose', 1, 1)),
      'a.json: shapes[0]: label "nose" is not among the points (head, tail); add the name, or delete the point',
    ],
    [
      fileOf(point('head', 1, 1), point('tail', 1, 1), point('head', 2, 2)),
      'a.json: shapes[2]: there is a second "head", after shapes[0]; delete one of them',
    ],
    [
      fileOf(
        point('head', 1, 1, {
          points: [
            [1, 1],
            [2, 2],
          ],
        }),
      ),
      'a.json: shapes[0]: a point has 2 points, not 1; draw it again or delete it',
    ],
    ['{}', 'a.json: not a Labelme file: it has no "shapes"'],
  ])('refuses %s', (text, message) => {
    const read = () => labelmePoints(text, 'a.json', ['head', 'tail']);
    expect(read).toThrow(DataError);
    expect(read).toThrow(message);
  });

  it('refuses names that are none', () => {
    const read = (names: string[]) => () => labelmePoints(fileOf(), 'a.json', names);
    expect(read([])).toThrow(new UsageError('labelmePoints: pointNames is empty; give one name per point'));
    expect(read(['a', 'a'])).toThrow(
      'labelmePoints: pointNames has "a" twice; give each point a name of its own',
    );
  });
});

describe('cocoKeypoints', () => {
  const read = async (annotations: readonly object[], extras = true) => {
    const [annotation] = await annotationsOf(await cocoFolder(annotations), { extras });
    return annotation!;
  };

  it('lists the objects that have some', async () => {
    const keypoints = [3, 4, 2, 5, 6, 1, 0, 0, 0];
    const annotations = [
      cocoAnnotation({ keypoints, num_keypoints: 2 }),
      cocoAnnotation({
        id: 101,
        bbox: [1, 1, 2, 2],
        keypoints: [0, 0, 0, 0, 0, 0, 0, 0, 0],
        num_keypoints: 0,
      }),
      cocoAnnotation({ id: 102, bbox: [1, 2, 3, 3] }),
    ];
    const annotation = await read(annotations);
    const points = [
      [3, 4, 2],
      [5, 6, 1],
      [0, 0, 0],
    ];
    expect(cocoKeypoints(annotation)).toEqual([{ label: 'dog', box: [2, 3, 8.5, 7], points }]);
    expect(cocoKeypoints(await read(annotations, false))).toEqual([]);
    expect(() => cocoKeypoints(scaleAnnotation(annotation, { width: 10, height: 5 }))).toThrow(
      'object 0: keypoints are not those of a COCO file, or the annotation was scaled after it was read',
    );
  });

  it('refuses keypoints that are not three numbers each', async () => {
    const annotation = await read([cocoAnnotation({ keypoints: [1, 2] })]);
    expect(() => cocoKeypoints(annotation)).toThrow(DataError);
    expect(() => cocoKeypoints(annotation)).toThrow('write 3 numbers per point');
  });
});
