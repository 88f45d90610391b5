import type { Shape } from '../../shape.ts';
import { type Case, normal, uniform, values } from './case.ts';

const sgd = (
  name: string,
  size: number,
  hyper: readonly number[],
  scale = 1,
  steps: readonly number[] = [1],
): Case => ({
  op: 'sgd_step',
  name,
  inputs: {
    param: normal([size]),
    grad: normal([size]),
    momentum: normal([size]),
    hyper: values([4], hyper),
    scale: values([1], [scale]),
    steps: values([steps.length], steps),
  },
});

const adamw = (
  name: string,
  size: number,
  steps: readonly number[],
  decay: number,
  decoupled: 0 | 1,
  scale = 1,
): Case => ({
  op: 'adamw_step',
  name,
  inputs: {
    param: normal([size]),
    grad: normal([size]),
    m: normal([size], 0.1),
    v: uniform([size], 0, 0.1),
    hyper: values(
      [10],
      [1e-2, 0.9, 0.999, 1e-8, decay, decoupled, Math.log(0.9), Math.log(0.999), 0.1, 1e-3],
    ),
    scale: values([1], [scale]),
    steps: values([steps.length], steps),
  },
});

/** hyper: lr, alpha, momentum, eps, weight decay, 1 - alpha. */
const rmsprop = (
  name: string,
  size: number,
  hyper: readonly number[],
  centered: boolean,
  steps: readonly number[] = [1],
): Case => ({
  op: centered ? 'rmsprop_centered_step' : 'rmsprop_step',
  name,
  inputs: {
    param: normal([size]),
    grad: normal([size]),
    square: uniform([size], 0.5, 2),
    momentum: normal([size]),
    // The variance is well above 0, where it keeps its digits.
    ...(centered ? { mean: uniform([size], -0.5, 0.5) } : {}),
    hyper: values([6], hyper),
    scale: values([1], [0.5]),
    steps: values([steps.length], steps),
  },
});

/** hyper: lr, beta1, beta2, weight decay, 1 - beta1, 1 - beta2. */
const lion = (
  name: string,
  size: number,
  hyper: readonly number[],
  steps: readonly number[] = [1],
  values0 = false,
): Case => ({
  op: 'lion_step',
  name,
  inputs: {
    param: normal([size]),
    grad: values0 ? values([size], new Array(size).fill(0)) : normal([size]),
    m: values0 ? values([size], new Array(size).fill(0)) : normal([size]),
    hyper: values([6], hyper),
    scale: values([1], [0.5]),
    steps: values([steps.length], steps),
  },
});

const ema = (name: string, size: number, weight: number): Case => ({
  op: 'ema_step',
  name,
  inputs: {
    average: weight === 1 ? values([size], new Array(size).fill(0)) : normal([size]),
    x: normal([size]),
    weight: values([1], [weight]),
  },
});

const pack = (name: string, shapes: readonly Shape[], offsets: readonly number[], size: number): Case => ({
  op: 'pack',
  name,
  inputs: Object.fromEntries(shapes.map((shape, i) => [`x${i}`, normal(shape)])),
  attrs: { offsets, size },
});

export const optimizerCases: Case[] = [
  // lr, momentum, weight decay, nesterov
  sgd('plain', 64, [0.1, 0, 0, 0]),
  sgd('momentum and decay', 132, [0.05, 0.9, 1e-2, 0]),
  sgd('nesterov, clipped', 4, [0.05, 0.9, 1e-2, 1], 0.25),
  sgd('two blocks of four stay', 200, [0.05, 0.9, 1e-2, 1], 1, [0, 1, 0, 7]),
  sgd('nothing', 0, [0.1, 0.9, 0, 0]),
  adamw('first step', 64, [1], 0.01, 1),
  adamw('later, decay in the gradient', 132, [1000], 0.1, 0),
  adamw('a million steps', 4, [1e6], 0.1, 0),
  adamw('blocks at different steps, one stays', 324, [1, 600, 0, 5, 7, 400], 0.1, 1),
  adamw('nothing', 0, [2], 0.01, 1),
  adamw('no decay, clipped', 4, [10], 0, 1, 1e-3),
  {
    ...adamw('gradients of 0', 8, [3], 0.01, 1),
    inputs: {
      ...adamw('', 8, [3], 0.01, 1).inputs,
      grad: values([8], new Array(8).fill(0)),
      m: values([8], new Array(8).fill(0)),
      v: values([8], new Array(8).fill(0)),
    },
  },
  {
    ...adamw('betas of 0', 64, [2], 0.01, 1),
    inputs: {
      ...adamw('', 64, [2], 0.01, 1).inputs,
      hyper: values([10], [1e-2, 0, 0, 1e-2, 0.01, 1, -100, -100, 1, 1]),
    },
  },
  ...[false, true].flatMap((centered) => [
    rmsprop('plain', 64, [0.01, 0.99, 0, 1e-8, 0, 0.01], centered),
    rmsprop('momentum and decay', 132, [0.01, 0.9, 0.9, 1e-3, 0.1, 0.1], centered),
    rmsprop('a block stays', 100, [0.01, 0.9, 0.9, 1e-3, 0.1, 0.1], centered, [0, 3]),
    rmsprop('nothing', 0, [0.01, 0.9, 0.9, 1e-3, 0.1, 0.1], centered),
  ]),
  lion('plain', 64, [0.01, 0.9, 0.99, 0, 0.1, 0.01]),
  lion('decay, a block stays', 196, [0.1, 0.8, 0.95, 0.1, 0.2, 0.05], [1, 0, 9, 1]),
  lion('gradients of 0', 8, [0.1, 0.9, 0.99, 0.5, 0.1, 0.01], [1], true),
  lion('nothing', 0, [0.01, 0.9, 0.99, 0, 0.1, 0.01]),
  ema('plain', 131, 1e-3),
  ema('a copy', 5, 1),
  ema('nothing', 0, 0.5),
  pack('aligned, with gaps', [[3, 5], [64], [1]], [0, 64, 128], 192),
  pack('end to end', [[2, 3], [4], [], [0], [5]], [0, 6, 10, 11, 11], 16),
  pack('nothing but zeros', [], [], 12),
];
