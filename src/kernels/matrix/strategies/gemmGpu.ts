import type { Caps } from '../../../device/caps.ts';
import biasLanes from '../../../wgsl/conv/lib/depthwise_bias.wgsl';
import biasLanesNone from '../../../wgsl/conv/lib/depthwise_bias_none.wgsl';
import biasSnippet from '../../../wgsl/lib/bias.wgsl';
import biasNone from '../../../wgsl/lib/bias_none.wgsl';
import gemmGpu from '../../../wgsl/matrix/gemm_gpu.wgsl';
import convParams from '../../../wgsl/matrix/lib/conv_params.wgsl';
import filterScalar from '../../../wgsl/matrix/lib/filter_scalar.wgsl';
import filterVec4 from '../../../wgsl/matrix/lib/filter_vec4.wgsl';
import gpuConv from '../../../wgsl/matrix/lib/gpu_conv.wgsl';
import gpuFilter from '../../../wgsl/matrix/lib/gpu_filter.wgsl';
import resultParts from '../../../wgsl/matrix/lib/result_parts.wgsl';
import resultScalar from '../../../wgsl/matrix/lib/result_scalar.wgsl';
import resultVec4 from '../../../wgsl/matrix/lib/result_vec4.wgsl';
import weightScalar from '../../../wgsl/matrix/lib/weight_scalar.wgsl';
import weightVec4 from '../../../wgsl/matrix/lib/weight_vec4.wgsl';
import sumParts from '../../../wgsl/matrix/sum_parts.wgsl';
import sumSplits from '../../../wgsl/matrix/sum_splits.wgsl';
import type { Way, WayName } from '../../alternatives.ts';
import { type Dispatch, type KernelPlan, wgslType } from '../../kernel.ts';
import { divides, foldBlocks, type GemmProblem, gemmDispatch, paramsOf } from './gemm.ts';
import { matrixTiles } from './gemmMatrix.ts';

/** A matrix kernel for GPUs: what one workgroup covers of the result, and how fast it is expected to be. */
export interface GpuTile {
  readonly name: WayName;
  readonly rows: number;
  readonly columns: number;
  readonly threads: number;
  /** Multiply-adds a cycle that a full multiprocessor does with it. */
  readonly rate: number;
  readonly shader: string;
  readonly enable?: readonly string[];
  readonly constants: Readonly<Record<string, number>>;
  /** Types that operands are read as, where elements are of type T. */
  types(T: string): Readonly<Record<string, string>>;
  /** The operands of y = gather(x) * weight, and of the filter gradient; undefined where the kernel cannot read them. */
  conv(problem: GemmProblem): readonly string[] | undefined;
  filter(problem: GemmProblem): readonly string[] | undefined;
}

const DEPTH = 16;

/** Weights whose columns are neighbours in memory, in fours. */
const weightsInFours = ({ weightStrides: [tap, source, result], batchStrides }: GemmProblem): boolean =>
  result === 1 && divides([tap, source, batchStrides[1]]);
const resultsInFours = ({ O, OG, batchStrides }: GemmProblem): boolean => divides([O, OG, batchStrides[2]]);
const sourcesInFours = ({ C, IG, batchStrides }: GemmProblem): boolean => divides([C, IG, batchStrides[0]]);

/** Blocks of 4 `fours` x 4 `fours` in registers: the larger, the fewer loads from shared memory a multiply-add. */
function registerTile(name: WayName, rows: number, columns: number, fours: 1 | 2, rate: number): GpuTile {
  return {
    name,
    rows,
    columns,
    threads: (rows * columns) / (16 * fours * fours),
    rate,
    shader: gemmGpu,
    constants: { ROWS: rows, COLUMNS: columns, DEPTH, FOURS: fours },
    types: (T) => ({ X: `vec4<${T}>`, W: 'vec4f' }),
    conv: (problem) =>
      sourcesInFours(problem) ? [weightsInFours(problem) ? weightVec4 : weightScalar, gpuConv] : undefined,
    filter: (problem) =>
      sourcesInFours(problem) ? [resultsInFours(problem) ? filterVec4 : filterScalar, gpuFilter] : undefined,
  };
}

// Rates of a multiprocessor with 128 f32 units, as parts of shared-memory loads and multiply-adds let expect.
const REGISTER_TILES: readonly GpuTile[] = [
  registerTile('tile128x128', 128, 128, 2, 100),
  registerTile('tile128x64', 128, 64, 2, 96),
  registerTile('tile64x64', 64, 64, 2, 92),
  registerTile('tile32x32', 32, 32, 1, 50),
];

/** The kernels that a GPU has for its products. */
const gpuTiles = (caps: Caps): readonly GpuTile[] => [...matrixTiles(caps), ...REGISTER_TILES];

// A GPU tells WebGPU nothing of its size. An H200 has 132 multiprocessors, small ones 16: with more than there are
// tiles get smaller than they need be, with less some of a large GPU is idle.
const MULTIPROCESSORS = 128;
/** Invocations from which on a multiprocessor has enough to do while others wait for memory. */
const BUSY = 256;
/** Cycles before a tile's first and after its last product, and from one dispatch to the next that depends on it. */
const ENDS = 2000;
const DISPATCH = 4000;
/** Floats that memory moves in a cycle, for all multiprocessors. */
const FLOATS = 600;

/** Cycles of a product of so many tiles: the multiprocessor that has most of them does one after the other. */
function cyclesOf({ rows, columns, threads, rate }: GpuTile, tiles: number, inner: number): number {
  const most = Math.ceil(tiles / MULTIPROCESSORS);
  const busy = Math.min(1, (most * threads) / BUSY);
  return ENDS + (most * rows * columns * inner) / (rate * busy);
}

interface Split {
  readonly splits: number;
  readonly cycles: number;
}

/** The number of parts of the inner sum that takes the fewest cycles, of `least` and its doubles up to `most`. */
function bestSplit(
  tile: GpuTile,
  tiles: number,
  inner: number,
  results: number,
  least: number,
  most: number,
): Split {
  let best: Split | undefined;
  for (let splits = least; splits <= Math.max(least, most); splits *= 2) {
    const sum = splits > 1 ? DISPATCH + (results * (2 * splits + 1)) / FLOATS : 0;
    const cycles = cyclesOf(tile, tiles * splits, Math.ceil(inner / splits)) + sum;
    if (!best || cycles < best.cycles) best = { splits, cycles };
  }
  return best!;
}

/** Inner elements of a part, at least. */
const SHORTEST_PART = 64;

const roundUp = (value: number, to: number): number => Math.ceil(value / to) * to;

/** y = gather(x) * weight (+ bias), by the names of conv2d. */
function convPlan(
  tile: GpuTile,
  problem: GemmProblem,
  operands: readonly string[],
  bias: boolean,
  splits: number,
): KernelPlan {
  const { O, OG, batch, dtype, kernel, IG, phases } = problem;
  const T = wgslType(dtype);
  const blocks = Math.ceil(OG / tile.columns);
  const [up, across] = phases?.step ?? [1, 1];
  const perMatrix = Math.ceil(problem.M / tile.rows) * up * across * blocks;
  const pixels = phases
    ? (problem.M / (problem.result[0] * problem.result[1])) * phases.result[0] * phases.result[1]
    : problem.M;
  const total = pixels * O;
  const parts = splits > 1;
  const inFours = resultsInFours(problem);
  const params = paramsOf(problem, tile.rows);
  const product: Dispatch = {
    shader: tile.shader,
    snippets: [
      convParams,
      problem.gather,
      ...(parts ? [resultParts] : [bias ? biasSnippet : biasNone, inFours ? resultVec4 : resultScalar]),
      ...operands,
    ],
    ...(tile.enable ? { enable: tile.enable } : {}),
    types: { T, ...tile.types(T) },
    constants: tile.constants,
    params: {
      ...params,
      blocks,
      splits,
      split: roundUp(Math.ceil((kernel[0] * kernel[1] * IG) / splits), 32),
      // There is one matrix where there are parts, and z counts them.
      ...(parts ? { x_z: 0, w_z: 0, y_z: total } : {}),
    },
    ...(parts ? {} : { bind: { bias_values: 'bias' }, epilogue: inFours ? 'vec4f' : 'f32', channels: O }),
    grid: foldBlocks(perMatrix, problem.M === 0 || OG === 0 ? 0 : batch * splits),
  };
  if (!parts) return { dispatches: [product] };
  const sum: Dispatch = {
    shader: sumParts,
    snippets: [bias ? biasLanes : biasLanesNone],
    types: { T: `vec4<${T}>` },
    params: { total: total / 4, channels: O / 4, splits },
    bind: { bias_values: 'bias' },
    epilogue: 'vec4f',
    channels: O,
    grid: total / 4,
  };
  return { dispatches: [product, sum], scratch: { parts: splits * total * 4 } };
}

/** Where a product's operands are, and what comes before it. */
export interface Surroundings {
  readonly before?: readonly Dispatch[];
  readonly bind?: Readonly<Record<string, string>>;
  readonly scratch?: Readonly<Record<string, number>>;
}

const within = ({ before = [], bind, scratch }: Surroundings, plan: KernelPlan): KernelPlan => ({
  dispatches: [
    ...before,
    ...plan.dispatches.map((dispatch) => ({ ...dispatch, bind: { ...bind, ...dispatch.bind } })),
  ],
  scratch: { ...scratch, ...plan.scratch },
});

/**
 * Ways to compute y = gather(x) * weight (+ bias) on a GPU, the likeliest first: large tiles where there are enough of
 * them for the whole device, smaller ones or a split inner sum where there are not.
 */
export function gpuWays(
  caps: Caps,
  problem: GemmProblem,
  bias: boolean,
  surroundings: Surroundings = {},
): Way[] {
  const { M, O, OG, IG, kernel, batch, phases } = problem;
  // Where there is nothing to do the kernel's own plan does it: the shaders step through what there is.
  if (caps.family !== 'tile' || batch > 65535 || M * OG * IG * kernel[0] * kernel[1] === 0) return [];
  const [up, across] = phases?.step ?? [1, 1];
  const inner = Math.ceil((kernel[0] * kernel[1] * IG) / (up * across));
  const results = M * up * across * O;
  const fits = Math.min(caps.maxBindingSize / Math.max(1, results * 4), inner / SHORTEST_PART, 32);
  const most = batch === 1 && resultsInFours(problem) ? fits : 1;
  const ways = gpuTiles(caps).flatMap((tile) => {
    const operands = tile.conv(problem);
    if (!operands) return [];
    const workgroups = Math.ceil(M / tile.rows) * up * across * Math.ceil(OG / tile.columns) * batch;
    const { splits, cycles } = bestSplit(tile, workgroups, inner, results, 1, most);
    const plan = () => within(surroundings, convPlan(tile, problem, operands, bias, splits));
    return [{ cycles, way: { name: tile.name, pays: true, plan } }];
  });
  return ways.sort((a, b) => a.cycles - b.cycles).map(({ way }) => way);
}

/** Many products of one shape in one dispatch, by the best kernel there is. */
export const productDispatch = (caps: Caps, problem: GemmProblem): Dispatch =>
  gpuWays(caps, problem, false)[0]?.plan().dispatches[0] ?? gemmDispatch(caps, problem, false);

/** dw[tap, i, o] = the sum over output pixels of x and dy, in parts that are added in order. */
function filterPlan(
  tile: GpuTile,
  problem: GemmProblem,
  operands: readonly string[],
  splits: number,
): KernelPlan {
  const { M, O, OG, IG, kernel, batch, dtype } = problem;
  const rows = kernel[0] * kernel[1] * IG;
  const total = rows * O;
  const blocks = Math.ceil(OG / tile.columns);
  const single = splits === 1 && dtype === 'f32';
  const product: Dispatch = {
    shader: tile.shader,
    snippets: [convParams, ...operands],
    ...(tile.enable ? { enable: tile.enable } : {}),
    types: { T: wgslType(dtype), ...tile.types(wgslType(dtype)) },
    constants: tile.constants,
    params: {
      ...paramsOf(problem, tile.rows),
      blocks,
      splits,
      split: Math.max(32, roundUp(Math.ceil(M / splits), 32)),
    },
    bind: { parts: single ? 'dw' : 'parts' },
    grid: foldBlocks(Math.ceil(rows / tile.rows) * blocks, total === 0 ? 0 : batch * splits),
  };
  if (single) return { dispatches: [product] };
  const add: Dispatch = {
    shader: sumSplits,
    types: { T: wgslType(dtype) },
    params: { total, splits },
    bind: { y: 'dw' },
    grid: total,
  };
  return { dispatches: [product, add], scratch: { parts: splits * total * 4 } };
}

/** Ways to compute a filter gradient on a GPU, the likeliest first. */
export function gpuFilterWays(caps: Caps, problem: GemmProblem): Way[] {
  const { M, O, OG, IG, kernel, batch } = problem;
  const rows = kernel[0] * kernel[1] * IG;
  const total = rows * O;
  if (caps.family !== 'tile' || batch > 65535 || M * total === 0) return [];
  const fits = Math.max(1, Math.floor(Math.min(caps.maxBindingSize / Math.max(1, total * 4), 65535 / batch)));
  // At most 8,192 pixels are added up in one go, for accuracy.
  const least = Math.max(1, Math.min(fits, Math.ceil(M / 8192)));
  const most = Math.min(fits, M / SHORTEST_PART);
  const ways = gpuTiles(caps).flatMap((tile) => {
    const operands = tile.filter(problem);
    if (!operands) return [];
    const workgroups = Math.ceil(rows / tile.rows) * Math.ceil(OG / tile.columns) * batch;
    const { splits, cycles } = bestSplit(tile, workgroups, M, total, least, most);
    return [
      {
        cycles,
        way: { name: tile.name, pays: true, plan: () => filterPlan(tile, problem, operands, splits) },
      },
    ];
  });
  return ways.sort((a, b) => a.cycles - b.cycles).map(({ way }) => way);
}
