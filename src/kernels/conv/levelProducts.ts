/**
 * Convolutions over the levels of a feature pyramid, all of them in one dispatch: the products of images' convolutions, whose
 * snippets find pixels in other places.
 */
import { ShapeError } from '../../errors.ts';
import type { Shape, TensorSpec } from '../../shape.ts';
import convDirect from '../../wgsl/conv/lib/conv_direct.wgsl';
import convLevels from '../../wgsl/conv/lib/conv_levels.wgsl';
import convSource from '../../wgsl/matrix/lib/conv_source.wgsl';
import pixelsImage from '../../wgsl/matrix/lib/pixels_image.wgsl';
import pixelsLevels from '../../wgsl/matrix/lib/pixels_levels.wgsl';
import type { Dispatch, KernelPlan } from '../dispatch.ts';
import { expectLevels, levelTable, type PyramidLevels } from '../levels.ts';
import type { Product, ProductStrategy } from '../matrix/strategies/product.ts';
import {
  type Conv2dAttrs,
  type Conv2dFilterProblem,
  type Conv2dProblem,
  type ConvTranspose2dAttrs,
  type ConvTranspose2dProblem,
  gemmOf,
} from './convProblem.ts';
import { transposedGemm } from './transposedProblem.ts';

/** Shaders keep the place of a tap in 16 bits. */
const MOST_PADDING = 16383;

/** The levels of a pyramid that is convolved; throws ShapeError where they do not fit, or their sizes would change. */
function levelsOf(
  op: string,
  x: TensorSpec,
  kernel: Shape,
  {
    levels,
    stride,
    padding,
    dilation,
    groups,
    outputPadding = [0, 0],
  }: Conv2dAttrs & Partial<Pick<ConvTranspose2dAttrs, 'outputPadding'>>,
): PyramidLevels | undefined {
  if (!levels) return undefined;
  expectLevels(op, levels, 'x', x);
  const same = dilation.map((step, axis) => (step * (kernel[axis]! - 1)) / 2);
  const given = [groups, ...stride, ...padding, ...outputPadding];
  if (given.join() !== [1, 1, 1, ...same, 0, 0].join()) {
    throw new ShapeError(
      `${op}: levels need groups 1, stride 1 and padding [${same}] for a kernel of ${kernel[0]}x${kernel[1]}, got groups ${groups}, stride [${stride}], padding [${padding}]${outputPadding.some(Boolean) ? `, outputPadding [${outputPadding}]` : ''}`,
    );
  }
  if (Math.max(...same) > MOST_PADDING) {
    throw new ShapeError(
      `${op}: with levels a kernel may reach ${MOST_PADDING} pixels, got dilation [${dilation}]; use a smaller one`,
    );
  }
  return levels;
}

/** Padding follows from the kernel's size (conv_levels.wgsl); 0 says that pixels outside are not skipped by rectangles. */
const levelled = (product: Product, levels: PyramidLevels | undefined): Product | undefined =>
  levels && { ...product, gemm: { ...product.gemm, PH: 0, PW: 0 }, levels };

/** The product that a convolution over levels is. */
export function levelProduct({ caps, specs, outputs, attrs }: Conv2dProblem): Product | undefined {
  const { x, weight, bias } = specs;
  const gemm = gemmOf(x, weight.shape as readonly [number, number], outputs.y, attrs);
  return levelled({ caps, gemm, bias: bias !== undefined }, levelsOf('conv2d', x, weight.shape, attrs));
}

/** The product that its gradient to x is. */
export function levelTransposed(problem: ConvTranspose2dProblem): Product | undefined {
  const { x, weight } = problem.specs;
  return levelled(transposedGemm(problem), levelsOf('conv_transpose2d', x, weight.shape, problem.attrs));
}

/** The product that its gradient to the weight is. */
export function levelFilter({ caps, specs: { x, dy }, attrs }: Conv2dFilterProblem): Product | undefined {
  const gemm = gemmOf(x, attrs.kernelSize, dy, attrs);
  return levelled({ caps, gemm }, levelsOf('conv2d_backward_weight', x, attrs.kernelSize, attrs));
}

const SNIPPETS = new Map([
  [convSource, [convLevels]],
  [convDirect, []],
  [pixelsImage, [pixelsLevels]],
]);

const onLevels = (dispatch: Dispatch): Dispatch => ({
  ...dispatch,
  ...(dispatch.snippets && {
    snippets: dispatch.snippets.flatMap((snippet) => SNIPPETS.get(snippet) ?? [snippet]),
  }),
});

/** The plan of a product of images, for the pixels of levels. */
const planOnLevels = (plan: KernelPlan, levels: PyramidLevels): KernelPlan => ({
  ...plan,
  dispatches: plan.dispatches.map(onLevels),
  tables: { ...plan.tables, levels: levelTable(levels) },
});

/** The strategy, for feature pyramids too. */
export const withLevels = (strategy: ProductStrategy): ProductStrategy => ({
  ...strategy,
  plan(product) {
    const plan = strategy.plan(product);
    return product.levels ? planOnLevels(plan, product.levels) : plan;
  },
});

/** The strategy, for images alone: its shader finds pixels by itself. */
export const withoutLevels = (strategy: ProductStrategy): ProductStrategy => ({
  ...strategy,
  possible: (product) => !product.levels && (strategy.possible?.(product) ?? true),
});
