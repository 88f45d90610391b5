import filterSubgroup4 from '../../../wgsl/matrix/conv2d_backward_weight_subgroup4.wgsl';
import filterSubgroup4Narrow from '../../../wgsl/matrix/conv2d_backward_weight_subgroup4_narrow.wgsl';
import filterSubgroup8 from '../../../wgsl/matrix/conv2d_backward_weight_subgroup8.wgsl';
import gemmTile from '../../../wgsl/matrix/gemm_tile.wgsl';
import convParams from '../../../wgsl/matrix/lib/conv_params.wgsl';
import convSource from '../../../wgsl/matrix/lib/conv_source.wgsl';
import filterScalar from '../../../wgsl/matrix/lib/filter_scalar.wgsl';
import filterVec4 from '../../../wgsl/matrix/lib/filter_vec4.wgsl';
import left from '../../../wgsl/matrix/lib/left.wgsl';
import quads from '../../../wgsl/matrix/lib/quads.wgsl';
import rowsAll from '../../../wgsl/matrix/lib/rows_all.wgsl';
import rowsAnyTap from '../../../wgsl/matrix/lib/rows_any_tap.wgsl';
import rowsInside from '../../../wgsl/matrix/lib/rows_inside.wgsl';
import rowsOneTap from '../../../wgsl/matrix/lib/rows_one_tap.wgsl';
import storeParts from '../../../wgsl/matrix/lib/store_parts.wgsl';
import sumProducts from '../../../wgsl/matrix/lib/sum_products.wgsl';
import tileFilter from '../../../wgsl/matrix/lib/tile_filter.wgsl';
import sumSplits from '../../../wgsl/matrix/sum_splits.wgsl';
import { type Dispatch, wgslType } from '../../dispatch.ts';
import { type Block, hasLanes, LANES4, LANES4_NARROW, LANES8, TILE } from './gemm.ts';
import { divides, foldBlocks, type ProductStrategy, paramsOf } from './product.ts';

/** A filter gradient by a kernel, in blocks. */
export type FilterStrategy = ProductStrategy & Pick<Block, 'rows' | 'columns'>;

/**
 * dw[tap, i, o] = sum over output pixels of x and dy, bound as x, dy and dw. The pixels are split into parts so
 * that there is work for the whole device; the parts are added in order afterwards.
 */
const defineFilter = (block: Block, shader: string, ...own: readonly string[]): FilterStrategy => ({
  possible: ({ caps }) => hasLanes(caps, block),
  ...block,
  plan({ caps, gemm }) {
    const { M, O, OG, IG, KH, KW, PH, PW, batch, y_z, dtype } = gemm;
    const tile = block.lanes === 0;
    const rows = KH * KW * IG;
    const blocks = Math.ceil(OG / block.columns);
    const groups = Math.ceil(rows / block.rows) * blocks * batch;
    // Software adapters have a few threads to fill, GPUs some hundred; a part is worth its own partial sums from
    // 256 pixels on, and at most 8,192 pixels are added up in one go, for accuracy, where the parts fit the device.
    const wanted = Math.ceil((tile ? 256 : 32) / Math.max(groups, 1));
    const total = rows * O;
    const fits = Math.floor(Math.min(caps.maxBindingSize / (total * 4), 65535 / batch));
    const splits = Math.max(
      1,
      Math.min(fits, Math.max(Math.min(wanted, Math.ceil(M / 256)), Math.ceil(M / 8192))),
    );
    const split = Math.ceil(Math.ceil(M / splits) / 16) * 16;
    const vec4 = divides([O, OG, y_z]);
    const oneTap = IG % 16 === 0;
    const skips = oneTap && (PH !== 0 || PW !== 0);
    const single = splits === 1 && dtype === 'f32';
    const dispatch: Dispatch = {
      shader,
      snippets: [
        convParams,
        convSource,
        gemm.gather,
        vec4 ? filterVec4 : filterScalar,
        sumProducts,
        ...(tile ? [] : [oneTap ? rowsOneTap : rowsAnyTap, skips ? rowsInside : rowsAll]),
        ...own,
      ],
      enable: tile ? [] : ['subgroups'],
      types: { T: wgslType(dtype) },
      params: { ...paramsOf(gemm, block.rows), blocks, splits, split },
      bind: { parts: single ? 'dw' : 'parts' },
      grid: foldBlocks(Math.ceil(rows / block.rows) * blocks, total === 0 ? 0 : batch * splits),
    };
    if (single) return { dispatches: [dispatch] };
    const add: Dispatch = {
      shader: sumSplits,
      types: { T: wgslType(dtype) },
      params: { total, splits },
      bind: { y: 'dw' },
      grid: total,
    };
    return { dispatches: [dispatch, add], scratch: { parts: splits * total * 4 } };
  },
});

export const filterLanes4 = defineFilter(LANES4, filterSubgroup4, left, quads, storeParts);
export const filterLanes4Narrow = defineFilter(LANES4_NARROW, filterSubgroup4Narrow, left, quads, storeParts);
export const filterLanes8 = defineFilter({ ...LANES8, rows: 16 }, filterSubgroup8, left, storeParts);
export const filterTile = defineFilter(TILE, gemmTile, tileFilter);
