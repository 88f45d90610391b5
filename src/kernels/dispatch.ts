import type { Caps } from '../device/caps.ts';
import { DeviceLimitError } from '../errors.ts';
import { byteLength, type DType, formatSpec, type TensorSpec } from '../shape.ts';
import { type Assembled, assemble } from '../wgsl/assemble.ts';
import epilogueNone from '../wgsl/lib/epilogue_none.wgsl';
import grid from '../wgsl/lib/grid.wgsl';
import type { PartsSum } from './elementwise/fused.ts';

/** Tensors by name. */
export type Specs = Readonly<Record<string, TensorSpec>>;

/** One dispatch: which shader, with what, over how many invocations. */
export interface Dispatch {
  /** The kernel's own file, and the snippets that stand before it. */
  readonly shader: string;
  readonly snippets?: readonly string[];
  readonly enable?: readonly string[];
  readonly types?: Readonly<Record<string, string>>;
  /** Whole numbers of 0 or more, as u32, and booleans. */
  readonly constants?: Readonly<Record<string, number | boolean>>;
  /** Values for the file's `struct Params`, by name. */
  readonly params?: Readonly<Record<string, number>>;
  /** WGSL variable -> tensor, where the two names differ. */
  readonly bind?: Readonly<Record<string, string>>;
  /** One invocation each, in workgroups of 64 (the header's WORKGROUP); or workgroups in three dimensions. */
  readonly grid: number | readonly [number, number, number];
  /**
   * Set where the shader stores its main output through `epilogue(v, i)`: the type of v (`V` in WGSL), i
   * being the flat index of its (first) element. Lowering puts fused elementwise operations there.
   */
  readonly epilogue?: 'f32' | 'vec4f';
  /**
   * Set where the shader calls `begin_channels(c)` before: the number of channels, c being the (first) one of the values
   * that follow, so that what is fused reads its values of a channel once, and knows no size.
   */
  readonly channels?: number;
  /**
   * Set where the shader reads each element of a tensor first through `first_of(i)`. Where the tensor is the sum of so many
   * parts, and it pays, lowering takes the dispatch that `of` gives, which adds them up itself.
   *
   * @internal
   */
  readonly first?: {
    readonly tensor: string;
    pays(splits: number): boolean;
    of(dispatch: Dispatch, sum: PartsSum, binding: number): Dispatch;
  };
  /**
   * Set where the shader reads a tensor through `load(i)` alone, which the snippet defines with the tensor's binding, i counting its
   * vectors. Lowering may put the elementwise operations that compute the tensor in its place.
   *
   * @internal
   */
  readonly load?: { readonly tensor: string; readonly snippet: string };
  /**
   * Set where the dispatch adds up so many parts, which a product left in the memory `parts`.
   *
   * @internal
   */
  readonly splits?: number;
}

/** All that a kernel needs to run: dispatches in order, and memory between them. */
export interface KernelPlan {
  readonly dispatches: readonly Dispatch[];
  /** Buffers that only the kernel's own dispatches see: name -> bytes. Contents are undefined at first. */
  readonly scratch?: Readonly<Record<string, number>>;
  /** Read-only tables, made once: name -> values. */
  readonly tables?: Readonly<Record<string, Float32Array | Int32Array | Uint32Array>>;
}

/** A grid of workgroups of 64 for n invocations, folded where it passes 65,535. */
export function foldGrid(n: number): [number, number, number] {
  const groups = Math.ceil(n / 64);
  const rows = Math.ceil(groups / 65535) || 1;
  return [Math.ceil(groups / rows), rows, 1];
}

export const workgroupsOf = (dispatch: Dispatch): readonly [number, number, number] =>
  typeof dispatch.grid === 'number' ? foldGrid(dispatch.grid) : dispatch.grid;

/** The shader of a dispatch, with the epilogue that is given (a plain store where none is). */
export function shaderOf(dispatch: Dispatch, epilogue = epilogueNone): Assembled {
  const { types, constants, snippets = [], shader, epilogue: V } = dispatch;
  const linear = typeof dispatch.grid === 'number';
  return assemble(
    {
      ...dispatch,
      types: V ? { ...types, V } : types,
      constants: linear ? { WORKGROUP: 64, ...constants } : constants,
    },
    [...(V ? [epilogue] : []), ...(linear ? [grid] : []), ...snippets, shader],
  );
}

/** WGSL's name of an element type. */
export const wgslType = (dtype: DType): string => dtype;

function checkBytes(op: string, what: string, bytes: number, { maxBindingSize }: Caps): void {
  if (bytes > maxBindingSize) {
    throw new DeviceLimitError(
      `${op}: ${what} takes ${bytes} bytes, the device binds at most ${maxBindingSize}; use a smaller batch or size`,
    );
  }
}

/** Throws where a tensor is larger than the device can bind, or of a type that it lacks. */
export function checkTensor(op: string, name: string, spec: TensorSpec, caps: Caps): void {
  checkBytes(op, formatSpec(name, spec), byteLength(spec), caps);
  if (spec.dtype === 'f16' && !caps.f16) {
    throw new DeviceLimitError(
      `${op}: ${formatSpec(name, spec)} needs shader-f16, which the device lacks; cast it to f32`,
    );
  }
}

/** Throws where the memory between a kernel's dispatches is larger than the device can bind. */
export function checkScratch(op: string, { scratch = {} }: KernelPlan, caps: Caps): void {
  for (const [name, bytes] of Object.entries(scratch)) checkBytes(op, `its memory ${name}`, bytes, caps);
}
