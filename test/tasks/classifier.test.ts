import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ClassSample } from '../../src/data/classify/sample.ts';
import type { FloatImage } from '../../src/data/image.ts';
import { tensor } from '../../src/graph/tensor.ts';
import type { ModelMetadata } from '../../src/io/checkpoint.ts';
import { loadWeights } from '../../src/io/loadWeights.ts';
import { encodeSafetensors, type StateDict } from '../../src/io/safetensors.ts';
import { resnet20 } from '../../src/models/cifarResnet.ts';
import { openModel } from '../../src/open/openModel.ts';
import type { Gpu } from '../../src/plan/gpu.ts';
import { ARCHITECTURES, MODEL_NAMES, type ModelName } from '../../src/tasks/architectures.ts';
import { Classifier, loadClassifier, mostProbable } from '../../src/tasks/classifier.ts';
import { ClassLoader } from '../../src/tasks/classLoader.ts';
import { balancedClassWeights, classificationLosses, classifyTask } from '../../src/tasks/classTask.ts';
import { evaluateClassifier } from '../../src/tasks/evaluateClassifier.ts';
import { Detector, Segmenter } from '../../src/tasks/infer.ts';
import { buildModel, decodeModel, metadataOf } from '../../src/tasks/modelFile.ts';
import { prepareImage } from '../../src/tasks/prepare.ts';
import { cropPreprocessing } from '../../src/tasks/preprocessing.ts';
import { startFrom } from '../../src/tasks/startWeights.ts';
import { type ClassificationModel, isClassifier } from '../../src/tasks/step.ts';
import { configFromWeights } from '../../src/tasks/weightConfig.ts';
import { sharedGpu } from '../sharedGpu.ts';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});
afterAll(() => gpu?.dispose());

const CLASSES = ['cat', 'dog', 'eel'];
const classifiers = MODEL_NAMES.filter((name) => ARCHITECTURES[name].task === 'classify');

/** An image whose pixels are smooth in place and differ by channel. */
function imageOf(width: number, height: number, phase = 0): FloatImage {
  const data = Float32Array.from({ length: width * height * 3 }, (_, i) => {
    const [x, y, c] = [Math.floor(i / 3) % width, Math.floor(i / 3 / width), i % 3];
    return 0.5 + 0.4 * Math.sin(0.3 * x + 0.17 * y + c + phase);
  });
  return { width, height, channels: 3, data };
}

/** A model file, as `saveWeights` writes it. */
const bytesOf = (weights: StateDict, metadata: ModelMetadata) =>
  encodeSafetensors(weights, { 'fovea.model': JSON.stringify(metadata) });

function small(name: ModelName): ClassificationModel {
  const config = ARCHITECTURES[name].defaultConfig({ numClasses: 3, width: 8, cropSize: 32 });
  const model = buildModel(name, config, 1);
  if (!isClassifier(model)) throw new Error(name);
  return model;
}

describe('a model file', () => {
  it.each(classifiers)('holds a %s with classes and preprocessing', async (name) => {
    const model = small(name);
    const preprocessing = cropPreprocessing(32);
    const weights = await model.stateDict(async ({ initial }) => initial);
    const bytes = bytesOf(weights, metadataOf({ name, model, classNames: CLASSES, preprocessing }));
    const trained = decodeModel(bytes, 'm.safetensors');
    expect(trained).toMatchObject({ name, classNames: CLASSES, preprocessing });
    expect(trained.model.config).toEqual(model.config);
    expect(ARCHITECTURES[name].numClasses(model.config)).toBe(3);
    const opened = await openModel(bytes, { name: 'm.safetensors' });
    expect(opened).toMatchObject({ task: 'classify', classNames: CLASSES });
    for (const Other of [Detector, Segmenter]) {
      expect(() => new Other(gpu, trained, { name: 'm' })).toThrow(
        `m: ${name} is a classifier; use Classifier (fovea classify)`,
      );
    }
  });
});

describe('Classifier', () => {
  it('cuts the middle out of the image as torchvision does', () => {
    const image = imageOf(60, 40);
    const { data, height, width } = prepareImage(image, { resizeSize: 40, cropSize: 33 }, 1);
    expect([height, width]).toEqual([33, 33]);
    // round(3.5) is 4 and round(13.5) is 14: of two equally near numbers the even one, as Python's.
    const [top, left] = [4, 14];
    for (const [y, x] of [
      [0, 0],
      [32, 32],
      [5, 20],
    ] as const) {
      expect(data[(y * 33 + x) * 3 + 1]).toBe(image.data[((y + top) * 60 + x + left) * 3 + 1]);
    }
    const resized = prepareImage(image, { resizeSize: 20, cropSize: 20 }, 1);
    expect(resized.scaleX).toBe(0.5);
    expect(resized.offsetX).toBe(-5);
  });

  it('gives probabilities that add up to 1, the most probable classes first', async () => {
    const model = small('resnet-cifar');
    model.eval();
    const trained = {
      name: 'resnet-cifar' as const,
      model,
      classNames: CLASSES,
      preprocessing: { resizeSize: 36, cropSize: 32 },
    };
    const classifier = new Classifier(gpu, trained);
    const image = imageOf(80, 50);
    const probabilities = await classifier.probabilities(image);
    expect(probabilities.reduce((a, b) => a + b)).toBeCloseTo(1, 5);
    const { data } = prepareImage(image, trained.preprocessing, 1);
    const [logits] = await gpu.read(model.forward(tensor(data, [1, 32, 32, 3])));
    const powers = Array.from(logits!, Math.exp);
    const sum = powers.reduce((a, b) => a + b);
    for (const [c, power] of powers.entries()) expect(probabilities[c]).toBeCloseTo(power / sum, 5);
    const found = await classifier.classify(image, { topK: 2 });
    expect(found).toHaveLength(2);
    expect(found[0]!.score).toBe(Math.max(...probabilities));
    expect(found[0]!.score).toBeGreaterThanOrEqual(found[1]!.score);
    await expect(classifier.classify(image, { topK: 0 })).rejects.toThrow('classify: topK is 0');
    classifier.dispose();
    const bytes = bytesOf(await model.stateDict(async ({ initial }) => initial), metadataOf(trained));
    const loaded = loadClassifier(gpu, bytes);
    expect(await loaded.probabilities(image)).toEqual(probabilities);
    loaded.dispose();
  });

  it('takes the first of equally probable classes', () => {
    expect(mostProbable([0.2, 0.4, 0.4], CLASSES, { topK: 2 })).toEqual([
      { label: 'dog', score: 0.4 },
      { label: 'eel', score: 0.4 },
    ]);
  });
});

describe('the loss of classifiers', () => {
  const model = { forward: () => logits } as unknown as ClassificationModel;
  const rows = [
    [2, -1, 0.5],
    [0.1, 0.2, -3],
    [1, 1, 4],
    [-2, 0, 0],
  ];
  const labels = [0, 2, 2, 1];
  const logits = tensor(rows.flat(), [4, 3]);
  const batch = { images: tensor([0], [1]), labels: tensor(Int32Array.from(labels), [4]) };
  const shares = (label: number, smoothing: number) =>
    [0, 1, 2].map((c) => (c === label ? 1 - smoothing : 0) + smoothing / 3);
  const logs = (row: readonly number[]) => {
    const sum = row.reduce((total, value) => total + Math.exp(value), 0);
    return row.map((value) => value - Math.log(sum));
  };
  const rowLoss = (row: readonly number[], target: readonly number[], weights: readonly number[]) =>
    -logs(row).reduce((total, log, c) => total + weights[c]! * target[c]! * log, 0);

  it.each([
    [0, [1, 1, 1]],
    [0.1, [1, 1, 1]],
    [0.2, [0.5, 2, 3]],
  ])('is the cross entropy with smoothing %d and weights %j', async (labelSmoothing, classWeights) => {
    const options = { labelSmoothing, classWeights };
    const [value] = await gpu.read(classificationLosses(model, batch, options).classification!);
    const total = rows.reduce(
      (sum, row, n) => sum + rowLoss(row, shares(labels[n]!, labelSmoothing), classWeights),
      0,
    );
    const weight = labels.reduce((sum, label) => sum + classWeights[label]!, 0);
    expect(value![0]).toBeCloseTo(total / weight, 5);
  });

  it('of shares of classes is their mean over the images, as of PyTorch', async () => {
    const targets = [
      [0.3, 0.7, 0],
      [0, 0, 1],
      [0.5, 0.25, 0.25],
      [1, 0, 0],
    ];
    const classWeights = [0.5, 2, 3];
    const options = { labelSmoothing: 0.1, classWeights };
    const mixed = { ...batch, targets: tensor(targets.flat(), [4, 3]) };
    const [value] = await gpu.read(classificationLosses(model, mixed, options).classification!);
    const total = rows.reduce((sum, row, n) => {
      const smooth = targets[n]!.map((share) => 0.9 * share + 0.1 / 3);
      return sum + rowLoss(row, smooth, classWeights);
    }, 0);
    expect(value![0]).toBeCloseTo(total / 4, 5);
  });

  it("weighs classes as scikit-learn's balanced does", () => {
    const samples = ['cat', 'cat', 'cat', 'dog'].map((label) => ({ label }));
    expect(balancedClassWeights(samples, ['cat', 'dog'])).toEqual([4 / 6, 2]);
    expect(balancedClassWeights(samples, CLASSES)).toEqual([4 / 6, 2, 1]);
  });

  it('refuses weights and smoothing that cannot be', () => {
    const options = { classNames: CLASSES, preprocessing: cropPreprocessing(32) };
    expect(() => classifyTask({ ...options, classWeights: [1] })).toThrow(
      'classifyTask: 1 classWeights for 3 classes; give one per class',
    );
    expect(() => classifyTask({ ...options, classWeights: [1, -1, 2] })).toThrow('classWeights[1] is -1');
    expect(() => classifyTask({ ...options, classWeights: [0, 0, 0] })).toThrow('all classWeights are 0');
    expect(() => classifyTask({ ...options, labelSmoothing: 2 })).toThrow('labelSmoothing is 2');
  });
});

describe('ClassLoader', () => {
  const samples = Array.from({ length: 5 }, (_, i): ClassSample => {
    return { name: `${i}.png`, image: imageOf(40 + i, 30, i), label: CLASSES[i % 3]! };
  });
  const options = { batchSize: 2, size: [16, 16] as const, classNames: CLASSES, seed: 3 };
  const batchesOf = async (loader: ClassLoader, epoch: number, from = 0) => {
    const batches = [];
    for await (const batch of loader.batches(epoch, from)) batches.push(batch);
    return batches;
  };

  it('goes through the samples, and can go on anywhere with the same bits', async () => {
    const loader = new ClassLoader(samples, { ...options, augment: 'default', stepsPerEpoch: 4 });
    const first = await batchesOf(loader, 0);
    expect(first.map(({ index }) => index)).toEqual([0, 1, 2, 3]);
    expect(first[0]!.batch.images.shape).toEqual([2, 16, 16, 3]);
    const names = first.slice(0, 3).flatMap(({ items }) => items.map(({ name }) => name));
    expect(new Set(names).size).toBe(5);
    for (const { batch, items } of first) {
      expect([...batch.labels.data]).toEqual(items.map(({ label }) => CLASSES.indexOf(label)));
    }
    const second = await batchesOf(loader, 1);
    const again = await batchesOf(
      new ClassLoader(samples, { ...options, augment: 'default', stepsPerEpoch: 4 }),
      1,
      2,
    );
    expect(again).toEqual(second.slice(2));
    expect(second[0]!.batch.images.data).not.toEqual(first[0]!.batch.images.data);
  });

  it('mixes images and the shares of their classes', async () => {
    const augment = [{ name: 'resize' as const }, { name: 'mixUp' as const, alpha: 0.4 }];
    const [{ batch }] = (await batchesOf(new ClassLoader(samples, { ...options, augment }), 0)) as [
      Awaited<ReturnType<typeof batchesOf>>[number],
    ];
    expect(batch.targets!.shape).toEqual([2, 3]);
    for (const n of [0, 1]) {
      const row = Array.from(batch.targets!.data).slice(3 * n, 3 * n + 3);
      expect(row.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 5);
    }
  });

  it('refuses labels that are no class, no samples, and mosaics', () => {
    expect(() => new ClassLoader(samples, { ...options, classNames: ['cat'] })).toThrow(
      'ClassLoader: 1.png has label "dog", the classes are cat; add it, or leave out the image',
    );
    expect(() => new ClassLoader([], options)).toThrow('there are no items');
    expect(() => new ClassLoader(samples, { ...options, augment: [{ name: 'mosaic' }] })).toThrow(
      'ClassLoader: augment has mosaic, which has no class; leave it out',
    );
  });
});

describe('evaluateClassifier', () => {
  const table: Readonly<Record<string, readonly number[]>> = {
    a: [0.7, 0.2, 0.1],
    b: [0.1, 0.3, 0.6],
    c: [0.4, 0.4, 0.2],
    d: [0.05, 0.05, 0.9],
  };
  const image = imageOf(4, 4);
  const samples = Object.entries({ a: 'cat', b: 'dog', c: 'dog', d: 'eel' }).map(([name, label]) => ({
    name,
    image: { ...image, name },
    label,
  }));
  const classifier = {
    classNames: CLASSES,
    probabilities: async (given: FloatImage) => Float32Array.from(table[(given as { name?: string }).name!]!),
    classify: async () => [],
    dispose: () => undefined,
  };

  it("computes scikit-learn's numbers", async () => {
    const seen: number[] = [];
    const found = await evaluateClassifier(classifier, samples, {
      onImage: ({ index }) => void seen.push(index),
    });
    expect(seen).toEqual([0, 1, 2, 3]);
    expect(await evaluateClassifier(classifier, samples)).toEqual(found);
    expect(found.accuracy).toBe(0.5);
    expect(found.top5).toBeUndefined();
    expect([...found.confusion.counts]).toEqual([1, 0, 0, 1, 0, 1, 0, 0, 1]);
    // classification_report([0, 1, 1, 2], [0, 2, 0, 2])
    expect(found.perClass.map(({ precision, recall, support }) => [precision, recall, support])).toEqual([
      [0.5, 1, 1],
      [0, 0, 2],
      [0.5, 1, 1],
    ]);
    expect(found.macro.f1).toBeCloseTo((2 / 3 + 0 + 2 / 3) / 3, 6);
    expect(found.loss).toBeCloseTo(-(Math.log(0.7) + Math.log(0.3) + Math.log(0.4) + Math.log(0.9)) / 4, 5);
    expect(found.perClass[1]!.loss).toBeCloseTo(-(Math.log(0.3) + Math.log(0.4)) / 2, 5);
  });

  it('refuses a class that the model does not have, and no samples', async () => {
    const [first] = samples;
    await expect(evaluateClassifier(classifier, [{ ...first!, label: 'fox' }])).rejects.toThrow(
      'evaluateClassifier: a has label "fox", the classes are cat, dog, eel; leave it out',
    );
    await expect(evaluateClassifier(classifier, [])).rejects.toThrow('there are no samples');
  });
});

const FILE = fileURLToPath(new URL('../../../shared/weights/resnet20.th', import.meta.url));
describe.runIf(existsSync(FILE))("akamaster's resnet20", () => {
  const read = () => loadWeights(new Uint8Array(readFileSync(FILE)), { name: 'resnet20.th' });

  it('is opened as what it is', async () => {
    const opened = await openModel(new Uint8Array(readFileSync(FILE)), { name: 'resnet20.th' });
    expect(opened.description).toBe(
      'ResNet-20 for small images, a classifier of 10 classes; images with a shorter side of 32, cut to 32x32, normalised in the model',
    );
    expect(opened.trained!.name).toBe('resnet-cifar');
  });

  it('has the logits of PyTorch', async () => {
    const model = resnet20({ seed: 0 });
    model.loadStateDict(await read());
    model.eval();
    const data = Float32Array.from({ length: 32 * 32 * 3 }, (_, i) => ((i * 37) % 256) / 255);
    const [logits] = await gpu.read(model.forward(tensor(data, [1, 32, 32, 3])));
    // PyTorch's, in float32 on the CPU, of resnet20() of github.com/akamaster/pytorch_resnet_cifar10 with these weights, on the
    // same pixels as [1, 3, 32, 32], normalised by the mean and standard deviation of ImageNet as its trainer.py does.
    const expected = [
      ...[-13.462567, -0.868751, -5.442876, -1.666854, -4.247827],
      ...[-4.624847, 7.652647, -5.26282, 21.426285, 6.533334],
    ];
    expected.forEach((value, i) => {
      expect(Math.abs(logits![i]! - value)).toBeLessThan(1e-3);
    });
  });

  it('starts a model of other classes: all but its last layer is taken', async () => {
    const weights = await read();
    const config = configFromWeights('resnet-cifar', weights, 3);
    expect(config).toEqual({ numClasses: 3, depth: [3, 3, 3] });
    const model = buildModel('resnet-cifar', config, 0);
    const report = startFrom(model, 'resnet-cifar', weights);
    expect(report.mismatched.map(({ name }) => name)).toEqual(['linear.weight', 'linear.bias']);
    expect(report.missing).toEqual([]);
    const { tensors } = weights;
    const taken = await model.stateDict(async ({ initial }) => initial, { layout: 'pytorch' });
    expect(taken.get('layer3.2.conv2.weight')!.data).toEqual(tensors.get('layer3.2.conv2.weight')!.data);
  });
});
