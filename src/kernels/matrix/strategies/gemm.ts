import type { Caps } from '../../../device/caps.ts';
import { DeviceLimitError } from '../../../errors.ts';
import type { DType } from '../../../shape.ts';
import biasSnippet from '../../../wgsl/lib/bias.wgsl';
import biasNone from '../../../wgsl/lib/bias_none.wgsl';
import filterSubgroup4 from '../../../wgsl/matrix/conv2d_backward_weight_subgroup4.wgsl';
import filterSubgroup4Narrow from '../../../wgsl/matrix/conv2d_backward_weight_subgroup4_narrow.wgsl';
import filterSubgroup8 from '../../../wgsl/matrix/conv2d_backward_weight_subgroup8.wgsl';
import gemmSubgroup4 from '../../../wgsl/matrix/gemm_subgroup4.wgsl';
import gemmSubgroup4Narrow from '../../../wgsl/matrix/gemm_subgroup4_narrow.wgsl';
import gemmSubgroup8 from '../../../wgsl/matrix/gemm_subgroup8.wgsl';
import gemmTile from '../../../wgsl/matrix/gemm_tile.wgsl';
import convParams from '../../../wgsl/matrix/lib/conv_params.wgsl';
import convRows from '../../../wgsl/matrix/lib/conv_rows.wgsl';
import filterScalar from '../../../wgsl/matrix/lib/filter_scalar.wgsl';
import filterVec4 from '../../../wgsl/matrix/lib/filter_vec4.wgsl';
import left from '../../../wgsl/matrix/lib/left.wgsl';
import quads from '../../../wgsl/matrix/lib/quads.wgsl';
import resultScalar from '../../../wgsl/matrix/lib/result_scalar.wgsl';
import resultVec4 from '../../../wgsl/matrix/lib/result_vec4.wgsl';
import rowsAll from '../../../wgsl/matrix/lib/rows_all.wgsl';
import rowsAnyTap from '../../../wgsl/matrix/lib/rows_any_tap.wgsl';
import rowsInside from '../../../wgsl/matrix/lib/rows_inside.wgsl';
import rowsOneTap from '../../../wgsl/matrix/lib/rows_one_tap.wgsl';
import storeParts from '../../../wgsl/matrix/lib/store_parts.wgsl';
import storeRows from '../../../wgsl/matrix/lib/store_rows.wgsl';
import tileConv from '../../../wgsl/matrix/lib/tile_conv.wgsl';
import tileFilter from '../../../wgsl/matrix/lib/tile_filter.wgsl';
import weightScalar from '../../../wgsl/matrix/lib/weight_scalar.wgsl';
import weightVec4 from '../../../wgsl/matrix/lib/weight_vec4.wgsl';
import sumSplits from '../../../wgsl/matrix/sum_splits.wgsl';
import { type Dispatch, type KernelPlan, wgslType } from '../../kernel.ts';

/**
 * A convolution, transposed convolution or matrix product as one implicit GEMM; the fields are those of
 * conv_params.wgsl. `batch` counts groups, or the products of a batched matmul.
 */
export interface GemmProblem {
  readonly M: number;
  readonly source: readonly [height: number, width: number];
  readonly result: readonly [height: number, width: number];
  readonly C: number;
  readonly IG: number;
  readonly O: number;
  readonly OG: number;
  readonly kernel: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly padding: readonly [number, number];
  readonly dilation: readonly [number, number];
  readonly weightStrides: readonly [tap: number, source: number, result: number];
  readonly batch: number;
  readonly batchStrides: readonly [x: number, weight: number, y: number];
  /** Which pixels the rows are, and which source pixels they read: a snippet, conv_phases.wgsl with `phases`. */
  readonly gather: string;
  readonly phases?: Phases;
  readonly dtype: DType;
}

/** A transposed convolution with a stride, as dense ones: `M` and `result` of its problem are those of one phase. */
export interface Phases {
  /** The whole result's size. */
  readonly result: readonly [height: number, width: number];
  /** Pixels of the result from one of a phase to the next: the stride. */
  readonly step: readonly [number, number];
  /** Taps of the kernel from one of a phase to the next. */
  readonly taps: readonly [number, number];
}

/** A matrix product [M, K] x [K, N] is a 1x1 convolution of M pixels. */
export function matrixProblem(M: number, K: number, N: number, dtype: DType, batch = 1): GemmProblem {
  return {
    M,
    source: [1, M],
    result: [1, M],
    C: K,
    IG: K,
    O: N,
    OG: N,
    kernel: [1, 1],
    stride: [1, 1],
    padding: [0, 0],
    dilation: [1, 1],
    weightStrides: [0, N, 1],
    batch,
    batchStrides: [M * K, K * N, M * N],
    gather: convRows,
    dtype,
  };
}

/** A kernel of a family: GPUs' tiles, or software adapters' subgroups. */
interface Variant {
  readonly name: 'tile' | 'fourLanes' | 'fourLanesNarrow' | 'eightLanes';
  /** What one workgroup covers of the result. */
  readonly rows: number;
  readonly columns: number;
  readonly tile: boolean;
}

/** A kernel that conv2d by itself does without, so that it stays small. */
export type SpecialVariant = Pick<Variant, 'rows' | 'columns'> & Parts;

/** A kernel's shader and its own snippets. */
type Parts = Required<Pick<Dispatch, 'shader' | 'snippets'>>;

const TILE: Variant = { name: 'tile', rows: 64, columns: 64, tile: true };
const FOUR_LANES: Variant = { name: 'fourLanes', rows: 16, columns: 16, tile: false };
const FOUR_LANES_NARROW: Variant = { name: 'fourLanesNarrow', rows: 32, columns: 8, tile: false };
const EIGHT_LANES: Variant = { name: 'eightLanes', rows: 16, columns: 32, tile: false };

// Two tables, so that a bundle with conv2d alone leaves the shaders of its filter gradient out.
const CONV: Record<Variant['name'], Parts> = {
  tile: { shader: gemmTile, snippets: [tileConv] },
  fourLanes: { shader: gemmSubgroup4, snippets: [left, quads, storeRows] },
  fourLanesNarrow: { shader: gemmSubgroup4Narrow, snippets: [left, quads, storeRows] },
  eightLanes: { shader: gemmSubgroup8, snippets: [left, storeRows] },
};
const FILTER: Record<Variant['name'], Parts> = {
  tile: { shader: gemmTile, snippets: [tileFilter] },
  fourLanes: { shader: filterSubgroup4, snippets: [left, quads, storeParts] },
  fourLanesNarrow: { shader: filterSubgroup4Narrow, snippets: [left, quads, storeParts] },
  eightLanes: { shader: filterSubgroup8, snippets: [left, storeParts] },
};

/** The kernel of a GEMM with so many columns on this device: the one place where it is chosen. */
export function variantOf(caps: Caps, columns: number): Variant {
  if (caps.family === 'subgroup' && caps.subgroupSize === 4)
    return columns <= 8 ? FOUR_LANES_NARROW : FOUR_LANES;
  return caps.family === 'subgroup' && caps.subgroupSize === 8 ? EIGHT_LANES : TILE;
}

export function paramsOf(problem: GemmProblem, rows: number): Record<string, number> {
  const { phases = { result: problem.result, step: [1, 1], taps: [1, 1] } } = problem;
  const { source, result, kernel, stride, padding, dilation, weightStrides, batchStrides } = problem;
  return {
    M: problem.M,
    H: source[0],
    W: source[1],
    OH: result[0],
    OW: result[1],
    C: problem.C,
    IG: problem.IG,
    O: problem.O,
    OG: problem.OG,
    KH: kernel[0],
    KW: kernel[1],
    SH: stride[0],
    SW: stride[1],
    PH: padding[0],
    PW: padding[1],
    DH: dilation[0],
    DW: dilation[1],
    w_tap: weightStrides[0],
    w_i: weightStrides[1],
    w_c: weightStrides[2],
    x_z: batchStrides[0],
    w_z: batchStrides[1],
    y_z: batchStrides[2],
    blocks: 0,
    splits: 1,
    split: problem.M,
    tap_h: phases.taps[0] * Math.max(kernel[1], 1),
    tap_w: phases.taps[1],
    RH: phases.result[0],
    RW: phases.result[1],
    UH: phases.step[0],
    UW: phases.step[1],
    phase_rows: Math.ceil(problem.M / rows) * rows,
    depth: 0,
  };
}

export function foldBlocks(blocks: number, depth: number): [number, number, number] {
  if (depth > 65535) {
    throw new DeviceLimitError(`a batch of ${depth} matrices or groups is over WebGPU's 65535; split it`);
  }
  if (blocks <= 65535) return [blocks, 1, depth];
  const rows = Math.ceil(blocks / 65535);
  return [Math.ceil(blocks / rows), rows, depth];
}

export const divides = (values: readonly number[]): boolean => values.every((value) => value % 4 === 0);

/** y = gather(x) * weight (+ bias), bound as x, weight, y and bias_values. */
export function gemmDispatch(
  caps: Caps,
  problem: GemmProblem,
  bias: boolean,
  special?: SpecialVariant,
): Dispatch {
  const { M, O, OG, weightStrides, batchStrides, batch, dtype } = problem;
  const usual = variantOf(caps, OG);
  const tile = usual.tile && !special;
  const { rows, columns, shader, snippets } = special ?? { ...usual, ...CONV[usual.name] };
  const weights4 = weightStrides[2] === 1 && divides([weightStrides[0], weightStrides[1], batchStrides[1]]);
  const results4 = divides([O, OG, batchStrides[2]]);
  const blocks = Math.ceil(OG / columns);
  const [up, across] = problem.phases?.step ?? [1, 1];
  const perMatrix = Math.ceil(M / rows) * up * across * blocks;
  // So many matrices fit into no binding unless each of them is a few blocks.
  const deep = batch > 65535;
  return {
    shader,
    snippets: [
      convParams,
      problem.gather,
      bias ? biasSnippet : biasNone,
      weights4 ? weightVec4 : weightScalar,
      results4 ? resultVec4 : resultScalar,
      ...snippets,
    ],
    ...(tile ? {} : { enable: ['subgroups'] }),
    types: { T: wgslType(dtype) },
    params: { ...paramsOf(problem, rows), blocks, depth: deep ? batch : 0 },
    bind: { bias_values: 'bias' },
    epilogue: results4 ? 'vec4f' : 'f32',
    channels: O,
    grid: deep
      ? [perMatrix, Math.ceil(batch / 65535), Math.min(batch, 65535)]
      : foldBlocks(perMatrix, M === 0 || OG === 0 ? 0 : batch),
  };
}

/**
 * dw[tap, i, o] = sum over output pixels of x and dy, bound as x, dy and dw. The pixels are split into parts so
 * that there is work for the whole device; the parts are added in order afterwards.
 */
export function filterPlan(caps: Caps, problem: GemmProblem): KernelPlan {
  const { M, O, OG, IG, kernel, padding, batch, batchStrides, dtype } = problem;
  const variant = variantOf(caps, OG);
  const rows = kernel[0] * kernel[1] * IG;
  const blocks = Math.ceil(OG / variant.columns);
  const groups = Math.ceil(rows / variant.rows) * blocks * batch;
  // Software adapters have a few threads to fill, GPUs some hundred; a part is worth its own partial sums from
  // 256 pixels on, and at most 8,192 pixels are added up in one go, for accuracy, where the parts fit the device.
  const wanted = Math.ceil((variant.tile ? 256 : 32) / Math.max(groups, 1));
  const total = rows * O;
  const fits = Math.floor(Math.min(caps.maxBindingSize / (total * 4), 65535 / batch));
  const splits = Math.max(
    1,
    Math.min(fits, Math.max(Math.min(wanted, Math.ceil(M / 256)), Math.ceil(M / 8192))),
  );
  const split = Math.ceil(Math.ceil(M / splits) / 16) * 16;
  const vec4 = divides([O, OG, batchStrides[2]]);
  const oneTap = IG % 16 === 0;
  const skips = oneTap && (padding[0] !== 0 || padding[1] !== 0);
  const single = splits === 1 && dtype === 'f32';
  const { shader, snippets } = FILTER[variant.name];
  const dispatch: Dispatch = {
    shader,
    snippets: [
      convParams,
      problem.gather,
      vec4 ? filterVec4 : filterScalar,
      ...(variant.tile ? [] : [oneTap ? rowsOneTap : rowsAnyTap, skips ? rowsInside : rowsAll]),
      ...snippets,
    ],
    ...(variant.tile ? {} : { enable: ['subgroups'] }),
    types: { T: wgslType(dtype) },
    params: { ...paramsOf(problem, variant.rows), blocks, splits, split },
    bind: { parts: single ? 'dw' : 'parts' },
    grid: foldBlocks(Math.ceil(rows / variant.rows) * blocks, total === 0 ? 0 : batch * splits),
  };
  if (single) return { dispatches: [dispatch] };
  const add: Dispatch = {
    shader: sumSplits,
    types: { T: wgslType(dtype) },
    params: { total, splits },
    bind: { y: 'dw' },
    grid: total,
  };
  return { dispatches: [dispatch, add], scratch: { parts: splits * total * 4 } };
}
