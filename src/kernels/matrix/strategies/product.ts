import type { Caps } from '../../../device/caps.ts';
import { DeviceLimitError } from '../../../errors.ts';
import type { DType } from '../../../shape.ts';
import convRows from '../../../wgsl/matrix/lib/conv_rows.wgsl';
import type { Dispatch, KernelPlan } from '../../dispatch.ts';
import type { PyramidLevels } from '../../levels.ts';
import type { Strategy } from '../../strategy.ts';

/**
 * A convolution, transposed convolution or matrix product as one implicit GEMM: what conv_params.wgsl says, under the names
 * that its fields have there. `batch` counts groups, or the products of a batched matmul.
 */
export interface GemmProblem extends Phases {
  readonly M: number;
  readonly H: number;
  readonly W: number;
  readonly OH: number;
  readonly OW: number;
  readonly C: number;
  readonly IG: number;
  readonly O: number;
  readonly OG: number;
  readonly KH: number;
  readonly KW: number;
  readonly SH: number;
  readonly SW: number;
  readonly PH: number;
  readonly PW: number;
  readonly DH: number;
  readonly DW: number;
  readonly w_tap: number;
  readonly w_i: number;
  readonly w_c: number;
  readonly x_z: number;
  readonly w_z: number;
  readonly y_z: number;
  readonly batch: number;
  /** Which pixels the rows are, and which source pixels they read: a snippet, conv_phases.wgsl with several phases. */
  readonly gather: string;
  readonly dtype: DType;
}

/**
 * A transposed convolution with a stride, as UH * UW dense ones: M, OH and OW of its problem are those of one phase. All else
 * has one phase.
 */
export interface Phases {
  /** The whole result's size. */
  readonly RH: number;
  readonly RW: number;
  /** Pixels of the result from one of a phase to the next: the stride. */
  readonly UH: number;
  readonly UW: number;
  /** Taps of the kernel from one of a phase to the next, by their number. */
  readonly tap_h: number;
  readonly tap_w: number;
}

/** A matrix product [M, K] x [K, N] is a 1x1 convolution of M pixels. */
export const matrixProblem = (M: number, K: number, N: number, dtype: DType, batch = 1): GemmProblem => ({
  M,
  H: 1,
  W: M,
  OH: 1,
  OW: M,
  C: K,
  IG: K,
  O: N,
  OG: N,
  KH: 1,
  KW: 1,
  SH: 1,
  SW: 1,
  PH: 0,
  PW: 0,
  DH: 1,
  DW: 1,
  w_tap: 0,
  w_i: N,
  w_c: 1,
  x_z: M * K,
  w_z: K * N,
  y_z: M * N,
  RH: 1,
  RW: M,
  UH: 1,
  UW: 1,
  tap_h: 1,
  tap_w: 1,
  batch,
  gather: convRows,
  dtype,
});

/**
 * A product to compute on a device, y = gather(x) * weight (+ bias), or its filter gradient dw = gather(x)^T * dy: what
 * convolutions and linear layers come down to. Tensors are bound by the names of conv2d.
 */
export interface Product {
  readonly caps: Caps;
  readonly gemm: GemmProblem;
  readonly bias?: boolean;
  /** The pixels are those of a feature pyramid with these levels: its strategies are those that `withLevels` makes. */
  readonly levels?: PyramidLevels;
  /** The weight stays as it is from run to run. */
  readonly fixedWeights?: boolean | undefined;
  /** The inner sum where it is not one of products: a snippet with `term` and `finish`. */
  readonly sum?: string;
  /** Completes its plan, where its tensors have other names, or something comes before it. */
  around?(plan: KernelPlan): KernelPlan;
}

export type ProductStrategy = Strategy<Product>;

/** The plan of a product whose tensors are bound by other names, after these dispatches. */
export const planAround = (
  { dispatches, scratch }: KernelPlan,
  bind: Readonly<Record<string, string>>,
  before: readonly Dispatch[] = [],
  more: Readonly<Record<string, number>> = {},
): KernelPlan => ({
  dispatches: [
    ...before,
    ...dispatches.map((dispatch) => ({ ...dispatch, bind: { ...bind, ...dispatch.bind } })),
  ],
  scratch: { ...more, ...scratch },
});

/** `struct Params` of conv_params.wgsl, for blocks of so many rows. */
export const paramsOf = (
  { batch: _, gather: _gather, dtype: _dtype, ...params }: GemmProblem,
  rows: number,
): Record<string, number> => ({
  ...params,
  blocks: 0,
  splits: 1,
  split: params.M,
  phase_rows: Math.ceil(params.M / rows) * rows,
  depth: 0,
});

export function foldBlocks(blocks: number, depth: number): [number, number, number] {
  if (depth > 65535) {
    throw new DeviceLimitError(`a batch of ${depth} matrices or groups is over WebGPU's 65535; split it`);
  }
  if (blocks <= 65535) return [blocks, 1, depth];
  const rows = Math.ceil(blocks / 65535);
  return [Math.ceil(blocks / rows), rows, depth];
}

export const divides = (values: readonly number[]): boolean => values.every((value) => value % 4 === 0);
