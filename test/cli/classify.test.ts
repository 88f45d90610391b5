import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { foveaHere } from './here.ts';
import { messages } from './run.ts';

let folder: string;
const at = (...names: string[]) => path.join(folder, ...names);

const COLORS = { blue: [20, 40, 200], red: [210, 30, 20] } as const;

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'fovea-classify-'));
  const rows = ['file,label'];
  for (const [label, [r, g, b]] of Object.entries(COLORS)) {
    mkdirSync(at('set', label), { recursive: true });
    for (let i = 0; i < 6; i++) {
      const background = { r: r + 5 * i, g: g + 5 * i, b: b + 5 * i };
      const image = sharp({ create: { width: 40 + i, height: 36, channels: 3, background } });
      await image.png().toFile(at('set', label, `${i}.png`));
      rows.push(`set/${label}/${i}.png,${label}`);
    }
  }
  writeFileSync(at('labels.csv'), `${rows.join('\n')}\n`);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('trains a classifier on a folder per class, classifies, and evaluates', async () => {
  const model = at('m.safetensors');
  const trained = await foveaHere(
    ...['train', '--model', 'resnet-cifar', '--data', at('set'), '--out', model],
    ...['--steps', '25', '--crop', '32', '--batch', '8', '--width', '4', '--lr', '0.02'],
    ...['--label-smoothing', '0.05'],
  );
  expect(trained.stderr).toContain(
    'resnet-cifar: 10 images, classes blue, red; 25 steps of 8 crops of 32x32',
  );
  expect(trained.stderr).toContain('judged by 2 of 12 images after each epoch');
  expect(trained.stderr).toMatch(/epoch 1: .*val_accuracy [01]\.\d+ \(best\)/);
  expect(trained.code).toBe(0);

  const told = await foveaHere('info', model);
  expect(told.stdout).toContain('resnet-cifar');
  expect(told.stdout).toContain('blue, red');
  const config = await foveaHere('info', model, '--toml');
  expect(config.stdout).toContain('label-smoothing = 0.05');

  const found = await foveaHere('classify', model, at('set', 'red'), '--top', '9', '--out', at('results'));
  expect(messages(found.stderr)).toEqual([`${model}: resnet-cifar, 2 classes`]);
  const lines = found.stdout.trim().split('\n');
  expect(lines).toHaveLength(6);
  for (const line of lines) expect(line).toMatch(/^.*\.png: (red|blue) \d\.\d\d, (red|blue) \d\.\d\d$/);
  const table = readFileSync(at('results/classes.csv'), 'utf8').trim().split('\n');
  expect(table[0]).toBe('file,label,score,label_2,score_2');
  expect(table).toHaveLength(7);

  // The same probabilities as an ONNX model.
  const exported = await foveaHere('export', model, at('m.onnx'));
  expect({ code: exported.code, stderr: exported.code === 0 ? '' : exported.stderr }).toEqual({
    code: 0,
    stderr: '',
  });
  await foveaHere('classify', at('m.onnx'), at('set', 'red'), '--top', '9', '--out', at('by-onnx'));
  const byOnnx = readFileSync(at('by-onnx/classes.csv'), 'utf8').trim().split('\n');
  expect(byOnnx).toHaveLength(table.length);
  byOnnx.forEach((line, i) => {
    line.split(',').forEach((field, c) => {
      const own = table[i]!.split(',')[c]!;
      if (i > 0 && c % 2 === 0 && c > 0)
        expect(Math.abs(Number(field) - Number(own))).toBeLessThanOrEqual(1e-5);
      else expect(field).toBe(own);
    });
  });

  for (const data of [at('set'), at('labels.csv')]) {
    const files = ['--json', at('eval.json'), '--report', at('eval.html')];
    const judged = await foveaHere('eval', model, '--data', data, ...files);
    expect(judged.stdout).toMatch(/^class +precision +recall +F1 +loss +images\nblue .* 6\nred .* 6\n/);
    expect(judged.code).toBe(0);
    const metrics = JSON.parse(readFileSync(at('eval.json'), 'utf8'));
    expect(judged.stdout).toContain(`accuracy ${metrics.accuracy.toFixed(3)}`);
    expect(metrics.confusion.counts.flat().reduce((a: number, b: number) => a + b)).toBe(12);
    // Colours are told apart after some steps.
    expect(metrics.accuracy).toBeGreaterThan(0.8);
    expect(readFileSync(at('eval.html'), 'utf8')).toContain('Confusion of images');
  }
});

it('--class-weights weigh the classes of the images that are learned from', async () => {
  // 6 blue images and 3 red ones.
  const rows = readFileSync(at('labels.csv'), 'utf8').split('\n').slice(0, 10);
  writeFileSync(at('more-blue.csv'), `${rows.join('\n')}\n`);
  const train = (name: string, ...more: string[]) =>
    foveaHere(
      ...['train', '--model', 'resnet-cifar', '--data', at('more-blue.csv'), '--val', '0'],
      ...['--out', at(`${name}.safetensors`), '--steps', '2', '--crop', '32', '--batch', '8', '--width', '4'],
      ...more,
    );
  const losses = (name: string) =>
    readFileSync(at(`${name}.history.jsonl`), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).losses);
  const [plain, auto] = [await train('plain'), await train('auto', '--class-weights', 'auto')];
  expect([plain.code, auto.code], plain.stderr + auto.stderr).toEqual([0, 0]);
  expect(losses('auto')).not.toEqual(losses('plain'));
  const { stdout } = await foveaHere('info', at('auto.safetensors'), '--json');
  expect(JSON.parse(stdout)['class-weights']).toEqual({ blue: 9 / (2 * 6), red: 9 / (2 * 3) });
  // By name the same weights are the same training.
  const named = await train('named', '--class-weights', 'blue=0.75,red=1.5');
  expect(named.code, named.stderr).toBe(0);
  expect(losses('named')).toEqual(losses('auto'));
  expect(readFileSync(at('named.safetensors')).subarray(-4096)).toEqual(
    readFileSync(at('auto.safetensors')).subarray(-4096),
  );
  const unknown = await train('unknown', '--class-weights', 'green=2');
  expect(unknown.stderr).toContain('there is no class green; there are blue, red');
  expect(unknown.code).toBe(2);
});

it('goes on after a bad image, and says what is no classifier and no data set', async () => {
  writeFileSync(at('bad.png'), 'no image');
  const model = at('m.safetensors');
  const found = await foveaHere('classify', model, at('bad.png'), at('set/blue/0.png'));
  expect(found.code).toBe(2);
  expect(found.stdout).toMatch(/0\.png: /);
  expect(found.stderr).toContain('bad.png: not an image that can be read');

  const detected = await foveaHere('detect', model, at('set/blue/0.png'), '--out', at('none'));
  expect(detected.stderr).toContain('resnet-cifar is a classifier; use Classifier (fovea classify)');
  expect(detected.code).toBe(2);

  // Nothing can be judged where no image can be decoded.
  for (const label of ['blue', 'red']) {
    mkdirSync(at('damaged', label), { recursive: true });
    for (const name of ['a', 'b']) writeFileSync(at('damaged', label, `${name}.png`), 'no image');
  }
  const judge = (...more: string[]) => foveaHere('eval', model, '--data', at('damaged'), ...more);
  const [stopped, skipped] = [await judge(), await judge('--skip-bad')];
  expect([stopped.code, skipped.code]).toEqual([2, 2]);
  expect(messages(stopped.stderr)).toEqual([
    expect.stringMatching(/a\.png: not an image that can be read.*leave out what is bad \(--skip-bad\)$/),
  ]);
  expect(messages(skipped.stderr)).toEqual([
    expect.stringMatching(/^left out 4 images: /),
    expect.stringMatching(/damaged: all 4 images were left out; mend the data; the first fault: .*a\.png: /),
  ]);

  mkdirSync(at('empty'));
  const args = ['train', '--task', 'classify', '--out', at('x.safetensors')];
  const empty = await foveaHere(...args, '--data', at('empty'));
  expect(empty.stderr).toContain('empty: has no folder with images; give a folder per class');
  const one = await foveaHere(...args, '--data', at('set'), '--from', 'coco');
  expect(one.stderr).toContain('--from is for annotations of objects, not for classes of images');
  const anchors = await foveaHere(...args, '--data', at('set'), '--best', 'ap');
  expect(anchors.stderr).toContain('a resnet has accuracy, top5, loss');
});
