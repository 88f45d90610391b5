import { describe, expect, it } from 'vitest';
import { ShapeError } from '../../src/errors.ts';
import { generateAnchors } from '../../src/vision/anchors.ts';

describe('generateAnchors', () => {
  it('gives the values of torchvision, worked out by hand', () => {
    // Size 32: ratio 0.5 is 45.25 x 22.63, half of it 22.63 x 11.31, rounded 23 x 11; ratio 2 the transpose.
    const { boxes, levels } = generateAnchors({
      imageSize: [16, 32],
      strides: [16],
      sizes: [[32, 5]],
      aspectRatios: [[0.5, 1, 2]],
    });
    expect(levels).toEqual([[1, 2, 6]]);
    const cell = [
      [-23, -11, 23, 11],
      [-4, -2, 4, 2], // 3.54 x 1.77
      [-16, -16, 16, 16],
      [-2, -2, 2, 2], // 2.5: halves to even, not 3
      [-11, -23, 11, 23],
      [-2, -4, 2, 4],
    ];
    const shifted = cell.map(([x1, y1, x2, y2]) => [x1! + 16, y1!, x2! + 16, y2!]);
    expect([...boxes]).toEqual([...cell, ...shifted].flat());
  });

  it('orders by level, then y, then x, and shifts by what the level really covers', () => {
    // 50 / 4 is 13 cells of floor(50 / 13) = 3 pixels; 50 / 32 is 2 cells of 25.
    const { boxes, levels } = generateAnchors({
      imageSize: [50, 64],
      strides: [4, 32],
      sizes: [[8], [64]],
      aspectRatios: [[1], [1]],
    });
    expect(levels).toEqual([
      [13, 16, 1],
      [2, 2, 1],
    ]);
    expect(boxes.length).toBe(4 * (13 * 16 + 4));
    const at = (i: number) => [...boxes.slice(4 * i, 4 * i + 4)];
    expect(at(1)).toEqual([0, -4, 8, 4]);
    expect(at(16)).toEqual([-4, -1, 4, 7]);
    expect(at(13 * 16 + 3)).toEqual([0, -7, 64, 57]);
  });

  it('refuses levels that do not correspond', () => {
    const options = {
      imageSize: [8, 8] as [number, number],
      strides: [4],
      sizes: [[8], [16]],
      aspectRatios: [[1]],
    };
    expect(() => generateAnchors(options)).toThrow(ShapeError);
    expect(() => generateAnchors({ ...options, sizes: [[8]], strides: [0] })).toThrow(/at least 1/);
  });
});
