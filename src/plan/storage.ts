import type { State } from '../graph/state.ts';
import type { Node, Origin, Tensor } from '../graph/tensor.ts';
import type { StrategyName } from '../kernels/strategy.ts';
import { byteLength, type TensorSpec } from '../shape.ts';

/** Memory of one tensor in a program. Views share their base's. */
export interface Storage {
  readonly spec: TensorSpec;
  readonly label: string;
  readonly origin: Origin['kind'];
  /** Lives on after the run: results and states. */
  kept: boolean;
  /** Part of a larger buffer: a gradient's place among all gradients. */
  home?: { readonly storage: Storage; readonly offset: number };
  /** For values that the optimizer overwrites: the state's own storage. */
  readonly state?: State;
}

/** One operation of a lowered program: what it reads and writes, and its dispatches. */
export interface LoweredOp {
  readonly label: string;
  readonly dispatches: readonly LoweredDispatch[];
  readonly reads: readonly Storage[];
  readonly writes: readonly Storage[];
  readonly scratch: readonly Storage[];
  readonly tables: ReadonlyMap<Storage, Float32Array | Int32Array | Uint32Array>;
  /** The recorded operations behind it, for messages and for FOVEA_VALIDATE. */
  readonly nodes: readonly Node[];
  /** What computes its main node. Undefined for a chain of elementwise operations. */
  readonly strategy?: StrategyName | undefined;
}

export interface LoweredDispatch {
  readonly shader: import('../wgsl/assemble.ts').Assembled;
  readonly params: ArrayBuffer;
  readonly workgroups: readonly [number, number, number];
  /** By the shader's bindings, in order; the uniform block is left out. */
  readonly bindings: readonly { readonly index: number; readonly storage: Storage }[];
}

/** A program before any buffer exists. */
export interface Lowered {
  readonly ops: readonly LoweredOp[];
  /** The first `steady` operations depend on weights and constants alone: they run again only where these have changed. */
  readonly steady: number;
  /** Storage of every base tensor that the program touches. */
  readonly storages: ReadonlyMap<Tensor, Storage>;
  /** States that take a value by copy when the run ends. */
  readonly copies: readonly { readonly from: Storage; readonly to: State }[];
}

/** Whether a dispatch binds what stands at this index as writable. */
export const isWritten = ({ shader }: LoweredDispatch, index: number): boolean =>
  shader.bindings.find((binding) => binding.index === index)!.kind === 'storage';

export const sizeOf = (storage: Storage): number =>
  Math.max(16, Math.ceil(byteLength(storage.spec) / 16) * 16);

export const labelOf = (value: Tensor): string =>
  value.origin.kind === 'op' ? `${value.origin.node.op}.${value.origin.output}` : value.origin.kind;
