import { describe, expect, it } from 'vitest';
import { nodeOf, type Tensor } from '../../src/graph/tensor.ts';
import * as models from '../../src/models/index.ts';
import type { Module } from '../../src/nn/module.ts';
import { type ExportOptions, exportOnnx, type Outcome } from '../../src/onnx/index.ts';
import type { Shape } from '../../src/shape.ts';
import { small } from '../models/smallYolo.ts';
import { channelsFirst, differences, noise, scattered, type Values } from './exported.ts';

const narrow = { ...models.SMALL_RESNET, width: 4, maxWidth: 16 };
const rpn = {
  preNmsTopN: { training: 50, testing: 50 },
  postNmsTopN: { training: 20, testing: 20 },
};
const box = { width: 16 };
const detector = { numClasses: 3, backbone: narrow, pyramidWidth: 8, seed: 1 };
const retinanet = () =>
  new models.RetinaNet({ ...detector, detect: { scoreThreshold: 0.001, maxDetections: 20, candidates: 50 } });
const rcnn = { ...detector, rpn, box, detect: { scoreThreshold: 0.001, maxDetections: 10 } };
const mask = { width: 8, depth: 1 };
const keypoint = { width: 8, depth: 1, resolution: 7, maxRegions: 4 };

interface Case {
  readonly make: () => Module & {
    readonly forward?: (x: Tensor) => Outcome;
    readonly detect?: (x: Tensor) => Outcome;
  };
  readonly shape: Shape;
  readonly options?: ExportOptions;
}

const asTheyAre = (values: Values): Values => values;

const SMALL = [1, 32, 32, 3];
const LARGE = [1, 64, 64, 3];

const classifiers: Record<string, Case> = {
  ResNet: {
    make: () => new models.ResNet({ numClasses: 5, width: 4, block: 'basic', depth: [1, 1, 1, 1], seed: 1 }),
    shape: SMALL,
  },
  'ResNet, batch norm folded': {
    make: () =>
      new models.ResNet({ numClasses: 5, width: 4, block: 'bottleneck', depth: [1, 1, 1, 1], seed: 1 }),
    shape: SMALL,
    options: { foldBatchNorm: true },
  },
  VGG: {
    make: () => new models.VGG({ numClasses: 5, width: 4, depth: [1, 1, 1, 1, 1], hidden: 8, seed: 1 }),
    shape: SMALL,
  },
  MobileNetV2: {
    make: () => new models.MobileNetV2({ numClasses: 5, widthMult: 0.1, seed: 1 }),
    shape: SMALL,
  },
  MobileNetV3: {
    make: () => models.mobilenetV3Small({ numClasses: 5, widthMult: 0.1, seed: 1 }),
    shape: SMALL,
  },
  EfficientNet: {
    make: () => new models.EfficientNet({ numClasses: 5, widthMult: 0.1, depthMult: 0.1, seed: 1 }),
    shape: SMALL,
  },
  VisionTransformer: { make: () => new models.VisionTransformer({ numClasses: 5, seed: 1 }), shape: LARGE },
};

const segmenters: Record<string, Case> = {
  UNet: { make: () => new models.UNet({ numClasses: 3, width: 4, seed: 1 }), shape: SMALL },
  DynamicUNet: {
    make: () => new models.DynamicUNet({ numClasses: 3, backbone: narrow, seed: 1 }),
    shape: SMALL,
  },
  FCN: { make: () => new models.FCN({ numClasses: 3, backbone: narrow, seed: 1 }), shape: SMALL },
  DeepLabV3: {
    make: () => new models.DeepLabV3({ numClasses: 3, backbone: narrow, seed: 1 }),
    shape: LARGE,
  },
  LRASPP: {
    make: () =>
      new models.LRASPP({
        numClasses: 3,
        backbone: { variant: 'small', widthMult: 0.25 },
        width: 8,
        seed: 1,
      }),
    shape: LARGE,
  },
  ViTSegmenter: {
    make: () =>
      new models.ViTSegmenter({
        numClasses: 3,
        imageSize: 16,
        patchSize: 8,
        hiddenDim: 16,
        mlpDim: 16,
        numHeads: 2,
        numLayers: 1,
        seed: 1,
      }),
    shape: SMALL,
  },
};

const detectors: Record<string, Case> = {
  RetinaNet: { make: retinanet, shape: LARGE },
  FCOS: {
    make: () =>
      new models.FCOS({ ...detector, detect: { scoreThreshold: 0.001, maxDetections: 20, candidates: 50 } }),
    shape: LARGE,
  },
  SSD: {
    make: () =>
      new models.SSD({
        numClasses: 3,
        imageSize: [64, 64],
        backbone: {
          variant: 'small',
          widthMult: 0.25,
          extraWidthMult: 0.125,
          batchNorm: { eps: 1e-3, momentum: 0.1 },
        },
        detect: { scoreThreshold: 0.001, maxDetections: 20 },
        seed: 1,
      }),
    shape: LARGE,
  },
  'FasterRCNN, RoIAlign': { make: () => new models.FasterRCNN(rcnn), shape: LARGE },
  'FasterRCNN, RoIPool': {
    make: () => new models.FasterRCNN({ ...rcnn, box: { ...box, pooling: 'pool' } }),
    shape: LARGE,
  },
  MaskRCNN: { make: () => new models.MaskRCNN({ ...rcnn, mask }), shape: LARGE },
  'KeypointRCNN without keypoints': {
    make: () => new models.KeypointRCNN({ ...rcnn, keypoint: { ...keypoint, numKeypoints: 3 } }),
    shape: LARGE,
    options: { outputs: ['boxes', 'scores', 'labels', 'count'] },
  },
  'PanopticFPN without merging': {
    make: () => new models.PanopticFPN({ ...rcnn, mask, numStuff: 2, semantic: { width: 8 } }),
    shape: LARGE,
    options: { outputs: ['boxes', 'scores', 'labels', 'count', 'masks', 'semantic'] },
  },
  YOLO: { make: small, shape: [1, 64, 96, 3] },
};

/** The largest difference between onnxruntime and the references, over all outputs, for one and three images. */
async function worst({ make, shape, options }: Case): Promise<number> {
  const model = scattered(make());
  const bytes = await exportOnnx(model, { images: shape }, options);
  const run = (images: Tensor): Outcome => (model.detect ?? model.forward)!.call(model, images);
  const wanted = model.detect ? asTheyAre : channelsFirst;
  let apart = 0;
  for (const batch of [1, 3]) {
    const size = [batch, ...shape.slice(1)];
    const images = { shape: size, data: noise(size, 7 + batch) };
    const all = Object.values(await differences(bytes, run, images, { given: channelsFirst, wanted }));
    apart = Math.max(apart, ...all, all.length > 0 ? 0 : Number.POSITIVE_INFINITY);
  }
  return apart;
}

describe('onnxruntime gives Fovea’s numbers for one and three images', () => {
  it.each(Object.entries({ ...classifiers, ...segmenters, ...detectors }))('%s', async (_name, entry) => {
    expect(await worst(entry)).toBeLessThan(1e-4);
  });

  it('RetinaNet and YOLO before NMS', async () => {
    for (const { make, shape } of [detectors.RetinaNet!, detectors.YOLO!]) {
      const model = scattered(make());
      const bytes = await exportOnnx(model, { images: shape }, { nms: 'outside' });
      const run = (images: Tensor): Outcome => {
        const { count } = model.detect!(images) as Record<string, Tensor>;
        return nodeOf(count!)!.inputs;
      };
      const images = { shape, data: noise(shape, 1) };
      const all = await differences(bytes, run, images, { given: channelsFirst, wanted: asTheyAre });
      expect(Object.keys(all).sort()).toEqual(['boxes', 'labels', 'scores']);
      expect(Math.max(...Object.values(all))).toBeLessThan(1e-4);
    }
  });
});
