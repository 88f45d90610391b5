import { describe, expect, it } from 'vitest';
import { parseLabelme, toAnnotation } from '../../src/data/index.ts';
import { DataError } from '../../src/errors.ts';
import { fileOf, pngOf, read, triangle } from './labelmeFiles.ts';

const oneLine = (error: unknown): string => {
  expect(error).toBeInstanceOf(DataError);
  const { message } = error as DataError;
  expect(message).toMatch(/^a\.json: [^\n\r]+; [^\n\r]+$/);
  return message;
};

function faultOf(text: string): string {
  try {
    parseLabelme(text, 'a.json');
  } catch (error) {
    return oneLine(error);
  }
  throw new Error('no error was thrown');
}

const rejectionOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(() => Promise.reject(new Error('no error was thrown')), oneLine);

describe('a Labelme file with faults', () => {
  it.each([
    ['an empty file', '', 'line 1, column 1: expected a value, found the end of the text'],
    ['broken JSON', '{\n "shapes": [,]\n}', 'line 2, column 13: expected a value or'],
    ['NaN', '{"shapes": [{"points": [[NaN, 1]]}]}', 'line 1, column 26'],
    ['another format', '{"images": [], "annotations": []}', 'not a Labelme file: it has no "shapes"'],
    ['a list', '[]', 'not a Labelme file'],
    ['null', 'null', 'not a Labelme file'],
    ['shapes that are no list', fileOf({}), 'shapes must be a list'],
    ['a shape that is no object', fileOf([triangle, 3]), 'shapes[1] must be an object'],
    ['no label', fileOf([{ ...triangle, label: undefined }]), 'shapes[0].label is missing'],
    ['an empty label', fileOf([{ ...triangle, label: '' }]), 'shapes[0].label must not be empty'],
    ['no points', fileOf([{ ...triangle, points: undefined }]), 'shapes[0].points is missing'],
    [
      'a point of three',
      fileOf([{ ...triangle, points: [[1, 2, 3]] }]),
      'shapes[0].points[0][2] must be a pair [x, y]',
    ],
    ['a point of one', fileOf([{ ...triangle, points: [[1]] }]), 'shapes[0].points[0]'],
    [
      'null in a point',
      fileOf([
        {
          ...triangle,
          points: [
            [1, 1],
            [2, null],
          ],
        },
      ]),
      'shapes[0].points[1][1] must be a number',
    ],
    [
      'an infinite point',
      fileOf([triangle]).replace('[5,1]', '[1e999,1]'),
      'shapes[0].points[1][0] must be a finite number',
    ],
    ['no width', fileOf([triangle], { imageWidth: undefined }), 'imageWidth is 0 or missing'],
    ['no height', fileOf([triangle], { imageHeight: null }), 'imageHeight is 0 or missing'],
    ['height 0', fileOf([triangle], { imageHeight: 0 }), 'imageHeight is 0 or missing'],
    ['a negative width', fileOf([triangle], { imageWidth: -20 }), 'imageWidth must be at least 1 pixel'],
    ['a fractional width', fileOf([triangle], { imageWidth: 2.5 }), 'imageWidth must be a whole number'],
    ['a group that is no number', fileOf([{ ...triangle, group_id: 'x' }]), 'shapes[0].group_id'],
    [
      '2 points',
      fileOf([
        triangle,
        {
          ...triangle,
          points: [
            [1, 1],
            [2, 2],
          ],
        },
      ]),
      'shapes[1].points: a polygon takes at least 3 points, got 2',
    ],
    [
      'a rectangle of 3',
      fileOf([{ ...triangle, shape_type: 'rectangle' }]),
      'a rectangle takes 2 or 4 points, got 3',
    ],
    ['a circle of 3', fileOf([{ ...triangle, shape_type: 'circle' }]), 'a circle takes 2 points, got 3'],
    [
      'a line',
      fileOf([triangle, { ...triangle, shape_type: 'line' }]),
      'shapes[1].shape_type is "line", not one of polygon, rectangle, circle, mask',
    ],
    ['a point', fileOf([{ ...triangle, shape_type: 'point' }]), 'shapes[0].shape_type is "point"'],
    [
      'a linestrip',
      fileOf([{ ...triangle, shape_type: 'linestrip' }]),
      'shapes[0].shape_type is "linestrip"',
    ],
    ['an unknown type', fileOf([{ ...triangle, shape_type: 'blob\n' }]), 'shapes[0].shape_type is "blob\\n"'],
    [
      'a point outside',
      fileOf([
        {
          ...triangle,
          points: [
            [1, 1],
            [21.1, 2],
            [3, 3],
          ],
        },
      ]),
      'shapes[0]: point 1 of the polygon (21.1, 2) is outside of the image of 20x10',
    ],
    [
      'a polygon without area',
      fileOf([
        {
          ...triangle,
          points: [
            [1, 1],
            [2, 2],
            [3, 3],
          ],
        },
      ]),
      'shapes[0]: the polygon has no area',
    ],
    [
      'an area beyond the edge',
      fileOf([
        {
          ...triangle,
          points: [
            [20, 1],
            [21, 2],
            [20, 3],
          ],
        },
      ]),
      'has no area',
    ],
    [
      'a flat rectangle',
      fileOf([
        {
          ...triangle,
          shape_type: 'rectangle',
          points: [
            [1, 2],
            [9, 2],
          ],
        },
      ]),
      'shapes[0]: the box [1, 2, 9, 2] (x1, y1, x2, y2) has no area',
    ],
    [
      'a circle of radius 0',
      fileOf([
        {
          ...triangle,
          shape_type: 'circle',
          points: [
            [1, 2],
            [1, 2],
          ],
        },
      ]),
      'shapes[0] (circle) has no area',
    ],
    [
      'a mask without one',
      fileOf([
        {
          ...triangle,
          shape_type: 'mask',
          points: [
            [1, 2],
            [3, 4],
          ],
        },
      ]),
      'shapes[0].mask is missing',
    ],
  ])('%s is named with its place', (_, text, expected) => {
    expect(faultOf(text)).toContain(expected);
  });

  it('names masks that cannot be used', async () => {
    const mask = {
      label: 'm',
      points: [
        [2, 2],
        [3, 3],
      ],
      shape_type: 'mask',
    };
    const png = await pngOf(2, 2, [1, 1, 1, 1]);
    const withMask = (text: string) => read([triangle, { ...mask, mask: text }]);
    expect(await rejectionOf(withMask('no base64!'))).toContain('shapes[1].mask is not base64');
    expect(await rejectionOf(withMask('AAAA'))).toContain('shapes[1].mask is not a PNG');
    expect(await rejectionOf(withMask(await pngOf(4, 2, new Array(8).fill(1))))).toContain(
      'shapes[1].mask has 4x2 pixels, but its points give 2x2',
    );
    expect(await rejectionOf(withMask(await pngOf(2, 2, [0, 0, 0, 0])))).toContain('no pixel set');
    const document = parseLabelme(fileOf([{ ...mask, mask: png }]), 'a.json');
    expect(await rejectionOf(toAnnotation(document, 'a.json'))).toContain('pass decodePng');
  });
});
