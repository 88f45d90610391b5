import { describe, expect, it } from 'vitest';
import { paintHeatMap } from '../../src/draw/heatMap.ts';
import { ShapeError, UsageError } from '../../src/errors.ts';

const grey = (width: number, height: number) => ({
  width,
  height,
  data: new Uint8ClampedArray(width * height * 4).fill(100),
});
const pixels = ({ data }: { data: Uint8ClampedArray }) =>
  Array.from({ length: data.length / 4 }, (_, i) => [...data.subarray(i * 4, i * 4 + 4)]);

describe('paintHeatMap', () => {
  it('goes from dark to pale yellow, from the least to the greatest value', () => {
    const image = grey(3, 1);
    paintHeatMap(image, { width: 3, height: 1, data: [5, 7, 9] }, { opacity: 1 });
    expect(pixels(image)).toEqual([
      [0, 0, 4, 100],
      [187, 55, 84, 100],
      [252, 255, 164, 100],
    ]);
  });

  it('stretches the map bilinearly, centres on centres', () => {
    const image = grey(4, 2);
    paintHeatMap(image, { width: 2, height: 1, data: [0, 1] }, { opacity: 1 });
    // 0, 1/4, 3/4 and 1 of the range: stops 0, 2, 6 and 8.
    const row = [
      [0, 0, 4, 100],
      [86, 16, 110, 100],
      [249, 140, 10, 100],
      [252, 255, 164, 100],
    ];
    expect(pixels(image)).toEqual([...row, ...row]);
  });

  it('is a pixel smaller than the map, or in one dimension larger', () => {
    const image = grey(1, 3);
    paintHeatMap(image, { width: 2, height: 1, data: [0, 1] }, { opacity: 1, range: [0, 1] });
    expect(pixels(image)).toEqual([0, 1, 2].map(() => [187, 55, 84, 100]));
  });

  it('mixes with the image, and keeps to a range', () => {
    const image = grey(2, 1);
    paintHeatMap(image, { width: 2, height: 1, data: [-9, 9] }, { opacity: 0.5, range: [0, 1] });
    expect(pixels(image)).toEqual([
      [50, 50, 52, 100],
      [176, 178, 132, 100],
    ]);
  });

  it('gives an even map the darkest colour', () => {
    const image = grey(1, 1);
    paintHeatMap(image, { width: 1, height: 1, data: [3] }, { opacity: 1 });
    expect(pixels(image)).toEqual([[0, 0, 4, 100]]);
  });

  it('refuses what cannot be', () => {
    const map = { width: 1, height: 1, data: [1] };
    const paint =
      (given: object, options = {}) =>
      () =>
        paintHeatMap(grey(1, 1), { ...map, ...given }, options);
    expect(paint({ width: 2 })).toThrow(ShapeError);
    expect(paint({ data: [Number.NaN] })).toThrow('the map is NaN at row 0, column 0');
    expect(paint({}, { opacity: 2 })).toThrow('opacity is 2; give a number from 0 to 1');
    expect(paint({}, { range: [1, 0] })).toThrow('range is 1 to 0; give the lower one first');
    expect(paint({}, { range: [1] })).toThrow(UsageError);
    expect(paint({}, { opacty: 1 })).toThrow('did you mean opacity?');
  });
});
