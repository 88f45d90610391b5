import type { LoweredDispatch } from '../plan/storage.ts';
import type { Assembled } from '../wgsl/assemble.ts';

/** The values of a shader's `struct Params`, by name. */
export function paramsOf({ shader, params }: LoweredDispatch): Record<string, number> {
  const arrays = { u32: new Uint32Array(params), i32: new Int32Array(params), f32: new Float32Array(params) };
  return Object.fromEntries(
    shader.params.map(({ name, type }, i) => [name, arrays[type as keyof typeof arrays][i]!]),
  );
}

/** What a block of each matrix kernel covers of the result; those for GPUs say it in their headers. */
const BLOCKS: Readonly<Record<string, readonly [rows: number, columns: number]>> = {
  gemm_tile: [64, 64],
  gemm_slide: [128, 4],
  gemm_subgroup4: [16, 16],
  gemm_subgroup4_flat: [16, 16],
  gemm_subgroup4_narrow: [32, 8],
  gemm_subgroup8: [16, 32],
  gemm_subgroup8_flat: [16, 32],
  gemm_subgroup8_narrow: [64, 4],
  conv2d_backward_weight_subgroup4: [16, 16],
  conv2d_backward_weight_subgroup4_narrow: [32, 8],
  conv2d_backward_weight_subgroup8: [16, 32],
};

/** What a workgroup of a matrix kernel covers of its result. */
export function blockOf({ name, code }: Assembled): readonly [rows: number, columns: number] {
  const constant = (of: string) => Number(new RegExp(`^const ${of} = (\\d+)u;`, 'm').exec(code)?.[1] ?? 1);
  return BLOCKS[name.replace('.wgsl', '')] ?? [constant('ROWS'), constant('COLUMNS')];
}

const whole = (size: number, blocks: number): number => Math.ceil(size / blocks) * blocks;

/** Multiplications and additions of a matrix kernel: those of the product, and with what its blocks cover beyond the edges. */
export interface ProductFlops {
  readonly flops: number;
  readonly inBlocks: number;
}

/** FLOPs of a matrix kernel by its sizes (conv_params.wgsl); undefined for other kernels. */
export function productFlops(dispatch: LoweredDispatch): ProductFlops | undefined {
  const { M, IG, OG, KH, KW, splits = 1, depth = 0 } = paramsOf(dispatch);
  if (M === undefined || IG === undefined || OG === undefined) return undefined;
  const count = depth > 0 ? depth : dispatch.workgroups[2] / splits;
  const inner = IG * KH! * KW!;
  const [rows, columns] = blockOf(dispatch.shader);
  // The rows of a filter gradient are its taps and channels, and the pixels are summed over.
  const isFilter = dispatch.shader.bindings.some(({ name }) => name === 'dy');
  const up = isFilter ? whole(inner, rows) * M : whole(M, rows) * inner;
  return { flops: 2 * M * OG * inner * count, inBlocks: 2 * up * whole(OG, columns) * count };
}
