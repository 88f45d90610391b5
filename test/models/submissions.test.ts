import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { backward } from '../../src/graph/backward.ts';
import { add } from '../../src/graph/functions/elementwise.ts';
import { concat } from '../../src/graph/functions/shape.ts';
import { type Tensor, tensor, zeros } from '../../src/graph/tensor.ts';
import { AdamW } from '../../src/nn/optimizers.ts';
import type { Gpu } from '../../src/plan/gpu.ts';
import type { Results, Step } from '../../src/plan/step.ts';
import { architectureOf, type ModelName } from '../../src/tasks/architectures.ts';
import { classificationLosses } from '../../src/tasks/classTask.ts';
import { buildModel } from '../../src/tasks/modelFile.ts';
import {
  classification,
  detection,
  detectionLosses,
  isClassifier,
  isDetector,
  type Program,
  segmentation,
  segmentationLosses,
} from '../../src/tasks/step.ts';
import { callsDuring } from '../plan/counting.ts';
import { values } from '../plan/graphs.ts';
import { sharedGpu } from '../sharedGpu.ts';

let gpu: Gpu;
beforeAll(async () => {
  // Each operation by itself, as FOVEA_VALIDATE runs them, is many submissions.
  gpu = await sharedGpu({ validate: false });
});
afterAll(() => gpu?.dispose());

const SIDE = 64;
const BOXES = 2;

/** A small model, as `fovea train --model NAME` makes it for two classes, and one of regions where the model has some. */
function small(name: ModelName) {
  const { defaultConfig, numStuff } = architectureOf(name);
  const config = defaultConfig({ numClasses: numStuff ? 3 : 2, width: 4, cropSize: SIDE });
  const model = buildModel(name, config, 0);
  return { model, optimizer: new AdamW(model.parameters(), { lr: 0.01, clipNorm: 10 }) };
}

const images = (): Tensor =>
  tensor(
    values('images', [1, SIDE, SIDE, 3]).map((value) => 0.5 + value / 8),
    [1, SIDE, SIDE, 3],
  );

/** What a training step takes: two objects, the first of the first class. */
function inputsOf(name: ModelName, { model }: ReturnType<typeof small>, seed = 1): Tensor[] {
  const { needsSeed, hasMasks, numStuff } = architectureOf(name);
  if (isClassifier(model)) return [images(), tensor(Int32Array.of(1), [1])];
  if (!isDetector(model)) {
    const labels = Int32Array.from({ length: SIDE * SIDE }, (_, i) => (i % SIDE < 20 ? 1 : 0));
    return [images(), tensor(labels, [1, SIDE, SIDE])];
  }
  const mask = Float32Array.from({ length: BOXES * SIDE * SIDE }, (_, i) => Number(i % SIDE < 30));
  return [
    images(),
    zeros([1, 1, 4]),
    tensor([4, 8, 30, 40, 28, 20, 60, 52], [1, BOXES, 4]),
    tensor(Int32Array.of(0, 1), [1, BOXES]),
    tensor(Int32Array.of(BOXES), [1]),
    ...(needsSeed ? [tensor(Int32Array.of(seed), [])] : []),
    ...(hasMasks ? [tensor(mask, [1, BOXES, SIDE, SIDE])] : []),
    ...(numStuff ? [tensor(Int32Array.from(mask.subarray(0, SIDE * SIDE)), [1, SIDE, SIDE])] : []),
  ];
}

/** A step of training: the losses one after the other, and last the norm of their gradients. */
const trainingStep =
  ({ model, optimizer }: ReturnType<typeof small>) =>
  (...[x, ...targets]: Tensor[]): { losses: Tensor } => {
    const lossesOf = (): Readonly<Record<string, Tensor>> => {
      if (isClassifier(model)) return classificationLosses(model, { images: x!, labels: targets[0]! });
      if (!isDetector(model)) return segmentationLosses(model, { images: x!, labels: targets[0]! });
      const [ignored, boxes, labels, counts, seed, masks, semantic] = targets as [
        Tensor,
        Tensor,
        Tensor,
        Tensor,
        Tensor?,
        Tensor?,
        Tensor?,
      ];
      const more = {
        ...(seed ? { seed } : {}),
        ...(masks ? { masks } : {}),
        ...(semantic ? { semantic } : {}),
      };
      return detectionLosses(model, { images: x!, ignored, boxes, labels, counts, ...more });
    };
    const parts = Object.values(lossesOf());
    backward(parts.reduce((a, b) => add(a, b)));
    const all = [...parts, optimizer.step().gradNorm].map((value) => value.reshape([1]));
    return { losses: concat(all, 0) };
  };

/** A prepared call submits once and maps nothing; reading a result maps it. */
async function expectOneSubmission(step: Step<Record<string, Tensor>>, inputs: Tensor[]) {
  await step.prepare(inputs);
  // The first brings the weights to the device, the second finds them there.
  for (const _ of [1, 2]) {
    let results: Awaited<ReturnType<typeof step>> = {};
    const calls = await callsDuring(gpu, async () => {
      results = await step(...inputs);
    });
    expect(calls).toMatchObject({ submit: 1, createCommandEncoder: 1, finish: 1 });
    expect(Object.keys(calls)).not.toContain('mapAsync');
    expect(Object.keys(calls)).not.toContain('createBuffer');
    const [result] = Object.values(results);
    expect(await callsDuring(gpu, () => result!.data())).toMatchObject({ mapAsync: 1, submit: 1 });
  }
}

describe.each([
  'retinanet',
  'fasterrcnn',
  'maskrcnn',
  'panopticfpn',
  'yolov3-tiny',
  'yolo-fastest',
  'unet',
  'fcn',
  'vit',
  'resnet',
  'resnet-cifar',
] as const)('%s', (name) => {
  it('trains a step in one submission, and nothing comes back before it is read', async () => {
    const made = small(name);
    const step = gpu.capture(trainingStep(made));
    await expectOneSubmission(step, inputsOf(name, made));
    step.dispose();
  });

  it('infers in one submission, and nothing comes back before it is read', async () => {
    const { model } = small(name);
    model.eval();
    const program: Program<Results> = isDetector(model)
      ? detection(model, {})
      : isClassifier(model)
        ? classification(model)
        : segmentation(model);
    const step = gpu.capture(program);
    await expectOneSubmission(step, [images()]);
    step.dispose();
  });
});

describe.each(['fasterrcnn', 'maskrcnn'] as const)('%s', (name) => {
  it('takes the same step twice to the same bits, and another one for another seed', async () => {
    const made = small(name);
    const { model, optimizer } = made;
    const state = async () => ({
      weights: await model.stateDict((value) => gpu.download(value)),
      moments: await optimizer.stateDict((value) => gpu.download(value)),
    });
    const start = await state();
    const step = gpu.capture(trainingStep(made));
    const stepped = async (seed: number) => {
      model.loadStateDict(start.weights);
      optimizer.loadStateDict(start.moments);
      const losses = (await (await step(...inputsOf(name, made, seed))).losses.data()) as Float32Array;
      const { weights, moments } = await state();
      const entries = [...weights, ...moments].map(([key, { data }]) => [key, bits(data)] as const);
      return new Map([...entries, ['losses', bits(losses)]]);
    };
    const first = await stepped(1);
    expect(await stepped(1)).toEqual(first);
    const other = await stepped(2);
    expect(other.get('losses')).not.toEqual(first.get('losses'));
    const unmoved = [...start.weights].filter(([key, { data }]) => same(first.get(key)!, bits(data)));
    expect(unmoved.map(([key]) => key)).toEqual([]);
    step.dispose();
  });
});

const bits = ({ buffer, byteOffset, byteLength }: Float32Array): Uint32Array =>
  new Uint32Array(buffer.slice(byteOffset, byteOffset + byteLength));

const same = (a: Uint32Array, b: Uint32Array): boolean => a.every((value, i) => value === b[i]);
