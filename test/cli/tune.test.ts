import { mkdtemp, readdir, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { tuneCommand } from '../../cli/src/commands/tune.ts';
import { saveWeights } from '../../src/io/checkpoint.ts';
import { unetConfig } from '../../src/models/unet.ts';
import { buildModel, metadataOf } from '../../src/tasks/modelFile.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'fovea-tune-'));
  process.env.FOVEA_CACHE = path.join(folder, 'cache');
});
beforeEach(() => {
  process.env.FOVEA_AUTOTUNE = '1';
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function tune(models: string[], options: Parameters<typeof tuneCommand>[1]): Promise<string[]> {
  let text = '';
  await tuneCommand(models, options, { write: (more: string) => (text += more) });
  return text.trimEnd().split('\n');
}

describe('fovea tune', () => {
  it('times what new models run, says what it found, and finds it again', async () => {
    const small = { task: 'segment', crop: 32, size: 32, batch: 1, width: 4 } as const;
    const lines = await tune([], small);
    expect(lines[0]).toMatch(/^unet, training, 1 crops of 32x32: [1-9]\d* timed$/);
    expect(lines.filter((line) => line.startsWith('  '))).not.toHaveLength(0);
    for (const line of lines.filter((text) => text.startsWith('  '))) {
      expect(line).toMatch(/(\w+ \d+\.\d\d ms, )+\w+ \d+\.\d\d ms {2}\w+\(/);
    }
    const [, timed, better] = /^(\d+) timed, (\d+) faster than the estimated choice; saved in /.exec(
      lines.at(-1)!,
    )!;
    expect(Number(timed)).toBe(lines.filter((line) => line.startsWith('  ')).length);
    expect(Number(better)).toBe(lines.filter((line) => line.includes(' instead of ')).length);
    // Beside it there may be a software adapter's files.
    const file = (await readdir(path.join(folder, 'cache'))).find((name) => name.startsWith('tuning-'));
    expect(lines.at(-1)).toContain(String(file));
    const again = await tune([], small);
    expect(again.slice(0, 2).every((line) => line.endsWith('nothing new to time'))).toBe(true);
    expect(again.at(-1)).toMatch(/^0 timed/);
  });

  it('times what the model of a file runs', async () => {
    const config = unetConfig({ numClasses: 3, width: 8, depth: 2 });
    const model = buildModel('unet', config, 0);
    const file = path.join(folder, 'model.safetensors');
    const about = { name: 'unet', model, classNames: ['a', 'b'], preprocessing: { maxSide: 38 } } as const;
    await saveWeights(file, await model.stateDict(async ({ initial }) => initial), metadataOf(about));
    const [first] = await tune([file], {});
    expect(first).toMatch(/^model\.safetensors, images of 40x40: [1-9]\d* timed$/);
  });

  it('says that it is turned off, and what to do', async () => {
    process.env.FOVEA_AUTOTUNE = '0';
    await expect(tune([], { task: 'segment' })).rejects.toThrow(/FOVEA_AUTOTUNE=0 .* unset it/);
  });
});
