import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FoveaError } from '../../src/errors.ts';
import { loadWeights } from '../../src/io/loadWeights.ts';
import { writeTorch } from '../../src/io/torch/write.ts';
import { CifarResNet } from '../../src/models/cifarResnet.ts';
import { torchvisionModel } from '../../src/models/torchvision.ts';
import { VisionTransformer } from '../../src/models/vit.ts';
import type { Module } from '../../src/nn/module.ts';
import { openModel } from '../../src/open/openModel.ts';
import type { Gpu } from '../../src/plan/gpu.ts';

describe("torchvision's weights", () => {
  it.each([
    ['resnet-eval', 7, 224],
    ['resnext-eval', undefined, 224],
    ['wide-resnet-eval', undefined, 224],
    ['vit-eval', undefined, undefined],
  ] as const)('of a classifier, %s, are known for what they are', async (folder, classes, size) => {
    const file = join(import.meta.dirname, `../fixtures/models/${folder}/weights.safetensors`);
    const bytes = new Uint8Array(readFileSync(file));
    const model = await openModel(bytes, { name: 'c.pth' });
    expect(model.task).toBe('classify');
    const { classNames, model: own, preprocessing } = model.trained!;
    if (classes) expect(classNames).toEqual(Array.from({ length: classes }, (_, i) => String(i)));
    if (size) expect(preprocessing).toEqual({ resizeSize: 256, cropSize: size });
    const { tensors } = await loadWeights(bytes);
    const loaded = await own.stateDict(async ({ initial }) => initial, { layout: 'pytorch' });
    for (const [name, { data }] of loaded) {
      expect(data, name).toEqual(tensors.get(name)!.data);
    }
    for (const use of [model.detector, model.segmenter]) {
      expect(() => use({ device: { caps: {} } } as unknown as Gpu)).toThrow(
        /^c\.pth: (resnet|vit-classifier) is a classifier; use Classifier \(fovea classify\)$/,
      );
    }
  });

  it('names a builder only of those that torchvision has', async () => {
    const bytesOf = async (model: { stateDict: Module['stateDict'] }) =>
      writeTorch(await model.stateDict(async ({ initial }) => initial, { layout: 'pytorch' }));
    const small = new VisionTransformer({ numClasses: 3 });
    for (const model of [new CifarResNet({ numClasses: 3 }), small]) {
      const { builders, description } = await openModel(await bytesOf(model));
      expect(builders).toEqual([]);
      expect(description).not.toContain('torchvision');
    }
    const vit = torchvisionModel('vit_b_16', { num_classes: 3 });
    const { builders, description } = await openModel(await bytesOf(vit.model as VisionTransformer));
    expect(builders).toEqual(['vit_b_16']);
    expect(description).toMatch(/^torchvision vit_b_16, a classifier of 3 classes/);
  });

  it.each([
    'mobilenet_v2',
    'efficientnet_b0',
    'mobilenet_v3_small',
    'resnet18',
  ])('of %s are told by their shapes, or by --arch', async (arch) => {
    const built = torchvisionModel(arch, { num_classes: 3 });
    if (built.kind !== 'classify') throw new Error(arch);
    const tensors = await built.model.stateDict(async ({ initial }) => initial, { layout: 'pytorch' });
    const bytes = writeTorch(tensors);
    const names = ['a', 'b', 'c'];
    for (const options of [{}, { arch }]) {
      const { description, trained, builders } = await openModel(bytes, { names, ...options });
      expect(description).toMatch(`torchvision ${arch}, a classifier of 3 classes`);
      expect(builders).toEqual([arch]);
      expect(trained).toMatchObject({
        classNames: names,
        preprocessing: { resizeSize: 256, cropSize: 224 },
      });
    }
    await expect(openModel(bytes, { names: ['a'] })).rejects.toThrow(
      'has 3 classes, but there are 1 names; give the names that it was trained with',
    );
    await expect(openModel(bytes, { arch: 'resnet50' })).rejects.toThrow(FoveaError);
  });
});
