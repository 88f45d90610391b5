import type { Contestant } from '../contestant.ts';
import { fromOrt } from '../layout.ts';
import type { OrtWay, Values, Workload } from '../workload.ts';
import { loadPeer, peerVersion } from './load.ts';
import type { OnnxProto } from './onnx.ts';
import { modelOf, type Ort, type Tensors, valuesIn } from './ortModel.ts';

/** onnxruntime-node with its CPU provider: what there is without a GPU. */
export class OnnxRuntimeCpu {
  readonly version = peerVersion('onnxruntime-node');
  readonly note: string;
  readonly #ort: Ort;
  readonly #onnx: OnnxProto;
  readonly #threads: number;

  private constructor(ort: Ort, onnx: OnnxProto, threads: number) {
    this.#ort = ort;
    this.#onnx = onnx;
    this.#threads = threads;
    this.note = `${threads} threads`;
  }

  /** Nothing where onnxruntime-node is not installed. */
  static open(threads: number): OnnxRuntimeCpu | undefined {
    const ort = loadPeer<Ort>('onnxruntime-node');
    const proto = loadPeer<{ onnx: OnnxProto }>('onnx-proto');
    return ort && proto ? new OnnxRuntimeCpu(ort, proto.onnx, threads) : undefined;
  }

  async prepare(workload: Workload, way: OrtWay): Promise<Contestant> {
    const { model, inputs, outputs } = modelOf(this.#onnx, workload, way);
    const feeds: Tensors = Object.fromEntries(
      inputs.map(({ name, data, dims }) => [name, new this.#ort.Tensor('float32', data, dims)]),
    );
    const start = performance.now();
    const session = await this.#ort.InferenceSession.create(model, {
      executionProviders: ['cpu'],
      intraOpNumThreads: this.#threads,
      interOpNumThreads: 1,
      graphOptimizationLevel: 'all',
      logSeverityLevel: 4,
      // Its threads would go on turning while others are measured.
      extra: { session: { force_spinning_stop: '1' } },
    });
    let fetched = await session.run(feeds);
    const firstMs = performance.now() - start;
    const results: Values[] = outputs.map((name, i) => {
      const value = fetched[name]!;
      return fromOrt(valuesIn(value), value.dims, way.outputs?.[i] ?? 'plain');
    });
    return {
      library: 'onnxruntime, CPU',
      note: way.note,
      firstMs,
      results,
      before: () => undefined,
      run: async () => {
        fetched = await session.run(feeds);
      },
      after: async () => ({}),
      peakBytes: () => undefined,
      dispose: () => session.release(),
    };
  }
}
