import { describe, expect, it } from 'vitest';
import { encodePng } from '../../../cli/src/images.ts';
import type { DataFault } from '../../../src/data/faults.ts';
import { encodeIndexedPng, encodeMaskPng } from '../../../src/data/indexedPng.ts';
import { rowRunsOf } from '../../../src/data/rowRuns.ts';
import { annotationsOf, faultOf, folderOf, image, readAll } from './folders.ts';

/** The pixels of a 20x10 mask with this value in [1, 5) x [1, 5), and 255 in its last row where `border` is set. */
function pixels(value: number, border = false): Uint8Array {
  const data = new Uint8Array(200);
  for (let y = 1; y < 5; y++) data.fill(value, y * 20 + 1, y * 20 + 5);
  if (border) data.fill(255, 180);
  return data;
}
const size = { width: 20, height: 10 };
const grey = (value: number, border = false) => encodeIndexedPng({ ...size, data: pixels(value, border) });
const bit = () => encodeMaskPng(rowRunsOf({ ...size, x: 0, y: 0, data: pixels(1) }));

/** A folder with a mask for each image, and other files. */
const masksOf = async (masks: Readonly<Record<string, Uint8Array>>, more: Record<string, string> = {}) =>
  folderOf({
    ...Object.fromEntries(
      await Promise.all(Object.keys(masks).map(async (name) => [`images/${name}`, await image()] as const)),
    ),
    ...Object.fromEntries(Object.entries(masks).map(([name, bytes]) => [`masks/${name}`, bytes])),
    ...more,
  });
const labelsOf = async (folder: string): Promise<string[][]> =>
  (await annotationsOf(folder)).map(({ shapes }) => shapes.map(({ label }) => label));
const notesOf = async (folder: string): Promise<DataFault[]> => {
  const faults: DataFault[] = [];
  await readAll(folder, { skipBad: true, onFault: (fault) => faults.push(fault) });
  return faults;
};

describe('values of masks', () => {
  it('one bit per pixel is black and white, alone and beside 0 and 255', async () => {
    const alone = await masksOf({ 'a.png': await bit() });
    expect(await labelsOf(alone)).toEqual([['object']]);
    const both = await masksOf({ 'a.png': await bit(), 'b.png': await grey(255) });
    expect(await labelsOf(both)).toEqual([['object'], ['object']]);
    const listed = await masksOf(
      { 'a.png': await bit(), 'b.png': await grey(255) },
      { 'class_names.txt': '_background_\ncoin\n' },
    );
    const found = await annotationsOf(listed);
    expect(found.map(({ shapes }) => shapes.map(({ label, box }) => [label, box]))).toEqual([
      [['coin', [1, 1, 5, 5]]],
      [['coin', [1, 1, 5, 5]]],
    ]);
  });

  it('0 and 255 beside class numbers is an error that names both files', async () => {
    for (const white of [await grey(255), await bit()]) {
      const folder = await masksOf({ 'a.png': await grey(1), 'b.png': white });
      const { name, message } = await faultOf(readAll(folder));
      expect(name).toBe('DataError');
      expect(message).toMatch(
        /masks\/b\.png: has .*, but .*masks\/a\.png has the value 1: it is not clear .*; save all masks alike, or list/,
      );
      expect(await notesOf(folder)).toMatchObject([{ level: 'annotation', kind: 'mask value' }]);
      expect(await readAll(folder, { skipBad: true })).toHaveLength(1);
    }
  });

  it('with a list of classes, or 255 beside numbers, 255 is not labelled, and that is noted', async () => {
    const listed = await masksOf(
      { 'a.png': await grey(1), 'b.png': await grey(255), 'c.png': await bit() },
      { 'class_names.txt': '_background_\ncoin\n' },
    );
    expect(await labelsOf(listed)).toEqual([['coin'], [], ['coin']]);
    expect(await notesOf(listed)).toMatchObject([
      {
        level: 'note',
        kind: 'mask value',
        message: expect.stringMatching(/b\.png: .* by .*class_names\.txt/),
      },
    ]);
    const bordered = await masksOf({ 'a.png': await grey(1, true), 'b.png': await grey(0, true) });
    const [a, b] = await annotationsOf(bordered);
    expect([a!.shapes.length, b!.shapes.length]).toEqual([1, 0]);
    expect(b!.unlabelled).toMatchObject({ y: 9, height: 1 });
    expect(await notesOf(bordered)).toMatchObject([{ message: expect.stringContaining('masks/b.png: ') }]);
  });

  it('colours that are all grey are grey values', async () => {
    const colors = (value: number, channels: 3 | 4, odd = 0) => {
      const data = new Uint8Array(200 * channels);
      pixels(value).forEach((one, i) => {
        data.fill(one, i * channels, i * channels + 3);
        if (channels === 4) data[i * 4 + 3] = 255;
      });
      data[0] = odd;
      return encodePng({ ...size, data });
    };
    const folder = await masksOf({ 'a.png': await colors(255, 3), 'b.png': await colors(255, 4) });
    expect(await labelsOf(folder)).toEqual([['object'], ['object']]);
    expect(await notesOf(folder)).toMatchObject([
      { level: 'note', message: expect.stringContaining('a.png: has colours that are all grey') },
      { level: 'note' },
    ]);
    const red = await masksOf({ 'a.png': await colors(255, 3, 9) });
    expect((await faultOf(readAll(red))).message).toContain('has colours, and labelmap.txt does not say');
  });
});
