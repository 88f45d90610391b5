import { numel, type TensorSpec } from '../../shape.ts';
import type { Dispatch } from '../dispatch.ts';
import { expand } from '../shape/stridedCopy.ts';
import type { Problem } from '../strategy.ts';
import { matrixProblem, type Product, planAround } from './strategies/product.ts';

export type LinearProblem = Problem<
  { readonly x: TensorSpec; readonly weight: TensorSpec; readonly bias?: TensorSpec },
  { readonly y: TensorSpec }
>;
export type MatmulProblem = Problem<
  { readonly a: TensorSpec; readonly b: TensorSpec },
  { readonly y: TensorSpec }
>;

/** The product that a linear layer is. */
export function linearProduct({ caps, specs: { x, weight, bias } }: LinearProblem): Product {
  const [I, O] = weight.shape as [number, number];
  return { caps, gemm: matrixProblem(numel(x.shape.slice(0, -1)), I, O, x.dtype), bias: bias !== undefined };
}

/** Matrices of a batch. */
const countOf = ({ shape }: TensorSpec): number => numel(shape.slice(0, -2));

/** The product of two batches of matrices. A batch that neither is one matrix nor complete is written out first. */
export function matmulProduct({ caps, specs: { a, b }, outputs: { y } }: MatmulProblem): Product {
  const batch = y.shape.slice(0, -2);
  const [M, N] = y.shape.slice(-2) as [number, number];
  const K = a.shape.at(-1)!;
  const count = numel(batch);
  const bind: Record<string, string> = { x: 'a', weight: 'b' };
  // One matrix b for all: the batch of a is only more rows.
  if (countOf(b) === 1 && countOf(a) === count) {
    return { caps, gemm: matrixProblem(count * M, K, N, a.dtype), around: (plan) => planAround(plan, bind) };
  }
  const scratch: Record<string, number> = {};
  const before: Dispatch[] = [];
  const strideOf = (name: 'a' | 'b', spec: TensorSpec, variable: string, size: number): number => {
    if (countOf(spec) === count) return size;
    if (countOf(spec) === 1) return 0;
    const shape = [...batch, ...spec.shape.slice(-2)];
    const plan = expand.dispatches(caps, { x: spec }, { y: { shape, dtype: spec.dtype } }, { shape });
    const expanded = `expanded_${name}`;
    scratch[expanded] = numel(shape) * 4;
    bind[variable] = expanded;
    before.push(...plan.dispatches.map((dispatch) => ({ ...dispatch, bind: { x: name, y: expanded } })));
    return size;
  };
  const gemm = {
    ...matrixProblem(M, K, N, a.dtype, count),
    x_z: strideOf('a', a, 'x', M * K),
    w_z: strideOf('b', b, 'weight', K * N),
  };
  return { caps, gemm, around: (plan) => planAround(plan, bind, before, scratch) };
}

/** The same where both batches are read as they are. */
export function matmulInPlace(problem: MatmulProblem): Product | undefined {
  const { specs, outputs } = problem;
  const [ofA, ofB, count] = [specs.a, specs.b, outputs.y].map(countOf) as [number, number, number];
  return [1, count].includes(ofA) && [1, count].includes(ofB) ? matmulProduct(problem) : undefined;
}
