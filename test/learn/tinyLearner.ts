import { crossEntropy } from '../../src/graph/functions/losses.ts';
import { mean } from '../../src/graph/functions/reduce.ts';
import type { Tensor } from '../../src/graph/tensor.ts';
import { accuracy, type Batch, Learner, type LearnerOptions, type Task } from '../../src/learn/index.ts';
import { Linear } from '../../src/nn/layers.ts';
import { Module } from '../../src/nn/module.ts';
import { generator } from '../../src/nn/random.ts';
import type { Gpu } from '../../src/plan/gpu.ts';
import { Random } from '../../src/vision/random.ts';

/** A point in the plane, near the middle of its class. */
export interface PointItem {
  readonly name: string;
  readonly point: readonly [number, number];
  readonly label: number;
}

export interface PointBatch extends Batch {
  readonly points: { data: Float32Array; shape: number[] };
  readonly labels: { data: Int32Array; shape: number[] };
}

export class PointNet extends Module {
  fc = new Linear(2, 3, { generator: generator(7) });

  forward(points: Tensor): Tensor {
    return this.fc.forward(points);
  }
}

const MIDDLES = [
  [0, 0],
  [2, 0],
  [0, 2],
] as const;

/** Points of three classes, which overlap. */
export function pointItems(count: number, seed: string): PointItem[] {
  const random = new Random(seed);
  return Array.from({ length: count }, (_, n) => {
    const label = n % 3;
    const [x, y] = MIDDLES[label]!;
    return { name: `${seed} ${n}`, point: [x + random.normal(), y + random.normal()], label };
  });
}

export const pointTask: Task<PointItem, PointNet, PointBatch> = {
  collate: (taken) => ({
    points: { data: Float32Array.from(taken.flatMap(({ point }) => point)), shape: [taken.length, 2] },
    labels: { data: Int32Array.from(taken, ({ label }) => label), shape: [taken.length] },
  }),
  losses: (model, { points, labels }) => mean(crossEntropy(model.forward(points), labels)),
  predict: (model, { points }) => ({ logits: model.forward(points) }),
  metrics: () => ({ accuracy: accuracy() }),
  nameOf: ({ name }) => name,
};

/** A Learner of a linear classifier of points: 15 to learn from in batches of 4, 10 to be judged by. */
export const tinyLearner = (
  gpu: Gpu,
  options: Partial<LearnerOptions<PointItem, PointNet, PointBatch>> = {},
): Learner<PointItem, PointNet, PointBatch> =>
  new Learner(gpu, {
    model: new PointNet(),
    task: pointTask,
    train: pointItems(15, 'train'),
    valid: pointItems(10, 'valid'),
    batchSize: 4,
    seed: 1,
    ...options,
  });
