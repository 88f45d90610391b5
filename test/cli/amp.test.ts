import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AdapterError } from '../../src/errors.ts';
import { openGpu } from '../../src/plan/gpu.ts';
import { twoScene, writeScene } from '../tasks/scenes.ts';
import { buildCli, fovea } from './run.ts';

/** An adapter with f16: the one that tests take, else lavapipe, where the system has that. */
async function halfAdapter(): Promise<string[] | undefined> {
  for (const adapter of ['auto', 'lavapipe'] as const) {
    const options = adapter === 'auto' ? {} : { adapter };
    const gpu = await openGpu(options).catch((error: unknown) => {
      if (error instanceof AdapterError) return undefined;
      throw error;
    });
    const has = gpu?.device.caps.f16 === true;
    gpu?.dispose();
    if (has) return adapter === 'auto' ? [] : ['--adapter', adapter];
  }
  return undefined;
}

const half = await halfAdapter();
let folder: string;
const at = (...names: string[]) => path.join(folder, ...names);
beforeAll(async () => {
  await buildCli();
  folder = mkdtempSync(path.join(tmpdir(), 'fovea-amp-'));
  for (let i = 0; i < 2; i++) await writeScene(at('data'), { ...twoScene(32), name: `i${i}` });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const training = (name: string, ...more: string[]): string[] => [
  ...['train', '--model', 'unet', '--data', at('data'), '--val', '0', '--out', at(name, 'm.safetensors')],
  ...['--crop', '32', '--batch', '2', '--width', '4', ...more],
];

const lossesOf = (name: string): number[] =>
  readFileSync(at(name, 'm.history.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { losses: { segmentation: number } }).losses.segmentation);

describe.runIf(half)('--amp', () => {
  it('trains in f16, close to f32, and goes on so with --resume', async () => {
    const [amp, f32] = [
      await fovea(...training('half', ...half!, '--steps', '6', '--amp')),
      await fovea(...training('full', ...half!, '--steps', '6')),
    ];
    expect([amp.code, f32.code], amp.stderr + f32.stderr).toEqual([0, 0]);
    const [narrow, wide] = [lossesOf('half'), lossesOf('full')];
    expect(narrow).toHaveLength(6);
    expect(narrow).not.toEqual(wide);
    for (const [i, loss] of narrow.entries()) expect(Math.abs(loss - wide[i]!)).toBeLessThan(0.05);

    const more = await fovea(...training('half', ...half!, '--steps', '8', '--resume'));
    expect(more.code, more.stderr).toBe(0);
    expect(lossesOf('half').slice(0, 6)).toEqual(narrow);
    expect(lossesOf('half')).toHaveLength(8);
    const { stdout } = await fovea('info', at('half/m.safetensors'), '--json');
    expect(JSON.parse(stdout)).toMatchObject({ amp: true, steps: 8 });
  });
});

describe.runIf(process.platform === 'linux' && process.arch === 'x64')('--amp without f16', () => {
  it('is one line and exit code 2, and leaves nothing', async () => {
    const { code, stderr } = await fovea(
      ...training('none', '--adapter', 'swiftshader', '--steps', '2', '--amp'),
    );
    expect(stderr).toMatch(/^fovea: .*amp needs shader-f16, which the device lacks .*; leave out amp$/m);
    expect(stderr).not.toMatch(/\bat .*:\d+:\d+/);
    expect(code).toBe(2);
    expect(existsSync(at('none')) ? readdirSync(at('none')) : []).toEqual([]);
  });
});
