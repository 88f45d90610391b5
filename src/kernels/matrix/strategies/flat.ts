import fourLanesFlat from '../../../wgsl/matrix/gemm_subgroup4_flat.wgsl';
import eightLanesFlat from '../../../wgsl/matrix/gemm_subgroup8_flat.wgsl';
import leftFlat from '../../../wgsl/matrix/lib/left_flat.wgsl';
import quads from '../../../wgsl/matrix/lib/quads.wgsl';
import storeRows from '../../../wgsl/matrix/lib/store_rows.wgsl';
import { defineGemm } from './gemm.ts';

/**
 * For so few channels per group that they leave lanes idle, tap by tap: a network's stem. Measured with 7x7x3 on
 * SwiftShader: 2.5 times as fast as lanes4. With 8 columns or fewer there is a kernel that takes two channels at a time.
 */
export const lanes4Flat = defineGemm(
  {
    name: 'lanes4Flat',
    lanes: 4,
    rows: 16,
    columns: 16,
    possible: ({ caps, gemm }) => caps.subgroupSize === 4 && gemm.IG < 4 && gemm.OG > 8,
    cost: () => 1 / 2.5,
  },
  fourLanesFlat,
  leftFlat,
  quads,
  storeRows,
);

/** The same for 8 lanes. Measured with 7x7x3 on lavapipe: 1.7 times as fast as lanes8. */
export const lanes8Flat = defineGemm(
  {
    name: 'lanes8Flat',
    lanes: 8,
    rows: 16,
    columns: 32,
    possible: ({ caps, gemm }) => caps.subgroupSize === 8 && gemm.IG < 8 && gemm.OG > 8,
    cost: () => 1 / 1.7,
  },
  eightLanesFlat,
  leftFlat,
  storeRows,
);
