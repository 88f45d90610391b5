/** Each command in batches gives the bytes that it gives by itself, however the batch is cut, and goes on after what it cannot use. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeTorch } from '../../../src/io/torch/write.ts';
import { ResNet } from '../../../src/models/resnet.ts';
import { wavBytes } from '../../similarity/audio/wavBytes.ts';
import { buildCli, fovea } from '../run.ts';
import { contents, makePictures } from './scene.ts';

const FIXTURES = path.join(import.meta.dirname, '../../fixtures');
const MATTING = path.join(FIXTURES, 'matting/rembg.onnx');
/** Its weights are another file. */
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
  const model = new ResNet({ block: 'basic', depth: [1, 1, 1, 1], width: 8, numClasses: 3, seed: 1 });
  const weights = await model.stateDict(async ({ initial }) => initial, { layout: 'pytorch' });
  await writeFile(at('m.pth'), writeTorch(weights));
  await mkdir(at('more'));
  const frames = [at('in/p0000.png'), at('in/p0001.png')];
  await sharp(frames, { join: { animated: true } })
    .gif({ delay: [500, 500] })
    .toFile(at('more/both.gif'));
  const tone = Float32Array.from({ length: 8000 }, (_, i) => 0.5 * Math.sin(0.3 * i));
  await writeFile(at('more/tone.wav'), wavBytes([tone], 8000, { code: 3, bits: 32 }));
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

  it.each([
    ['npy', []],
    ['safetensors', ['--normalize', '--frames', 'max']],
    ['csv', ['--frames', 'all', '--batch', '3']],
    ['parquet', ['--layer', 'layer2']],
    ['index', ['--batch', '1']],
  ])('embeds to %s', async (format, options) => {
    const command = ['embed', at('in'), at('more'), '--model', at('m.pth'), ...options];
    const plain = at(`embed-${format}`);
    const { code, stderr } = await fovea(...command, '--out', path.join(plain, `embeddings.${format}`));
    expect(code, stderr).toBe(2);
    const wanted = await contents(plain);
    expect(Object.keys(wanted)).toContain(`embeddings.${format}`);
    await rm(plain, { recursive: true });
    expect(await batch(...command, '--format', format, ...running)).toEqual(wanted);
  });
});
