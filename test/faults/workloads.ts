/** What users repeat, to find out whether memory grows with it: for `npm run leak`, and in small for the tests. */
import { backward } from '../../src/graph/backward.ts';
import { add, mul, relu } from '../../src/graph/functions/elementwise.ts';
import { mseLoss } from '../../src/graph/functions/losses.ts';
import { matmul, sum } from '../../src/graph/functions/reduce.ts';
import { tensor } from '../../src/graph/tensor.ts';
import { Parameter } from '../../src/nn/module.ts';
import { AdamW } from '../../src/nn/optimizers.ts';
import { type Gpu, openGpu } from '../../src/plan/gpu.ts';

export { openGpu };

/** Counts what a device has made and not yet destroyed. */
export class DeviceLedger {
  readonly #live = new Map<GPUBuffer, number>();
  /** Compute pipelines that were ever made. */
  pipelines = 0;

  constructor(device: GPUDevice) {
    const createBuffer = device.createBuffer.bind(device);
    device.createBuffer = (descriptor) => {
      const buffer = createBuffer(descriptor);
      this.#live.set(buffer, descriptor.size);
      const destroy = buffer.destroy.bind(buffer);
      buffer.destroy = () => {
        this.#live.delete(buffer);
        return destroy();
      };
      return buffer;
    };
    const createPipeline = device.createComputePipelineAsync.bind(device);
    device.createComputePipelineAsync = (descriptor) => {
      this.pipelines++;
      return createPipeline(descriptor);
    };
  }

  get buffers(): number {
    return this.#live.size;
  }

  get bytes(): number {
    return [...this.#live.values()].reduce((total, size) => total + size, 0);
  }
}

/** Repeats itself; `i` counts from 0. */
export type Workload = (i: number) => Promise<void>;

const wave = (length: number, shift: number) =>
  Float32Array.from({ length }, (_, i) => Math.sin(i * 1.7 + shift));

/** Two dense layers, a loss, its gradients and AdamW: a small training step. */
function trainer(gpu: Gpu) {
  const weights = [new Parameter([2, 32], wave(64, 1)), new Parameter([32, 1], wave(32, 2))] as const;
  const optimizer = new AdamW(weights, { lr: 1e-3, clipNorm: 1 });
  const step = gpu.capture((x, y) => {
    const loss = mseLoss(matmul(relu(matmul(x!, weights[0].tensor)), weights[1].tensor), y!);
    backward(loss);
    optimizer.step();
    return { loss };
  });
  const train = (i: number) => step(tensor(wave(32, i), [16, 2]), tensor(wave(16, i), [16, 1]));
  return { train, step };
}

/** A captured training step whose loss is read every so often; 0: never. */
export function training(gpu: Gpu, readEvery: number): Workload {
  const { train } = trainer(gpu);
  return async (i) => {
    const { loss } = await train(i);
    if (readEvery > 0 && i % readEvery === 0) await loss.data();
  };
}

/** Graphs that run once: recorded, lowered, run, read and freed. */
export const uncaptured =
  (gpu: Gpu): Workload =>
  async (i) => {
    const x = tensor(wave(64, i), [8, 8]);
    await gpu.read(sum(mul(x, matmul(x, x))));
    await gpu.run(() => ({ y: relu(add(x, 1)) }));
  };

/** Steps that are captured, run and disposed of; every second capture throws. */
export const capturing =
  (gpu: Gpu): Workload =>
  async (i) => {
    const step = gpu.capture((x) => ({ y: matmul(x!, tensor(wave(64, 0), [8, 8])) }));
    const rows = i % 2 === 0 ? 8 : 7;
    await step(tensor(wave(8 * rows, i), [8, rows])).then(
      ({ y }) => y.data(),
      () => undefined,
    );
    step.dispose();
  };

/** Models that are made, trained for a step and dropped: their states go with the garbage. */
export const models =
  (gpu: Gpu): Workload =>
  async (i) => {
    const { train, step } = trainer(gpu);
    await (await train(i)).loss.data();
    step.dispose();
  };

/** A value that is computed from itself and read, over and over, without a capture. */
export function eager(gpu: Gpu): Workload {
  let x = tensor(wave(64, 0), [8, 8]);
  const w = tensor(wave(64, 1), [8, 8]);
  return async () => {
    x = relu(add(mul(matmul(x, w), 0.1), 0.5));
    await x.data(gpu);
  };
}

/** Captures that are run and dropped, with nobody to dispose of them. */
export const dropping =
  (gpu: Gpu): Workload =>
  async (i) => {
    const step = gpu.capture((x) => ({ y: matmul(x!, tensor(wave(64, 0), [8, 8])) }));
    await (await step(tensor(wave(64, i), [8, 8]))).y.data();
  };

/** Devices that are opened, used and disposed of. */
export const devices: Workload = async (i) => {
  const gpu = await openGpu();
  await uncaptured(gpu)(i);
  gpu.dispose();
};
