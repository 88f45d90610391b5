import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readAugment } from '../../cli/src/augmentation.ts';
import { DataError, UsageError } from '../../src/errors.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fovea-augment-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const file = async (name: string, text: string): Promise<string> => {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
};

describe('--augment', () => {
  const list = [
    { name: 'flip', horizontal: 0.5 },
    { name: 'zoom', scale: [0.5, 2] },
    { name: 'rotate', degrees: [-5, 10], p: 0.5 },
  ];

  it('is the name of a list, or a file with one', async () => {
    expect(await readAugment('aerial')).toBe('aerial');
    const json = JSON.stringify(list);
    expect(await readAugment(await file('list.json', json))).toEqual(list);
    expect(await readAugment(await file('named.JSON', `{ "augment": ${json} }`))).toEqual(list);
    const toml = `
      [[augment]]
      name = "flip"
      horizontal = 0.5

      [[augment]]
      name = "zoom"
      scale = [0.5, 2]

      [[augment]] # as little as possible
      name = "rotate"
      degrees = [-5, 10]
      p = 0.5
    `;
    expect(await readAugment(await file('list.toml', toml))).toEqual(list);
    const inline = 'augment = [{ name = "flip" }]';
    expect(await readAugment(await file('inline.toml', inline))).toEqual([{ name: 'flip' }]);
  });

  it('is refused with what there is', async () => {
    const refused = async (name: string, text: string): Promise<unknown> =>
      readAugment(await file(name, text)).catch((reason: unknown) => reason);
    await expect(readAugment('defualt')).rejects.toThrow(
      '--augment defualt: is no ready-made list; choose none, light, default, aerial, text, or give a .json or .toml file',
    );
    expect(await refused('bad.json', '[{')).toBeInstanceOf(DataError);
    const toml = await refused('bad.toml', 'a = [');
    expect(toml).toBeInstanceOf(DataError);
    expect(`${toml}`).toMatch(/bad\.toml: is not TOML \(.*\); correct it$/);
    const usage = async (name: string, text: string, message: string | RegExp): Promise<void> => {
      const error = await refused(name, text);
      expect(error).toBeInstanceOf(UsageError);
      expect((error as Error).message).toMatch(message);
    };
    await usage('none.toml', 'a = 1', /has no list called augment; write \[\[augment\]\] and name = "flip"/);
    await usage('text.json', '"flip"', /augment: is "flip"; give a list/);
    await usage(
      'name.toml',
      'augment = [{ name = "rotat" }]',
      /augment\[0\]: name is "rotat";.*mean rotate\?/,
    );
    await usage(
      'value.json',
      '[{ "name": "flip" }, { "name": "flip", "vertical": 2 }]',
      'augment[1]: flip: vertical is 2; give a number from 0 to 1',
    );
  });
});
