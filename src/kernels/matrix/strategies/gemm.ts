import type { Caps } from '../../../device/caps.ts';
import biasSnippet from '../../../wgsl/lib/bias.wgsl';
import biasNone from '../../../wgsl/lib/bias_none.wgsl';
import convParams from '../../../wgsl/matrix/lib/conv_params.wgsl';
import convSource from '../../../wgsl/matrix/lib/conv_source.wgsl';
import resultScalar from '../../../wgsl/matrix/lib/result_scalar.wgsl';
import resultVec4 from '../../../wgsl/matrix/lib/result_vec4.wgsl';
import sumProducts from '../../../wgsl/matrix/lib/sum_products.wgsl';
import weightScalar from '../../../wgsl/matrix/lib/weight_scalar.wgsl';
import weightVec4 from '../../../wgsl/matrix/lib/weight_vec4.wgsl';
import { type KernelPlan, wgslType } from '../../dispatch.ts';
import type { StrategyName } from '../../strategy.ts';
import { divides, foldBlocks, type Product, type ProductStrategy, paramsOf } from './product.ts';

/** What one workgroup of a matrix kernel covers of the result. */
export interface Block {
  readonly name: StrategyName;
  readonly rows: number;
  readonly columns: number;
  /** Lanes of a subgroup, which exchange values; 0: the workgroup shares tiles in memory. */
  readonly lanes?: 0 | 4 | 8;
  /** As a strategy's. Default: on adapters with as many lanes. */
  possible?(product: Product): boolean;
  cost?(product: Product): number;
}

/** The blocks for any product, and the narrow one of four lanes, whose usual one would leave half of them idle. */
export const LANES4: Block = { name: 'lanes4', lanes: 4, rows: 16, columns: 16 };
export const LANES4_NARROW: Block = {
  name: 'lanes4Narrow',
  lanes: 4,
  rows: 32,
  columns: 8,
  possible: ({ caps, gemm }) => caps.subgroupSize === 4 && gemm.OG <= 8,
  cost: () => 0.5,
};
export const LANES8: Block = { name: 'lanes8', lanes: 8, rows: 12, columns: 32 };
/** For all adapters but those with 4 or 8 lanes, where a barrier costs a thousand cycles. */
export const TILE: Block = { name: 'tile', lanes: 0, rows: 64, columns: 64 };

/** Whether a device has the lanes of a block. */
export const hasLanes = ({ subgroupSize }: Caps, { lanes }: Block): boolean =>
  lanes === (subgroupSize === 4 || subgroupSize === 8 ? subgroupSize : 0);

/** y = gather(x) * weight (+ bias) by a shader and its own snippets, in blocks. */
export const defineGemm = (block: Block, shader: string, ...own: readonly string[]): ProductStrategy => ({
  possible: ({ caps }) => hasLanes(caps, block),
  ...block,
  plan(product) {
    const { gemm, bias, sum = sumProducts } = product;
    const { M, O, OG, w_tap, w_i, w_c, w_z, y_z, UH, UW, batch, dtype } = gemm;
    const { rows, columns, lanes } = block;
    const weights4 = w_c === 1 && divides([w_tap, w_i, w_z]);
    const results4 = divides([O, OG, y_z]);
    const blocks = Math.ceil(OG / columns);
    const perMatrix = Math.ceil(M / rows) * UH * UW * blocks;
    // So many matrices fit into no binding unless each of them is a few blocks.
    const deep = batch > 65535;
    const plan: KernelPlan = {
      dispatches: [
        {
          shader,
          snippets: [
            convParams,
            convSource,
            gemm.gather,
            bias ? biasSnippet : biasNone,
            weights4 ? weightVec4 : weightScalar,
            sum,
            results4 ? resultVec4 : resultScalar,
            ...own,
          ],
          enable: lanes ? ['subgroups'] : [],
          types: { T: wgslType(dtype) },
          constants: { ROWS: Math.min(rows, 16) },
          params: { ...paramsOf(gemm, rows), blocks, depth: deep ? batch : 0 },
          bind: { bias_values: 'bias' },
          epilogue: results4 ? 'vec4f' : 'f32',
          channels: O,
          grid: deep
            ? [perMatrix, Math.ceil(batch / 65535), Math.min(batch, 65535)]
            : foldBlocks(perMatrix, batch),
        },
      ],
    };
    return product.around?.(plan) ?? plan;
  },
});
