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
  relu: { forward: ({ x }) => Math.max(x!, 0), backward: { x: ({ y, dy }) => (y! <= 0 ? 0 : dy!) } },
  leaky_relu: {
    forward: ({ x, negative_slope: k }) => (x! > 0 ? x! : k! * x!),
    backward: { x: ({ x, dy, negative_slope: k }) => (x! > 0 ? dy! : k! * dy!) },
  },
  silu: {
    forward: ({ x }) => x! * sigmoid(x!),
    backward: { x: ({ x, dy }) => dy! * (sigmoid(x!) + x! * sigmoid(x!) * sigmoid(-x!)) },
  },
  gelu: {
    forward: ({ x }) => x! * normalCdf(x!),
    backward: { x: ({ x, dy }) => dy! * (normalCdf(x!) + x! * normalPdf(x!)) },
  },
  sigmoid: {
    forward: ({ x }) => sigmoid(x!),
    backward: { x: ({ x, dy }) => dy! * sigmoid(x!) * sigmoid(-x!) },
  },
  tanh: { forward: ({ x }) => Math.tanh(x!), backward: { x: ({ x, dy }) => dy! / Math.cosh(x!) ** 2 } },
  hardswish: {
    forward: ({ x }) => (x! * clip(x! + 3, 0, 6)) / 6,
    backward: { x: ({ x, dy }) => (x! < -3 ? 0 : x! >= 3 ? dy! : dy! * (x! / 3 + 0.5)) },
  },
  hardsigmoid: {
    forward: ({ x }) => clip(x! + 3, 0, 6) / 6,
    backward: { x: ({ x, dy }) => (Math.abs(x!) < 3 ? dy! / 6 : 0) },
  },
  hardtanh: {
    forward: ({ x, min_val: low, max_val: high }) => clip(x!, low!, high!),
    backward: { x: ({ y, dy, min_val: low, max_val: high }) => (y! <= low! || y! >= high! ? 0 : dy!) },
  },
  softplus: { forward: ({ x }) => log1pExp(x!), backward: { x: ({ x, dy }) => dy! * sigmoid(x!) } },
  sin: { forward: ({ x }) => Math.sin(x!), backward: { x: ({ x, dy }) => dy! * Math.cos(x!) } },
  cos: { forward: ({ x }) => Math.cos(x!), backward: { x: ({ x, dy }) => -dy! * Math.sin(x!) } },
  tan: { forward: ({ x }) => Math.tan(x!), backward: { x: ({ x, dy }) => dy! / Math.cos(x!) ** 2 } },
  atan: { forward: ({ x }) => Math.atan(x!), backward: { x: ({ x, dy }) => dy! / (1 + x! * x!) } },
  exp: { forward: ({ x }) => Math.exp(x!), backward: { x: ({ y, dy }) => dy! * y! } },
  expm1: { forward: ({ x }) => Math.expm1(x!), backward: { x: ({ x, dy }) => dy! * Math.exp(x!) } },
  log: { forward: ({ x }) => Math.log(x!), backward: { x: ({ x, dy }) => dy! / x! } },
  log1p: { forward: ({ x }) => Math.log1p(x!), backward: { x: ({ x, dy }) => dy! / (1 + x!) } },
  erf: {
    forward: ({ x }) => erf(x!),
    backward: { x: ({ x, dy }) => (2 / Math.sqrt(Math.PI)) * dy! * Math.exp(-x! * x!) },
  },
  sqrt: { forward: ({ x }) => Math.sqrt(x!), backward: { x: ({ y, dy }) => dy! / (2 * y!) } },
  rsqrt: { forward: ({ x }) => 1 / Math.sqrt(x!), backward: { x: ({ x, dy }) => -0.5 * dy! * x! ** -1.5 } },
  abs: { forward: ({ x }) => Math.abs(x!), backward: { x: ({ x, dy }) => dy! * Math.sign(x!) } },
  neg: { forward: ({ x }) => -x!, backward: { x: ({ dy }) => -dy! } },
  floor: { forward: ({ x }) => Math.floor(x!), backward: {} },
  ceil: { forward: ({ x }) => Math.ceil(x!), backward: {} },
  trunc: { forward: ({ x }) => Math.trunc(x!), backward: {} },
  round: { forward: ({ x }) => roundToEven(x!), backward: {} },
  // Of NaN 0, as in PyTorch.
  sign: { forward: ({ x }) => Math.sign(x!) || 0, backward: {} },
  affine: {
    forward: ({ x, scale, shift }) => scale! * x! + shift!,
    backward: { x: ({ dy, scale }) => scale! * dy! },
  },
  clamp: {
    forward: ({ x, low, high }) => clip(x!, low!, high!),
    backward: { x: ({ x, dy, low, high }) => (x! >= low! && x! <= high! ? dy! : 0) },
  },
  add: { forward: ({ a, b }) => a! + b!, backward: { a: ({ dy }) => dy!, b: ({ dy }) => dy! } },
  sub: { forward: ({ a, b }) => a! - b!, backward: { a: ({ dy }) => dy!, b: ({ dy }) => -dy! } },
  mul: {
    forward: ({ a, b }) => a! * b!,
    backward: { a: ({ dy, b }) => dy! * b!, b: ({ dy, a }) => dy! * a! },
  },
  div: {
    forward: ({ a, b }) => a! / b!,
    backward: { a: ({ dy, b }) => dy! / b!, b: ({ dy, a, b }) => (-dy! * a!) / (b! * b!) },
  },
  fmod: {
    forward: ({ a, b }) => a! % b!,
    backward: { a: ({ dy }) => dy!, b: ({ dy, a, b }) => -dy! * Math.trunc(a! / b!) },
  },
  remainder: {
    // By %, which is exact: a - b * floor(a / b) rounds twice.
    forward: ({ a, b }) => (a! % b! !== 0 && a! % b! < 0 !== b! < 0 ? (a! % b!) + b! : a! % b!),
    backward: { a: ({ dy }) => dy!, b: ({ dy, a, b }) => -dy! * Math.floor(a! / b!) },
  },
  maximum: {
    forward: ({ a, b }) => Math.max(a!, b!),
    backward: { a: ({ a, b, dy }) => dy! * half(a!, b!), b: ({ a, b, dy }) => dy! * half(b!, a!) },
  },
  minimum: {
    forward: ({ a, b }) => Math.min(a!, b!),
    backward: { a: ({ a, b, dy }) => dy! * half(b!, a!), b: ({ a, b, dy }) => dy! * half(a!, b!) },
  },
  pow: {
    forward: ({ a, b }) => a! ** b!,
    backward: {
      a: ({ a, b, dy }) => (b === 0 ? 0 : dy! * b! * a! ** (b! - 1)),
      b: ({ a, y, dy }) => (a === 0 ? 0 : dy! * y! * Math.log(a!)),
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
      a: ({ condition, dy }) => (condition !== 0 ? dy! : 0),
      b: ({ condition, dy }) => (condition !== 0 ? 0 : dy!),
    },
  },
  binary_cross_entropy_with_logits: {
    // -(w t log s(x) + (1 - t) log(1 - s(x)))
    forward: ({ x, target: t, pos_weight: w }) => w! * t! * log1pExp(-x!) + (1 - t!) * log1pExp(x!),
    backward: {
      x: ({ x, target: t, pos_weight: w, dy }) => dy! * ((1 - t!) * sigmoid(x!) - w! * t! * sigmoid(-x!)),
      target: ({ x, pos_weight: w, dy }) => dy! * (w! * log1pExp(-x!) - log1pExp(x!)),
      pos_weight: ({ x, target: t, dy }) => dy! * t! * log1pExp(-x!),
    },
  },
  sigmoid_focal_loss: {
    forward: (v) => focal(v).loss,
    backward: { x: (v) => v.dy! * focal(v).slope, target: (v) => v.dy! * focal(v).toTarget },
  },
  smooth_l1_loss: {
    forward: smoothL1,
    backward: { x: (v) => v.dy! * smoothL1Slope(v), target: (v) => -v.dy! * smoothL1Slope(v) },
  },
  l1_loss: {
    forward: ({ x, target }) => Math.abs(x! - target!),
    backward: {
      x: ({ x, target, dy }) => dy! * Math.sign(x! - target!),
      target: ({ x, target, dy }) => dy! * Math.sign(target! - x!),
    },
  },
  mse_loss: {
    forward: ({ x, target }) => (x! - target!) ** 2,
    backward: {
      x: ({ x, target, dy }) => 2 * dy! * (x! - target!),
      target: ({ x, target, dy }) => 2 * dy! * (target! - x!),
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
