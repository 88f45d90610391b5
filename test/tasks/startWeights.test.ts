import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Checkpoint } from '../../src/io/checkpoint.ts';
import type { LoadedWeights } from '../../src/io/loadedWeights.ts';
import { loadWeights } from '../../src/io/loadWeights.ts';
import { writeTorch } from '../../src/io/torch/write.ts';
import { train } from '../../src/learn/train.ts';
import { MobileNetV3 } from '../../src/models/mobilenetV3.ts';
import { ResNet } from '../../src/models/resnet.ts';
import { ssd300, ssdlite320 } from '../../src/models/ssd.ts';
import { torchvisionModel } from '../../src/models/torchvision.ts';
import { VisionTransformer, vitB16 } from '../../src/models/vit.ts';
import { yolov3TinyCfg } from '../../src/models/yoloPresets.ts';
import type { Module } from '../../src/nn/module.ts';
import type { Gpu } from '../../src/plan/gpu.ts';
import type { ModelName } from '../../src/tasks/architectures.ts';
import { buildModel } from '../../src/tasks/modelFile.ts';
import { defaultSettings } from '../../src/tasks/settings.ts';
import { describeStart, type StartReport, startFrom } from '../../src/tasks/startWeights.ts';
import { architectureIn, configFromWeights, withClasses } from '../../src/tasks/weightConfig.ts';
import { buildCli, fovea } from '../cli/run.ts';
import { sharedGpu } from '../sharedGpu.ts';
import { bytesOf, settingsFor, twoScene, writeScene } from './scenes.ts';

/** The initial weights of a model as a file of PyTorch has them. */
async function torchFile(model: Module, source: string): Promise<LoadedWeights> {
  const tensors = await model.stateDict(async ({ initial }) => initial, { layout: 'pytorch' });
  return loadWeights(writeTorch(tensors), { name: source });
}

/** Names and shapes alone, for models that are too large to draw the weights of. */
function shapesOf(model: Module): LoadedWeights {
  const layouts = new Map([...model.namedParameters()].map(([name, { layout }]) => [name, layout]));
  const tensors = new Map(
    model.namedStates().map(([name, { spec }]) => {
      const shape = layouts.get(name)?.shape ?? spec.shape;
      return [name, { dtype: 'f32' as const, shape, data: new Float32Array(0) }];
    }),
  );
  return { format: 'torch', source: 'shapes.pth', layout: 'pytorch', tensors, other: new Map(), notes: [] };
}

const narrow = (): ResNet =>
  new ResNet({ block: 'basic', depth: [1, 1, 1, 1], width: 8, numClasses: 5, seed: 3 });

describe('the configuration that weights tell', () => {
  it.each([
    ['retinanet_resnet50_fpn', 'retinanet'],
    ['fcos_resnet18_fpn', 'fcos'],
    ['fasterrcnn_resnet50_fpn', 'fasterrcnn'],
    ['fasterrcnn_mobilenet_v3_large_fpn', 'fasterrcnn'],
    ['fasterrcnn_resnext50_32x4d_fpn', 'fasterrcnn'],
    ['maskrcnn_wide_resnet50_2_fpn', 'maskrcnn'],
    ['fcn_resnet101', 'fcn'],
    ['deeplabv3_mobilenet_v3_large', 'deeplabv3'],
    ['deeplabv3_resnet50', 'deeplabv3'],
    ['lraspp_mobilenet_v3_large', 'lraspp'],
  ] as const)('of %s is that of its builder', (builder, name) => {
    const { model } = torchvisionModel(builder);
    const weights = shapesOf(model);
    expect(architectureIn(weights)).toBe(name);
    const config = configFromWeights(name, weights, 3);
    const built = buildModel(name, config, 0);
    const shapes = (from: Module) =>
      new Map(from.namedStates().map(([own, { spec }]) => [own, spec.shape.join('x')]));
    const [wanted, got] = [shapes(model), shapes(built)];
    expect([...got.keys()].sort()).toEqual([...wanted.keys()].sort());
    // All but the heads, which are for other classes.
    const differing = [...got].filter(([own, shape]) => wanted.get(own) !== shape).map(([own]) => own);
    expect(differing.length).toBeLessThanOrEqual(6);
    expect(differing.every((own) => /cls_|bbox_pred|classifier|mask_fcn_logits/.test(own))).toBe(true);
  });

  it.each([
    ['ssd300_vgg16', {}],
    ['ssdlite320_mobilenet_v3_large', {}],
    // With a backbone that was trained before, torchvision does not halve the tail.
    ['ssdlite320_mobilenet_v3_large', { backbone: { variant: 'large', widthMult: 0.5 } }],
    ['ssd300_vgg16', { backbone: { width: 16 } }],
  ] as const)('of %s %o is that of its model', (builder, options) => {
    const make = builder === 'ssd300_vgg16' ? ssd300 : ssdlite320;
    const weights = shapesOf(make({ numClasses: 90, ...options, seed: 0 }));
    expect(architectureIn(weights)).toBe('ssdlite');
    const config = configFromWeights('ssdlite', weights, 90);
    expect(shapesOf(buildModel('ssdlite', config, 0)).tensors).toEqual(weights.tensors);
    const { detect: _detect, ...wanted } = torchvisionModel(builder).model.config as { detect: object };
    if (Object.keys(options).length === 0) expect(config).toMatchObject(wanted);
  });

  it('of fixed-size networks give the size of the crops', () => {
    const weights = shapesOf(ssd300({ numClasses: 90, seed: 0 }));
    const samples = [twoScene(32)];
    expect(defaultSettings('ssdlite', samples, { weights }).cropSize).toBe(300);
    expect(defaultSettings('ssdlite', samples, { weights, cropSize: 600 }).cropSize).toBe(600);
    const vit = shapesOf(torchvisionModel('vit_b_16').model);
    expect(defaultSettings('vit', samples, { weights: vit }).cropSize).toBe(224);
  });

  it('of a vision transformer is that of a segmenter of its size', () => {
    const { model } = torchvisionModel('vit_b_16');
    const weights = shapesOf(model);
    expect(architectureIn(weights)).toBeUndefined();
    const { config } = vitB16({ numClasses: 4, seed: 0 });
    expect(configFromWeights('vit', weights, 3)).toEqual({ ...config, dice: true });
    const small = new VisionTransformer({ numClasses: 5, hiddenDim: 64, numHeads: 1, numLayers: 2, seed: 0 });
    const built = buildModel('vit', configFromWeights('vit', shapesOf(small), 3), 0);
    expect(built).toMatchObject({ config: { numLayers: 2, patchSize: 8, imageSize: 64, mlpDim: 128 } });
  });

  it('of a classifier is that of the model around it, torchvision has it', () => {
    const { model } = torchvisionModel('resnet50');
    const weights = shapesOf(model);
    expect(architectureIn(weights)).toBeUndefined();
    const { model: wanted } = torchvisionModel('fasterrcnn_resnet50_fpn', { num_classes: 4 });
    const { detect: _detect, ...config } = wanted.config as { detect: unknown };
    expect(configFromWeights('fasterrcnn', weights, 3)).toEqual(config);
  });

  it('of a narrow detector are its depths and widths', async () => {
    for (const [folder, name] of [
      ['retinanet-eval', 'retinanet'],
      ['fasterrcnn-eval', 'fasterrcnn'],
      ['maskrcnn-eval', 'maskrcnn'],
      ['fcos-eval', 'fcos'],
    ] as const) {
      const file = join(import.meta.dirname, `../fixtures/models/${folder}/weights.safetensors`);
      const weights = await loadWeights(new Uint8Array(readFileSync(file)), { name: file });
      expect(architectureIn(weights)).toBe(name);
      const model = buildModel(name, configFromWeights(name, weights, 2), 0);
      const { missing, mismatched, unexpected } = startFrom(model, name, weights);
      expect(missing, folder).toEqual([]);
      expect(unexpected, folder).toEqual([]);
      expect(mismatched.length, folder).toBeLessThanOrEqual(10);
    }
  });

  it('of Darknet has other classes, and filters before its heads', () => {
    const cfg = yolov3TinyCfg({ numClasses: 7, width: 0.25, imageSize: [64, 64] });
    const config = withClasses('yolov3-tiny', { cfg }, 2);
    expect(config).toEqual({ cfg: yolov3TinyCfg({ numClasses: 2, width: 0.25, imageSize: [64, 64] }) });
  });

  it('refuses a backbone that the model cannot have', async () => {
    const weights = shapesOf(new MobileNetV3({ variant: 'large', numClasses: 3 }));
    expect(() => configFromWeights('retinanet', weights, 1)).toThrow(
      /^shapes\.pth: has a MobileNetV3 \(large\), which retinanet cannot have as its backbone; train fasterrcnn, /,
    );
  });
});

describe('starting from weights', () => {
  it.each([
    ['retinanet', 'backbone.body.'],
    ['fasterrcnn', 'backbone.body.'],
    ['fcn', 'backbone.'],
    ['dynamic-unet', 'encoder.'],
  ] as const)('a %s takes a classifier as its backbone', async (name, prefix) => {
    const classifier = narrow();
    const weights = await torchFile(classifier, '/somewhere/resnet.pth');
    const model = buildModel(name, configFromWeights(name, weights, 1), 1);
    const report = startFrom(model, name, weights);
    const states = classifier.namedStates().filter(([own]) => !own.startsWith('fc.'));
    expect(report.matched).toEqual(states.map(([own]) => prefix + own));
    const loaded = new Map(model.namedStates());
    for (const [own, { initial }] of states) expect(loaded.get(prefix + own)!.initial).toEqual(initial);
    expect(describeStart(report)).toMatch(
      new RegExp(
        `^/somewhere/resnet\\.pth: ${states.length} of ${loaded.size} tensors matched, ${loaded.size - states.length} new: .*; 2 of the file not used: fc$`,
      ),
    );
  });

  it('of another network is refused with what is in it', async () => {
    const weights = await torchFile(narrow(), 'resnet.pth');
    const wide = buildModel(
      'retinanet',
      { ...(settingsFor('retinanet', [twoScene(32)]).config as object) },
      0,
    );
    expect(() => startFrom(wide, 'retinanet', weights)).toThrow(
      /^resnet\.pth: only \d+ of the \d+ tensors of this retinanet are in it: it has a ResNet of width 8 with 1, 1, 1, 1 basic blocks; leave --width /,
    );
    const strange: LoadedWeights = { ...shapesOf(wide), tensors: new Map(), source: 'empty.pth' };
    expect(() => startFrom(wide, 'retinanet', strange)).toThrow(/^empty\.pth: only 0 of the /);
  });
});

describe('a training that starts from weights', () => {
  const samples = [twoScene(64)];
  let gpu: Gpu;
  let weights: LoadedWeights;
  beforeAll(async () => {
    gpu = await sharedGpu();
    weights = await torchFile(narrow(), 'resnet.pth');
  });
  afterAll(() => gpu?.dispose());

  it.each([
    ['retinanet', 'backbone.*'],
    ['fcn', 'backbone.layer?.*'],
  ] as const)('of a %s leaves what is frozen as it is, and resumes to the same bits', async (name, pattern) => {
    const settings = settingsFor(name, samples, { weights, freeze: [pattern], steps: 4, batchSize: 2 });
    expect(settings).toMatchObject({ weights: 'resnet.pth', freeze: [pattern] });
    const reports: StartReport[] = [];
    const checkpoints: Checkpoint[] = [];
    const whole = await train(gpu, samples, settings, {
      weights,
      onWeights: (report) => reports.push(report),
      checkpointEvery: 2,
      onCheckpoint: async (checkpoint) => void checkpoints.push(structuredClone(checkpoint)),
    });
    expect(reports).toHaveLength(1);
    const before = buildModel(settings.model, settings.config, settings.seed);
    startFrom(before, settings.model, weights);
    const initial = new Map(before.namedStates());
    const frozen = (own: string) => (name === 'fcn' ? /^backbone\.layer/ : /^backbone\./).test(own);
    const changed = [...whole.weights].filter(
      ([own, { data }]) => bytesOfArray(data) !== bytesOfArray(initial.get(own)!.initial),
    );
    expect([...whole.weights.keys()].filter(frozen).length).toBeGreaterThan(20);
    expect(changed.map(([own]) => own).filter(frozen)).toEqual([]);
    // All parameters that are not frozen have moved.
    const moved = new Set(changed.map(([own]) => own));
    const rest = [...before.namedParameters()].map(([own]) => own).filter((own) => !frozen(own));
    expect(rest.filter((own) => !moved.has(own))).toEqual([]);

    expect(checkpoints).toHaveLength(2);
    const resumed = await train(gpu, samples, settings, {
      resume: { checkpoint: checkpoints[0]!, file: 'half' },
    });
    expect(bytesOf(resumed.weights)).toBe(bytesOf(whole.weights));
    const { freeze: _freeze, ...without } = settings;
    await expect(
      train(gpu, samples, without, { resume: { checkpoint: checkpoints[0]!, file: 'half' } }),
    ).rejects.toThrow(/^half: was trained with freeze \["backbone.*"\], now none; /);
  });

  it('refuses patterns that name nothing or everything, and other weights than the settings name', async () => {
    const settings = settingsFor('retinanet', samples, { weights, steps: 1 });
    const run = (freeze: string[]) => train(gpu, samples, { ...settings, freeze }, { weights });
    await expect(run(['backbone'])).rejects.toThrow(
      /^freeze: no parameter is called backbone; there are backbone\.body\.\*, backbone\.fpn\.\*, head\./,
    );
    await expect(run(['backbone.*', 'head.*'])).rejects.toThrow(/leave no parameter to train/);
    await expect(train(gpu, samples, settings)).rejects.toThrow(
      /^train: the settings start from resnet\.pth, the option weights is left out; /,
    );
  });
});

const bytesOfArray = (
  data: ArrayLike<number> & { buffer: ArrayBufferLike; byteOffset: number; byteLength: number },
) => Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64');

describe('fovea train --weights', () => {
  let folder: string;
  const at = (name: string) => join(folder, name);
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fovea-start-'));
    await writeScene(at('data'), { ...twoScene(48), name: 'one' });
    const tensors = await narrow().stateDict(async ({ initial }) => initial, { layout: 'pytorch' });
    await writeFile(at('resnet.pth'), writeTorch(tensors));
    await buildCli();
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));
  const small = ['--steps', '2', '--size', '64', '--crop', '32', '--batch', '2'];
  const start = (model: ModelName, out: string, ...more: string[]) =>
    fovea('train', '--model', model, '--data', at('data'), '--out', at(out), ...small, ...more);

  it('says what matched, freezes, goes on with --resume, and its model starts another', async () => {
    const first = await start(
      'fcn',
      'fcn.safetensors',
      '--weights',
      at('resnet.pth'),
      '--freeze',
      'backbone.*',
    );
    expect(first.code, first.stderr).toBe(0);
    expect(first.stderr).toMatch(
      /--weights .*resnet\.pth: 60 of \d+ tensors matched, \d+ new: classifier\.0/,
    );
    const more = ['--resume', '--steps', '3'];
    const resumed = await fovea('train', '--data', at('data'), '--out', at('fcn.safetensors'), ...more);
    expect(resumed.code, resumed.stderr).toBe(0);
    const other = await fovea(
      'train',
      '--data',
      at('data'),
      '--out',
      at('x.safetensors'),
      ...more,
      '--weights',
      at('resnet.pth'),
    );
    expect(other.stderr).toMatch(/x\.checkpoint\.safetensors: there is no checkpoint to resume from/);
    const trained = await loadWeights(at('fcn.safetensors'));
    const original = new Map(narrow().namedStates());
    for (const [name, { initial }] of original) {
      if (!name.startsWith('fc.')) expect(trained.tensors.get(`backbone.${name}`)!.data).toEqual(initial);
    }
    // The architecture is told by the file.
    const again = await fovea(
      'train',
      '--data',
      at('data'),
      '--out',
      at('again.safetensors'),
      ...small,
      '--weights',
      at('fcn.safetensors'),
    );
    expect(again.code, again.stderr).toBe(0);
    expect(again.stderr).toMatch(/^fcn: 1 image/m);
    expect(again.stderr).toMatch(/: (\d+) of \1 tensors matched\n/);
  });

  it('refuses weights of which next to nothing fits, before anything is written', async () => {
    const { code, stderr } = await start('unet', 'no.safetensors', '--weights', at('resnet.pth'));
    expect(code).toBe(2);
    expect(existsSync(at('no.safetensors'))).toBe(false);
    expect(stderr).toMatch(/resnet\.pth: only 0 of the \d+ tensors of this unet are in it/);
  });
});
