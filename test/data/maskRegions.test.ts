import { expect, it } from 'vitest';
import { maskRegions } from '../../src/data/index.ts';
import { ShapeError } from '../../src/errors.ts';

const mask = Uint8Array.from('##..#' + '#.###' + '##...' + '..#.#', (char) => (char === '#' ? 1 : 0));
const size = { width: 5, height: 4 };

it('cuts a mask into its regions, without the smallest', () => {
  const shown = maskRegions(mask, size).map(({ x, y, width, height, data }) => [
    x,
    y,
    width,
    height,
    data.join(''),
  ]);
  expect(shown).toEqual([
    [0, 0, 2, 3, '111011'],
    [2, 0, 3, 2, '001111'],
    [2, 3, 1, 1, '1'],
    [4, 3, 1, 1, '1'],
  ]);
  expect(maskRegions(mask, size, { least: 5 })).toHaveLength(1);
  expect(maskRegions(new Uint8Array(20), size)).toEqual([]);
});

it('says what does not fit', () => {
  expect(() => maskRegions(mask, { width: 5, height: 5 })).toThrow(ShapeError);
  expect(() => maskRegions(mask, size, { least: 0 })).toThrow(
    'maskRegions: least is 0; give a whole number of at least 1',
  );
});
