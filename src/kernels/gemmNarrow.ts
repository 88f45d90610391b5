import type { Caps } from '../device/caps.ts';
import shader from '../wgsl/gemm_subgroup8_narrow.wgsl';
import type { SpecialVariant } from './gemm.ts';

const EIGHT_LANES_NARROW: SpecialVariant = { shader, rows: 64, columns: 4 };

/**
 * The kernel for few columns on adapters with 8 lanes, whose usual one covers 32. Measured on lavapipe: 4 to 5 times as
 * fast with 4 columns, twice with 8. Undefined where the usual one is as good.
 */
export const narrowVariant = ({ family, subgroupSize }: Caps, columns: number): SpecialVariant | undefined =>
  family === 'subgroup' && subgroupSize === 8 && columns <= 8 ? EIGHT_LANES_NARROW : undefined;
