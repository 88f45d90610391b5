/**
 * Every operation that programs can compute in several ways, with its strategies; docs/tuning.md explains how one is chosen.
 * Of equal costs the first in a list is taken. The lists of kernels on their own, which are part of these, are in
 * strategiesAlone.ts. This module loads when a program first needs it, so that a page does not wait for it.
 */

import { bitmask } from './boxes/strategies/nmsBitmask.ts';
import { blocks } from './boxes/strategies/nmsBlocks.ts';
import { skipping } from './boxes/strategies/nmsSkipping.ts';
import { survivors } from './boxes/strategies/nmsSurvivors.ts';
import {
  type Conv2dFilterProblem,
  type Conv2dProblem,
  type ConvTranspose2dProblem,
  convProduct,
  filterProduct,
} from './conv/convProblem.ts';
import {
  levelFilter,
  levelProduct,
  levelTransposed,
  withLevels,
  withoutLevels,
} from './conv/levelProducts.ts';
import { defineColumns } from './conv/strategies/convColumns.ts';
import { filterDepthwise } from './conv/strategies/depthwise.ts';
import { defineStrip, filterStrip } from './conv/strategies/depthwiseStrip.ts';
import { defineTurnedFilter } from './conv/strategies/turnedFilter.ts';
import {
  convWinograd,
  defineWinograd,
  transposedWinograd,
  type WinogradProblem,
} from './conv/strategies/winograd.ts';
import { defineWinogradFilter } from './conv/strategies/winogradFilter.ts';
import { transposedProduct } from './conv/transposedProblem.ts';
import { type CdistProblem, cdistProduct } from './matrix/cdistProblem.ts';
import {
  type LinearProblem,
  linearProduct,
  type MatmulProblem,
  matmulInPlace,
  matmulProduct,
} from './matrix/matrixProducts.ts';
import { lanes8Fitted } from './matrix/strategies/fitted.ts';
import { lanes4Flat, lanes8Flat } from './matrix/strategies/flat.ts';
import {
  filterMatrix64x64,
  filterMatrix128x128,
  matrix64x64,
  matrix128x128,
} from './matrix/strategies/matrixUnits.ts';
import { lanes8Narrow, slide } from './matrix/strategies/narrow.ts';
import { lanes4, lanes4Narrow, tile } from './matrix/strategies/plain.ts';
import type { Product } from './matrix/strategies/product.ts';
import {
  filterTile32x32,
  filterTile32x64,
  filterTile64x32,
  filterTile64x64,
  filterTile128x64,
  filterTile128x128,
  tile32x32,
  tile32x64,
  tile64x32,
  tile64x64,
  tile128x64,
  tile128x128,
} from './matrix/strategies/registerTiles.ts';
import {
  type BatchNormAttrs,
  batchNormBackwardProblem,
  batchNormProblem,
  type GroupNormAttrs,
  type GroupNormBackwardAttrs,
  groupNormBackwardProblem,
  groupNormProblem,
  type NormBackwardProblem,
  type NormProblem,
  type NormProblemOf,
} from './norm/normProblem.ts';
import { normBackwardBlocks, normBlocks } from './norm/strategies/normBlocks.ts';
import { normBackwardWhole, normWhole } from './norm/strategies/normWhole.ts';
import {
  batchNormAlone,
  batchNormBackwardAlone,
  groupNormAlone,
  groupNormBackwardAlone,
} from './normStrategiesAlone.ts';
import { cdistAlone, depthwise, filters, transposedDepthwise } from './strategiesAlone.ts';
import type { Purpose, Strategies } from './strategy.ts';

/** The product that an operation comes down to, with whether its weights stay as they are. */
const fixed =
  <P extends { readonly purpose: Purpose }>(reduce: (problem: P) => Product | undefined) =>
  (problem: P): Product | undefined => {
    const product = reduce(problem);
    return product && { ...product, fixedWeights: problem.purpose.fixedWeights };
  };

/** Matrix products on software adapters, and the plain one. */
const products = [lanes4Narrow, lanes4, lanes8Fitted, tile].map(withLevels);
const gpuTiles = [tile128x128, tile128x64, tile64x64, tile64x32, tile32x64, tile32x32];
const gpuProducts = [matrix128x128, matrix64x64, ...gpuTiles].map(withLevels);
const gpuFilters = [
  filterMatrix128x128,
  filterMatrix64x64,
  filterTile128x128,
  filterTile128x64,
  filterTile64x32,
  filterTile32x64,
  filterTile64x64,
  filterTile32x32,
].map(withLevels);
const softFilters = filters.map(withLevels);
/** For few columns. */
const fewColumns = [withoutLevels(slide), withLevels(lanes8Narrow)];
/** For few channels of a kernel with taps. */
const fewChannels = [...fewColumns, ...[lanes4Flat, lanes8Flat].map(withoutLevels)];

const strip = defineStrip(false);
const transposedStrip = defineStrip(true);

const winograd4 = defineWinograd(4, gpuProducts, products);
const winograd2 = defineWinograd(2, gpuProducts, products);
const winogradFilter = defineWinogradFilter(filters);
const turned = defineTurnedFilter(filters);
const columns = defineColumns(products);

export const conv2dStrategies: Strategies<Conv2dProblem, Product | WinogradProblem> = [
  strip,
  depthwise,
  [convWinograd, [winograd4, winograd2]],
  [fixed((problem) => convProduct(problem) ?? levelProduct(problem)), fewChannels, gpuProducts, products],
];

export const conv2dBackwardWeightStrategies: Strategies<Conv2dFilterProblem, Product> = [
  winogradFilter,
  turned,
  filterStrip,
  filterDepthwise,
  [(problem) => filterProduct(problem) ?? levelFilter(problem), gpuFilters, softFilters],
];

export const convTranspose2dStrategies: Strategies<ConvTranspose2dProblem, Product | WinogradProblem> = [
  columns,
  transposedStrip,
  transposedDepthwise,
  [transposedWinograd, [winograd4, winograd2]],
  [(problem) => transposedProduct(problem) ?? levelTransposed(problem), fewColumns, gpuProducts, products],
];

export const linearStrategies: Strategies<LinearProblem, Product> = [
  [fixed(linearProduct), gpuProducts, products],
];

export const matmulStrategies: Strategies<MatmulProblem, Product> = [
  [matmulInPlace, gpuProducts],
  [matmulProduct, products],
];

export const cdistStrategies: Strategies<CdistProblem, Product> = [[cdistProduct, gpuTiles], ...cdistAlone];

export const nmsStrategies = [survivors, skipping, bitmask, blocks];

export const groupNormStrategies: Strategies<NormProblemOf<GroupNormAttrs>, NormProblem> = [
  ...groupNormAlone,
  [groupNormProblem, [normWhole, normBlocks]],
];
export const batchNormStrategies: Strategies<NormProblemOf<BatchNormAttrs>, NormProblem> = [
  ...batchNormAlone,
  [batchNormProblem, [normWhole, normBlocks]],
];
export const groupNormBackwardStrategies: Strategies<
  NormProblemOf<GroupNormBackwardAttrs>,
  NormBackwardProblem
> = [...groupNormBackwardAlone, [groupNormBackwardProblem, [normBackwardWhole, normBackwardBlocks]]];
export const batchNormBackwardStrategies: Strategies<NormProblemOf<object>, NormBackwardProblem> = [
  ...batchNormBackwardAlone,
  [batchNormBackwardProblem, [normBackwardWhole, normBackwardBlocks]],
];
