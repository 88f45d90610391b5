import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LifetimeError, UsageError } from '../../src/errors.ts';
import type { Tensor } from '../../src/graph/tensor.ts';
import { resnet20 } from '../../src/models/cifarResnet.ts';
import { PanopticFPN } from '../../src/models/panopticFpn.ts';
import type { RetinaNet } from '../../src/models/retinanet.ts';
import { UNet } from '../../src/models/unet.ts';
import { exportOnnx } from '../../src/onnx/export/exportOnnx.ts';
import { openModel } from '../../src/open/openModel.ts';
import { type Gpu, openGpu } from '../../src/plan/gpu.ts';
import { ARCHITECTURES, type ModelName } from '../../src/tasks/architectures.ts';
import { Classifier } from '../../src/tasks/classifier.ts';
import { type Detection, Detector, Segmenter } from '../../src/tasks/infer.ts';
import { buildModel, metadataOf, type TrainedModel } from '../../src/tasks/modelFile.ts';
import type { Preprocessing } from '../../src/tasks/preprocessing.ts';
import { sharedGpu } from '../sharedGpu.ts';
import { bothImages, distance } from './texture.ts';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});
afterAll(() => gpu?.dispose());

/** A small model that knows nothing. */
function trained(name: ModelName, preprocessing: Preprocessing, classNames = ['object']): TrainedModel {
  const options = { numClasses: classNames.length, width: 8, cropSize: 64 };
  const config = ARCHITECTURES[name].defaultConfig(options);
  if ('resize' in preprocessing) Object.assign(Object(config), { resize: { minSize: 64, maxSize: 96 } });
  const model = buildModel(name, config, 1).eval();
  return { name, model, classNames, preprocessing } as TrainedModel;
}

function expectSame(found: readonly Detection[], wanted: readonly Detection[]): void {
  expect(wanted.length).toBeGreaterThan(0);
  expect(found.map(({ label }) => label)).toEqual(wanted.map(({ label }) => label));
  found.forEach(({ box, score, mask }, i) => {
    expect(Math.abs(score - wanted[i]!.score)).toBeLessThan(1e-5);
    expect(distance(box, wanted[i]!.box)).toBeLessThan(1e-2);
    expect(mask === undefined).toBe(wanted[i]!.mask === undefined);
  });
}

const DETECT = { scoreThreshold: 0, maxDetections: 10 };

describe('an image on the GPU gives what the same pixels give on the host', () => {
  it.each([
    ['retinanet', { maxSide: 64 }],
    ['retinanet', { size: [64, 64], fit: 'letterbox' }],
    ['retinanet', { resize: 'model' }],
    ['retinanet', { size: [64, 96], fit: 'stretch' }],
    ['maskrcnn', { maxSide: 64 }],
  ] as const)('to a detector: %s, %j', async (name, preprocessing) => {
    const detector = new Detector(gpu, trained(name, preprocessing));
    for (const [width, height] of [
      [90, 60],
      [33, 70],
    ] as const) {
      const { host, image } = await bothImages(gpu, width, height);
      const wanted = await detector.detect(host, DETECT);
      expectSame(await detector.detect(image, DETECT), wanted);
      // One after the other, in any order.
      expectSame(await detector.detect(host, DETECT), wanted);
      image.dispose();
    }
    detector.dispose();
  });

  it('to a detector that resizes itself, and finds regions too', async () => {
    const model = trained('panopticfpn', { maxSide: 64 }, ['thing', 'sky']);
    expect(model.model).toBeInstanceOf(PanopticFPN);
    const detector = new Detector(gpu, model);
    const { host, image } = await bothImages(gpu, 90, 60);
    const wanted = await detector.panoptic!(host);
    const found = await detector.panoptic!(image);
    expect(found.panoptic.segments.map(({ label }) => label)).toEqual(
      wanted.panoptic.segments.map(({ label }) => label),
    );
    expect(distance(found.panoptic.ids, wanted.panoptic.ids)).toBe(0);
    detector.dispose();
  });

  it.each([[{ maxSide: 64 }], [{ minSide: 32 }]] as const)('to a segmenter: %j', async (preprocessing) => {
    const segmenter = new Segmenter(gpu, trained('unet', preprocessing, ['a', 'b', 'c']));
    const { host, image } = await bothImages(gpu, 96, 64);
    const [wanted, found] = [await segmenter.segment(host), await segmenter.segment(image)];
    expect([found.width, found.height]).toEqual([96, 64]);
    const other = found.labels.filter((label, i) => label !== wanted.labels[i]).length;
    // Where two classes are equally likely, the last bit decides.
    expect(other).toBeLessThan(10);
    expect(new Set(found.labels).size).toBeGreaterThan(1);
    segmenter.dispose();
  });

  it('to a classifier', async () => {
    const preprocessing = { resizeSize: 40, cropSize: 32 };
    const classifier = new Classifier(gpu, trained('resnet-cifar', preprocessing, ['a', 'b', 'c']));
    const { host, image } = await bothImages(gpu, 71, 50);
    const wanted = await classifier.probabilities(host);
    expect(distance(await classifier.probabilities(image), wanted)).toBeLessThan(1e-5);
    const [best] = await classifier.classify(image, { topK: 1 });
    expect(best).toEqual((await classifier.classify(image))[0]);
    classifier.dispose();
  });

  it('to a detector of ONNX, that reads how many boxes stay on its way', async () => {
    const own = trained('retinanet', { maxSide: 64 }, ['a', 'b']);
    const metadata = { 'fovea.model': JSON.stringify(metadataOf(own)) };
    // New weights give every box a score of about 0.01.
    const detect = { scoreThreshold: 0.0099, iouThreshold: 0.3 };
    const bytes = await exportOnnx(own.model as RetinaNet, { images: [1, 64, 64, 3] }, { metadata, detect });
    const detector = (await openModel(bytes)).detector(gpu);
    const { host, image } = await bothImages(gpu, 90, 60);
    const least = { scoreThreshold: 0.0099 };
    expectSame(await detector.detect(image, least), await detector.detect(host, least));
    detector.dispose();
  });

  it('to a segmenter and a classifier of ONNX, normalised', async () => {
    const unet = new UNet({ numClasses: 3, width: 4, depth: 2, seed: 1 }).eval();
    const map = await exportOnnx(
      unet,
      { images: [1, 64, 64, 3] },
      {
        forward: (x: Tensor) => ({ logits: unet.forward(x) }),
      },
    );
    const segmenter = (await openModel(map)).segmenter(gpu);
    const { host, image } = await bothImages(gpu, 90, 60);
    const [wanted, found] = [await segmenter.segment(host), await segmenter.segment(image)];
    expect(found.labels.filter((label, i) => label !== wanted.labels[i]).length).toBeLessThan(20);
    segmenter.dispose();
    const resnet = resnet20({ numClasses: 4 }).eval();
    const logits = await exportOnnx(resnet, { images: [1, 32, 32, 3] });
    const classifier = (await openModel(logits)).classifier(gpu);
    const probabilities = await classifier.probabilities(host);
    expect(distance(await classifier.probabilities(image), probabilities)).toBeLessThan(1e-5);
    classifier.dispose();
  });
});

it('an image that is disposed of, or on another device, is refused before anything runs', async () => {
  const { image } = await bothImages(gpu, 8, 8);
  const other = await openGpu({ autotune: false });
  const detector = new Detector(other, trained('retinanet', { maxSide: 32 }));
  const segmenter = new Segmenter(other, trained('unet', { maxSide: 32 }));
  const classifier = new Classifier(other, trained('resnet-cifar', { resizeSize: 32, cropSize: 32 }));
  for (const [call, run] of [
    ['detect', () => detector.detect(image)],
    ['segment', () => segmenter.segment(image)],
    ['classify', () => classifier.classify(image)],
  ] as const) {
    await expect(run()).rejects.toThrow(UsageError);
    await expect(run()).rejects.toThrow(
      /: the image of 8x8 is on the device of .*, and not on that of this call .*; make it with the same Gpu$/,
    );
    await expect(run()).rejects.toThrow(new RegExp(`^${call}: `));
  }
  image.dispose();
  await expect(segmenter.segment(image)).rejects.toThrow(LifetimeError);
  await expect(image.toFloatImage()).rejects.toThrow(LifetimeError);
  other.dispose();
});
