import { describe, expect, it } from 'vitest';
import { BatchSource } from '../../src/data/dataset.ts';
import { UsageError } from '../../src/errors.ts';
import { zeros } from '../../src/graph/tensor.ts';
import * as models from '../../src/models/index.ts';
import * as nn from '../../src/nn/index.ts';

/** Options with one that nothing has; of any type, as JavaScript passes them. */
const mistake = { paddding: 1 } as never;

const sgd = () => [new nn.Linear(2, 2)].flatMap((layer) => layer.parameters());

/** Everything of fovea/nn and fovea/models that takes options, called with one that it does not have. */
const calls: Readonly<Record<string, () => unknown>> = {
  Adam: () => new nn.Adam(sgd(), mistake),
  AdamW: () => new nn.AdamW(sgd(), mistake),
  EMA: () => new nn.EMA(sgd(), mistake),
  GradScaler: () => new nn.GradScaler(mistake),
  RMSprop: () => new nn.RMSprop(sgd(), mistake),
  Lion: () => new nn.Lion(sgd(), mistake),
  SGD: () => new nn.SGD(sgd(), mistake),
  AvgPool2d: () => new nn.AvgPool2d(2, mistake),
  MaxPool2d: () => new nn.MaxPool2d(2, mistake),
  Upsample: () => new nn.Upsample({ scaleFactor: 2, paddding: 1 } as never),
  BatchNorm2d: () => new nn.BatchNorm2d(4, mistake),
  FrozenBatchNorm2d: () => new nn.FrozenBatchNorm2d(4, mistake),
  GroupNorm: () => new nn.GroupNorm(2, 4, mistake),
  LayerNorm: () => new nn.LayerNorm(4, mistake),
  Conv2d: () => new nn.Conv2d(3, 8, 3, mistake),
  ConvTranspose2d: () => new nn.ConvTranspose2d(3, 8, 3, mistake),
  Linear: () => new nn.Linear(3, 8, mistake),
  Embedding: () => new nn.Embedding(3, 8, mistake),
  MultiheadAttention: () => new nn.MultiheadAttention(8, 2, mistake),
  Dropout: () => new nn.Dropout(0.5, mistake),
  Dropout2d: () => new nn.Dropout2d(0.5, mistake),
  StochasticDepth: () => new nn.StochasticDepth(0.5, 'row', mistake),
  normal: () => nn.normal([2], mistake),
  kaimingNormal: () => nn.kaimingNormal([2], { fan: 2, paddding: 1 } as never),
  warmupCosine: () => nn.warmupCosine({ lr: 1, steps: 9, paddding: 1 } as never),
  oneCycle: () => nn.oneCycle({ maxLr: 1, steps: 9, paddding: 1 } as never),
  flatCos: () => nn.flatCos({ lr: 1, steps: 9, paddding: 1 } as never),
  cosineRestarts: () => nn.cosineRestarts({ lr: 1, t0: 9, paddding: 1 } as never),
  cyclical: () => nn.cyclical({ baseLr: 0, maxLr: 1, paddding: 1 } as never),
  stepDecay: () => nn.stepDecay({ lr: 1, stepSize: 9, paddding: 1 } as never),
  multiStepDecay: () => nn.multiStepDecay({ lr: 1, milestones: [], paddding: 1 } as never),
  exponentialDecay: () => nn.exponentialDecay({ lr: 1, gamma: 1, paddding: 1 } as never),
  polynomialDecay: () => nn.polynomialDecay({ lr: 1, steps: 9, paddding: 1 } as never),
  warmup: () => nn.warmup(nn.stepDecay({ lr: 1, stepSize: 9 }), { steps: 1, paddding: 1 } as never),
  ReduceLROnPlateau: () => new nn.ReduceLROnPlateau({ lr: 1 }, mistake),

  RetinaNet: () => new models.RetinaNet({ numClasses: 2, paddding: 1 } as never),
  retinanet: () => models.retinanet('resnet18', { numClasses: 2, paddding: 1 } as never),
  expectedScore: () => models.expectedScore(zeros([1, 2, 2, 2]), zeros([1, 2, 2]), mistake),
  FCOS: () => new models.FCOS({ numClasses: 2, paddding: 1 } as never),
  fcos: () => models.fcos('resnet18', { numClasses: 2, paddding: 1 } as never),
  SSD: () => new models.SSD({ numClasses: 2, paddding: 1 } as never),
  ssd300: () => models.ssd300({ numClasses: 2, paddding: 1 } as never),
  ssdlite320: () => models.ssdlite320({ numClasses: 2, paddding: 1 } as never),
  FasterRCNN: () => new models.FasterRCNN({ numClasses: 2, paddding: 1 } as never),
  fasterrcnn: () => models.fasterrcnn('resnet18', { numClasses: 2, paddding: 1 } as never),
  KeypointRCNN: () => new models.KeypointRCNN({ numClasses: 2, paddding: 1 } as never),
  keypointrcnn: () => models.keypointrcnn('resnet18', { numClasses: 2, paddding: 1 } as never),
  MaskRCNN: () => new models.MaskRCNN({ numClasses: 2, paddding: 1 } as never),
  maskrcnn: () => models.maskrcnn('resnet18', { numClasses: 2, paddding: 1 } as never),
  PanopticFPN: () => new models.PanopticFPN({ numClasses: 2, numStuff: 1, paddding: 1 } as never),
  panopticFpn: () => models.panopticFpn('resnet18', { numClasses: 2, numStuff: 1, paddding: 1 } as never),
  UNet: () => new models.UNet({ numClasses: 2, paddding: 1 } as never),
  DynamicUNet: () => new models.DynamicUNet({ numClasses: 2, paddding: 1 } as never),
  DeepLabV3: () => new models.DeepLabV3({ numClasses: 2, paddding: 1 } as never),
  deeplabv3: () => models.deeplabv3('resnet18', { numClasses: 2, paddding: 1 } as never),
  LRASPP: () => new models.LRASPP({ numClasses: 2, paddding: 1 } as never),
  lraspp: () => models.lraspp({ numClasses: 2, paddding: 1 } as never),
  FCN: () => new models.FCN({ numClasses: 2, paddding: 1 } as never),
  fcn: () => models.fcn('resnet18', { numClasses: 2, paddding: 1 } as never),
  VisionTransformer: () => new models.VisionTransformer({ numClasses: 2, paddding: 1 } as never),
  ViTSegmenter: () => new models.ViTSegmenter({ numClasses: 2, paddding: 1 } as never),
  vitB16: () => models.vitB16(mistake),
  MobileNetV2: () => new models.MobileNetV2(mistake),
  mobilenetV2: () => models.mobilenetV2(mistake),
  MobileNetV3: () => new models.MobileNetV3({ variant: 'large', paddding: 1 } as never),
  mobilenetV3Large: () => models.mobilenetV3Large(mistake),
  mobilenetV3Small: () => models.mobilenetV3Small(mistake),
  EfficientNet: () => new models.EfficientNet(mistake),
  efficientnetB0: () => models.efficientnetB0(mistake),
  VGG: () => new models.VGG(mistake),
  vgg16: () => models.vgg16(mistake),
  ResNet: () => new models.ResNet({ ...models.RESNETS.resnet18, paddding: 1 } as never),
  CifarResNet: () => new models.CifarResNet(mistake),
  resnet20: () => models.resnet20(mistake),
  resnet18: () => models.resnet18(mistake),
  resnet34: () => models.resnet34(mistake),
  resnet50: () => models.resnet50(mistake),
  resnet101: () => models.resnet101(mistake),
  resnet152: () => models.resnet152(mistake),
  resnext50: () => models.resnext50(mistake),
  YOLO: () => new models.YOLO({ cfg: '', paddding: 1 } as never),
  yolov3: () => models.yolov3({ numClasses: 2, paddding: 1 } as never),
  yoloFastest: () => models.yoloFastest({ numClasses: 2, paddding: 1 } as never),
  yoloFastestCfg: () => models.yoloFastestCfg({ numClasses: 2, paddding: 1 } as never),
  yolov3Tiny: () => models.yolov3Tiny({ numClasses: 2, paddding: 1 } as never),
  yolov3Cfg: () => models.yolov3Cfg({ numClasses: 2, paddding: 1 } as never),
  testTimeAugmentation: () => models.testTimeAugmentation({ detect: () => ({}) } as never, mistake),
  yolov3TinyCfg: () => models.yolov3TinyCfg({ numClasses: 2, paddding: 1 } as never),
};

/** What takes no options. */
const WITHOUT = [
  ...['AdaptiveAvgPool2d', 'Buffer', 'Flatten', 'GELU', 'Identity', 'LeakyReLU', 'Module', 'ModuleDict'],
  ...['ModuleList', 'Parameter', 'RandomState', 'ReLU', 'Sequential', 'SiLU', 'Sigmoid', 'Softmax', 'Tanh'],
  ...['accumulate', 'Optimizer', 'OptimizerGroup', 'constant', 'generator', 'manualSeed'],
  ...['createFeatureExtractor', 'decodeDarknetWeights', 'imageMasks', 'normalizeImages', 'parseDarknetCfg'],
  'torchvisionModel',
];

describe('an option that does not exist is refused', () => {
  it.each(Object.entries(calls))('%s', (_name, call) => {
    expect(call).toThrow(UsageError);
    expect(call).toThrow(/^\w+: takes \[.*\], got \[.*paddding.*\]/);
  });

  it('by everything of fovea/nn and fovea/models that is called', () => {
    const called = Object.entries({ ...nn, ...models }).filter(([, value]) => typeof value === 'function');
    const unknown = called
      .map(([name]) => name)
      .filter((name) => !(name in calls) && !WITHOUT.includes(name));
    expect(unknown).toEqual([]);
  });

  it('and the name that is meant is told', () => {
    expect(calls.Conv2d).toThrow(
      'Conv2d: takes [bias,std,generator,stride,padding,dilation,groups], got [paddding]; did you mean padding?',
    );
    expect(() => new nn.SGD(sgd(), { momentun: 0.9 } as never)).toThrow('did you mean momentum?');
  });

  it('in parts of a configuration', () => {
    const rpn = { numClasses: 2, rpn: { batchSize: 3 } };
    expect(() => new models.FasterRCNN(rpn as never)).toThrow('did you mean batchSizePerImage?');
    const mask = { numClasses: 2, mask: { widht: 3 } };
    expect(() => new models.MaskRCNN(mask as never)).toThrow('MaskRCNN: mask: takes [');
    expect(() => new models.FasterRCNN(mask as never)).toThrow('FasterRCNN: takes [');
  });

  it('by batches', () => {
    const options = { task: 'detect', size: [8, 8], seed: 0, batchSize: 1, classNames: [], batchsize: 2 };
    expect(() => new BatchSource([], options as never)).toThrow('did you mean batchSize?');
  });

  it('that are no object', () => {
    expect(() => new nn.Conv2d(3, 8, 3, 1 as never)).toThrow(
      'Conv2d: options are 1; give an object with bias',
    );
  });
});

describe('a generator', () => {
  it.each([
    'Conv2d',
    'Linear',
    'Embedding',
    'ConvTranspose2d',
    'MultiheadAttention',
  ] as const)('that is a number is refused by %s', (name) => {
    const options = { generator: 3 } as never;
    const make = {
      Conv2d: () => new nn.Conv2d(3, 8, 3, options),
      Linear: () => new nn.Linear(3, 8, options),
      Embedding: () => new nn.Embedding(3, 8, options),
      ConvTranspose2d: () => new nn.ConvTranspose2d(3, 8, 3, options),
      MultiheadAttention: () => new nn.MultiheadAttention(8, 2, options),
    };
    expect(make[name]).toThrow(UsageError);
    expect(make[name]).toThrow(`${name}: generator is 3; make one with generator(seed)`);
  });

  it('is refused by models too', () => {
    expect(() => new models.UNet({ numClasses: 2, generator: 3 } as never)).toThrow('UNet: generator is 3');
    expect(() => new nn.Dropout(0.5, { generator: 3 } as never)).toThrow('Dropout: generator is 3');
  });
});
