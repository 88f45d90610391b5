import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { exportCommand } from '../../cli/src/commands/export.ts';
import { detectCommand } from '../../cli/src/commands/predict.ts';
import { convertWeightsCommand, showWeightsCommand } from '../../cli/src/commands/weights.ts';
import { DataError, UsageError } from '../../src/errors.ts';
import { loadWeights, saveWeights, writeTorch } from '../../src/io/index.ts';
import { ResNet } from '../../src/models/index.ts';
import { loadOnnx } from '../../src/onnx/index.ts';
import { parseModel } from '../../src/onnx/parseModel.ts';
import { architectureOf, type ModelName } from '../../src/tasks/architectures.ts';
import { buildModel, metadataOf } from '../../src/tasks/modelFile.ts';

let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'fovea-export-'));
  await save('retinanet');
  await save('unet');
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A file as `fovea train` writes it, of a small new model with two classes. */
async function save(name: ModelName): Promise<void> {
  const config = architectureOf(name).defaultConfig({ numClasses: 2, width: 4, cropSize: 64 });
  const model = buildModel(name, config, 0);
  const weights = await model.stateDict(async ({ initial }) => initial);
  const trained = { name, model, classNames: ['coin', 'token'], preprocessing: { maxSide: 70 } };
  await saveWeights(join(folder, `${name}.safetensors`), weights, metadataOf(trained));
}

const at = (name: string): string => join(folder, name);

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

describe('fovea export', () => {
  it('writes a detector for any number of images, with classes and preprocessing', async () => {
    const text = await outputOf(() => exportCommand(at('retinanet.safetensors'), at('new/detector.onnx')));
    expect(text).toMatch(/retinanet\.safetensors: retinanet, 2 classes\n/);
    expect(text).toMatch(/detector\.onnx: written, [\d,]+ bytes; images \[N,3,96,96\], RGB in 0\.\.1\n$/);
    const bytes = readFileSync(at('new/detector.onnx'));
    const { inputs, outputs, opset } = loadOnnx(bytes);
    expect(opset).toBe(17);
    expect(inputs).toEqual([{ name: 'images', type: 'float', shape: ['N', 3, 96, 96] }]);
    expect(outputs.map(({ name, shape }) => [name, shape])).toEqual([
      ['boxes', ['N', 300, 4]],
      ['scores', ['N', 300]],
      ['labels', ['N', 300]],
      ['count', ['N']],
    ]);
    const { metadata } = parseModel(bytes);
    expect(JSON.parse(metadata.get('fovea.model')!)).toMatchObject({
      architecture: 'retinanet',
      classNames: ['coin', 'token'],
    });
    expect(JSON.parse(metadata.get('names')!)).toEqual({ 0: 'coin', 1: 'token' });
    expect(JSON.parse(metadata.get('preprocessing')!)).toMatchObject({ maxSide: 70, range: [0, 1] });
  });

  it('takes opset, number of images, size and the place of NMS', async () => {
    const options = { opset: 16, batch: 2, nms: 'outside', size: [64, 96] } as const;
    await outputOf(() => exportCommand(at('retinanet.safetensors'), at('fixed.onnx'), options));
    const { inputs, outputs, opset } = loadOnnx(readFileSync(at('fixed.onnx')));
    expect([opset, inputs[0]!.shape]).toEqual([16, [2, 3, 64, 96]]);
    expect(outputs.map(({ name }) => name)).toEqual(['boxes', 'scores', 'labels']);
    expect(outputs[0]!.shape![0]).toBe(2);
  });

  it('keeps the thresholds of NMS in the file, by default those that fovea eval needs', async () => {
    const model = at('retinanet.safetensors');
    const thresholdsOf = (name: string) =>
      JSON.parse(loadOnnx(readFileSync(at(name))).metadata.get('fovea.nms')!);
    await outputOf(() => exportCommand(model, at('usual.onnx')));
    expect(thresholdsOf('usual.onnx')).toEqual({ scoreThreshold: 0.01, iouThreshold: 0.5 });
    await outputOf(() => exportCommand(model, at('high.onnx'), { threshold: 0.4, iou: 0.7 }));
    expect(thresholdsOf('high.onnx')).toEqual({ scoreThreshold: 0.4, iouThreshold: 0.7 });
    const out = at('out');
    await expect(detectCommand(at('high.onnx'), [], { out, threshold: 0.3 })).rejects.toThrow(
      new UsageError(
        `--threshold: ${at('high.onnx')} was exported with 0.4, and has no detection of a lower score; give at least 0.4, or export it again with --threshold 0.3`,
      ),
    );
    for (const [file, options, message] of [
      ['unet', { threshold: 0.2 }, '--threshold: FILE is no detector; leave --threshold out'],
      [
        'retinanet',
        { iou: 0.2, nms: 'outside' },
        '--iou: --nms outside leaves NMS out of the file; leave --iou out',
      ],
    ] as const) {
      const path = at(`${file}.safetensors`);
      await expect(exportCommand(path, at('no.onnx'), options)).rejects.toThrow(
        new UsageError(message.replace('FILE', path)),
      );
    }
  });

  it('writes a segmenter, also as weights convert', async () => {
    for (const write of [exportCommand, convertWeightsCommand]) {
      await outputOf(() => write(at('unet.safetensors'), at('segmenter.onnx')));
      const { outputs } = loadOnnx(readFileSync(at('segmenter.onnx')));
      expect(outputs).toEqual([{ name: 'logits', type: 'float', shape: ['N', 3, 72, 72] }]);
      rmSync(at('segmenter.onnx'));
    }
  });

  it("writes a classifier of torchvision's weights, for images that it was trained with", async () => {
    const model = new ResNet({ numClasses: 3, width: 4, block: 'basic', depth: [1, 1, 1, 1], seed: 1 });
    const tensors = await model.stateDict(async ({ initial }) => initial, { layout: 'pytorch' });
    writeFileSync(at('resnet.pth'), writeTorch(tensors));
    writeFileSync(at('three.names'), 'a\nb\nc\n');
    for (const write of [exportCommand, convertWeightsCommand]) {
      const text = await outputOf(() => write(at('resnet.pth'), at('resnet.onnx')));
      expect(text).toMatch(
        /resnet\.pth: ResNet of width 4 .*, 3 classes\n.*images \[N,3,224,224\], RGB in 0/s,
      );
      const { outputs } = loadOnnx(readFileSync(at('resnet.onnx')));
      expect(outputs).toEqual([{ name: 'logits', type: 'float', shape: ['N', 3] }]);
      rmSync(at('resnet.onnx'));
    }
    const options = { names: at('three.names'), size: [64, 96], batch: 1 } as const;
    await outputOf(() => exportCommand(at('resnet.pth'), at('resnet.onnx'), options));
    const { inputs, metadata } = loadOnnx(readFileSync(at('resnet.onnx')));
    expect(inputs[0]!.shape).toEqual([1, 3, 64, 96]);
    expect(JSON.parse(metadata.get('names')!)).toEqual({ 0: 'a', 1: 'b', 2: 'c' });
    expect(JSON.parse(metadata.get('preprocessing')!)).toMatchObject({ size: [64, 96], range: [0, 1] });
    // A square is the middle of the image, of the same share as before: 224 of 256.
    await outputOf(() => exportCommand(at('resnet.pth'), at('resnet.onnx'), { ...options, size: [56, 56] }));
    const square = loadOnnx(readFileSync(at('resnet.onnx'))).metadata.get('preprocessing')!;
    expect(JSON.parse(square)).toMatchObject({ resizeSize: 64, cropSize: 56 });
  });

  it('refuses what it cannot do, and writes nothing', async () => {
    const model = at('retinanet.safetensors');
    writeFileSync(at('text.safetensors'), 'no weights at all');
    await expect(exportCommand(model, at('no.pth'))).rejects.toThrow(UsageError);
    await expect(exportCommand(model, at('no.onnx'), { size: [64, 100] })).rejects.toThrow(
      /^--size: retinanet takes images whose sides are multiples of 32, not 100/,
    );
    await expect(exportCommand(at('unet.safetensors'), at('no.onnx'), { nms: 'outside' })).rejects.toThrow(
      /the model has no NMS/,
    );
    await expect(exportCommand(at('text.safetensors'), at('no.onnx'))).rejects.toThrow(DataError);
    expect([at('no.onnx'), at('no.pth')].filter(existsSync)).toEqual([]);
  });

  it('has the weights of the model, which are converted back to the same', async () => {
    await outputOf(() => exportCommand(at('retinanet.safetensors'), at('weights.onnx')));
    const text = await outputOf(() => showWeightsCommand(at('weights.onnx')));
    expect(text).toContain('weights.onnx: ONNX\n');
    expect(text).toMatch(/backbone\.body\.conv1\.weight +f32 +\[4,3,3,3\]/);
    await outputOf(() => convertWeightsCommand(at('weights.onnx'), at('back.pth')));
    await outputOf(() => convertWeightsCommand(at('retinanet.safetensors'), at('direct.pth')));
    const [back, direct] = [await loadWeights(at('back.pth')), await loadWeights(at('direct.pth'))];
    const name = 'backbone.body.layer1.0.conv1.weight';
    expect(back.tensors.get(name)).toEqual(direct.tensors.get(name));
    await expect(exportCommand(at('weights.onnx'), at('again.onnx'))).rejects.toThrow(
      'is an ONNX model already',
    );
    await expect(showWeightsCommand(at('weights.onnx'), { stateDict: 'ema' })).rejects.toThrow(UsageError);
  });

  it('takes the weights of torchvision, of which the shapes tell the architecture', async () => {
    await outputOf(() => convertWeightsCommand(at('retinanet.safetensors'), at('torch.pth')));
    const text = await outputOf(() => exportCommand(at('torch.pth'), at('torch.onnx'), { size: [64, 64] }));
    expect(text).toMatch(
      /torch\.pth: retinanet, 2 classes\n.*torch\.onnx: written, [\d,]+ bytes; images \[N,3,64,64\]/,
    );
  });
});
