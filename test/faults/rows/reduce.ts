import * as g from '../../../src/graph/index.ts';
import type { Tensor } from '../../../src/graph/tensor.ts';
import { any, type Faults, f, i, numbers, pairs, u } from './common.ts';

const reduction = (fn: (x: Tensor, options?: { dim?: number | number[] }) => Tensor): Faults => ({
  good: () => fn(f(2, 3), { dim: [0, -1] }),
  bad: [
    [() => fn(f(2, 3), { dim: 2 }), '2'],
    [() => fn(f(2, 3), { dim: -3 }), '-3'],
    [() => fn(f(2, 3), { dim: 0.5 }), '0.5'],
    [() => fn(f(2, 3), { dim: [0, numbers.NaN] }), 'NaN'],
    [() => fn(f(2, 3), { dims: [0] } as never), 'takes [dim,keepdim'],
    [() => fn(f(2, 3), 0 as never), 'dim, keepdim'],
  ],
});
const alongDim = (fn: (x: Tensor, dim?: number) => Tensor): Faults => ({
  good: () => fn(f(2, 3)),
  bad: [
    [() => fn(f(2, 3), 2), '2'],
    [() => fn(f(2, 3), 1.5), '1.5'],
    [() => fn(u(2, 3)), 'u32'],
  ],
});

const running = (fn: (x: Tensor, dim: number) => Tensor): Faults => ({
  good: () => fn(f(2, 3), -1),
  bad: [
    [() => fn(f(2, 3), 2), '2'],
    [() => fn(f(2, 3), 0.5), '0.5'],
    [() => fn(f(2, 3), numbers.NaN), 'NaN'],
    [() => fn(f(), 0), '[]'],
    [() => fn(u(2), 0), 'u32'],
  ],
});

export const reduceRows: Record<string, Faults> = {
  sum: reduction(g.sum),
  mean: { ...reduction(g.mean), op: /sum|mean/ },
  amax: {
    ...reduction(g.amax),
    bad: [...reduction(g.amax).bad, [() => g.amax(f(2, 0), { dim: 1 }), '[2,0]']],
  },
  prod: { ...reduction(g.prod), bad: [...reduction(g.prod).bad, [() => g.prod(u(2)), 'u32']] },
  cumsum: running(g.cumsum),
  cumprod: running(g.cumprod),
  softmax: alongDim(g.softmax),
  logSoftmax: alongDim(g.logSoftmax),
  argmax: {
    good: () => g.argmax(f(2, 3)),
    bad: [
      [() => g.argmax(f(2, 3), { dim: 2 }), '2'],
      [() => g.argmax(f(2, 3), { dim: 0.5 }), '0.5'],
      [() => g.argmax(f(2, 0), { dim: 1 }), '[2,0]'],
    ],
  },
  sort: {
    good: () => g.sort(f(2, 3)),
    bad: [
      [() => g.sort(f()), '[]'],
      [() => g.sort(u(2)), 'u32'],
      [() => g.sort(f(2), { dim: 1 }), '1'],
    ],
  },
  argsort: {
    op: 'sort',
    good: () => g.argsort(f(2, 3), { descending: true }),
    bad: [
      [() => g.argsort(f()), '[]'],
      [() => g.argsort(u(2)), 'u32'],
      [() => g.argsort(f(2), { dim: 1 }), '1'],
    ],
  },
  topk: {
    good: () => g.topk(f(2, 3), 2),
    bad: [
      [() => g.topk(f(2, 3), 4), '4'],
      [() => g.topk(f(2, 3), -1), '-1'],
      [() => g.topk(f(2, 3), 1.5), '1.5'],
      [() => g.topk(f(2, 3), numbers.NaN), 'NaN'],
      [() => g.topk(f(), 1), '[]'],
    ],
  },
  matmul: {
    good: () => g.matmul(f(5, 2, 3), f(3, 4)),
    bad: [
      [() => g.matmul(f(2, 3), f(4, 3)), '[4,3]'],
      [() => g.matmul(f(3), f(4, 4)), '[4,4]'],
      [() => g.matmul(f(2, 2, 3), f(3, 3, 4)), '2'],
      [() => g.matmul(f(2, 3), i(3, 4)), 'i32'],
      [() => g.matmul(i(2, 3), i(3, 4)), 'i32'],
    ],
  },
  einsum: {
    good: () => g.einsum('...ij,...jk->...ik', f(2, 2, 3), f(3, 4)),
    bad: [
      [() => g.einsum('ij,jk->ik', f(2, 3)), '1 tensors'],
      [() => g.einsum('ij,jk->ik', f(2, 3), f(4, 5)), '4'],
      [() => g.einsum('ij->k', f(2, 3)), 'k of the output'],
      [() => g.einsum('ij->ii', f(2, 3)), 'i occurs twice'],
      [() => g.einsum('ij->i->j', f(2, 3)), 'more than one ->'],
      [() => g.einsum('i1->i', f(2, 3)), 'i1'],
      [() => g.einsum('......i', f(2, 3)), '......i'],
      [() => g.einsum('ijk', f(2, 3)), '[2,3]'],
      [() => g.einsum('i...', f()), '[]'],
      [() => g.einsum('i', any), 'undefined'],
    ],
  },
  linear: {
    good: () => g.linear(f(2, 3), f(3, 4), f(4)),
    bad: [
      [() => g.linear(f(2, 3), f(4, 3)), '[4,3]'],
      [() => g.linear(f(2, 3), f(3, 4), f(3)), '[3]'],
      [() => g.linear(f(2, 3), f(3)), '[3]'],
      [() => g.linear(f(), f(1, 1)), '[]'],
      [() => g.linear(i(2, 3), i(3, 4)), 'i32'],
      [() => g.linear(f(2, 3), f(3, 4), i(4)), 'i32'],
    ],
  },
  scaledDotProductAttention: {
    good: () => g.scaledDotProductAttention(f(2, 5, 4), f(2, 6, 4), f(2, 6, 3)),
    bad: [
      [() => g.scaledDotProductAttention(f(5, 4), f(6, 3), f(6, 3)), '[6,3]'],
      [() => g.scaledDotProductAttention(f(5, 4), f(6, 4), f(5, 3)), '[5,3]'],
      [() => g.scaledDotProductAttention(f(4), f(6, 4), f(6, 3)), '[4]'],
      [() => g.scaledDotProductAttention(i(5, 4), f(6, 4), f(6, 3)), 'i32'],
    ],
  },
  cdist: pairs(g.cdist),
  cosineSimilarityMatrix: pairs(g.cosineSimilarityMatrix),
  norm: {
    op: /norm|amax/,
    good: () => g.norm(f(2), { p: 3, dim: 0 }),
    bad: [
      [() => g.norm(i(2)), 'i32'],
      [() => g.norm(f(2), { p: numbers.NaN }), 'NaN'],
      [() => g.norm(f(0), { p: numbers.inf }), '[0]'],
      [() => g.norm(f(2), 1 as never), 'dim, keepdim'],
    ],
  },
  hammingDistance: {
    good: () => g.hammingDistance(i(2, 4), i(3, 4)),
    bad: [
      [() => g.hammingDistance(i(2, 4), i(3, 5)), '[3,5]'],
      [() => g.hammingDistance(f(2, 4), i(3, 4)), '[2,4]'],
      [() => g.hammingDistance(i(4), i(3, 4)), '[4]'],
    ],
  },

  amin: { ...reduction(g.amin), op: 'amax' },
  variance: {
    ...reduction(g.variance),
    op: /variance|sum|mean/,
    bad: [
      ...reduction(g.variance).bad,
      [() => g.variance(i(2)), 'i32'],
      [() => g.variance(f(2), { correction: numbers.NaN }), 'NaN'],
    ],
  },
  std: {
    ...reduction(g.std),
    op: /variance|sum|mean/,
    bad: [...reduction(g.std).bad, [() => g.std(i(2)), 'i32']],
  },
  logsumexp: {
    ...reduction(g.logsumexp),
    op: /logsumexp|sum|amax/,
    bad: [...reduction(g.logsumexp).bad, [() => g.logsumexp(i(2)), 'i32'], [() => g.logsumexp(f(0)), '[0]']],
  },
  argmin: {
    op: /argmax|argmin|neg/,
    good: () => g.argmin(f(2, 3), { dim: 1 }),
    bad: [
      [() => g.argmin(f(2, 3), { dim: 2 }), '2'],
      [() => g.argmin(f(2, 0), { dim: 1 }), '[2,0]'],
      [() => g.argmin(u(2)), 'u32'],
    ],
  },
};
