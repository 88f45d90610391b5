import gemmSubgroup4 from '../../../wgsl/matrix/gemm_subgroup4.wgsl';
import gemmSubgroup4Narrow from '../../../wgsl/matrix/gemm_subgroup4_narrow.wgsl';
import gemmSubgroup8 from '../../../wgsl/matrix/gemm_subgroup8.wgsl';
import gemmTile from '../../../wgsl/matrix/gemm_tile.wgsl';
import left from '../../../wgsl/matrix/lib/left.wgsl';
import quads from '../../../wgsl/matrix/lib/quads.wgsl';
import storeRows from '../../../wgsl/matrix/lib/store_rows.wgsl';
import tileConv from '../../../wgsl/matrix/lib/tile_conv.wgsl';
import { defineGemm, LANES4, LANES4_NARROW, LANES8, TILE } from './gemm.ts';

export const lanes4 = defineGemm(LANES4, gemmSubgroup4, left, quads, storeRows);
export const lanes4Narrow = defineGemm(LANES4_NARROW, gemmSubgroup4Narrow, left, quads, storeRows);
export const lanes8 = defineGemm(LANES8, gemmSubgroup8, left, storeRows);
export const tile = defineGemm(TILE, gemmTile, tileConv);
