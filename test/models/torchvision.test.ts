import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ShapeError, StateDictError, UsageError } from '../../src/errors.ts';
import type { Layout } from '../../src/io/layout.ts';
import { DeepLabV3 } from '../../src/models/deeplab.ts';
import { EfficientNet } from '../../src/models/efficientnet.ts';
import { FasterRCNN } from '../../src/models/fasterRcnn.ts';
import { FCN } from '../../src/models/fcn.ts';
import { FCOS } from '../../src/models/fcos.ts';
import { KeypointRCNN } from '../../src/models/keypointRcnn.ts';
import { LRASPP } from '../../src/models/lraspp.ts';
import { MaskRCNN } from '../../src/models/maskRcnn.ts';
import { MobileNetV3 } from '../../src/models/mobilenetV3.ts';
import { ResNet } from '../../src/models/resnet.ts';
import { RetinaNet } from '../../src/models/retinanet.ts';
import { SSD } from '../../src/models/ssd.ts';
import { torchvisionModel } from '../../src/models/torchvision.ts';
import { VGG } from '../../src/models/vgg.ts';
import { VisionTransformer } from '../../src/models/vit.ts';
import type { Module, StateEntry } from '../../src/nn/module.ts';
import type { Shape } from '../../src/shape.ts';

interface Tree {
  readonly [part: string]: Tree | Shape;
}

/** What torchvision says of its models: see state_dicts.py. */
const torchvision = JSON.parse(
  readFileSync(new URL('../fixtures/state_dicts.json', import.meta.url), 'utf8'),
) as Record<
  string,
  {
    readonly arguments: Readonly<Record<string, unknown>>;
    readonly state: Tree;
    readonly renamed?: Readonly<Record<string, string>>;
  }
>;

const flat = (tree: Tree, prefix = ''): [name: string, shape: Shape][] =>
  Object.entries(tree).flatMap(([part, value]): [string, Shape][] =>
    Array.isArray(value) ? [[prefix + part, value as Shape]] : flat(value as Tree, `${prefix}${part}.`),
  );

/** What a model's tensors are called, and the shapes that PyTorch gives them; no weights are drawn. */
function torchShapes(model: Module): Record<string, Shape> {
  const ours = model.namedStates().map(([name, { spec }]) => [name, spec.shape] as const);
  const theirs = [...model.namedParameters()].flatMap(([name, { layout }]) =>
    layout ? [[name, layout.shape] as const] : [],
  );
  return Object.fromEntries([...ours, ...theirs]);
}

const SMALL = { width: 4, depth: [1, 1, 1, 1], block: 'basic', norm: 'frozen' } as const;

const RCNN = {
  backbone: SMALL,
  pyramidWidth: 8,
  numClasses: 2,
  box: { width: 16 },
} as const;

/** Models as torchvision lays them out, with few channels. */
const small = {
  retinanet_resnet18_fpn: (seed = 0) =>
    new RetinaNet({
      backbone: SMALL,
      pyramidWidth: 8,
      extraLevels: 'p6p7',
      headDepth: 4,
      headNorm: 'none',
      numClasses: 2,
      seed,
    }),
  fcos_resnet18_fpn: (seed = 0) =>
    new FCOS({
      backbone: SMALL,
      pyramidWidth: 8,
      extraLevels: 'p6p7',
      headDepth: 4,
      numClasses: 2,
      seed,
    }),
  fasterrcnn_resnet18_fpn: (seed = 0) => new FasterRCNN({ ...RCNN, seed }),
  maskrcnn_resnet18_fpn: (seed = 0) => new MaskRCNN({ ...RCNN, mask: { width: 6, depth: 4 }, seed }),
};
const vit = (seed = 0) =>
  new VisionTransformer({ numLayers: 1, hiddenDim: 8, numHeads: 2, mlpDim: 12, numClasses: 3, seed });

/** Models that have had their names since torchvision has them, with few channels. */
const others = {
  'a Keypoint R-CNN': (seed = 0) =>
    new KeypointRCNN({ ...RCNN, keypoint: { width: 6, numKeypoints: 4 }, seed }),
  'an SSD': (seed = 0) => new SSD({ backbone: { width: 2 }, numClasses: 2, seed }),
  'an SSDlite': (seed = 0) => new SSD({ numClasses: 2, seed }),
  'a Faster R-CNN on a MobileNetV3': (seed = 0) =>
    new FasterRCNN({ ...RCNN, backbone: { variant: 'small', widthMult: 0.1 }, seed }),
  'a DeepLabV3 on a MobileNetV3': (seed = 0) =>
    new DeepLabV3({
      numClasses: 3,
      auxiliary: true,
      width: 8,
      backbone: { variant: 'small', widthMult: 0.1 },
      seed,
    }),
  'an LR-ASPP': (seed = 0) => new LRASPP({ numClasses: 3, seed }),
  'a vision transformer': vit,
  'a ResNeXt': (seed = 0) =>
    new ResNet({ block: 'bottleneck', depth: [1, 1, 1, 1], width: 8, groups: 2, widthPerGroup: 32, seed }),
  'a MobileNetV3': (seed = 0) => new MobileNetV3({ variant: 'small', widthMult: 0.1, numClasses: 3, seed }),
  'an EfficientNet': (seed = 0) => new EfficientNet({ widthMult: 0.1, depthMult: 0.2, numClasses: 3, seed }),
  'a VGG': (seed = 0) => new VGG({ width: 2, hidden: 4, batchNorm: true, numClasses: 3, seed }),
};

const stateOf = (model: Module, layout: Layout = 'fovea'): Promise<Map<string, StateEntry>> =>
  model.stateDict(async ({ initial }) => initial, { layout });

describe('torchvisionModel', () => {
  it.each(Object.entries(torchvision))('%s has the state dict of torchvision’s', (builder, {
    state,
    ...about
  }) => {
    const { model } = torchvisionModel(builder, about.arguments);
    const counted = flat(state).filter(([name]) => !name.endsWith('num_batches_tracked'));
    expect(torchShapes(model)).toEqual(Object.fromEntries(counted));
  });

  it.each([
    'retinanet_resnet18_fpn',
    'fcos_resnet18_fpn',
    'fasterrcnn_resnet18_fpn',
    'maskrcnn_resnet18_fpn',
  ])('%s has torchvision’s defaults, under their names', (builder) => {
    const given = torchvision[builder]!.arguments;
    expect(Object.keys(given).length).toBeGreaterThan(7);
    const { config } = torchvisionModel(builder).model;
    expect(torchvisionModel(builder, given).model.config).toEqual(config);
    // And each of them is heard.
    for (const [name, value] of Object.entries(given)) {
      // Fovea has one threshold for both.
      if (name === 'box_fg_iou_thresh' || name === 'box_bg_iou_thresh') continue;
      const changed = torchvisionModel(builder, { [name]: (value as number) + 1 }).model;
      expect(changed.config, name).not.toEqual(config);
    }
    const image = { image_mean: [0.5, 0.25, 0], image_std: [1, 2, 4] };
    expect(torchvisionModel(builder, image).model.config).toMatchObject({
      normalization: { mean: image.image_mean, std: image.image_std },
    });
  });

  it('has torchvision’s thresholds on a MobileNetV3', () => {
    const rpn = (builder: string) => {
      const { model } = torchvisionModel(builder);
      if (!(model instanceof FasterRCNN)) throw new Error(`${builder} is no Faster R-CNN`);
      return model.config.rpn;
    };
    expect(rpn('fasterrcnn_mobilenet_v3_large_fpn')).toMatchObject({
      scoreThreshold: 0.05,
      preNmsTopN: { training: 2000, testing: 1000 },
    });
    expect(rpn('fasterrcnn_mobilenet_v3_large_320_fpn')).toMatchObject({
      scoreThreshold: 0.05,
      preNmsTopN: { training: 2000, testing: 150 },
    });
  });

  it('counts classes as torchvision does, apart from the background of R-CNNs', () => {
    const classes = (builder: string) =>
      (torchvisionModel(builder, { num_classes: 4 }).model.config as { numClasses: number }).numClasses;
    expect(classes('retinanet_resnet18_fpn')).toBe(4);
    expect(classes('fasterrcnn_resnet18_fpn')).toBe(3);
    expect(classes('maskrcnn_resnet18_fpn')).toBe(3);
    expect(classes('fcn_resnet50')).toBe(4);
    expect(classes('resnet18')).toBe(4);
    expect(classes('vit_b_16')).toBe(4);
    expect(torchvisionModel('fasterrcnn_resnet18_fpn')).toMatchObject({ firstLabel: 1 });
    expect(torchvisionModel('maskrcnn_resnet18_fpn')).toMatchObject({ firstLabel: 1 });
    expect(torchvisionModel('keypointrcnn_resnet18_fpn')).toMatchObject({ firstLabel: 1 });
    expect(torchvisionModel('ssd300_vgg16')).toMatchObject({ firstLabel: 1 });
    expect(classes('ssd300_vgg16')).toBe(3);
    expect(torchvisionModel('retinanet_resnet18_fpn')).toMatchObject({ firstLabel: 0 });
  });

  it.each([
    [
      'resnet19',
      {},
      /^torchvisionModel: no builder "resnet19"; there are resnet18, .*vit_b_16, .*fcn_resnet50/,
    ],
    ['resnet50_fpn', {}, /no builder "resnet50_fpn"/],
    ['fcn_resnet50_fpn', {}, /no builder "fcn_resnet50_fpn"/],
    ['fasterrcnn_resnet50', {}, /no builder "fasterrcnn_resnet50"/],
    ['constructor', {}, /no builder "constructor"/],
    ['resnet18', { num_class: 3 }, /^resnet18: the argument num_class is not supported; leave it out$/],
    ['resnet18', { num_classes: '3' }, /^resnet18: num_classes is "3"; give a number$/],
    [
      'vit_b_16',
      { dropout: 0.1, num_classes: 3 },
      /^vit_b_16: the argument dropout is not supported; leave it out$/,
    ],
    ['fcn_resnet50', { aux_loss: 1 }, /^fcn_resnet50: aux_loss is 1; give true or false$/],
    ['retinanet_resnet50_fpn', { image_mean: [0, 1] }, /image_mean is \[0,1\]; give three numbers$/],
    ['retinanet_resnet50_fpn', { image_std: 1 }, /image_std is 1; give three numbers$/],
    [
      'fasterrcnn_resnet50_fpn',
      { rpn_anchor_generator: {} },
      /the argument rpn_anchor_generator is not supported/,
    ],
    [
      'maskrcnn_resnet50_fpn',
      { box_bg_iou_thresh: 0.3 },
      /box_bg_iou_thresh 0\.3 differs .* 0\.5; give both the same value/,
    ],
  ])('refuses %s with %j', (builder, given, message) => {
    expect(() => torchvisionModel(builder, given)).toThrow(UsageError);
    expect(() => torchvisionModel(builder, given)).toThrow(message);
  });
});

describe('a model', () => {
  it.each([0, 1.5, Number.NaN])('refuses %s classes', (numClasses) => {
    for (const [name, make] of [
      ['FCN', () => new FCN({ numClasses })],
      ['RetinaNet', () => new RetinaNet({ numClasses })],
      ['LRASPP', () => new LRASPP({ numClasses })],
    ] as const) {
      expect(make).toThrow(
        new UsageError(`${name}: numClasses is ${numClasses}; give a whole number of at least 1`),
      );
    }
  });
});

describe('weights in PyTorch’s layouts', () => {
  it.each([
    ...Object.entries(small),
    ...Object.entries(others),
  ])('go out and in again bit for bit: %s', async (_, make) => {
    const [from, to]: Module[] = [make(1), make(2)];
    const want = await stateOf(from!);
    expect(await stateOf(to!)).not.toEqual(want);
    const torch = await stateOf(from!, 'pytorch');
    expect(Object.fromEntries([...torch].map(([name, { shape }]) => [name, shape]))).toEqual(
      torchShapes(from!),
    );
    to!.loadStateDict(torch, { source: 'torch', layout: 'pytorch' });
    expect(await stateOf(to!)).toEqual(want);
  });

  it('have the values where PyTorch has them', async () => {
    const model = small.maskrcnn_resnet18_fpn(3);
    const [ours, torch] = [await stateOf(model), await stateOf(model, 'pytorch')];
    const compared = (name: string, at: (theirs: number[]) => readonly number[]) => {
      const [a, b] = [ours.get(name)!, torch.get(name)!];
      const place = (index: readonly number[], shape: Shape) =>
        index.reduce((i, k, d) => i * shape[d]! + k, 0);
      b.data.forEach((value, i) => {
        const index = b.shape.map((_, d) => {
          const below = b.shape.slice(d + 1).reduce((x, y) => x * y, 1);
          return Math.floor(i / below) % b.shape[d]!;
        });
        expect(value).toBe(a.data[place(at(index), a.shape)]);
      });
    };
    // [O,I,y,x] is [y,x,I,O].
    compared('backbone.body.conv1.weight', ([o, i, y, x]) => [y!, x!, i!, o!]);
    compared('roi_heads.mask_head.0.0.weight', ([o, i, y, x]) => [y!, x!, i!, o!]);
    // A transposed one's [I,O,y,x] is [y,x,O,I].
    compared('roi_heads.mask_predictor.conv5_mask.weight', ([i, o, y, x]) => [y!, x!, o!, i!]);
    compared('roi_heads.box_predictor.cls_score.weight', ([o, i]) => [i!, o!]);
    // 8 channels of 7x7 cells: [C,H,W] there, [H,W,C] here.
    compared('roi_heads.box_head.fc6.weight', ([o, i]) => [(i! % 49) * 8 + Math.floor(i! / 49), o!]);
    compared('roi_heads.box_head.fc6.bias', ([o]) => [o!]);
  });

  it.each(
    Object.entries(small),
  )('load under the names before torchvision 0.13: %s', async (builder, make) => {
    const [from, to] = [make(1), make(2)];
    const renamed = torchvision[builder]!.renamed!;
    const torch = await stateOf(from, 'pytorch');
    expect([...torch.keys()]).toEqual(expect.arrayContaining(Object.keys(renamed)));
    const old = new Map([...torch].map(([name, entry]) => [renamed[name] ?? name, entry]));
    to.loadStateDict(old, { source: 'old', layout: 'pytorch' });
    expect(await stateOf(to)).toEqual(await stateOf(from));
    // Only there: Fovea's own files never had them.
    const own = new Map([...(await stateOf(from))].map(([name, entry]) => [renamed[name] ?? name, entry]));
    expect(() => to.loadStateDict(own, { source: 'own' })).toThrow(StateDictError);
  });

  it('load without the counters of batch norms', async () => {
    const make = (seed: number) =>
      new RetinaNet({ backbone: { ...SMALL, norm: 'batch' }, numClasses: 1, seed });
    const [from, to] = [make(1), make(2)];
    const torch = await stateOf(from, 'pytorch');
    const counter = { shape: [], data: Int32Array.of(7) };
    const counted = new Map<string, StateEntry | typeof counter>([
      ...torch,
      ...[...torch.keys()]
        .filter((name) => name.endsWith('running_var'))
        .map((name) => [name.replace('running_var', 'num_batches_tracked'), counter] as const),
    ]);
    expect(counted.size).toBeGreaterThan(torch.size + 8);
    to.loadStateDict(counted, { source: 'torch', layout: 'pytorch' });
    expect(await stateOf(to)).toEqual(await stateOf(from));
    expect(() => to.loadStateDict(counted, { source: 'torch', layout: 'fovea' })).toThrow(
      /unexpected keys: .*num_batches_tracked/,
    );
  });

  describe('that do not fit change nothing', () => {
    const refused = async (
      change: (torch: Map<string, StateEntry>) => void,
      error: typeof ShapeError | typeof StateDictError,
      message: RegExp,
    ) => {
      const [from, to] = [small.fasterrcnn_resnet18_fpn(1), small.fasterrcnn_resnet18_fpn(2)];
      const before = await stateOf(to);
      const torch = await stateOf(from, 'pytorch');
      change(torch);
      const load = () => to.loadStateDict(torch, { source: 'x.pth', layout: 'pytorch' });
      expect(load).toThrow(error);
      expect(load).toThrow(message);
      expect(await stateOf(to)).toEqual(before);
    };
    const conv = 'backbone.body.conv1.weight';

    it('with a missing and an unexpected key', async () => {
      await refused(
        (torch) => {
          torch.set('roi_heads.more', torch.get(conv)!);
          torch.delete('rpn.head.cls_logits.bias');
        },
        StateDictError,
        /^x\.pth: these weights belong to another architecture; missing keys: rpn\.head\.cls_logits\.bias; unexpected keys: roi_heads\.more$/,
      );
    });

    it('of another width', async () => {
      await refused(
        (torch) => torch.set(conv, { dtype: 'f32', shape: [8, 6, 7, 7], data: new Float32Array(2352) }),
        ShapeError,
        /^x\.pth: backbone\.body\.conv1\.weight is \[8,6,7,7\], the model’s is \[4,3,7,7\]; use the width and depth that it was trained with$/,
      );
    });

    it('in Fovea’s layouts', async () => {
      await refused(
        (torch) => torch.set(conv, { ...torch.get(conv)!, shape: [7, 7, 3, 4] }),
        ShapeError,
        /conv1\.weight is \[7,7,3,4\], the model’s is \[4,3,7,7\]; that is the layout of Fovea: load it with layout 'fovea'$/,
      );
    });

    it('in PyTorch’s, taken for Fovea’s', async () => {
      const model = small.fasterrcnn_resnet18_fpn();
      const torch = await stateOf(model, 'pytorch');
      expect(() => model.loadStateDict(torch, { source: 'x.pth', layout: 'fovea' })).toThrow(
        /^x\.pth: backbone\.body\.conv1\.weight is \[4,3,7,7\], the model’s is \[7,7,3,4\]; that is the layout of PyTorch: load it with layout 'pytorch'$/,
      );
    });
  });
});
