import type { Caps } from '../../../device/caps.ts';
import slide from '../../../wgsl/matrix/gemm_slide.wgsl';
import fourLanesFlat from '../../../wgsl/matrix/gemm_subgroup4_flat.wgsl';
import eightLanesFlat from '../../../wgsl/matrix/gemm_subgroup8_flat.wgsl';
import eightLanesNarrow from '../../../wgsl/matrix/gemm_subgroup8_narrow.wgsl';
import leftFlat from '../../../wgsl/matrix/lib/left_flat.wgsl';
import quads from '../../../wgsl/matrix/lib/quads.wgsl';
import storeRows from '../../../wgsl/matrix/lib/store_rows.wgsl';
import type { GemmProblem, SpecialVariant } from './gemm.ts';

/** Whether neighbouring pixels of a row, and neighbouring taps, read neighbouring source pixels. */
const slides = ({ result, kernel, stride, dilation }: GemmProblem): boolean =>
  kernel[1] > 1 && stride[1] === 1 && Math.abs(dilation[1]) === 1 && result[1] % 16 === 0;

/**
 * The kernel for few columns on software adapters, whose usual one covers 32 (8 lanes) or 8 (4 lanes) of them. Measured
 * with 3 columns, on lavapipe: 4 times as fast, or 6 where pixels slide; on SwiftShader 1.3 times. Undefined where
 * the usual one is as good.
 */
export function narrowVariant(caps: Caps, problem: GemmProblem): SpecialVariant | undefined {
  const { family, subgroupSize } = caps;
  if (family !== 'subgroup' || problem.OG > subgroupSize) return undefined;
  if (slides(problem)) return { shader: slide, snippets: [storeRows], rows: 128, columns: 4 };
  return subgroupSize === 8 ? { shader: eightLanesNarrow, snippets: [], rows: 64, columns: 4 } : undefined;
}

/**
 * The kernel for a convolution of so few channels a group that they leave lanes idle, tap by tap: a network's stem.
 * Measured with 7x7x3: 1.7 times as fast on lavapipe, 2.5 times on SwiftShader.
 */
export function flatVariant(caps: Caps, { IG, OG }: GemmProblem): SpecialVariant | undefined {
  const { family, subgroupSize } = caps;
  // With 8 columns or fewer 4 lanes have a kernel that takes two channels at a time.
  if (family !== 'subgroup' || IG >= subgroupSize || OG <= 8) return undefined;
  if (subgroupSize === 4) {
    return { shader: fourLanesFlat, snippets: [leftFlat, quads, storeRows], rows: 16, columns: 16 };
  }
  if (subgroupSize !== 8) return undefined;
  return { shader: eightLanesFlat, snippets: [leftFlat, storeRows], rows: 16, columns: 32 };
}
