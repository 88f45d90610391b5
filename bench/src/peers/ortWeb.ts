import type { Contestant } from '../contestant.ts';
import { fromOrt } from '../layout.ts';
import { Probe } from '../probe.ts';
import type { OrtWay, Values, Workload } from '../workload.ts';
import { OnnxGraph, type OnnxProto } from './onnx.ts';
import { modelOf, type Ort, type OrtTensor, type Session, type Tensors } from './ortModel.ts';

interface WebTensor extends OrtTensor {
  getData(): Promise<OrtTensor['data']>;
}

/** Exports of bench/peers/ort.js. */
export interface OrtBundle {
  readonly onnx: OnnxProto;
  readonly ort: {
    readonly InferenceSession: Ort['InferenceSession'];
    readonly Tensor: {
      fromGpuBuffer(buffer: GPUBuffer, options: { dataType: 'float32'; dims: readonly number[] }): OrtTensor;
    };
    readonly env: {
      readonly versions: { readonly web?: string };
      readonly wasm: { numThreads: number; wasmPaths: string };
      readonly webgpu: { readonly device: Promise<GPUDevice> };
    };
  };
}

const BUFFER = 0x80 | 0x0008 | 0x0004; // STORAGE, COPY_DST, COPY_SRC
/** onnxruntime-web with its WebGPU provider, in a page, on a device of its own of the same adapter. */
export class OnnxRuntimeWeb {
  readonly version: string;
  readonly note = 'onnxruntime-web';
  /** Kept, as its device is. */
  readonly first: Session;
  readonly #bundle: OrtBundle;
  readonly #probe: Probe;
  /** Where a run takes longer, the other layout is not tried. Milliseconds. */
  readonly #patience: number;

  private constructor(bundle: OrtBundle, first: Session, probe: Probe, patience: number) {
    this.#bundle = bundle;
    this.first = first;
    this.#probe = probe;
    this.#patience = patience;
    this.version = bundle.ort.env.versions.web ?? '';
  }

  /** `folder`: where its WebAssembly lies. */
  static async open(
    bundle: OrtBundle,
    folder: string,
    patience = Number.POSITIVE_INFINITY,
  ): Promise<OnnxRuntimeWeb> {
    const { env, InferenceSession } = bundle.ort;
    // More would need a page that is isolated from others; its threads have nothing to do here.
    env.wasm.numThreads = 1;
    env.wasm.wasmPaths = folder;
    // Its device goes with the last session, and comes with the first: this one stays.
    const graph = new OnnxGraph();
    const first = graph.build(bundle.onnx, [graph.node('Neg', [graph.input('x', [1])])]);
    const session = await InferenceSession.create(first, { executionProviders: ['webgpu'] });
    return new OnnxRuntimeWeb(bundle, session, new Probe(await env.webgpu.device), patience);
  }

  async prepare(workload: Workload, way: OrtWay): Promise<Contestant> {
    const { onnx, ort } = this.#bundle;
    const { device } = this.#probe;
    this.#probe.resetPeak();
    const { model, inputs, outputs, spatial } = modelOf(onnx, workload, way);
    const buffers: GPUBuffer[] = [];
    const feeds: Tensors = {};
    for (const { name, data, dims } of inputs) {
      const buffer = device.createBuffer({ size: data.byteLength, usage: BUFFER });
      device.queue.writeBuffer(buffer, 0, data as Float32Array<ArrayBuffer>);
      buffers.push(buffer);
      feeds[name] = ort.Tensor.fromGpuBuffer(buffer, { dataType: 'float32', dims });
    }
    let best: { contestant: Contestant; time: number } | undefined;
    for (const layout of spatial ? ['NHWC', 'NCHW'] : ['NHWC']) {
      const contestant = await this.#withLayout(model, feeds, outputs, way, layout);
      const start = performance.now();
      await contestant.run();
      const time = performance.now() - start;
      const better = !best || time < best.time;
      await (better ? best?.contestant : contestant)?.dispose();
      if (better) best = { contestant, time };
      if (time > this.#patience) break;
    }
    const { contestant } = best!;
    return {
      ...contestant,
      dispose: async () => {
        await contestant.dispose();
        for (const buffer of buffers) buffer.destroy();
      },
    };
  }

  /** With captured commands where it can: it refuses where a part of the model runs on the CPU. */
  async #withLayout(
    model: Uint8Array,
    feeds: Tensors,
    outputs: readonly string[],
    way: OrtWay,
    layout: string,
  ): Promise<Contestant> {
    const variants = [
      { capture: true, fallback: false },
      { capture: false, fallback: false },
      { capture: false, fallback: true },
    ];
    for (const { capture, fallback } of variants) {
      let session: Session | undefined;
      try {
        const start = performance.now();
        session = await this.#bundle.ort.InferenceSession.create(model, {
          executionProviders: [{ name: 'webgpu', preferredLayout: layout, validationMode: 'disabled' }],
          preferredOutputLocation: 'gpu-buffer',
          enableGraphCapture: capture,
          logSeverityLevel: 4,
          extra: { session: { disable_cpu_ep_fallback: fallback ? '0' : '1' } },
        });
        return await this.#contestant(session, feeds, outputs, way, { start, capture, fallback, layout });
      } catch (error) {
        await session?.release();
        if (fallback) throw error;
      }
    }
    throw new Error('no variant');
  }

  async #contestant(
    session: Session,
    feeds: Tensors,
    outputs: readonly string[],
    way: OrtWay,
    how: { start: number; capture: boolean; fallback: boolean; layout: string },
  ): Promise<Contestant> {
    const probe = this.#probe;
    let fetched: Tensors = {};
    let jsMs = 0;
    const run = async () => {
      const begin = performance.now();
      // Outputs of known sizes are written again and again: a captured run needs the same buffers.
      const same = Object.values(fetched).every(({ location }) => location === 'gpu-buffer');
      if (!same) for (const output of Object.values(fetched)) output.dispose();
      fetched = await session.run(feeds, same && Object.keys(fetched).length > 0 ? fetched : undefined);
      jsMs = performance.now() - begin;
      await probe.device.queue.onSubmittedWorkDone();
    };
    await run();
    const firstMs = performance.now() - how.start;
    await run();
    const results: Values[] = [];
    for (const [i, name] of outputs.entries()) {
      const value = fetched[name] as WebTensor;
      const data = await value.getData();
      const plain = data instanceof BigInt64Array ? Int32Array.from(data, Number) : data;
      results.push(fromOrt(plain, value.dims, way.outputs?.[i] ?? 'plain'));
    }
    const notes = [
      way.note,
      how.fallback ? 'some of it on the CPU' : undefined,
      how.capture ? 'graph capture' : undefined,
      how.layout,
    ];
    return {
      library: 'onnxruntime-web',
      onCpu: how.fallback && !way.mixed,
      note: notes.filter(Boolean).join('; '),
      firstMs,
      results,
      before: () => probe.start(),
      run,
      after: async () => ({ gpuMs: await probe.stop(), jsMs }),
      peakBytes: () => probe.peakBytes,
      dispose: async () => {
        for (const output of Object.values(fetched)) output.dispose();
        await session.release();
      },
    };
  }
}
