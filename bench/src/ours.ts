import type { AdapterChoice } from '../../src/device/device.ts';
import { openDevice } from '../../src/device/device.ts';
import { type Tensor, tensor } from '../../src/graph/tensor.ts';
import { Gpu } from '../../src/plan/gpu.ts';
import type { Contestant } from './contestant.ts';
import { Probe } from './probe.ts';
import { type Values, valuesOf, type Workload } from './workload.ts';

/** A workload's inputs, also weights: what is computed of constants alone would be computed once. */
export const inputsOf = (workload: Workload): Tensor[] =>
  valuesOf(workload.inputs).map((data, i) => {
    const { shape } = workload.inputs[i]!;
    if (workload.half) return tensor(data, shape, 'f16');
    const dtype = data instanceof Int32Array ? 'i32' : 'f32';
    return tensor(data, shape, { dtype, requiresGrad: dtype === 'f32' });
  });

/** Fovea on one adapter, watched by a probe. */
export class Ours {
  readonly gpu: Gpu;
  readonly probe: Probe;

  private constructor(gpu: Gpu) {
    this.gpu = gpu;
    this.probe = new Probe(gpu.device.device);
  }

  static async open(
    adapter: AdapterChoice | undefined,
    { boundsChecks, autotune }: { boundsChecks?: boolean; autotune?: boolean } = {},
  ): Promise<Ours> {
    return new Ours(new Gpu(await openDevice({ adapter, boundsChecks }), { autotune }));
  }

  async prepare(workload: Workload): Promise<Contestant> {
    const { gpu, probe } = this;
    const { queue } = gpu.device.device;
    probe.resetPeak();
    const inputs = inputsOf(workload);
    const step = gpu.capture(workload.ours);
    const start = performance.now();
    await step.prepare(inputs);
    const first = await step(...inputs);
    await queue.onSubmittedWorkDone();
    const firstMs = performance.now() - start;
    const results: Values[] = [];
    for (const result of Object.values(first)) results.push((await result.data()) as Values);
    let jsMs = 0;
    return {
      library: 'fovea',
      firstMs,
      results,
      before: () => probe.start(),
      run: async () => {
        const begin = performance.now();
        await step.again();
        jsMs = performance.now() - begin;
        await queue.onSubmittedWorkDone();
      },
      after: async () => ({ gpuMs: await probe.stop(), jsMs }),
      peakBytes: () => probe.peakBytes,
      dispose: async () => step.dispose(),
    };
  }

  dispose(): void {
    this.gpu.dispose();
  }
}
