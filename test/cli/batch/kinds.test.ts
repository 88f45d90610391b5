/** Each command in batches gives the bytes that it gives by itself, however the batch is cut, and goes on after what it cannot use. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildCli, fovea } from '../run.ts';
import { contents, makePictures } from './scene.ts';

const FIXTURES = path.join(import.meta.dirname, '../../fixtures');
const MATTING = path.join(FIXTURES, 'matting/rembg.onnx');
/** With a file of weights, and one of names. */
const DETECTOR = [
  ...['--detector', path.join(FIXTURES, 'darknet/small.cfg')],
  ...['--detector-weights', path.join(FIXTURES, 'darknet/small.weights')],
  ...['--threshold', '0.01', '--padding', '0.2'],
];

let folder: string;
const at = (...names: string[]) => path.join(folder, ...names);

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'fovea-kinds-'));
  await buildCli();
  await makePictures(at('in'), 7);
  await writeFile(at('in/p0002_bad.png'), 'no picture');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** How a batch is cut and run: each gives the same. */
const RUNS = [
  ['in this process', ['--shard', '3']],
  ['in two others', ['--shard', '2', '--workers', '2']],
] as const;

/** The final files of a batch of which the bad picture is the only one that fails. */
async function batch(...args: readonly string[]): Promise<Record<string, string>> {
  const out = await mkdtemp(at('out-'));
  const { code, stderr } = await fovea('batch', ...args, '--out', out);
  expect(code, stderr).toBe(2);
  const failed = (await readFile(path.join(out, 'failed.jsonl'), 'utf8')).trim().split('\n');
  expect(failed).toHaveLength(1);
  expect(failed[0]).toContain('p0002_bad.png: not an image that can be read');
  const found = await contents(out);
  return Object.fromEntries(
    Object.entries(found).filter(([name]) => name !== 'failed.jsonl' && !name.startsWith('.fovea-batch')),
  );
}

describe.each(RUNS)('%s', (_, running) => {
  it.each([
    ['as PNG files', []],
    ['as WebP files of masks', ['--format', 'webp', '--only-mask']],
    ['what a detector finds', DETECTOR],
  ])('cuts out %s', async (_, options) => {
    const command = ['cutout', at('in'), '--model', MATTING, ...options];
    const plain = at(`cut-${options.length}`);
    const { code, stderr } = await fovea(...command, '--out', plain);
    expect(code, stderr).toBe(2);
    expect(Object.keys(await contents(plain))).toHaveLength(7);
    expect(await batch(...command, ...running)).toEqual(await contents(plain));
  });
});
