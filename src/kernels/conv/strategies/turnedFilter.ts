import { numel } from '../../../shape.ts';
import sumTurned from '../../../wgsl/conv/sum_turned.wgsl';
import { type KernelPlan, wgslType } from '../../dispatch.ts';
import type { FilterStrategy } from '../../matrix/strategies/filter.ts';
import type { Product } from '../../matrix/strategies/product.ts';
import { candidates, choose, ONLY_IF_TIMED, planBy, type Strategy } from '../../strategy.ts';
import { type Conv2dFilterProblem, gemmOf } from '../convProblem.ts';

const straight = ({ caps, specs: { x, dy }, attrs }: Conv2dFilterProblem): Product => ({
  caps,
  gemm: gemmOf(x, attrs.kernelSize, dy, attrs),
});

/** The product with x and dy in each other's place. */
function turned({ caps, specs: { x, dy }, attrs }: Conv2dFilterProblem): Product {
  const { kernelSize, padding, dilation } = attrs;
  const gemm = gemmOf(dy, kernelSize, x, {
    ...attrs,
    padding: [-padding[0], -padding[1]],
    dilation: [-dilation[0], -dilation[1]],
  });
  return { caps, gemm };
}

/** What a product costs, and how much of its blocks it fills. */
function blocksOf(filters: readonly FilterStrategy[], product: Product) {
  const { KH, KW, IG, OG } = product.gemm;
  const { name, cost } = choose(candidates(filters, product));
  const block = filters.find((filter) => filter.name === name)!;
  const rows = KH * KW * IG;
  const blocks = Math.ceil(rows / block.rows) * Math.ceil(OG / block.columns);
  return { cost, filled: (rows * OG) / (blocks * block.rows * block.columns) };
}

function planOf(problem: Conv2dFilterProblem, filters: readonly FilterStrategy[]): KernelPlan {
  const { x, dy } = problem.specs;
  const { kernelSize } = problem.attrs;
  const product = turned(problem);
  const [dispatch] = planBy(filters, product).dispatches;
  const [channels, results] = [x.shape[3]!, dy.shape[3]!];
  const total = kernelSize[0] * kernelSize[1] * channels * results;
  const splits = dispatch!.params!.splits!;
  return {
    dispatches: [
      { ...dispatch!, bind: { x: 'dy', dy: 'x', parts: 'parts' } },
      {
        shader: sumTurned,
        types: { T: wgslType(x.dtype) },
        params: { total, splits, channels, results },
        grid: total,
      },
    ],
    scratch: { parts: splits * total * 4 },
  };
}

/**
 * The filter gradient with x and dy in each other's place: for each pixel of x, what of dy its taps reach. Rows are taps
 * and result channels, columns source channels, so that few result channels leave no lanes idle.
 */
export const defineTurnedFilter = (filters: readonly FilterStrategy[]): Strategy<Conv2dFilterProblem> => ({
  name: 'turned',
  possible: ({ specs: { x, dy }, attrs: { stride, groups, levels } }) =>
    !levels &&
    groups === 1 &&
    stride[0] === 1 &&
    stride[1] === 1 &&
    numel(x.shape) > 0 &&
    numel(dy.shape) > 0,
  /**
   * Measured on lavapipe and SwiftShader: faster than the plain strategy where it fills its blocks more than 1.5 times as
   * well. By how much varies: it costs the same, and comes before it in the list. Winograd's algorithm comes first.
   */
  cost(problem) {
    const { cost, filled } = blocksOf(filters, straight(problem));
    const pays =
      problem.caps.family === 'subgroup' && blocksOf(filters, turned(problem)).filled > 1.5 * filled;
    return pays ? cost : ONLY_IF_TIMED;
  },
  plan: (problem) => planOf(problem, filters),
});
