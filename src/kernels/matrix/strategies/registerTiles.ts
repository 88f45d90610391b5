import { REGISTERS_OF_MOST } from '../../../device/caps.ts';
import gemmGpu from '../../../wgsl/matrix/gemm_gpu.wgsl';
import filterColumns from '../../../wgsl/matrix/lib/filter_columns.wgsl';
import filterLines from '../../../wgsl/matrix/lib/filter_lines.wgsl';
import gpuConv from '../../../wgsl/matrix/lib/gpu_conv.wgsl';
import gpuFilter from '../../../wgsl/matrix/lib/gpu_filter.wgsl';
import linesF16 from '../../../wgsl/matrix/lib/lines_f16.wgsl';
import linesF32 from '../../../wgsl/matrix/lib/lines_f32.wgsl';
import weightColumns from '../../../wgsl/matrix/lib/weight_columns.wgsl';
import weightLines from '../../../wgsl/matrix/lib/weight_lines.wgsl';
import weightTurned from '../../../wgsl/matrix/lib/weight_turned.wgsl';
import { defineTileFilter, defineTileProduct, type GpuTile } from './gpuTile.ts';
import { divides, type GemmProblem } from './product.ts';

/** Weights whose columns are neighbours in memory, in fours. */
const weightsInFours = ({ w_tap, w_i, w_c, w_z }: GemmProblem): boolean =>
  w_c === 1 && divides([w_tap, w_i, w_z]);
/** Weights whose inner elements are neighbours in memory, in fours. */
const weightsTurned = ({ w_tap, w_i, w_c, w_z }: GemmProblem): boolean =>
  w_i === 1 && divides([w_tap, w_c, w_z]);
const weightsOf = (gemm: GemmProblem): string => {
  if (weightsInFours(gemm)) return weightLines;
  return weightsTurned(gemm) ? weightTurned : weightColumns;
};
const resultsInFours = ({ O, OG, y_z }: GemmProblem): boolean => divides([O, OG, y_z]);
const linesOf = ({ dtype }: GemmProblem): string => (dtype === 'f16' ? linesF16 : linesF32);
const sourcesInFours = ({ C, IG, x_z }: GemmProblem): boolean => divides([C, IG, x_z]);

/**
 * Registers beside the sums: loaded lines (16), operands (16), places and masks. With less for 2 x 2 blocks, Apple's M1 spills.
 */
const BESIDE = 80;

/**
 * Blocks of 4 `down` x 4 `across` in registers: the larger, the fewer loads from shared memory per multiply-add, and the
 * fewer invocations fit into a multiprocessor. The depth is such that each invocation loads four vec4 of either operand.
 */
const defineTile = (
  name: GpuTile['name'],
  [rows, columns]: readonly [number, number],
  [down, across]: readonly [1 | 2, 1 | 2],
  depth: 8 | 16,
  rate: number,
): GpuTile => ({
  name,
  rows,
  columns,
  threads: (rows * columns) / (16 * down * across),
  rate,
  shader: gemmGpu,
  constants: { ROWS: rows, COLUMNS: columns, DEPTH: depth, FOURS_DOWN: down, FOURS_ACROSS: across },
  runs: ({ registers = REGISTERS_OF_MOST }) => registers >= 16 * down * across + BESIDE,
  types: (T) => ({ X: T === 'f16' ? 'vec2u' : 'vec4f' }),
  conv: (gemm) => (sourcesInFours(gemm) ? [linesOf(gemm), weightsOf(gemm), gpuConv] : undefined),
  filter: (gemm) =>
    sourcesInFours(gemm)
      ? [linesOf(gemm), resultsInFours(gemm) ? filterLines : filterColumns, gpuFilter]
      : undefined,
});

// Rates of a multiprocessor with 128 f32 units, as parts of shared-memory loads and multiply-adds let expect.
const TILE_128X128 = defineTile('tile128x128', [128, 128], [2, 2], 16, 100);
const TILE_128X64 = defineTile('tile128x64', [128, 64], [2, 2], 8, 96);
const TILE_64X64 = defineTile('tile64x64', [64, 64], [2, 2], 8, 92);
const TILE_64X32 = defineTile('tile64x32', [64, 32], [2, 1], 8, 70);
const TILE_32X64 = defineTile('tile32x64', [32, 64], [1, 2], 8, 70);
const TILE_32X32 = defineTile('tile32x32', [32, 32], [1, 1], 16, 50);

export const tile128x128 = defineTileProduct(TILE_128X128);
export const tile128x64 = defineTileProduct(TILE_128X64);
export const tile64x64 = defineTileProduct(TILE_64X64);
export const tile64x32 = defineTileProduct(TILE_64X32);
export const tile32x64 = defineTileProduct(TILE_32X64);
export const tile32x32 = defineTileProduct(TILE_32X32);

export const filterTile128x128 = defineTileFilter(TILE_128X128);
export const filterTile128x64 = defineTileFilter(TILE_128X64);
export const filterTile64x64 = defineTileFilter(TILE_64X64);
export const filterTile64x32 = defineTileFilter(TILE_64X32);
export const filterTile32x64 = defineTileFilter(TILE_32X64);
export const filterTile32x32 = defineTileFilter(TILE_32X32);
