import { type Tensor, zeros } from '../../src/graph/tensor.ts';
import { generator } from '../../src/nn/random.ts';
import { numel, type Shape } from '../../src/shape.ts';
import type { Jax, JaxArray } from './peers/jaxTypes.ts';
import type { OnnxGraph } from './peers/onnx.ts';
import type { Tf, TfTensor } from './peers/tfTypes.ts';

/** What a tensor means, which tells how onnxruntime's NCHW wants it: [N,H,W,C], [kh,kw,I,O], or anything else. */
export type Layout = 'plain' | 'image' | 'filter';

export type Values = Float32Array | Int32Array;

/** An input of a workload. All libraries get the same values. */
export interface Input {
  readonly shape: Shape;
  /** Default: plain. */
  readonly layout?: Layout;
  /** Default: uniform in -0.5..0.5. */
  readonly values?: (random: () => number, shape: Shape) => Values;
  /** A weight: onnxruntime may prepare it when it loads the model. */
  readonly weight?: boolean;
}

/** Why a peer has no figure in this row. */
export type Cannot = string;

/** A peer's way to compute a row, and what a reader should know of it. */
export interface TfjsWay {
  /** Prepares once; what it returns is run again and again. */
  readonly make: (tf: Tf, inputs: readonly TfTensor[]) => () => TfTensor[] | Promise<TfTensor[]>;
  readonly note?: string;
  /** tfjs reads back and computes on the CPU. */
  readonly onCpu?: boolean;
  /** Settings to choose the fastest of. */
  readonly settings?: readonly TfSettings[];
}

/** tfjs's environment flags. */
export type TfSettings = Readonly<Record<string, boolean | number>>;

export interface OrtWay {
  /** Adds the nodes; returns the names of the outputs, which are compared with ours in this order. */
  readonly make: (graph: OnnxGraph, inputs: readonly string[]) => string[];
  /** Of each output; default: plain. */
  readonly outputs?: readonly Layout[];
  readonly note?: string;
  /** What has no WebGPU kernel is a small part only. Else a row that needs the CPU counts as computed there. */
  readonly mixed?: boolean;
}

export interface JaxWay {
  /**
   * The computation, which jit records once. Images are [N,C,H,W] and filters [O,I,kh,kw]. A training step also returns the
   * `state` of the next run.
   */
  readonly fn: (
    jax: Jax,
    inputs: readonly JaxArray[],
    state: readonly JaxArray[],
  ) => { readonly outputs: readonly JaxArray[]; readonly state?: readonly JaxArray[] };
  /** What is on the GPU besides the inputs, such as a network's weights; from the inputs' values. */
  readonly state?: (values: readonly Values[]) => readonly { readonly data: Values; readonly shape: Shape }[];
  /** Of each output; default: plain. */
  readonly outputs?: readonly Layout[];
  readonly note?: string;
}

/** One row of the bench: the same computation in each library. */
export interface Workload {
  readonly name: string;
  readonly inputs: readonly Input[];
  /** Multiplications and additions that the definition takes (Winograd and its like do with fewer). */
  readonly flops: number;
  /** The fewest bytes that must move: every input read once, every output written once. */
  readonly bytes: number;
  /** Records the graph. The results are compared with the peers' in this order. */
  readonly ours: (...inputs: Tensor[]) => Readonly<Record<string, Tensor>>;
  /** Inputs in halves: of the peers, only jax-js has kernels for f16 on WebGPU. */
  readonly half?: boolean;
  readonly tfjs: TfjsWay | Cannot;
  /** On WebGPU, and on the CPU. */
  readonly ort: OrtWay | Cannot;
  readonly jax: JaxWay | Cannot;
  /** What of our results and a peer's is compared, where it is not all of both as it stands. */
  readonly comparable?: (
    ours: readonly Values[],
    peer: readonly Values[],
  ) => readonly [ours: readonly Values[], peer: readonly Values[]];
  /** Largest difference between results, in parts of the largest value. Default 2e-4. */
  readonly tolerance?: number;
}

/** What shapes a run: the sizes, or fewer and smaller ones. */
export interface Sizes {
  readonly quick: boolean;
  /** In quick runs on SwiftShader: what peers take minutes for is smaller still. Default: false. */
  readonly slow?: boolean;
}

/** Rows are made when their turn comes: a network's weights take memory. */
export interface Row {
  readonly name: string;
  /** Runs where the device has shader-f16 only. */
  readonly half?: boolean;
  readonly make: () => Workload;
}

export const rowsOf = (...workloads: Workload[]): Row[] =>
  workloads.map((workload) => ({
    name: workload.name,
    make: () => workload,
    ...(workload.half ? { half: true } : {}),
  }));

/** The inputs' values: the same at every run. */
export function valuesOf(inputs: readonly Input[]): Values[] {
  return inputs.map(({ shape, values }, i) => {
    const random = generator(i + 1);
    return values?.(random, shape) ?? Float32Array.from({ length: numel(shape) }, () => random() - 0.5);
  });
}

const F32_ONLY = 'computes it in f32 only';
/** The last place of a half. */
const HALF_TOLERANCE = 2 ** -10;

/** The same row in halves, where the device has them. */
export const inHalves = (workload: Workload): Workload => ({
  ...workload,
  name: `${workload.name}, f16`,
  bytes: workload.bytes / 2,
  half: true,
  tolerance: HALF_TOLERANCE,
  tfjs: F32_ONLY,
  ort: F32_ONLY,
});

/** What a gradient is taken to, where its own values play no part. */
export const unknown = (shape: Shape): Tensor => zeros(shape, { requiresGrad: true });

/** Bytes of f32 or i32 tensors of these shapes. */
export const bytesOf = (...shapes: Shape[]): number =>
  shapes.reduce((sum, shape) => sum + 4 * numel(shape), 0);

export const sizeText = (shape: Shape): string => shape.join('x');
