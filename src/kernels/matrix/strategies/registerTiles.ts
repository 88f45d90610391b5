import gemmGpu from '../../../wgsl/matrix/gemm_gpu.wgsl';
import filterScalar from '../../../wgsl/matrix/lib/filter_scalar.wgsl';
import filterVec4 from '../../../wgsl/matrix/lib/filter_vec4.wgsl';
import gpuConv from '../../../wgsl/matrix/lib/gpu_conv.wgsl';
import gpuFilter from '../../../wgsl/matrix/lib/gpu_filter.wgsl';
import weightScalar from '../../../wgsl/matrix/lib/weight_scalar.wgsl';
import weightVec4 from '../../../wgsl/matrix/lib/weight_vec4.wgsl';
import { defineTileFilter, defineTileProduct, type GpuTile } from './gpuTile.ts';
import { divides, type GemmProblem } from './product.ts';

const DEPTH = 16;

/** Weights whose columns are neighbours in memory, in fours. */
const weightsInFours = ({ w_tap, w_i, w_c, w_z }: GemmProblem): boolean =>
  w_c === 1 && divides([w_tap, w_i, w_z]);
const resultsInFours = ({ O, OG, y_z }: GemmProblem): boolean => divides([O, OG, y_z]);
const sourcesInFours = ({ C, IG, x_z }: GemmProblem): boolean => divides([C, IG, x_z]);

/** Blocks of 4 `fours` x 4 `fours` in registers: the larger, the fewer loads from shared memory per multiply-add. */
const defineTile = (
  name: GpuTile['name'],
  rows: number,
  columns: number,
  fours: 1 | 2,
  rate: number,
): GpuTile => ({
  name,
  rows,
  columns,
  threads: (rows * columns) / (16 * fours * fours),
  rate,
  shader: gemmGpu,
  constants: { ROWS: rows, COLUMNS: columns, DEPTH, FOURS: fours },
  types: (T) => ({ X: `vec4<${T}>`, W: 'vec4f' }),
  conv: (gemm) =>
    sourcesInFours(gemm) ? [weightsInFours(gemm) ? weightVec4 : weightScalar, gpuConv] : undefined,
  filter: (gemm) =>
    sourcesInFours(gemm) ? [resultsInFours(gemm) ? filterVec4 : filterScalar, gpuFilter] : undefined,
});

// Rates of a multiprocessor with 128 f32 units, as parts of shared-memory loads and multiply-adds let expect.
const TILE_128X128 = defineTile('tile128x128', 128, 128, 2, 100);
const TILE_128X64 = defineTile('tile128x64', 128, 64, 2, 96);
const TILE_64X64 = defineTile('tile64x64', 64, 64, 2, 92);
const TILE_32X32 = defineTile('tile32x32', 32, 32, 1, 50);

export const tile128x128 = defineTileProduct(TILE_128X128);
export const tile128x64 = defineTileProduct(TILE_128X64);
export const tile64x64 = defineTileProduct(TILE_64X64);
export const tile32x32 = defineTileProduct(TILE_32X32);

export const filterTile128x128 = defineTileFilter(TILE_128X128);
export const filterTile128x64 = defineTileFilter(TILE_128X64);
export const filterTile64x64 = defineTileFilter(TILE_64X64);
export const filterTile32x32 = defineTileFilter(TILE_32X32);
