import { matmul } from '../../../src/graph/functions/reduce.ts';
import { bytesOf, inHalves, type Row, rowsOf, type Sizes, type Workload } from '../workload.ts';

const gemm = (n: number): Workload => ({
  name: `gemm ${n}`,
  inputs: [{ shape: [n, n] }, { shape: [n, n] }],
  flops: 2 * n ** 3,
  bytes: bytesOf([n, n], [n, n], [n, n]),
  ours: (a, b) => ({ y: matmul(a!, b!) }),
  tfjs: {
    make:
      (tf, [a, b]) =>
      () => [tf.matMul(a!, b!)],
  },
  ort: { make: (graph, inputs) => [graph.node('MatMul', inputs)] },
  jax: { fn: ({ np }, [a, b]) => ({ outputs: [np.matmul(a!, b!)] }) },
});

export const gemmRows = ({ quick, slow = false }: Sizes): Row[] => {
  const sizes = slow ? [256, 512] : quick ? [256, 512, 1024] : [256, 512, 1024, 2048, 4096];
  const halves = slow ? [512] : quick ? [1024] : [1024, 4096, 8192];
  return rowsOf(...sizes.map(gemm), ...halves.map((n) => inHalves(gemm(n))));
};
