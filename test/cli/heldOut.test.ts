import { describe, expect, it } from 'vitest';
import { describeHeldOut, holdOut } from '../../cli/src/heldOut.ts';

const images = (folder: string, count: number) =>
  Array.from({ length: count }, (_, i) => ({ name: `${i}.png`, source: `${folder}/${i}.json` }));
const folder = { kind: 'folder', folder: 'held' } as const;

describe('the images that a training is judged by', () => {
  it('are those of another folder, of the same names', async () => {
    const split = await holdOut(images('data', 4), folder, 0, async () => images('held', 2));
    expect(split).toEqual({ train: images('data', 4), valid: images('held', 2), val: 'held', shared: 0 });
    expect(describeHeldOut(split)).toBe('judged by 2 images after each epoch (--val 0: none)\n');
  });

  it('are told where it learns from them too, however their folder is written', async () => {
    const load = async () => [...images('other', 2), ...images('./data/../data', 3)];
    const some = await holdOut(images('data', 2), folder, 0, load);
    expect(describeHeldOut(some)).toMatch(/^2 images of these are trained on too, so results are better/m);
    const all = await holdOut(images('data', 2), folder, 0, async () => images('data', 2));
    expect(describeHeldOut(all)).toMatch(/^these images are trained on too/m);
  });
});
