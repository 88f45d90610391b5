import { describe, expect, it } from 'vitest';
import { holdOut } from '../../cli/src/heldOut.ts';

const images = (folder: string, count: number) =>
  Array.from({ length: count }, (_, i) => ({ name: `${i}.png`, source: `${folder}/${i}.json` }));
const folder = { kind: 'folder', folder: 'held' } as const;

describe('the images that a training is judged by', () => {
  it('are those of another folder, of the same names', async () => {
    const split = await holdOut(images('data', 4), folder, 0, async () => images('held', 2));
    expect(split).toEqual({ train: images('data', 4), valid: images('held', 2), val: 'held' });
  });

  it('are none that it learns from, however their folder is written', async () => {
    const load = async () => [...images('other', 2), ...images('./data/../data', 3)];
    await expect(holdOut(images('data', 2), folder, 0, load)).rejects.toThrow(
      '--val held: 2 of its 5 images are in --data too, such as 0.png; give a folder of other images',
    );
  });
});
