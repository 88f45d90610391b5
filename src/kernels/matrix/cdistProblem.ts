import type { TensorSpec } from '../../shape.ts';
import sumAbsolutes from '../../wgsl/matrix/lib/sum_absolutes.wgsl';
import sumSquares from '../../wgsl/matrix/lib/sum_squares.wgsl';
import { permute } from '../shape/stridedCopy.ts';
import type { Problem } from '../strategy.ts';
import { matrixProblem, type Product, planAround } from './strategies/product.ts';

export type CdistProblem = Problem<
  { readonly a: TensorSpec; readonly b: TensorSpec },
  { readonly y: TensorSpec },
  { readonly p?: 1 | 2 }
>;

/** The inner sum that is a distance: a snippet. */
export const sumOf = ({ p = 2 }: CdistProblem['attrs']): string => (p === 1 ? sumAbsolutes : sumSquares);

/**
 * Distances as a matrix product of a and the transposed b that adds up other terms than products. Undefined where a kernel reads
 * both operands beyond their ends, which adds nothing to products only: four lanes, and widths that 4 does not divide.
 */
export function cdistProduct({ caps, specs: { a, b }, attrs }: CdistProblem): Product | undefined {
  const [N, D] = a.shape as [number, number];
  const M = b.shape[0]!;
  if (caps.subgroupSize === 4 && D % 4 !== 0) return undefined;
  const turned = { shape: [D, M], dtype: b.dtype };
  const turn = permute.dispatches(caps, { x: b }, { y: turned }, { dims: [1, 0] });
  const before = turn.dispatches.map((dispatch) => ({ ...dispatch, bind: { x: 'b', y: 'turned' } }));
  const bind = { x: 'a', weight: 'turned' };
  return {
    caps,
    gemm: matrixProblem(N, D, M, a.dtype),
    sum: sumOf(attrs),
    around: (plan) => planAround(plan, bind, before, { turned: D * M * 4 }),
  };
}
