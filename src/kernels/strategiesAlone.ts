/**
 * How kernels on their own are computed: short lists, so that a bundle of one kernel stays small. Programs choose from longer
 * lists, in strategies.ts, which load when the first program needs them. docs/tuning.md explains how a strategy is chosen.
 * Kernels import their lists from here, so that no file of a strategy imports a kernel that has one.
 */
import {
  type Conv2dFilterProblem,
  type Conv2dProblem,
  type ConvTranspose2dProblem,
  convProduct,
  filterProduct,
} from './conv/convProblem.ts';
import { defineDepthwise, filterDepthwise } from './conv/strategies/depthwise.ts';
import { transposedProduct } from './conv/transposedProblem.ts';
import { resampleDirect } from './image/strategies/resampleDirect.ts';
import { resampleRows } from './image/strategies/resampleRows.ts';
import { resampleSeparable } from './image/strategies/resampleSeparable.ts';
import { type CdistProblem, cdistProduct } from './matrix/cdistProblem.ts';
import {
  type LinearProblem,
  linearProduct,
  type MatmulProblem,
  matmulProduct,
} from './matrix/matrixProducts.ts';
import { cdistTile } from './matrix/strategies/cdistTile.ts';
import { filterLanes4, filterLanes4Narrow, filterLanes8, filterTile } from './matrix/strategies/filter.ts';
import { lanes8Narrow, slide } from './matrix/strategies/narrow.ts';
import { lanes4, lanes4Narrow, lanes8, tile } from './matrix/strategies/plain.ts';
import type { Product } from './matrix/strategies/product.ts';
import { poolPairs } from './pool/strategies/maxPoolPairs.ts';
import { poolPixels } from './pool/strategies/maxPoolPixels.ts';
import { poolRows } from './pool/strategies/maxPoolRows.ts';
import { poolWindows } from './pool/strategies/maxPoolWindows.ts';
import { direct } from './roi/strategies/roiAlignDirect.ts';
import { listed } from './roi/strategies/roiAlignListed.ts';
import type { Strategies } from './strategy.ts';

/** Matrix products: what most of the operations below come down to. */
export const products = [lanes4Narrow, lanes4, lanes8, tile];
/** Filter gradients as matrix products. */
export const filters = [filterLanes4Narrow, filterLanes4, filterLanes8, filterTile];
/** Matrix products with few columns. */
export const narrow = [slide, lanes8Narrow];

export const depthwise = defineDepthwise(false);
export const transposedDepthwise = defineDepthwise(true);

export const conv2dAlone: Strategies<Conv2dProblem, Product> = [depthwise, [convProduct, products]];
export const conv2dBackwardWeightAlone: Strategies<Conv2dFilterProblem, Product> = [
  filterDepthwise,
  [filterProduct, filters],
];
export const convTranspose2dAlone: Strategies<ConvTranspose2dProblem, Product> = [
  transposedDepthwise,
  [transposedProduct, narrow, products],
];
export const linearAlone: Strategies<LinearProblem, Product> = [[linearProduct, products]];
export const matmulAlone: Strategies<MatmulProblem, Product> = [[matmulProduct, products]];
/** Measured on lavapipe with 784 values a row: as a product they take a sixth of the time. */
export const cdistAlone: Strategies<CdistProblem, Product> = [[cdistProduct, [lanes4, lanes8]], cdistTile];

// Programs choose from the same lists.
export const maxPool2dStrategies = [poolRows, poolWindows];
export const maxPool2dBackwardStrategies = [poolPairs, poolPixels];
export const roiAlignStrategies = [listed, direct];

/** Interpolation, average pooling, pyramids, Gaussian blur, and their gradients come down to it. */
export const resampleStrategies = [resampleRows, resampleDirect, resampleSeparable];
