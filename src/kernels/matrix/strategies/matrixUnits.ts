import gemmMatrix from '../../../wgsl/matrix/gemm_matrix.wgsl';
import filterLines from '../../../wgsl/matrix/lib/filter_lines.wgsl';
import gpuConv from '../../../wgsl/matrix/lib/gpu_conv.wgsl';
import gpuFilter from '../../../wgsl/matrix/lib/gpu_filter.wgsl';
import weightLines from '../../../wgsl/matrix/lib/weight_lines.wgsl';
import { defineTileFilter, defineTileProduct, type GpuTile } from './gpuTile.ts';
import type { GemmProblem } from './product.ts';

const inEights = (values: readonly number[]): boolean => values.every((value) => value % 8 === 0);

const inHalves = ({ C, IG, O, OG, x_z, w_z, y_z, dtype }: GemmProblem): boolean =>
  dtype === 'f16' && inEights([C, IG, O, OG, x_z, w_z, y_z]);

/**
 * A kernel for f16 where the device has matrix units; for other types and odd channels it does not do. A subgroup of 32
 * lanes owns 64 x 32 of a tile. Each lane loads four times 16 bytes of either operand a step. `bytes`: the shared memory.
 */
const defineTile = (
  name: GpuTile['name'],
  size: 128 | 64,
  depth: number,
  rate: number,
  bytes: number,
): GpuTile => ({
  name,
  rows: size,
  columns: size,
  threads: size ** 2 / 64,
  rate,
  shader: gemmMatrix,
  enable: ['subgroups', 'chromium_experimental_subgroup_matrix'],
  constants: { ROWS: size, COLUMNS: size, DEPTH: depth },
  runs: ({ matrixUnits = false, workgroupBytes = 16384 }) => matrixUnits && workgroupBytes >= bytes,
  types: () => ({ X: 'vec4u' }),
  conv(gemm) {
    const possible = inHalves(gemm) && gemm.w_c === 1 && inEights([gemm.w_tap, gemm.w_i]);
    return possible ? [weightLines, gpuConv] : undefined;
  },
  filter: (gemm) => (inHalves(gemm) ? [filterLines, gpuFilter] : undefined),
});

// Rates as a part of what matrix instructions of a subgroup do on an NVIDIA GPU of 2022 (about 1,000 per cycle). The
// larger tile takes more shared memory than every device has.
const MATRIX_128X128 = defineTile('matrix128x128', 128, 64, 500, (128 * 9 + 64 * 17) * 16);
const MATRIX_64X64 = defineTile('matrix64x64', 64, 32, 300, 0);

export const matrix128x128 = defineTileProduct(MATRIX_128X128);
export const matrix64x64 = defineTileProduct(MATRIX_64X64);

export const filterMatrix128x128 = defineTileFilter(MATRIX_128X128);
export const filterMatrix64x64 = defineTileFilter(MATRIX_64X64);
