import type { Caps } from '../../../device/caps.ts';
import biasLanes from '../../../wgsl/conv/lib/depthwise_bias.wgsl';
import biasLanesNone from '../../../wgsl/conv/lib/depthwise_bias_none.wgsl';
import biasSnippet from '../../../wgsl/lib/bias.wgsl';
import biasNone from '../../../wgsl/lib/bias_none.wgsl';
import convParams from '../../../wgsl/matrix/lib/conv_params.wgsl';
import convSource from '../../../wgsl/matrix/lib/conv_source.wgsl';
import gpuLines from '../../../wgsl/matrix/lib/gpu_lines.wgsl';
import pixelsImage from '../../../wgsl/matrix/lib/pixels_image.wgsl';
import resultParts from '../../../wgsl/matrix/lib/result_parts.wgsl';
import resultScalar from '../../../wgsl/matrix/lib/result_scalar.wgsl';
import resultVec4 from '../../../wgsl/matrix/lib/result_vec4.wgsl';
import sumProducts from '../../../wgsl/matrix/lib/sum_products.wgsl';
import sumParts from '../../../wgsl/matrix/sum_parts.wgsl';
import sumSplits from '../../../wgsl/matrix/sum_splits.wgsl';
import { type Dispatch, type KernelPlan, wgslType } from '../../dispatch.ts';
import type { StrategyName } from '../../strategy.ts';
import { bestSplit, filterWork, PLAIN_TILE, productWork, type TileShape } from './gpuEstimate.ts';
import {
  divides,
  foldBlocks,
  type GemmProblem,
  type Product,
  type ProductStrategy,
  paramsOf,
} from './product.ts';

/** A matrix kernel for GPUs. */
export interface GpuTile extends TileShape {
  readonly name: StrategyName;
  readonly shader: string;
  readonly enable?: readonly string[];
  readonly constants: Readonly<Record<string, number>>;
  /** Whether the device can run it; default: every GPU. */
  runs?(caps: Caps): boolean;
  /** Types that operands are read as, where elements are of type T. */
  types(T: string): Readonly<Record<string, string>>;
  /** The operands of y = gather(x) * weight, and of the filter gradient; undefined where the kernel cannot read them. */
  conv(gemm: GemmProblem): readonly string[] | undefined;
  filter(gemm: GemmProblem): readonly string[] | undefined;
}

/** Where there is nothing to do the plain strategy does it: the shaders step through what there is. */
const fitsDevice = (tile: GpuTile, { caps, gemm }: Product): boolean =>
  caps.family === 'tile' &&
  (tile.runs?.(caps) ?? true) &&
  gemm.batch <= 65535 &&
  gemm.M * gemm.O * gemm.IG * gemm.KH * gemm.KW > 0;

const roundUp = (value: number, to: number): number => Math.ceil(value / to) * to;

/** y = gather(x) * weight (+ bias), by the names of conv2d. */
function productPlan(tile: GpuTile, product: Product): KernelPlan {
  const { gemm, bias, sum = sumProducts } = product;
  const { M, O, OG, batch, y_z, dtype, KH, KW, IG, UH, UW } = gemm;
  const { splits } = bestSplit(tile, productWork(product));
  const T = wgslType(dtype);
  const blocks = Math.ceil(OG / tile.columns);
  const perMatrix = Math.ceil(M / tile.rows) * UH * UW * blocks;
  const pixels = (M / (gemm.OH * gemm.OW)) * gemm.RH * gemm.RW;
  const total = pixels * O;
  const parts = splits > 1;
  const inFours = divides([O, OG, y_z]);
  const dispatch: Dispatch = {
    shader: tile.shader,
    snippets: [
      convParams,
      convSource,
      gemm.gather,
      sum,
      ...(parts ? [resultParts] : [bias ? biasSnippet : biasNone, inFours ? resultVec4 : resultScalar]),
      gpuLines,
      ...tile.conv(gemm)!,
    ],
    ...(tile.enable ? { enable: tile.enable } : {}),
    types: { T, ...tile.types(T) },
    constants: tile.constants,
    params: {
      ...paramsOf(gemm, tile.rows),
      blocks,
      splits,
      split: roundUp(Math.ceil((KH * KW * IG) / splits), 32),
      // There is one matrix where there are parts, and z counts them.
      ...(parts ? { x_z: 0, w_z: 0, y_z: total } : {}),
    },
    ...(parts ? {} : { bind: { bias_values: 'bias' }, epilogue: inFours ? 'vec4f' : 'f32', channels: O }),
    grid: foldBlocks(perMatrix, M === 0 || OG === 0 ? 0 : batch * splits),
  };
  if (!parts) return { dispatches: [dispatch] };
  const add: Dispatch = {
    shader: sumParts,
    snippets: [bias ? biasLanes : biasLanesNone],
    types: { T: `vec4<${T}>` },
    params: { total: total / 4, channels: O / 4, splits },
    bind: { bias_values: 'bias' },
    epilogue: 'vec4f',
    channels: O,
    splits,
    grid: total / 4,
  };
  return { dispatches: [dispatch, add], scratch: { parts: splits * total * 4 } };
}

/** dw[tap, i, o] = the sum over output pixels of x and dy, in parts that are added in order. */
function filterPlan(tile: GpuTile, product: Product): KernelPlan {
  const { M, O, OG, IG, KH, KW, batch, dtype } = product.gemm;
  const { splits } = bestSplit(tile, filterWork(product));
  const rows = KH * KW * IG;
  const total = rows * O;
  const blocks = Math.ceil(OG / tile.columns);
  const single = splits === 1 && dtype === 'f32';
  const dispatch: Dispatch = {
    shader: tile.shader,
    snippets: [convParams, convSource, pixelsImage, sumProducts, gpuLines, ...tile.filter(product.gemm)!],
    ...(tile.enable ? { enable: tile.enable } : {}),
    types: { T: wgslType(dtype), ...tile.types(wgslType(dtype)) },
    constants: tile.constants,
    params: {
      ...paramsOf(product.gemm, tile.rows),
      blocks,
      splits,
      split: Math.max(32, roundUp(Math.ceil(M / splits), 32)),
    },
    bind: { parts: single ? 'dw' : 'parts' },
    grid: foldBlocks(Math.ceil(rows / tile.rows) * blocks, total === 0 ? 0 : batch * splits),
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
}

/**
 * A product by tiles of this size: large ones where there are enough of them for the whole device, smaller ones or a split
 * inner sum where there are not. The cost is a ratio of two estimates in cycles.
 */
export const defineTileProduct = (tile: GpuTile): ProductStrategy => ({
  name: tile.name,
  possible: (product) => fitsDevice(tile, product) && tile.conv(product.gemm) !== undefined,
  cost(product) {
    const work = productWork(product);
    return bestSplit(tile, work).cycles / bestSplit(PLAIN_TILE, { ...work, most: 1 }).cycles;
  },
  plan(product) {
    const plan = productPlan(tile, product);
    return product.around?.(plan) ?? plan;
  },
});

/** A filter gradient by tiles of this size. */
export const defineTileFilter = (tile: GpuTile): ProductStrategy => ({
  name: tile.name,
  possible: (product) => fitsDevice(tile, product) && tile.filter(product.gemm) !== undefined,
  cost(product) {
    const work = filterWork(product);
    return bestSplit(tile, work).cycles / bestSplit(PLAIN_TILE, work).cycles;
  },
  plan: (product) => filterPlan(tile, product),
});
