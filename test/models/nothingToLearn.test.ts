import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { backward } from '../../src/graph/backward.ts';
import { add } from '../../src/graph/functions/elementwise.ts';
import { crossEntropy } from '../../src/graph/functions/losses.ts';
import { full, type Tensor, tensor, zeros } from '../../src/graph/tensor.ts';
import { FCN } from '../../src/models/fcn.ts';
import { MaskRCNN } from '../../src/models/maskRcnn.ts';
import { PanopticFPN } from '../../src/models/panopticFpn.ts';
import { SMALL_RESNET } from '../../src/models/resnet.ts';
import { UNet } from '../../src/models/unet.ts';
import type { Module } from '../../src/nn/module.ts';
import type { Gpu } from '../../src/plan/gpu.ts';
import { ARCHITECTURES, MODEL_NAMES, type ModelName } from '../../src/tasks/architectures.ts';
import { buildModel } from '../../src/tasks/modelFile.ts';
import { isClassifier, isDetector } from '../../src/tasks/step.ts';
import { sharedGpu } from '../sharedGpu.ts';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});
afterAll(() => gpu?.dispose());

const SIDE = 32;
const N = 2;
const IGNORED = 255;
const images = tensor(
  Float32Array.from({ length: N * SIDE * SIDE * 3 }, (_, i) => ((i * 7919) % 256) / 255),
  [N, SIDE, SIDE, 3],
);
const ignored = full([N, SIDE, SIDE], IGNORED, 'i32');
const seed = tensor(Int32Array.of(3), []);
/** Capacity for two objects per image, and none there. */
const nothing = {
  boxes: zeros([N, 2, 4]),
  labels: full([N, 2], -1, 'i32'),
  counts: zeros([N], 'i32'),
  masks: zeros([N, 2, SIDE, SIDE]),
  semantic: ignored,
};

type Losses = Readonly<Record<string, Tensor>>;

/**
 * The value of each loss, and the largest absolute gradient of the sum of those that `counts` picks, or NaN where a gradient is
 * not finite.
 */
async function learn(
  model: Module,
  losses: Losses,
  counts: (name: string) => boolean = () => true,
): Promise<{ values: Record<string, number>; most: number }> {
  const names = Object.keys(losses);
  const weights = model.parameters().map(({ tensor: weight }) => weight);
  const counted = names.filter(counts).map((name) => losses[name]!);
  backward(counted.reduce((a, b) => add(a, b)));
  // A weight that takes no part in a loss has no gradient.
  const gradients = weights.flatMap((weight) => (weight.grad ? [weight.grad] : []));
  for (const weight of weights) weight.grad = undefined;
  expect(gradients).not.toEqual([]);
  const read = await gpu.read(...Object.values(losses), ...gradients);
  const values = Object.fromEntries(names.map((name, i) => [name, read[i]![0]!]));
  const most = read.slice(names.length).reduce((found, gradient) => {
    for (const value of gradient)
      found = Number.isFinite(value) ? Math.max(found, Math.abs(value)) : Number.NaN;
    return found;
  }, 0);
  return { values, most };
}

const build = (name: ModelName) =>
  buildModel(name, ARCHITECTURES[name].defaultConfig({ numClasses: 2, width: 4, cropSize: SIDE }), 1);

const small = { backbone: { ...SMALL_RESNET, width: 4 }, pyramidWidth: 8, numClasses: 2, seed: 1 } as const;

describe('a batch whose pixels are all ignored', () => {
  const segmenters: [string, () => Module & { losses(images: Tensor, masks: Tensor): Losses }][] = [
    ...MODEL_NAMES.filter((name) => ARCHITECTURES[name].task === 'segment').map(
      (name): [string, () => Module & { losses(images: Tensor, masks: Tensor): Losses }] => [
        name,
        () => {
          const model = build(name);
          if (isDetector(model) || isClassifier(model)) throw new Error(`${name} is no segmenter`);
          return model;
        },
      ],
    ),
    ['unet without dice', () => new UNet({ numClasses: 3, width: 4, seed: 1 })],
    [
      'fcn with an auxiliary classifier',
      () => new FCN({ numClasses: 3, backbone: { ...SMALL_RESNET, width: 4 }, auxiliary: true, seed: 1 }),
    ],
  ];
  it.each(segmenters)('costs a %s nothing, and moves nothing', async (_, make) => {
    const model = make();
    const { values, most } = await learn(model, model.losses(images, ignored));
    expect(values).toEqual({ segmentation: 0 });
    expect(most).toBe(0);
  });

  it('costs the semantic branch of a Panoptic FPN nothing', async () => {
    const model = new PanopticFPN({ ...small, numStuff: 2 });
    const losses = model.losses(images, nothing, { seed });
    const { values, most } = await learn(model, losses, (name) => name === 'semantic');
    expect(values.semantic).toBe(0);
    expect(most).toBe(0);
  });

  it('gives NaN from cross_entropy by itself, as PyTorch does', async () => {
    const [loss] = await gpu.read(
      crossEntropy(zeros([2, 3]), full([2], IGNORED, 'i32'), { ignoreIndex: IGNORED }),
    );
    expect(loss![0]).toBeNaN();
  });

  it('with one pixel that counts is the mean over that pixel', async () => {
    const model = new UNet({ numClasses: 3, width: 4, seed: 1 });
    const one = new Int32Array(N * SIDE * SIDE).fill(IGNORED);
    one[77] = 2;
    const [loss, logits] = await gpu.read(
      model.losses(images, tensor(one, [N, SIDE, SIDE])).segmentation,
      model.forward(images),
    );
    const row = Array.from(logits!.subarray(77 * 3, 78 * 3));
    const expected = Math.log(row.reduce((sum, value) => sum + Math.exp(value), 0)) - row[2]!;
    expect(loss![0]).toBeCloseTo(expected, 5);
  });
});

describe('a batch without an object', () => {
  /** What the background alone teaches; the other losses have nothing to learn from. */
  const BACKGROUND = ['classification', 'classifier', 'objectness'];
  const expectFinite = ({ values, most }: { values: Record<string, number>; most: number }) => {
    for (const [name, value] of Object.entries(values)) {
      if (BACKGROUND.includes(name)) expect(value, name).toSatisfy(Number.isFinite);
      else expect(value, name).toBe(0);
    }
    expect(most).toSatisfy(Number.isFinite);
  };
  const detectors = MODEL_NAMES.filter((name) => ARCHITECTURES[name].task === 'detect');
  const lossesOf = (name: ModelName, targets: typeof nothing & { readonly ignored?: Tensor }) => {
    const model = build(name);
    if (!isDetector(model)) throw new Error(`${name} is no detector`);
    const losses: Losses =
      model instanceof MaskRCNN
        ? model.losses(images, targets, { seed })
        : (model.losses as (i: Tensor, t: typeof nothing, o: { seed: Tensor }) => Losses).call(
            model,
            images,
            targets,
            { seed },
          );
    return { model, losses };
  };

  it.each(detectors)('gives a %s finite losses, and none for boxes and masks', async (name) => {
    const { model, losses } = lossesOf(name, nothing);
    expectFinite(await learn(model, losses));
    expect((await learn(model, losses, (loss) => !BACKGROUND.includes(loss))).most).toBe(0);
  });

  it.each(detectors)('whose objects have no area gives a %s finite losses', async (name) => {
    const boxes = tensor(new Float32Array(N * 2 * 4).fill(9), [N, 2, 4]);
    const flat = { ...nothing, boxes, labels: zeros([N, 2], 'i32'), counts: full([N], 2, 'i32') };
    const { model, losses } = lossesOf(name, flat);
    const { values, most } = await learn(model, losses);
    for (const [loss, value] of Object.entries(values)) expect(value, loss).toSatisfy(Number.isFinite);
    expect(most).toSatisfy(Number.isFinite);
  });

  it.each(detectors)('that is to be ignored all over costs a %s nothing, and moves nothing', async (name) => {
    // The second row has no area, and ignores nothing.
    const whole = [0, 0, SIDE, SIDE, 0, 0, 0, 0];
    const ignored = tensor(Float32Array.of(...whole, ...whole), [N, 2, 4]);
    const { model, losses } = lossesOf(name, { ...nothing, ignored });
    const { values, most } = await learn(model, losses);
    for (const [loss, value] of Object.entries(values)) expect(value, loss).toBe(0);
    expect(most).toBe(0);
  });

  it('gives a Panoptic FPN finite losses', async () => {
    const model = new PanopticFPN({ ...small, numStuff: 2 });
    expectFinite(await learn(model, model.losses(images, nothing, { seed })));
  });
});
