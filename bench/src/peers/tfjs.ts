import type { Contestant } from '../contestant.ts';
import { Probe } from '../probe.ts';
import { type TfjsWay, type TfSettings, type Values, valuesOf, type Workload } from '../workload.ts';
import type { Tf, TfBackend, TfBundle, TfTensor } from './tfTypes.ts';

/** Everything on the GPU, also what is small. */
const ALWAYS: TfSettings = { WEBGPU_CPU_FORWARD: false };
/** What workloads may choose from: put back after each. */
const DEFAULTS: TfSettings = {
  WEBGPU_USE_NAIVE_CONV2D_TRANSPOSE: true,
  WEBGPU_CONV_SEPARATE_IM2COL_SHADER: false,
};
const LIMITS = [
  'maxComputeWorkgroupStorageSize',
  'maxComputeWorkgroupsPerDimension',
  'maxStorageBufferBindingSize',
  'maxBufferSize',
  'maxComputeWorkgroupSizeX',
  'maxComputeInvocationsPerWorkgroup',
] as const;

/** @tensorflow/tfjs with its WebGPU backend, on a device of its own of the same adapter. */
export class Tfjs {
  readonly #tf: Tf;
  readonly #backend: TfBackend;
  readonly #probe: Probe;
  /** Where a run takes longer, the settings stay as they are by default. Milliseconds. */
  readonly #patience: number;

  private constructor(tf: Tf, backend: TfBackend, probe: Probe, patience: number) {
    this.#tf = tf;
    this.#backend = backend;
    this.#probe = probe;
    this.#patience = patience;
  }

  static async open(
    { tf, WebGPUBackend }: TfBundle,
    adapter: GPUAdapter,
    patience = Number.POSITIVE_INFINITY,
  ): Promise<Tfjs> {
    const device = await adapter.requestDevice({
      requiredFeatures: adapter.features.has('timestamp-query') ? ['timestamp-query'] : [],
      requiredLimits: Object.fromEntries(LIMITS.map((name) => [name, adapter.limits[name]])),
    });
    for (const [flag, value] of Object.entries(ALWAYS)) tf.env().set(flag, value);
    const probe = new Probe(device);
    const backend = new WebGPUBackend(device, adapter.info);
    // In a browser it has registered itself, on a device of its own choice.
    if (tf.findBackendFactory('webgpu')) tf.removeBackend('webgpu');
    tf.registerBackend('webgpu', () => backend);
    await tf.setBackend('webgpu');
    await tf.ready();
    return new Tfjs(tf, backend, probe, patience);
  }

  get version(): string {
    return this.#tf.version_core;
  }

  async prepare(workload: Workload, way: TfjsWay): Promise<Contestant> {
    const { settings = [{}] } = way;
    if (settings.length === 1) return this.#prepare(workload, way, settings[0]!);
    // One after another: variables of the same names cannot be there twice.
    let best: { setting: TfSettings; time: number; firstMs: number } | undefined;
    for (const setting of settings) {
      const contestant = await this.#prepare(workload, way, setting);
      const start = performance.now();
      await contestant.run();
      const time = performance.now() - start;
      if (!best || time < best.time) best = { setting, time, firstMs: contestant.firstMs };
      if (time > this.#patience && setting === settings[0]) return contestant;
      await contestant.dispose();
    }
    const { setting, firstMs } = best!;
    return { ...(await this.#prepare(workload, way, setting)), firstMs };
  }

  async #prepare(workload: Workload, way: TfjsWay, setting: TfSettings): Promise<Contestant> {
    const tf = this.#tf;
    const probe = this.#probe;
    const apply = () => {
      for (const [flag, value] of Object.entries({ ...DEFAULTS, ...setting })) tf.env().set(flag, value);
    };
    apply();
    probe.resetPeak();
    const inputs = valuesOf(workload.inputs).map((data, i) =>
      tf.tensor(data, workload.inputs[i]!.shape, data instanceof Int32Array ? 'int32' : 'float32'),
    );
    const fn = way.make(tf, inputs);
    let outputs: TfTensor[] = [];
    let jsMs = 0;
    const run = async () => {
      const begin = performance.now();
      tf.dispose(outputs);
      tf.engine().startScope();
      const pending = fn();
      outputs = Array.isArray(pending) ? pending : await pending;
      for (const output of outputs) tf.keep(output);
      tf.engine().endScope();
      // Commands wait for others to go with them; this is the end of ours.
      this.#backend.endComputePassEncoder();
      if (this.#backend.commandEncoder) this.#backend.submitQueue();
      jsMs = performance.now() - begin;
      await probe.device.queue.onSubmittedWorkDone();
    };
    const start = performance.now();
    await run();
    const firstMs = performance.now() - start;
    const results: Values[] = [];
    for (const output of outputs) results.push((await output.data()) as Values);
    const chosen = Object.entries(setting).map(([flag, value]) => `${flag}=${value}`);
    return {
      library: 'tfjs',
      onCpu: way.onCpu,
      note: [way.note, ...chosen].filter(Boolean).join('; ') || undefined,
      firstMs,
      results,
      before: () => {
        apply();
        probe.start();
      },
      run,
      after: async () => ({ gpuMs: await probe.stop(), jsMs }),
      peakBytes: () => probe.peakBytes,
      dispose: async () => {
        tf.dispose(outputs);
        tf.dispose(inputs);
        tf.disposeVariables();
        this.#emptyPool();
      },
    };
  }

  /** Frees the buffers that the backend keeps for later: the next workload starts afresh. */
  #emptyPool(): void {
    const { bufferManager } = this.#backend;
    for (const buffers of bufferManager.freeBuffers.values()) {
      for (const buffer of buffers) buffer.destroy();
      buffers.length = 0;
    }
    bufferManager.numFreeBuffers = 0;
  }
}
