import type { ElementwiseKernel } from '../kernels/elementwise/elementwise.ts';
import {
  type ElementwiseName,
  type ElementwiseOp,
  elementwiseKernels,
  type kernels,
} from '../kernels/ops.ts';
import type { KernelReference } from './reference.ts';
import { type ScalarRules, scalarReferences } from './scalar.ts';

type Values = Readonly<Record<string, number>>;

const sigmoid = (x: number) => (x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x)));
const log1pExp = (x: number) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
const clip = (x: number, low: number, high: number) => Math.min(Math.max(x, low), high);
const normalPdf = (x: number) => Math.exp(-0.5 * x * x) / Math.sqrt(2 * Math.PI);

/** The error function, by its series below 3 and the continued fraction of 1 - erf above. */
function erf(x: number): number {
  const z = Math.abs(x);
  if (z < 3) {
    let term = x;
    let sum = x;
    for (let n = 1; n < 100; n++) {
      term *= (-z * z) / n;
      sum += term / (2 * n + 1);
    }
    return (2 * sum) / Math.sqrt(Math.PI);
  }
  let fraction = z;
  for (let n = 60; n > 0; n--) fraction = z + n / 2 / fraction;
  return Math.sign(x) * (1 - Math.exp(-z * z) / (fraction * Math.sqrt(Math.PI)));
}

/** The normal distribution function. */
const normalCdf = (x: number): number => 0.5 * (1 + erf(x / Math.SQRT2));

/** The nearest whole number, of two the even one. */
function roundToEven(x: number): number {
  const low = Math.floor(x);
  const rest = x - low;
  return rest < 0.5 || (rest === 0.5 && low % 2 === 0) ? low : low + 1;
}

function focal({ x, target, alpha, gamma }: Values): { loss: number; slope: number; toTarget: number } {
  const p = sigmoid(x!);
  const q = sigmoid(-x!);
  const ce = log1pExp(x!) - x! * target!;
  const miss = target! * q + (1 - target!) * p;
  const weight = alpha! >= 0 ? alpha! * target! + (1 - alpha!) * (1 - target!) : 1;
  const dMiss = (1 - 2 * target!) * p * q;
  const power = gamma === 0 ? 0 : gamma! * miss ** (gamma! - 1) * dMiss;
  const across = gamma === 0 ? 0 : gamma! * miss ** (gamma! - 1) * (q - p);
  const turn = alpha! >= 0 ? 2 * alpha! - 1 : 0;
  return {
    toTarget:
      (turn * ce - weight * x!) * miss ** gamma! + (Number.isFinite(across) ? weight * ce * across : 0),
    loss: weight * ce * miss ** gamma!,
    slope: weight * ((p - target!) * miss ** gamma! + (Number.isFinite(power) ? ce * power : 0)),
  };
}

const smoothL1 = ({ x, target, beta }: Values): number => {
  const d = Math.abs(x! - target!);
  return d < beta! ? (0.5 * d * d) / beta! : d - 0.5 * beta!;
};
const smoothL1Slope = ({ x, target, beta }: Values): number => {
  const d = x! - target!;
  return Math.abs(d) < beta! ? d / beta! : Math.sign(d);
};
/** The share of a in the gradient of max(a, b): all of it beside a NaN, as in PyTorch. */
const half = (a: number, b: number): number => (a === b ? 0.5 : a < b ? 0 : 1);

const rules: Record<ElementwiseName, ScalarRules> = {
  relu: { forward: ({ x }) => Math.max(x!, 0), backward: { x: ({ y, g }) => (y! <= 0 ? 0 : g!) } },
  leaky_relu: {
    forward: ({ x, negative_slope: k }) => (x! > 0 ? x! : k! * x!),
    backward: { x: ({ x, g, negative_slope: k }) => (x! > 0 ? g! : k! * g!) },
  },
  silu: {
    forward: ({ x }) => x! * sigmoid(x!),
    backward: { x: ({ x, g }) => g! * (sigmoid(x!) + x! * sigmoid(x!) * sigmoid(-x!)) },
  },
  gelu: {
    forward: ({ x }) => x! * normalCdf(x!),
    backward: { x: ({ x, g }) => g! * (normalCdf(x!) + x! * normalPdf(x!)) },
  },
  sigmoid: {
    forward: ({ x }) => sigmoid(x!),
    backward: { x: ({ x, g }) => g! * sigmoid(x!) * sigmoid(-x!) },
  },
  tanh: { forward: ({ x }) => Math.tanh(x!), backward: { x: ({ x, g }) => g! / Math.cosh(x!) ** 2 } },
  hardswish: {
    forward: ({ x }) => (x! * clip(x! + 3, 0, 6)) / 6,
    backward: { x: ({ x, g }) => (x! < -3 ? 0 : x! >= 3 ? g! : g! * (x! / 3 + 0.5)) },
  },
  hardsigmoid: {
    forward: ({ x }) => clip(x! + 3, 0, 6) / 6,
    backward: { x: ({ x, g }) => (Math.abs(x!) < 3 ? g! / 6 : 0) },
  },
  hardtanh: {
    forward: ({ x, min_val: low, max_val: high }) => clip(x!, low!, high!),
    backward: { x: ({ y, g, min_val: low, max_val: high }) => (y! <= low! || y! >= high! ? 0 : g!) },
  },
  softplus: { forward: ({ x }) => log1pExp(x!), backward: { x: ({ x, g }) => g! * sigmoid(x!) } },
  sin: { forward: ({ x }) => Math.sin(x!), backward: { x: ({ x, g }) => g! * Math.cos(x!) } },
  cos: { forward: ({ x }) => Math.cos(x!), backward: { x: ({ x, g }) => -g! * Math.sin(x!) } },
  tan: { forward: ({ x }) => Math.tan(x!), backward: { x: ({ x, g }) => g! / Math.cos(x!) ** 2 } },
  atan: { forward: ({ x }) => Math.atan(x!), backward: { x: ({ x, g }) => g! / (1 + x! * x!) } },
  exp: { forward: ({ x }) => Math.exp(x!), backward: { x: ({ y, g }) => g! * y! } },
  expm1: { forward: ({ x }) => Math.expm1(x!), backward: { x: ({ x, g }) => g! * Math.exp(x!) } },
  log: { forward: ({ x }) => Math.log(x!), backward: { x: ({ x, g }) => g! / x! } },
  log1p: { forward: ({ x }) => Math.log1p(x!), backward: { x: ({ x, g }) => g! / (1 + x!) } },
  erf: {
    forward: ({ x }) => erf(x!),
    backward: { x: ({ x, g }) => (2 / Math.sqrt(Math.PI)) * g! * Math.exp(-x! * x!) },
  },
  sqrt: { forward: ({ x }) => Math.sqrt(x!), backward: { x: ({ y, g }) => g! / (2 * y!) } },
  rsqrt: { forward: ({ x }) => 1 / Math.sqrt(x!), backward: { x: ({ x, g }) => -0.5 * g! * x! ** -1.5 } },
  abs: { forward: ({ x }) => Math.abs(x!), backward: { x: ({ x, g }) => g! * Math.sign(x!) } },
  neg: { forward: ({ x }) => -x!, backward: { x: ({ g }) => -g! } },
  floor: { forward: ({ x }) => Math.floor(x!), backward: {} },
  ceil: { forward: ({ x }) => Math.ceil(x!), backward: {} },
  trunc: { forward: ({ x }) => Math.trunc(x!), backward: {} },
  round: { forward: ({ x }) => roundToEven(x!), backward: {} },
  // Of NaN 0, as in PyTorch.
  sign: { forward: ({ x }) => Math.sign(x!) || 0, backward: {} },
  affine: {
    forward: ({ x, scale, shift }) => scale! * x! + shift!,
    backward: { x: ({ g, scale }) => scale! * g! },
  },
  clamp: {
    forward: ({ x, low, high }) => clip(x!, low!, high!),
    backward: { x: ({ x, g, low, high }) => (x! >= low! && x! <= high! ? g! : 0) },
  },
  add: { forward: ({ a, b }) => a! + b!, backward: { a: ({ g }) => g!, b: ({ g }) => g! } },
  sub: { forward: ({ a, b }) => a! - b!, backward: { a: ({ g }) => g!, b: ({ g }) => -g! } },
  mul: { forward: ({ a, b }) => a! * b!, backward: { a: ({ g, b }) => g! * b!, b: ({ g, a }) => g! * a! } },
  div: {
    forward: ({ a, b }) => a! / b!,
    backward: { a: ({ g, b }) => g! / b!, b: ({ g, a, b }) => (-g! * a!) / (b! * b!) },
  },
  fmod: {
    forward: ({ a, b }) => a! % b!,
    backward: { a: ({ g }) => g!, b: ({ g, a, b }) => -g! * Math.trunc(a! / b!) },
  },
  remainder: {
    // By %, which is exact: a - b * floor(a / b) rounds twice.
    forward: ({ a, b }) => (a! % b! !== 0 && a! % b! < 0 !== b! < 0 ? (a! % b!) + b! : a! % b!),
    backward: { a: ({ g }) => g!, b: ({ g, a, b }) => -g! * Math.floor(a! / b!) },
  },
  maximum: {
    forward: ({ a, b }) => Math.max(a!, b!),
    backward: { a: ({ a, b, g }) => g! * half(a!, b!), b: ({ a, b, g }) => g! * half(b!, a!) },
  },
  minimum: {
    forward: ({ a, b }) => Math.min(a!, b!),
    backward: { a: ({ a, b, g }) => g! * half(b!, a!), b: ({ a, b, g }) => g! * half(a!, b!) },
  },
  pow: {
    forward: ({ a, b }) => a! ** b!,
    backward: {
      a: ({ a, b, g }) => (b === 0 ? 0 : g! * b! * a! ** (b! - 1)),
      b: ({ a, y, g }) => (a === 0 ? 0 : g! * y! * Math.log(a!)),
    },
  },
  equal: { forward: ({ a, b }) => Number(a === b), backward: {} },
  not_equal: { forward: ({ a, b }) => Number(a !== b), backward: {} },
  greater: { forward: ({ a, b }) => Number(a! > b!), backward: {} },
  greater_equal: { forward: ({ a, b }) => Number(a! >= b!), backward: {} },
  logical_and: { forward: ({ a, b }) => Number(a !== 0 && b !== 0), backward: {} },
  logical_or: { forward: ({ a, b }) => Number(a !== 0 || b !== 0), backward: {} },
  logical_xor: { forward: ({ a, b }) => Number((a !== 0) !== (b !== 0)), backward: {} },
  isnan: { forward: ({ x }) => Number(Number.isNaN(x)), backward: {} },
  isinf: { forward: ({ x }) => Number(Math.abs(x!) === Number.POSITIVE_INFINITY), backward: {} },
  isfinite: { forward: ({ x }) => Number(Number.isFinite(x)), backward: {} },
  where: {
    forward: ({ condition, a, b }) => (condition !== 0 ? a! : b!),
    backward: {
      a: ({ condition, g }) => (condition !== 0 ? g! : 0),
      b: ({ condition, g }) => (condition !== 0 ? 0 : g!),
    },
  },
  binary_cross_entropy_with_logits: {
    // -(w t log s(x) + (1 - t) log(1 - s(x)))
    forward: ({ x, target: t, pos_weight: w }) => w! * t! * log1pExp(-x!) + (1 - t!) * log1pExp(x!),
    backward: {
      x: ({ x, target: t, pos_weight: w, g }) => g! * ((1 - t!) * sigmoid(x!) - w! * t! * sigmoid(-x!)),
      target: ({ x, pos_weight: w, g }) => g! * (w! * log1pExp(-x!) - log1pExp(x!)),
      pos_weight: ({ x, target: t, g }) => g! * t! * log1pExp(-x!),
    },
  },
  sigmoid_focal_loss: {
    forward: (v) => focal(v).loss,
    backward: { x: (v) => v.g! * focal(v).slope, target: (v) => v.g! * focal(v).toTarget },
  },
  smooth_l1_loss: {
    forward: smoothL1,
    backward: { x: (v) => v.g! * smoothL1Slope(v), target: (v) => -v.g! * smoothL1Slope(v) },
  },
  l1_loss: {
    forward: ({ x, target }) => Math.abs(x! - target!),
    backward: {
      x: ({ x, target, g }) => g! * Math.sign(x! - target!),
      target: ({ x, target, g }) => g! * Math.sign(target! - x!),
    },
  },
  mse_loss: {
    forward: ({ x, target }) => (x! - target!) ** 2,
    backward: {
      x: ({ x, target, g }) => 2 * g! * (x! - target!),
      target: ({ x, target, g }) => 2 * g! * (target! - x!),
    },
  },
};

/** The references of elementwise operations and of their gradients, `relu` and `relu_backward_x`. */
export const elementwiseReferences = Object.fromEntries(
  Object.entries<ElementwiseKernel>(elementwiseKernels).flatMap(([name, kernel]) => {
    const { forward, backward } = scalarReferences(kernel, rules[name as ElementwiseName]);
    const gradients = Object.entries(backward).map(([arg, reference]) => [
      `${name}_backward_${arg}`,
      reference,
    ]);
    return [[name, forward], ...gradients];
  }),
) as unknown as { readonly [K in ElementwiseOp]: KernelReference<(typeof kernels)[K]> };
