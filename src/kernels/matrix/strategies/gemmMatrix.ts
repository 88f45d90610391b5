import type { Caps } from '../../../device/caps.ts';
import gemmMatrix from '../../../wgsl/matrix/gemm_matrix.wgsl';
import filterEights from '../../../wgsl/matrix/lib/filter_eights.wgsl';
import gpuConv from '../../../wgsl/matrix/lib/gpu_conv.wgsl';
import gpuFilter from '../../../wgsl/matrix/lib/gpu_filter.wgsl';
import weightEights from '../../../wgsl/matrix/lib/weight_eights.wgsl';
import type { GemmProblem } from './gemm.ts';
import type { GpuTile } from './gemmGpu.ts';

const inEights = (values: readonly number[]): boolean => values.every((value) => value % 8 === 0);

const inHalves = ({ C, IG, O, OG, batchStrides, dtype }: GemmProblem): boolean =>
  dtype === 'f16' && inEights([C, IG, O, OG, ...batchStrides]);

/** A subgroup of 32 lanes owns 64 x 64 of a tile. Each lane loads four times 16 bytes of either operand a step. */
function matrixTile(
  name: 'matrix128x128' | 'matrix64x64',
  size: 128 | 64,
  depth: number,
  rate: number,
): GpuTile {
  return {
    name,
    rows: size,
    columns: size,
    threads: size ** 2 / 128,
    rate,
    shader: gemmMatrix,
    enable: ['subgroups', 'chromium_experimental_subgroup_matrix'],
    constants: { ROWS: size, COLUMNS: size, DEPTH: depth },
    types: () => ({ X: 'vec4u', W: 'vec4u' }),
    conv(problem) {
      const [tap, source, result] = problem.weightStrides;
      const possible = inHalves(problem) && result === 1 && inEights([tap, source]);
      return possible ? [weightEights, gpuConv] : undefined;
    },
    filter: (problem) => (inHalves(problem) ? [filterEights, gpuFilter] : undefined),
  };
}

/** Bytes of shared memory that the larger tile takes: over what every device has. */
const LARGE = (128 * 5 + 32 * 17) * 16;

// Rates as a part of what matrix instructions of a subgroup do on an NVIDIA GPU of 2022 (about 1,000 a cycle).
const SMALL_TILE = matrixTile('matrix64x64', 64, 16, 300);
const LARGE_TILE = matrixTile('matrix128x128', 128, 32, 500);

/** The kernels for f16 where the device has matrix units: elsewhere, and for other types and odd channels, none. */
export function matrixTiles({ matrixUnits, workgroupBytes = 16384 }: Caps): readonly GpuTile[] {
  if (!matrixUnits) return [];
  return workgroupBytes >= LARGE ? [LARGE_TILE, SMALL_TILE] : [SMALL_TILE];
}
