import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeSafetensors } from '../../src/io/safetensors.ts';
import { DeepLabV3 } from '../../src/models/deeplab.ts';
import { EfficientNet } from '../../src/models/efficientnet.ts';
import { FasterRCNN } from '../../src/models/fasterRcnn.ts';
import { FCN } from '../../src/models/fcn.ts';
import { FCOS } from '../../src/models/fcos.ts';
import { KeypointRCNN } from '../../src/models/keypointRcnn.ts';
import { LRASPP } from '../../src/models/lraspp.ts';
import { MaskRCNN } from '../../src/models/maskRcnn.ts';
import { MobileNetV2 } from '../../src/models/mobilenet.ts';
import { MobileNetV3 } from '../../src/models/mobilenetV3.ts';
import { ResNet } from '../../src/models/resnet.ts';
import { RetinaNet } from '../../src/models/retinanet.ts';
import { SSD } from '../../src/models/ssd.ts';
import type { TorchvisionModel } from '../../src/models/torchvision.ts';
import { VGG } from '../../src/models/vgg.ts';
import { VisionTransformer } from '../../src/models/vit.ts';
import type { Gpu } from '../../src/plan/gpu.ts';
import { checkModel, type ModelKind } from '../../src/verify/models.ts';
import { sharedGpu } from '../sharedGpu.ts';

/** Narrow models of torchvision: test/fixtures/models.py. */
const FOLDER = join(import.meta.dirname, '../fixtures/models');

const build: Record<string, (config: never) => TorchvisionModel> = {
  retinanet: (config) => ({ kind: 'detect', model: new RetinaNet(config), firstLabel: 0 }),
  fcos: (config) => ({ kind: 'detect', model: new FCOS(config), firstLabel: 0 }),
  ssd: (config) => ({ kind: 'detect', model: new SSD(config), firstLabel: 1 }),
  keypointrcnn: (config) => ({ kind: 'detect', model: new KeypointRCNN(config), firstLabel: 1 }),
  fasterrcnn: (config) => ({ kind: 'detect', model: new FasterRCNN(config), firstLabel: 1 }),
  maskrcnn: (config) => ({ kind: 'detect', model: new MaskRCNN(config), firstLabel: 1 }),
  fcn: (config) => ({ kind: 'segment', model: new FCN(config) }),
  deeplab: (config) => ({ kind: 'segment', model: new DeepLabV3(config) }),
  lraspp: (config) => ({ kind: 'segment', model: new LRASPP(config) }),
  resnet: (config) => ({ kind: 'classify', model: new ResNet(config) }),
  mobilenet: (config) => ({ kind: 'classify', model: new MobileNetV2(config) }),
  mobilenetV3: (config) => ({ kind: 'classify', model: new MobileNetV3(config) }),
  efficientnet: (config) => ({ kind: 'classify', model: new EfficientNet(config) }),
  vgg: (config) => ({ kind: 'classify', model: new VGG(config) }),
  vit: (config) => ({ kind: 'classify', model: new VisionTransformer(config) }),
};

/** What narrow models keep to. */
const NARROW = { output: 1e-5, loss: 1e-5, gradient: 1e-3 };

interface CaseFile {
  readonly weights: string;
  readonly architecture: string;
  readonly kind: ModelKind;
  readonly config: never;
  readonly images: number;
}

function load(name: string) {
  const file = JSON.parse(readFileSync(join(FOLDER, name, 'case.json'), 'utf8')) as CaseFile;
  const read = (folder: string, part: string) => {
    const path = join(FOLDER, folder, `${part}.safetensors`);
    return decodeSafetensors(new Uint8Array(readFileSync(path)), path).tensors;
  };
  return {
    file,
    parts: {
      name,
      kind: file.kind,
      images: file.images,
      weights: read(file.weights, 'weights'),
      inputs: new Map([...read(file.weights, 'inputs'), ...read(name, 'inputs')]),
      expected: read(name, 'expected'),
    },
  };
}

describe('models against torchvision', () => {
  let gpu: Gpu;
  beforeAll(async () => {
    gpu = await sharedGpu();
  });
  afterAll(() => gpu.dispose());

  for (const name of readdirSync(FOLDER).filter((entry) => existsSync(join(FOLDER, entry, 'case.json')))) {
    it(name, async ({ annotate }) => {
      const { file, parts } = load(name);
      const { problem, summary } = await checkModel(
        gpu,
        parts,
        build[file.architecture]!(file.config),
        NARROW,
      );
      await annotate(summary);
      expect(problem).toBe('');
    });
  }

  it('finds a weight that is off', async () => {
    const { file, parts } = load('resnet-eval');
    const weights = new Map(parts.weights);
    const fc = weights.get('fc.weight')!;
    const data = Float32Array.from(fc.data);
    data[3]! += 0.1;
    weights.set('fc.weight', { ...fc, data });
    const { problem, ok } = await checkModel(
      gpu,
      { ...parts, weights },
      build[file.architecture]!(file.config),
    );
    expect(ok).toBe(false);
    expect(problem).toMatch(/^out differs by/);
  });

  it('finds a loss and a gradient that are off', async () => {
    const { file, parts } = load('retinanet-train');
    const expected = new Map(parts.expected);
    for (const key of ['loss.classification', 'grad_norm.backbone.body.conv1.weight']) {
      const value = expected.get(key)!;
      expected.set(key, { ...value, data: Float32Array.of(value.data[0]! * 1.02) });
    }
    const { problem } = await checkModel(gpu, { ...parts, expected }, build[file.architecture]!(file.config));
    expect(problem).toMatch(/loss\.classification is .*; grad_norm\.backbone\.body\.conv1\.weight is/);
  });
});
