import slideShader from '../../../wgsl/matrix/gemm_slide.wgsl';
import eightLanesNarrow from '../../../wgsl/matrix/gemm_subgroup8_narrow.wgsl';
import storeRows from '../../../wgsl/matrix/lib/store_rows.wgsl';
import { defineGemm } from './gemm.ts';
import type { GemmProblem } from './product.ts';

/** Whether neighbouring pixels of a row, and neighbouring taps, read neighbouring source pixels. */
const slides = ({ OW, KW, SW, DW }: GemmProblem): boolean =>
  KW > 1 && SW === 1 && Math.abs(DW) === 1 && OW % 16 === 0;

/**
 * For few columns on software adapters, where pixels slide. Measured with 3 columns: 6 times as fast as lanes8 on lavapipe,
 * 1.3 times as fast as lanes4Narrow on SwiftShader.
 */
export const slide = defineGemm(
  {
    name: 'slide',
    rows: 128,
    columns: 4,
    possible: ({ caps: { family, subgroupSize }, gemm }) =>
      family === 'subgroup' && gemm.OG <= subgroupSize && slides(gemm),
    // With more lanes it was not measured.
    cost: ({ caps: { subgroupSize } }) => ({ 4: 0.5 / 1.3, 8: 1 / 6 })[subgroupSize] ?? 1,
  },
  slideShader,
  storeRows,
);

/** For few columns on 8 lanes, whose usual kernel covers 32 of them. Measured with 3 columns on lavapipe: 4 times as fast. */
export const lanes8Narrow = defineGemm(
  {
    name: 'lanes8Narrow',
    lanes: 8,
    rows: 64,
    columns: 4,
    possible: ({ caps, gemm }) => caps.subgroupSize === 8 && gemm.OG <= 8,
    cost: () => 1 / 4,
  },
  eightLanesNarrow,
);
