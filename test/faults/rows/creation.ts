import * as g from '../../../src/graph/index.ts';
import { any, type Faults, f, i, numbers } from './common.ts';

const sizes = (fn: (shape: number[]) => unknown): Faults['bad'] => [
  [() => fn([2, -3]), '-3'],
  [() => fn([2, numbers.NaN]), 'NaN'],
  [() => fn([2.5]), '2.5'],
];

export const creationRows: Record<string, Faults> = {
  ones: { op: 'full', good: () => g.ones([2, 0]), bad: sizes((shape) => g.ones(shape)) },
  zerosLike: { op: 'full', good: () => g.zerosLike(i(2)), bad: [] },
  onesLike: { op: 'full', good: () => g.onesLike(f(2), 'i32'), bad: [] },
  arange: {
    good: () => g.arange(0),
    bad: [
      [() => g.arange(-1), '-1'],
      [() => g.arange(5, 0), '5'],
      [() => g.arange(0, 5, { step: 0 }), '0'],
      [() => g.arange(numbers.NaN), 'NaN'],
      [() => g.arange(numbers.inf), 'Infinity'],
      [() => g.arange(any), 'undefined'],
      [() => g.arange(0, 1, { step: 0.5, dtype: 'i32' }), '0.5'],
    ],
  },
  linspace: {
    good: () => g.linspace(0, 1, 0),
    bad: [
      [() => g.linspace(0, 1, -1), '-1'],
      [() => g.linspace(0, 1, 2.5), '2.5'],
      [() => g.linspace(0, numbers.NaN, 3), 'NaN'],
    ],
  },
  eye: {
    good: () => g.eye(2, 0),
    bad: [
      [() => g.eye(-1), '-1'],
      [() => g.eye(2, 0.5), '0.5'],
    ],
  },
  randn: {
    op: /rand/,
    good: () => g.randn([2, 3], i()),
    bad: [
      ...sizes((shape) => g.randn(shape, i())),
      [() => g.randn([2], f()), 'i32'],
      [() => g.randn([2], i(), -1), '-1'],
    ],
  },
  randint: {
    op: /rand/,
    good: () => g.randint(-3, 3, [2], i()),
    bad: [
      ...sizes((shape) => g.randint(0, 2, shape, i())),
      [() => g.randint(3, 3, [2], i()), '3'],
      [() => g.randint(0, 2.5, [2], i()), '2.5'],
      [() => g.randint(0, 2 ** 25, [2], i()), '33554432'],
      [() => g.randint(0, 2, [2], f()), 'i32'],
    ],
  },
  randperm: {
    op: /rand/,
    good: () => g.randperm(5, i()),
    bad: [
      [() => g.randperm(-1, i()), '-1'],
      [() => g.randperm(2.5, i()), '2.5'],
      [() => g.randperm(5, f()), 'i32'],
      [() => g.randperm(5, i(), 0.5), '0.5'],
    ],
  },
};
