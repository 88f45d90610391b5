import type { Contestant } from '../contestant.ts';
import { fromOrt } from '../layout.ts';
import type { OrtWay, Values, Workload } from '../workload.ts';
import { loadPeer, peerVersion } from './load.ts';
import { OnnxGraph, type OnnxProto } from './onnx.ts';
import { modelOf, type Ort, type OrtTensor, type Session, type Tensors, valuesIn } from './ortModel.ts';

/** What a session may choose between; the fastest is measured. */
interface Variant {
  readonly layout: 'NCHW' | 'NHWC';
  /** Commands are recorded once and replayed. */
  readonly capture: boolean;
  /** Nodes without a WebGPU kernel run on the CPU. */
  readonly fallback: boolean;
}

/** A session, ready to run, and what its second run took: commands may have been recorded on the way. */
interface Prepared {
  readonly contestant: Contestant;
  readonly secondMs: number;
}

const RANKS = [0, 1, 2, 3, 4];

async function timeOf(run: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await run();
  return performance.now() - start;
}

/** onnxruntime-node with its WebGPU provider, which brings a Dawn of its own. */
export class OnnxRuntime {
  readonly version: string;
  readonly #ort: Ort;
  readonly #onnx: OnnxProto;
  readonly #sessions = new Map<string, Promise<Session>>();

  /** Where a run takes longer, the other layout is not tried. Milliseconds. */
  readonly #patience: number;

  private constructor(ort: Ort, onnx: OnnxProto, patience: number) {
    this.#patience = patience;
    this.#ort = ort;
    this.#onnx = onnx;
    this.version = peerVersion('onnxruntime-node');
  }

  /** Nothing where onnxruntime-node is not installed. `icd`: the Vulkan driver that it is to take, if a certain one. */
  static open(icd: string | undefined, patience = Number.POSITIVE_INFINITY): OnnxRuntime | undefined {
    for (const name of ['VK_DRIVER_FILES', 'VK_ICD_FILENAMES']) {
      if (icd !== undefined) process.env[name] = icd;
    }
    const ort = loadPeer<Ort>('onnxruntime-node');
    const proto = loadPeer<{ onnx: OnnxProto }>('onnx-proto');
    return ort && proto ? new OnnxRuntime(ort, proto.onnx, patience) : undefined;
  }

  #create(model: Uint8Array, { layout, capture, fallback }: Variant, location: string): Promise<Session> {
    return this.#ort.InferenceSession.create(model, {
      executionProviders: [{ name: 'webgpu', preferredLayout: layout, validationMode: 'disabled' }],
      preferredOutputLocation: location,
      logSeverityLevel: 4,
      extra: {
        session: { disable_cpu_ep_fallback: fallback ? '0' : '1' },
        ...(capture ? { ep: { webgpuexecutionprovider: { enableGraphCapture: '1' } } } : {}),
      },
    });
  }

  /** A small session for tensors of any size: negates, or takes the first element, and gives it where it is wanted. */
  #helper(kind: 'negate' | 'first', rank: number, location: string): Promise<Session> {
    const key = `${kind} ${rank} ${location}`;
    let session = this.#sessions.get(key);
    if (!session) {
      const graph = new OnnxGraph();
      const x = graph.input(
        'x',
        RANKS.slice(0, rank).map((axis) => `d${axis}`),
      );
      const axes = RANKS.slice(0, rank);
      const y =
        kind === 'negate' || rank === 0
          ? graph.node('Neg', [x])
          : graph.node('Slice', [x, graph.constant(axes.map(() => 0)), graph.constant(axes.map(() => 1))]);
      const variant: Variant = { layout: 'NHWC', capture: false, fallback: true };
      session = this.#create(graph.build(this.#onnx, [y]), variant, location);
      this.#sessions.set(key, session);
    }
    return session;
  }

  /** Puts values on the GPU: as the output of a session, there is no other way in Node. */
  async #upload(values: Float32Array, dims: readonly number[]): Promise<OrtTensor> {
    const session = await this.#helper('negate', dims.length, 'gpu-buffer');
    const negated = new this.#ort.Tensor(
      'float32',
      values.map((value) => -value),
      dims,
    );
    return Object.values(await session.run({ x: negated }))[0]!;
  }

  async #download(value: OrtTensor): Promise<Values> {
    if (value.location === 'cpu') return valuesIn(value);
    const session = await this.#helper('negate', value.dims.length, 'cpu');
    const negated = Object.values(await session.run({ x: value }))[0]!;
    return (negated.data as Float32Array).map((v) => -v);
  }

  async prepare(workload: Workload, way: OrtWay): Promise<Contestant> {
    const { model, inputs, outputs, spatial } = modelOf(this.#onnx, workload, way);
    const feeds: Tensors = {};
    for (const { name, data, dims } of inputs) feeds[name] = await this.#upload(data, dims);
    const layouts = spatial ? (['NHWC', 'NCHW'] as const) : (['NHWC'] as const);
    let best: { contestant: Contestant; time: number } | undefined;
    for (const layout of layouts) {
      const { contestant, secondMs } = await this.#prepareLayout(model, feeds, outputs, way, layout);
      const time = secondMs > this.#patience ? secondMs : await timeOf(contestant.run);
      const [worse, better] =
        !best || time < best.time ? [best?.contestant, { contestant, time }] : [contestant, best];
      await worse?.dispose();
      best = better;
      if (time > this.#patience) break;
    }
    const { contestant } = best!;
    return {
      ...contestant,
      dispose: async () => {
        await contestant.dispose();
        for (const tensor of Object.values(feeds)) tensor.dispose();
      },
    };
  }

  /** With captured commands where onnxruntime can, and all on the GPU where it can. */
  async #prepareLayout(
    model: Uint8Array,
    feeds: Tensors,
    outputs: readonly string[],
    way: OrtWay,
    layout: Variant['layout'],
  ): Promise<Prepared> {
    const variants: Variant[] = [
      { layout, capture: true, fallback: false },
      { layout, capture: false, fallback: false },
      { layout, capture: false, fallback: true },
    ];
    for (const variant of variants) {
      try {
        return await this.#prepareVariant(model, feeds, outputs, way, variant);
      } catch (error) {
        if (variant === variants.at(-1)) throw error;
      }
    }
    throw new Error('no variant');
  }

  async #prepareVariant(
    model: Uint8Array,
    feeds: Tensors,
    outputs: readonly string[],
    way: OrtWay,
    variant: Variant,
  ): Promise<Prepared> {
    const start = performance.now();
    const session = await this.#create(model, variant, 'gpu-buffer');
    let fetched = await session.run(feeds);
    const onGpu = () =>
      Object.values(fetched).find((value) => value.location === 'gpu-buffer' && value.type === 'float32');
    // A run returns before the GPU has finished; reading one element waits for it.
    const wait = async () => {
      const output = onGpu();
      if (output) await (await this.#helper('first', output.dims.length, 'cpu')).run({ x: output });
    };
    await wait();
    const firstMs = performance.now() - start;
    let jsMs = 0;
    // Outputs of known sizes are written again and again: a captured run needs the same buffers.
    const fixed = Object.values(fetched).every(({ location }) => location === 'gpu-buffer')
      ? fetched
      : undefined;
    const run = async () => {
      const begin = performance.now();
      if (!fixed) for (const output of Object.values(fetched)) output.dispose();
      fetched = await session.run(feeds, fixed);
      jsMs = performance.now() - begin;
      await wait();
    };
    // What is compared is what captured commands compute, where there are any.
    const secondMs = await timeOf(run);
    const results: Values[] = [];
    for (const [i, name] of outputs.entries()) {
      const value = fetched[name]!;
      if (value.location === 'gpu-buffer' && value.type !== 'float32')
        throw new Error(`output ${name} is ${value.type}`);
      results.push(fromOrt(await this.#download(value), value.dims, way.outputs?.[i] ?? 'plain'));
    }
    const notes = [
      way.note,
      variant.fallback ? 'some of it on the CPU' : undefined,
      variant.capture ? 'graph capture' : undefined,
      variant.layout,
    ];
    const contestant: Contestant = {
      library: 'onnxruntime',
      onCpu: variant.fallback && !way.mixed,
      note: notes.filter(Boolean).join('; '),
      firstMs,
      results,
      before: () => undefined,
      run,
      after: async () => (variant.fallback ? {} : { jsMs }),
      peakBytes: () => undefined,
      dispose: async () => {
        for (const output of Object.values(fetched)) output.dispose();
        await session.release();
      },
    };
    return { contestant, secondMs };
  }
}
