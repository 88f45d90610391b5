import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { detectCommand } from '../../cli/src/commands/predict.ts';
import { trainCommand } from '../../cli/src/commands/train.ts';
import { convertWeightsCommand, showWeightsCommand } from '../../cli/src/commands/weights.ts';
import { DataError, UsageError } from '../../src/errors.ts';
import {
  encodeSafetensors,
  loadWeights,
  readSafetensors,
  readTorch,
  saveWeights,
  writeTorch,
} from '../../src/io/index.ts';
import { UNet } from '../../src/models/unet.ts';
import { metadataOf } from '../../src/tasks/modelFile.ts';

const FILES = new URL('../fixtures/torch_files/', import.meta.url).pathname;
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'fovea-weights-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** What a command writes to standard output. */
async function outputOf(command: () => Promise<void>): Promise<string> {
  let text = '';
  const spy = vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    text += chunk;
    return true;
  });
  await command();
  spy.mockRestore();
  return text;
}

describe('fovea weights show', () => {
  it('shows the weights of a model.json with its files', async () => {
    const file = join(folder, 'model.json');
    const list = [{ name: 'dense/kernel', dtype: 'float32', shape: [2, 1] }];
    writeFileSync(file, JSON.stringify({ weightsManifest: [{ paths: ['dense.bin'], weights: list }] }));
    writeFileSync(join(folder, 'dense.bin'), new Uint8Array(8));
    const text = await outputOf(() => showWeightsCommand(file));
    expect(text).toContain('model.json: TensorFlow.js\n1 tensor, 2 values, 8 bytes');
    expect(text).toMatch(/dense\/kernel +f32 +\[2,1\]/);
  });

  it('prints format, notes, tensors and other values', async () => {
    const text = await outputOf(() => showWeightsCommand(`${FILES}checkpoint.pth`));
    expect(text).toContain('checkpoint.pth: PyTorch (torch.save)\n');
    expect(text).toMatch(/^\d+ tensors, [\d,]+ values, [\d,]+ bytes$/m);
    expect(text).toContain('layout of PyTorch\n');
    expect(text).toContain('note: the state dict "model" was taken\n');
    expect(text).toMatch(/^note: left out: \d+ tensors of "optimizer"$/m);
    expect(text).toMatch(/^conv\.weight +f32 +\[4,3,3,3\]$/m);
    expect(text).toMatch(/^kept +i64 +\[3\]$/m);
    expect(text).toContain('  epoch: 3\n');
    expect(text).toContain('  names: ["cat", "dog"]\n');
    expect(text).toContain('  when: datetime.datetime\n');
    expect(text).toContain('  array: f32 [2,3]\n');
  });

  it('escapes what a name must not do to a terminal', async () => {
    const file = join(folder, 'names.pth');
    writeFileSync(
      file,
      writeTorch({ 'a\u001b[2Jb\n': { dtype: 'f32', shape: [0], data: new Float32Array() } }),
    );
    const text = await outputOf(() => showWeightsCommand(file));
    expect(text).toContain('a\\u001b[2Jb\\n');
    expect(text).not.toContain('\u001b');
  });

  it('refuses what is no weights', async () => {
    const file = join(folder, 'page.pth');
    writeFileSync(file, '<!doctype html><title>404</title>');
    await expect(showWeightsCommand(file)).rejects.toThrow(DataError);
    await expect(showWeightsCommand(file)).rejects.toThrow(/page\.pth: is a web page/);
    await expect(showWeightsCommand(join(folder, 'none.pth'))).rejects.toThrow(/there is no such file/);
  });
});

describe('a file of another format is named with the command that takes it', () => {
  const CONTENT = {
    'coco.names': 'person\nbicycle\n',
    'yolo.cfg': '[net]\nwidth=416\n',
    'yolo.weights': '\0\0\0\0\x02\0\0\0\x05\0\0\0',
    'a.onnx': '\x08\x08\x12\x05fovea',
    'a.index.json': '{"weight_map": {"a": "b.safetensors"}}',
  } as const;
  type Name = keyof typeof CONTENT;
  const run = (command: string, file: string): Promise<void> => {
    if (command === 'weights') return showWeightsCommand(file);
    const out = join(folder, 'out');
    if (command === 'detect') return detectCommand(file, [], { out });
    return trainCommand({ data: folder, out: join(folder, 'new.safetensors'), weights: file });
  };

  it.each<[string, Name, string]>([
    ['weights', 'coco.names', 'is a text file, not weights; give a .safetensors, .pth or .onnx file'],
    [
      'weights',
      'yolo.cfg',
      "describes Darknet's network without its weights; fovea export FILE OUT.onnx --weights NET.weights writes both",
    ],
    [
      'weights',
      'yolo.weights',
      "is Darknet's weights, which only their .cfg describes; fovea export NET.cfg OUT.onnx --weights FILE writes both",
    ],
    ['detect', 'yolo.weights', "is Darknet's weights; give their .cfg as the model, with --weights FILE"],
    ['detect', 'coco.names', 'is a text file, not a model; give a .safetensors, .onnx, .pth or .cfg file'],
    [
      'detect',
      'a.index.json',
      'is the index of weights in several files; merge them: fovea weights convert FILE OUT.safetensors',
    ],
    [
      'train',
      'a.onnx',
      'is an ONNX model; convert its weights first: fovea weights convert FILE a.safetensors',
    ],
    ['train', 'yolo.cfg', "is Darknet's configuration, not weights; give the .weights file beside it"],
    [
      'train',
      'yolo.weights',
      'is not a .weights file: it has 12 bytes, and the header alone takes 16; give the file that Darknet wrote',
    ],
  ])('fovea %s %s', async (command, name, message) => {
    const file = join(folder, name);
    writeFileSync(file, CONTENT[name]);
    await expect(run(command, file)).rejects.toThrow(
      new DataError(`${file}: ${message.replace('FILE', file)}`),
    );
  });
});

describe('fovea weights convert', () => {
  it('keeps names, types and values, from PyTorch to safetensors and back', async () => {
    const source = `${FILES}tensors.pth`;
    const safe = join(folder, 'new/tensors.safetensors');
    const text = await outputOf(() => convertWeightsCommand(source, safe));
    expect(text).toMatch(
      /tensors\.pth: PyTorch \(torch\.save\), 16 tensors, .*\n.*tensors\.safetensors: written\n$/,
    );
    const { tensors } = readTorch(readFileSync(source));
    const { tensors: written, metadata } = readSafetensors(readFileSync(safe), safe);
    expect(Object.fromEntries(written)).toEqual(Object.fromEntries(tensors));
    expect(metadata).toEqual({ format: 'pt' });
    const back = join(folder, 'back.pth');
    await outputOf(() => convertWeightsCommand(safe, back));
    expect(Object.fromEntries(readTorch(readFileSync(back)).tensors)).toEqual(Object.fromEntries(tensors));
    expect((await loadWeights(safe)).layout).toBe('pytorch');
  });

  it('turns the weights of a model of fovea train to PyTorch’s layouts', async () => {
    const model = new UNet({ width: 4, depth: 1, numClasses: 2, seed: 1 });
    const read = (layout: 'fovea' | 'pytorch') => model.stateDict(async ({ initial }) => initial, { layout });
    const own = join(folder, 'own.safetensors');
    const description = { name: 'unet', model, classNames: ['a'], preprocessing: { maxSide: 64 } } as const;
    await saveWeights(own, await read('fovea'), metadataOf(description));
    const out = join(folder, 'own.pth');
    const text = await outputOf(() => convertWeightsCommand(own, out));
    expect(text).toContain('note: weights were transposed to the layout of PyTorch\n');
    const { tensors } = readTorch(readFileSync(out));
    const stored = [...(await read('pytorch'))].map(([name, { dtype, shape, data }]) => [
      name,
      { dtype, shape, data },
    ]);
    expect(Object.fromEntries(tensors)).toEqual(Object.fromEntries(stored));
    // Back in one call.
    const again = new UNet({ width: 4, depth: 1, numClasses: 2, seed: 2 });
    again.loadStateDict(await loadWeights(out));
    expect(await again.stateDict(async ({ initial }) => initial)).toEqual(await read('fovea'));
  });

  it('keeps a state dict of Fovea without its model in Fovea’s layout, and does not call it PyTorch’s', async () => {
    const dict = await new UNet({ width: 4, depth: 1, numClasses: 2 }).stateDict(
      async ({ initial }) => initial,
    );
    const [file, copy] = [join(folder, 'dict.safetensors'), join(folder, 'copy.safetensors')];
    writeFileSync(file, encodeSafetensors(dict));
    await outputOf(() => convertWeightsCommand(file, copy));
    expect((await loadWeights(copy)).layout).toBe('fovea');
    await expect(convertWeightsCommand(file, join(folder, 'dict.pth'))).rejects.toThrow(
      new UsageError(
        `${file}: is a state dict in Fovea's layout, and only its model knows PyTorch's; load it into that in code, and write model.stateDict(…) with writeTorch`,
      ),
    );
  });

  it('takes the state dict that is asked for', async () => {
    const out = join(folder, 'moments.pth');
    await outputOf(() =>
      convertWeightsCommand(`${FILES}checkpoint.pth`, out, { stateDict: 'optimizer.state.1' }),
    );
    expect([...readTorch(readFileSync(out)).tensors.keys()]).toEqual(['step', 'exp_avg', 'exp_avg_sq']);
  });

  it('writes nothing where something is wrong', async () => {
    const source = `${FILES}module.pth`;
    const before = readdirSync(folder).sort();
    await expect(convertWeightsCommand(source, join(folder, 'x.h5'))).rejects.toThrow(UsageError);
    await expect(convertWeightsCommand(source, join(folder, 'x.h5'))).rejects.toThrow(
      /end it in \.safetensors or \.pth/,
    );
    await expect(convertWeightsCommand(source, source)).rejects.toThrow(/is the file to convert/);
    await expect(convertWeightsCommand(`${FILES}complex.pth`, join(folder, 'x.pth'))).rejects.toThrow(
      /ComplexFloatStorage/,
    );
    await expect(convertWeightsCommand(source, join(folder, 'x.pth'), { stateDict: 'ema' })).rejects.toThrow(
      /has no state dict "ema"; there are "model"/,
    );
    await expect(convertWeightsCommand(source, join(folder, 'x.pth'), { arch: 'resnet18' })).rejects.toThrow(
      new UsageError('--arch: is for models that are written as .onnx; leave it out'),
    );
    await expect(convertWeightsCommand(source, join(folder, 'x.onnx'), { stateDict: 'ema' })).rejects.toThrow(
      /^--state-dict: .*x\.onnx holds a whole model; write that state dict as \.safetensors first, and convert it$/,
    );
    expect(readdirSync(folder).sort()).toEqual(before);
  });
});
