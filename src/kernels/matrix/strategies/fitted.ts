import { byteLength } from '../../../shape.ts';
import gemmSubgroup8 from '../../../wgsl/matrix/gemm_subgroup8.wgsl';
import left from '../../../wgsl/matrix/lib/left.wgsl';
import storeRows from '../../../wgsl/matrix/lib/store_rows.wgsl';
import weightBlocks from '../../../wgsl/matrix/lib/weight_blocks.wgsl';
import weightVec4 from '../../../wgsl/matrix/lib/weight_vec4.wgsl';
import packColumns from '../../../wgsl/matrix/pack_columns.wgsl';
import { type Dispatch, wgslType } from '../../dispatch.ts';
import { defineGemm, LANES8 } from './gemm.ts';
import { type Product, type ProductStrategy, planAround } from './product.ts';

/** Rows of a block of lanes8, and the time that it takes for each inner element, relative to the others: measured on lavapipe. */
const BLOCKS = [
  [12, 29],
  [9, 25],
  [4, 15],
  [1, 9],
] as const;

/** The blocks that cover so many rows in the least time. */
export function blocksOf(M: number): { readonly rows: number; readonly time: number } {
  const all = BLOCKS.map(([rows, time]) => ({ rows, time: Math.ceil(M / rows) * time }));
  return all.reduce((best, next) => (next.time < best.time ? next : best));
}

/** Columns of weights that lie together: those of a block of lanes8. */
export const PACKED_COLUMNS = 32;

/** The dispatch of lanes8 that reads weights as pack_columns.wgsl leaves them: so many rows a block, taps so many apart. */
export const readPacked = (dispatch: Dispatch, rows: number, tap = 0): Dispatch => ({
  ...dispatch,
  snippets: dispatch.snippets!.map((snippet) => (snippet === weightVec4 ? weightBlocks : snippet)),
  params: { ...dispatch.params, w_c: rows * PACKED_COLUMNS, w_tap: tap * PACKED_COLUMNS },
});

const PACKED = 'packed weight';
/** Bytes of weights, and blocks of rows that read them, from which on packing them anew at every run pays. */
const PAYS = { bytes: 1 << 22, blocks: 4 };

const inRows = (rows: number): ProductStrategy =>
  defineGemm({ ...LANES8, rows }, gemmSubgroup8, left, storeRows);

/** The bytes of the packed weights, where packing them pays. Neighbouring columns must be neighbours, taps as well. */
function packedBytes({ gemm, fixedWeights, around }: Product): number {
  const { KH, KW, IG, OG, M, batch, w_c, w_i, w_tap, dtype } = gemm;
  const inner = KH * KW * IG;
  const plain = w_c === 1 && w_i === OG && (KH * KW === 1 || w_tap === IG * OG);
  if (around || batch !== 1 || !plain || OG % 4 !== 0) return 0;
  const bytes = byteLength({ shape: [inner, Math.ceil(OG / PACKED_COLUMNS) * PACKED_COLUMNS], dtype });
  const often = bytes >= PAYS.bytes && M / blocksOf(M).rows > PAYS.blocks - 1;
  return (fixedWeights && inner > 1 && OG > PACKED_COLUMNS) || often ? bytes : 0;
}

/**
 * lanes8 in blocks that fit the rows: those of a batch of one, or of the last pixels of a network, are not twelve. Where
 * weights are packed once, or read often, a workgroup's lie together: weights that are a power of two apart fall into the same
 * sets of a CPU's cache, and no prefetching finds them. Measured with few pixels of 256 and 512 channels: twice as fast.
 */
export const lanes8Fitted: ProductStrategy = {
  ...inRows(LANES8.rows),
  plan(product) {
    const { caps, gemm } = product;
    const { KH, KW, IG, OG, dtype } = gemm;
    const bytes = packedBytes(product);
    const plan = inRows(blocksOf(gemm.M).rows).plan(product);
    if (bytes === 0 || bytes > caps.maxBindingSize) return plan;
    const rows = KH * KW * IG;
    const total = (rows * OG) / 4;
    const pack: Dispatch = {
      shader: packColumns,
      types: { T: wgslType(dtype) },
      params: { total, rows, fours: OG / 4 },
      bind: { x: 'weight', y: PACKED },
      grid: total,
    };
    const read = { ...plan, dispatches: plan.dispatches.map((dispatch) => readPacked(dispatch, rows, IG)) };
    return planAround(read, { weight: PACKED }, [pack], { [PACKED]: bytes });
  },
};
