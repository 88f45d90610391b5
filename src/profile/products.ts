import type { LoweredDispatch } from '../plan/storage.ts';
import type { Assembled } from '../wgsl/assemble.ts';

/** The values of a shader's `struct Params`, by name. */
export function paramsOf({ shader, params }: LoweredDispatch): Record<string, number> {
  const arrays = { u32: new Uint32Array(params), i32: new Int32Array(params), f32: new Float32Array(params) };
  return Object.fromEntries(
    shader.params.map(({ name, type }, i) => [name, arrays[type as keyof typeof arrays][i]!]),
  );
}

/** Columns of a block of each matrix kernel, and rows of those of filter gradients; those for GPUs say both in their headers. */
const BLOCKS: Readonly<Record<string, { readonly columns: number; readonly rows?: number }>> = {
  gemm_tile: { columns: 64, rows: 64 },
  gemm_slide: { columns: 4 },
  gemm_subgroup4: { columns: 16 },
  gemm_subgroup4_flat: { columns: 16 },
  gemm_subgroup4_narrow: { columns: 8 },
  gemm_subgroup8: { columns: 32 },
  gemm_subgroup8_flat: { columns: 32 },
  gemm_subgroup8_narrow: { columns: 4 },
  conv2d_backward_weight_subgroup4: { columns: 16, rows: 16 },
  conv2d_backward_weight_subgroup4_narrow: { columns: 8, rows: 32 },
  conv2d_backward_weight_subgroup8: { columns: 32, rows: 16 },
};

/** What a workgroup of a matrix kernel covers of its result. Rows are told of filter gradients only: others have theirs in `phase_rows`. */
export function blockOf({ name, code }: Assembled): { readonly columns: number; readonly rows?: number } {
  const constant = (of: string) => Number(new RegExp(`^const ${of} = (\\d+)u;`, 'm').exec(code)?.[1] ?? 1);
  return BLOCKS[name.replace('.wgsl', '')] ?? { columns: constant('COLUMNS'), rows: constant('ROWS') };
}

const whole = (size: number, blocks: number): number => Math.ceil(size / blocks) * blocks;

/** Multiplications and additions of a matrix kernel: those of the product, and with what its blocks cover beyond the edges. */
export interface ProductFlops {
  readonly flops: number;
  readonly inBlocks: number;
}

/** FLOPs of a matrix kernel by its sizes (conv_params.wgsl); undefined for other kernels. */
export function productFlops(dispatch: LoweredDispatch): ProductFlops | undefined {
  const { M, IG, OG, KH, KW, splits = 1, depth = 0, phase_rows: padded = 0 } = paramsOf(dispatch);
  if (M === undefined || IG === undefined || OG === undefined) return undefined;
  const count = depth > 0 ? depth : dispatch.workgroups[2] / splits;
  const inner = IG * KH! * KW!;
  const { rows = 1, columns } = blockOf(dispatch.shader);
  // The rows of a filter gradient are its taps and channels, and the pixels are summed over.
  const isFilter = dispatch.shader.bindings.some(({ name }) => name === 'dy');
  const up = isFilter ? whole(inner, rows) * M : Math.max(M, padded) * inner;
  return { flops: 2 * M * OG * inner * count, inBlocks: 2 * up * whole(OG, columns) * count };
}
