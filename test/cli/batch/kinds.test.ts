/** Each command in batches gives the bytes that it gives by itself, however the batch is cut, and goes on after what it cannot use. */
import { copyFile, cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { saveWeights } from '../../../src/io/checkpoint.ts';
import { writeTorch } from '../../../src/io/torch/write.ts';
import { PanopticFPN } from '../../../src/models/panopticFpn.ts';
import { ResNet, SMALL_RESNET } from '../../../src/models/resnet.ts';
import { UNet } from '../../../src/models/unet.ts';
import type { Module } from '../../../src/nn/module.ts';
import { ModelProtoSchema, StringStringEntryProtoSchema } from '../../../src/onnx/onnx_pb.ts';
import type { ModelName } from '../../../src/tasks/architectures.ts';
import { metadataOf, type TrainedModel } from '../../../src/tasks/modelFile.ts';
import { wavBytes } from '../../similarity/audio/wavBytes.ts';
import { initialWeights } from '../../tasks/scenes.ts';
import { buildCli, fovea, messages } from '../run.ts';
import { contents, filesWithout, makeDetector, makeLabelled, makePictures } from './scene.ts';

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
  await makeLabelledData();
  await makeApart();
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

/** The final files of a batch of which a bad picture is the only one that fails. */
async function batchWithout(bad: string, ...args: readonly string[]): Promise<Record<string, string>> {
  const at = args.indexOf('--out');
  const out = at < 0 ? await mkdtemp(path.join(folder, 'out-')) : args[at + 1]!;
  return filesWithout(bad, out, ...args, ...(at < 0 ? ['--out', out] : []));
}

const batch = (...args: readonly string[]) =>
  batchWithout('p0002_bad.png: not an image that can be read', ...args);

/** An ONNX model whose weights are in a file beside it. */
async function makeApart(): Promise<void> {
  const proto = fromBinary(ModelProtoSchema, await readFile(MATTING));
  const parts: Uint8Array[] = [];
  let offset = 0;
  for (const tensor of proto.graph!.initializer) {
    const raw =
      tensor.rawData.length > 0 ? tensor.rawData : new Uint8Array(Float32Array.from(tensor.floatData).buffer);
    if (tensor.dataType !== 1 || raw.length === 0) continue;
    const entries = { location: 'rembg.bin', offset: String(offset), length: String(raw.length) };
    tensor.externalData = Object.entries(entries).map(([key, value]) =>
      create(StringStringEntryProtoSchema, { key, value }),
    );
    Object.assign(tensor, { dataLocation: 1, rawData: new Uint8Array(0), floatData: [] });
    parts.push(raw);
    offset += raw.length;
  }
  await mkdir(at('apart'));
  await writeFile(at('apart/rembg.onnx'), toBinary(ModelProtoSchema, proto));
  await writeFile(at('apart/rembg.bin'), Buffer.concat(parts));
  expect(offset).toBeGreaterThan(0);
}

/** A model of one class that nobody trained. */
async function save(name: ModelName, model: Module): Promise<void> {
  const classNames = name === 'panopticfpn' ? ['coin', 'background'] : ['coin'];
  const trained = { name, model, classNames, preprocessing: { maxSide: 64 } } as unknown as TrainedModel;
  await saveWeights(at(`${name}.safetensors`), initialWeights(model), metadataOf(trained));
}

const BACKBONE = { ...SMALL_RESNET, width: 4 };

/** Labelled pictures, folders of two classes, and models for both. */
async function makeLabelledData(): Promise<void> {
  await makeLabelled(at('labelled'));
  for (const [label, numbers] of [
    ['a', [0, 1, 3]],
    ['b', [2, 4, 6]],
  ] as const) {
    await mkdir(at('classes', label), { recursive: true });
    for (const i of numbers)
      await copyFile(at(`labelled/p000${i}.png`), at('classes', label, `p000${i}.png`));
  }
  await makeDetector(at('retinanet.safetensors'));
  await save(
    'panopticfpn',
    new PanopticFPN({ numClasses: 1, numStuff: 1, backbone: BACKBONE, pyramidWidth: 8, seed: 6 }),
  );
  await save('unet', new UNet({ numClasses: 2, width: 4, depth: 2, seed: 10 }));
  await writeFile(at('names.txt'), 'a\nb\nc\n');
}

describe.each(RUNS)('%s', (_, running) => {
  it.each([
    ['as PNG files', []],
    ['as WebP files of masks', ['--format', 'webp', '--only-mask']],
    ['what a detector finds', DETECTOR],
  ])('cuts out %s', async (_, options) => {
    // One with its weights in a file beside it.
    const model = options.length === 3 ? at('apart/rembg.onnx') : MATTING;
    const command = ['cutout', at('in'), '--model', model, ...options];
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

  it.each([
    ['detector', ['retinanet.safetensors'], ['--flip']],
    ['detector of objects and regions', ['panopticfpn.safetensors'], []],
    ['segmenter', ['unet.safetensors'], []],
    ['classifier', ['m.pth'], ['--names', 'names.txt']],
  ])('evaluates a %s', async (what, [model], options) => {
    const data = at(what === 'classifier' ? 'classes' : 'labelled');
    const command = [
      'eval',
      at(model!),
      '--data',
      data,
      ...options.map((one) => (one.endsWith('.txt') ? at(one) : one)),
    ];
    const json = at('plain/metrics.json');
    const plain = await fovea(...command, '--skip-bad', '--json', json);
    expect(plain.code, plain.stderr).toBe(0);
    expect(plain.stderr).toContain('left out 1 image');
    const wanted = { 'metrics.json': (await readFile(json)).toString('base64') };
    expect(await batchWithout('p0003.png: ', ...command, ...running)).toEqual(wanted);
  });
});

it('takes what was mended meanwhile: images, and annotations', async () => {
  await cp(at('in'), at('mended'), { recursive: true });
  await cp(at('labelled'), at('annotated'), { recursive: true });
  const embed = ['embed', at('mended'), '--model', at('m.pth')];
  const evaluate = ['eval', at('unet.safetensors'), '--data', at('annotated')];
  await batch(...embed, '--format', 'index', '--out', at('index'));
  await batchWithout('p0003.png: ', ...evaluate, '--out', at('judged'));
  await copyFile(at('in/p0001.png'), at('mended/p0002_bad.png'));
  await copyFile(at('classes/b/p0002.png'), at('annotated/p0003.png'));
  const text = await readFile(at('annotated/p0001.json'), 'utf8');
  await writeFile(at('annotated/p0001.json'), text.replace('[9,36]', '[2,20]'));
  for (const out of ['index', 'judged']) {
    const { code, stderr } = await fovea('retry', at(out));
    expect(code, stderr).toBe(0);
  }
  const plain = await fovea(...embed, '--out', at('plain/embeddings.index'));
  expect(plain.code, plain.stderr).toBe(0);
  const judged = await fovea(...evaluate, '--json', at('plain/metrics.json'));
  expect(judged.code, judged.stderr).toBe(0);
  const [index, numbers] = [await contents(at('index')), await contents(at('judged'))];
  expect({ ...index, ...numbers }).toEqual(await contents(at('plain')));
});

it('lists what is left out of annotations beside images that fail', async () => {
  await cp(at('labelled'), at('partly'), { recursive: true });
  const text = await readFile(at('partly/p0004.json'), 'utf8');
  await writeFile(at('partly/p0004.json'), text.replace('"coin"', '"token"'));
  const evaluate = ['batch', 'eval', at('unet.safetensors'), '--data', at('partly'), '--out', at('left')];
  const refused = await fovea(...evaluate);
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain('token');
  expect(await contents(at('left')).catch(() => ({}))).toEqual({});
  const run = await fovea(...evaluate, '--skip-bad', '--report-bad', at('bad.json'));
  expect(run.code).toBe(2);
  expect(run.stderr).toContain('left out 1 object');
  const { levels } = JSON.parse(await readFile(at('bad.json'), 'utf8'));
  expect(levels).toEqual({ image: 1, object: 1 });
});

it.each([
  [['cutout', '--model', MATTING, '--padding', '0.2'], /--padding is for --detector; give one/],
  [
    ['embed', '--model', 'm.pth', '--pooling', 'none', '--layer', 'layer2', '--format', 'csv'],
    /which \.csv cannot hold/,
  ],
  [['embed', '--model', 'names.txt'], /names\.txt: is a text file, not a model/],
])('refuses %j in one line, and leaves nothing', async ([name, ...options], says) => {
  const own = options.map((one) => (/^(?:m\.pth|names\.txt)$/.test(one) ? at(one) : one));
  const { code, stderr } = await fovea('batch', name!, at('in'), ...own, '--out', at('refused'));
  expect(code).toBe(2);
  expect(messages(stderr).at(-1)).toMatch(says);
  expect(await contents(at('refused')).catch(() => ({}))).toEqual({});
});
