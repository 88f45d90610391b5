import { add, affine } from '../../graph/functions/elementwise.ts';
import { linear, matmul } from '../../graph/functions/reduce.ts';
import type { Operators } from '../operator.ts';
import { natural, Value } from '../value.ts';

/** A matrix [N,K] as [K,N]. */
const turned = [1, 0];

/** Matrix products. */
export const products: Operators = {
  Gemm: {
    weights: [1, 2],
    weightOrder: (index, rank, attrs) =>
      index === 1 && rank === 2 && attrs.int('transB', 0) === 1 ? turned : undefined,
    run(call) {
      const { attrs } = call;
      const [a, b] = [call.input(0), call.input(1)];
      const bias = call.inputs[2];
      const left = a.tensor(attrs.int('transA', 0) === 1 ? turned : natural(2));
      const right = b.tensor(attrs.int('transB', 0) === 1 ? turned : natural(2));
      const [alpha, beta] = [attrs.float('alpha', 1), attrs.float('beta', 1)];
      const scaled = bias && (beta === 1 ? bias.tensor() : affine(bias.tensor(), beta));
      if (alpha === 1 && (!scaled || (bias.rank === 1 && bias.size === right.shape[1]))) {
        return Value.of(a.type, linear(left, right, scaled));
      }
      const product = linear(left, right);
      const y = alpha === 1 ? product : affine(product, alpha);
      return Value.of(a.type, scaled ? add(y, scaled) : y);
    },
  },
  MatMul: {
    weights: [1],
    run(call) {
      const [a, b] = [call.input(0), call.input(1)];
      if (a.rank > 1 && b.rank === 2) return Value.of(a.type, linear(a.tensor(), b.tensor()));
      return Value.of(a.type, matmul(a.tensor(), b.tensor()));
    },
  },
};
