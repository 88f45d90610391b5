import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { largestMiss, totalsOf } from '../../cli/src/profile/groups.ts';
import { shortened, shortTime } from '../../cli/src/profile/tables.ts';
import { saveWeights } from '../../src/io/checkpoint.ts';
import { unetConfig } from '../../src/models/unet.ts';
import { exportOnnx } from '../../src/onnx/index.ts';
import type { DispatchProfile } from '../../src/profile/index.ts';
import { buildModel, metadataOf } from '../../src/tasks/modelFile.ts';
import { foveaHere } from './here.ts';

let folder: string;
const at = (name: string) => path.join(folder, name);

beforeAll(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'fovea-profile-'));
  const config = unetConfig({ numClasses: 3, width: 4, depth: 2 });
  const model = buildModel('unet', config, 0);
  const about = { name: 'unet', model, classNames: ['a', 'b'], preprocessing: { maxSide: 38 } } as const;
  await saveWeights(
    at('model.safetensors'),
    await model.stateDict(async ({ initial }) => initial),
    metadataOf(about),
  );
  model.eval();
  writeFileSync(
    at('model.onnx'),
    await exportOnnx(model, { images: { shape: [1, 32, 32, 3], dtype: 'f32' } }),
  );
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Lines of a table by its first column. */
const rowsOf = (text: string): string[] => text.trimEnd().split('\n');

describe('fovea profile', () => {
  it('measures here, predicts for GPUs, and writes all of it', async () => {
    const { code, stdout } = await foveaHere(
      ...['profile', at('model.safetensors'), '--json', at('a.json'), '--report', at('a.html'), '--top', '4'],
    );
    expect(code).toBe(0);
    const lines = rowsOf(stdout);
    expect(lines[0]).toBe('unet, a prediction, 1 image of 40x40');
    expect(lines[1]).toMatch(
      /^\d+ dispatches(, and \d+ more when weights have changed)?; [\d.]+ GFLOP.*, [\d.]+ MB moved$/,
    );
    expect(lines[3]).toMatch(/^adapter +dispatches +GFLOP +MB +predicted +launch +memory +compute$/);
    for (const name of ['h100', 'rtx4090', 'rx7900xtx', 'vega8', 'm1', 'adreno740']) {
      expect(lines.filter((line) => line.startsWith(`${name}: `))).toHaveLength(1);
    }
    // The adapter's own name stands on a line of its own.
    expect(lines.filter((line) => !line.startsWith('largest miss')).every((line) => line.length <= 100)).toBe(
      true,
    );
    const json = JSON.parse(readFileSync(at('a.json'), 'utf8'));
    expect(json).toMatchObject({ training: false, batch: 1, size: [40, 40] });
    expect(json.adapters.map(({ name }: { name: string }) => name)).toEqual([
      'this',
      'h100',
      'rtx4090',
      'rx7900xtx',
      'vega8',
      'm1',
      'adreno740',
    ]);
    const dispatches: DispatchProfile[] = json.dispatches;
    const repeated = dispatches.filter(({ steady }) => !steady);
    expect(json.adapters[0].dispatches).toBe(repeated.length);
    expect(json.adapters[0].bytes).toBe(totalsOf(repeated).bytes);
    expect(json.layers.reduce((sum: number, { flops }: { flops: number }) => sum + flops, 0)).toBe(
      totalsOf(repeated).flops,
    );
    const html = readFileSync(at('a.html'), 'utf8');
    expect(html).toContain('class="flame"');
    expect(html).toContain('<title>down: ');
    expect(html).not.toMatch(/NaN|undefined/);
  });

  it('predicts a training step for a GPU that is not here, by phase and kernel', async () => {
    const { code, stdout, stderr } = await foveaHere(
      ...['profile', 'unet', '--train', '--gpu', 'h100,m1', '--size', '32', '--by', 'kernel', '--top', '3'],
    );
    expect(`${code} ${stderr}`).toBe('0 ');
    const lines = rowsOf(stdout);
    expect(lines[0]).toBe('unet, a training step, 4 images of 32x32');
    expect(lines.filter((line) => line.includes('lavapipe'))).toEqual([]);
    const head = lines.findIndex((line) => line.startsWith('kernel '));
    expect(lines[head]).toMatch(/^kernel +phase +n +GFLOP +MB +predicted +share +bound$/);
    expect(lines[head + 4]).toMatch(/^\d+ more: \d+ % of the time\.$/);
  });

  it.each([
    ['layer', 'resnet-cifar', '32'],
    ['operation', 'resnet18', '32'],
    ['dispatch', 'yolo-fastest', '32x64'],
  ])('by %s, of new models: %s', async (by, model, size) => {
    const { code, stdout } = await foveaHere(
      ...['profile', model, '--gpu', 'rtx4090', '--size', size, '--by', by],
    );
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`^${by} `, 'm'));
  });

  it('takes ONNX models, whose layers have no names', async () => {
    const { code, stdout } = await foveaHere('profile', at('model.onnx'), '--gpu', 'm1', '--by', 'operation');
    expect(code).toBe(0);
    expect(stdout).toContain('conv2d');
    expect(stdout).toContain('1 image of 32x32');
  });

  it.each<[string, string[], RegExp]>([
    ['a class that there is not', ['unet', '--gpu', 'h1000'], /choose h100, rtx4090, .*adreno740/],
    ['a model that there is not', ['unot'], /profile: unot is no file, and no model; give .* resnet18/],
    ['a file that there is not', ['./unot.safetensors'], /unot\.safetensors.*no such file/],
    ['a text file', ['package.json', '--gpu', 'm1'], /package\.json: is a JSON file/],
    [
      'sizes that do not fit',
      ['retinanet', '--gpu', 'm1', '--size', '100'],
      /--size: retinanet .* multiples of 32, not 100/,
    ],
    [
      'a batch that does not fit',
      ['unet', '--gpu', 'm1', '--size', '1024', '--batch', '500'],
      /the device binds at most .* smaller batch/,
    ],
    ['two places', ['unet', '--gpu', 'm1', '--adapter', 'lavapipe'], /--gpu predicts .* give one of them/],
    [
      'options for files',
      ['unet', '--gpu', 'm1', '--arch', 'fcn_resnet50'],
      /--arch is for a file; unet is the name/,
    ],
    [
      'a model whose loss nobody knows',
      ['keypointrcnn_resnet50_fpn', '--train', '--gpu', 'm1'],
      /learns from keypoints/,
    ],
  ])('refuses %s', async (_what, args, message) => {
    const { code, stdout, stderr } = await foveaHere('profile', ...args);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toMatch(message);
  });

  it('refuses to train what has no loss, and other sizes of an ONNX model than its own', async () => {
    const training = await foveaHere('profile', at('model.onnx'), '--train', '--gpu', 'm1');
    expect(training.stderr).toMatch(/is an ONNX model, of which nothing says its loss/);
    const sized = await foveaHere('profile', at('model.onnx'), '--size', '64', '--gpu', 'm1');
    expect(sized.stderr).toMatch(/--size: .*model\.onnx has 32 in .*, not 64; leave it out/);
    expect([training.code, sized.code]).toEqual([2, 2]);
  });
});

describe('figures of a profile', () => {
  it.each([
    [2.5, '2.50 s'],
    [0.9996, '1.00 s'],
    [0.09996, '100 ms'],
    [0.01234, '12.3 ms'],
    [0.00123, '1.23 ms'],
    [12.3e-6, '12.3 µs'],
    [0, '0.00 µs'],
  ])('%d seconds', (seconds, text) => expect(shortTime(seconds)).toBe(text));

  it('leave out the middle of long names', () => {
    expect(shortened('backbone.body.layer1.conv1', 26)).toBe('backbone.body.layer1.conv1');
    expect(shortened('backbone.body.layer1.conv1', 11)).toBe('backb…conv1');
  });

  it('say the largest miss in seconds, not in parts', () => {
    const one = (measured: number, seconds: number) =>
      ({ measured, predicted: { seconds, bound: 'memory' } }) as DispatchProfile;
    const [little, large] = [one(10e-6, 1e-6), one(5e-3, 4e-3)];
    expect(largestMiss([little, large])).toBe(large);
    expect(largestMiss([])).toBeUndefined();
  });
});
