import { expect } from 'vitest';
import type { Batch } from '../../src/data/loader.ts';
import { relu } from '../../src/graph/functions/elementwise.ts';
import { crossEntropy } from '../../src/graph/functions/losses.ts';
import { mean } from '../../src/graph/functions/reduce.ts';
import type { Tensor } from '../../src/graph/tensor.ts';
import { accuracy, Learner, type LearnerOptions, type Task } from '../../src/learn/index.ts';
import { Dropout } from '../../src/nn/dropout.ts';
import { Conv2d, Linear } from '../../src/nn/layers.ts';
import { Module } from '../../src/nn/module.ts';
import { BatchNorm2d } from '../../src/nn/norms.ts';
import { generator } from '../../src/nn/random.ts';
import type { Gpu } from '../../src/plan/gpu.ts';
import { Random } from '../../src/vision/random.ts';

/** A convolution with batch norm as the body, dropout and a linear layer as the head. */
export class Net extends Module {
  features = [new Conv2d(3, 8, 3, { padding: 1, generator: generator(1) }), new BatchNorm2d(8)] as const;
  dropout = new Dropout(0.2, { seed: 5 });
  fc = new Linear(8, 2, { generator: generator(2) });

  forward(images: Tensor): Tensor {
    const [conv, norm] = this.features;
    return this.fc.forward(
      this.dropout.forward(mean(relu(norm.forward(conv.forward(images))), { dim: [1, 2] })),
    );
  }
}

export interface Item {
  readonly pixels: Float32Array;
  readonly label: number;
}

const SIDE = 6;

/** Noise that is redder for class 1. */
export function items(count: number, seed: string): Item[] {
  const random = new Random(seed);
  return Array.from({ length: count }, (_, n) => {
    const label = n % 2;
    const pixels = Float32Array.from(
      { length: SIDE * SIDE * 3 },
      (_, i) => random.uniform() + (i % 3 === 0 && label === 1 ? 0.5 : 0),
    );
    return { pixels, label };
  });
}

export interface ColourBatch extends Batch {
  readonly images: { data: Float32Array; shape: number[] };
  readonly labels: { data: Int32Array; shape: number[] };
}

/** Batches with noise that depends on the generator of the batch. */
export const task: Task<Item, Net, ColourBatch> = {
  collate(taken, { random }) {
    const size = SIDE * SIDE * 3;
    const data = new Float32Array(taken.length * size);
    taken.forEach(({ pixels }, n) => {
      pixels.forEach((value, i) => {
        data[n * size + i] = value + 0.1 * random.normal();
      });
    });
    return {
      images: { data, shape: [taken.length, SIDE, SIDE, 3] },
      labels: { data: Int32Array.from(taken, ({ label }) => label), shape: [taken.length] },
    };
  },
  losses: (model, { images, labels }) => mean(crossEntropy(model.forward(images), labels)),
  predict: (model, { images }) => ({ logits: model.forward(images) }),
  metrics: () => ({ accuracy: accuracy() }),
  nameOf: ({ label }) => `item of class ${label}`,
};

/** A Learner of the classes of 20 small images in batches of 4, judged by 10 others. */
export const colourLearner = (
  gpu: Gpu,
  options: Partial<LearnerOptions<Item, Net, ColourBatch>> = {},
): Learner<Item, Net, ColourBatch> =>
  new Learner(gpu, {
    model: new Net(),
    task,
    train: items(20, 'train'),
    valid: items(10, 'valid'),
    batchSize: 4,
    seed: 3,
    ...options,
  });

/** The weights of a Learner's model, and its running statistics. */
export async function weightsOf({ gpu, model }: { gpu: Gpu; model: Module }): Promise<Map<string, number[]>> {
  const weights = await model.stateDict((state) => gpu.download(state));
  return new Map([...weights].map(([name, { data }]) => [name, [...data]]));
}

/** Whether the device can train in mixed precision. Where it cannot, a Learner says what to do. */
export function canAmp(gpu: Gpu): boolean {
  if (gpu.device.caps.f16) return true;
  expect(() => colourLearner(gpu, { amp: true })).toThrow(
    'Learner: amp needs shader-f16, which the device lacks (SwiftShader does, lavapipe has it); leave out amp',
  );
  return false;
}
