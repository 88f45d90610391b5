import * as g from '../../../src/graph/index.ts';
import type { Tensor } from '../../../src/graph/tensor.ts';
import { any, type Faults, f, i, numbers, u } from './common.ts';

const unary = (fn: (x: Tensor) => Tensor, bad: Faults['bad'] = []): Faults => ({
  good: () => fn(f(2, 3)),
  bad: [[() => fn(u(2)), 'u32'], [() => fn(any), 'undefined'], [() => fn(3 as never), '3'], ...bad],
});
const floatUnary = (fn: (x: Tensor) => Tensor, bad: Faults['bad'] = []): Faults =>
  unary(fn, [[() => fn(i(2)), 'i32'], ...bad]);
const binary = (fn: (a: Tensor, b: Tensor) => Tensor): Faults => ({
  good: () => fn(f(2, 3), f(3)),
  bad: [
    [() => fn(f(2, 3), f(2)), /\[2,3\] and \[2\]|\[2\] and \[2,3\]/],
    [() => fn(f(2), i(2)), 'i32'],
    [() => fn(f(2), any), 'undefined'],
    [() => fn(u(2), u(2)), 'u32'],
  ],
});

export const elementwiseRows: Record<string, Faults> = {
  relu: floatUnary(g.relu),
  leakyRelu: floatUnary(g.leakyRelu, [[() => g.leakyRelu(f(2), numbers.NaN), 'NaN']]),
  silu: floatUnary(g.silu),
  gelu: floatUnary(g.gelu),
  sigmoid: floatUnary(g.sigmoid),
  tanh: floatUnary(g.tanh),
  hardswish: floatUnary(g.hardswish),
  hardsigmoid: floatUnary(g.hardsigmoid),
  softplus: floatUnary(g.softplus),
  sin: floatUnary(g.sin),
  cos: floatUnary(g.cos),
  tan: floatUnary(g.tan),
  atan: floatUnary(g.atan),
  exp: floatUnary(g.exp),
  expm1: floatUnary(g.expm1),
  log: floatUnary(g.log),
  log1p: floatUnary(g.log1p),
  erf: floatUnary(g.erf),
  sqrt: floatUnary(g.sqrt),
  rsqrt: floatUnary(g.rsqrt),
  abs: unary(g.abs),
  neg: unary(g.neg),
  floor: floatUnary(g.floor),
  ceil: floatUnary(g.ceil),
  trunc: floatUnary(g.trunc),
  round: floatUnary(g.round),
  sign: unary(g.sign),
  square: { ...unary(g.square), op: /square|mul/ },
  reciprocal: { ...floatUnary(g.reciprocal), op: 'div' },
  affine: floatUnary((x) => g.affine(x, 2), [[() => g.affine(f(2), any), 'undefined']]),
  clamp: floatUnary((x) => g.clamp(x, 0, 1), [[() => g.clamp(f(2), numbers.NaN, 1), 'NaN']]),
  add: {
    ...binary(g.add),
    bad: [...binary(g.add).bad, [() => g.add(i(2), 0.5), /0\.5.*i32/]],
    op: /add|full/,
  },
  sub: binary(g.sub),
  mul: binary(g.mul),
  div: binary(g.div),
  fmod: binary(g.fmod),
  remainder: binary(g.remainder),
  maximum: binary(g.maximum),
  minimum: binary(g.minimum),
  pow: binary(g.pow),
  equal: binary(g.equal),
  notEqual: binary(g.notEqual),
  greater: binary(g.greater),
  greaterEqual: binary(g.greaterEqual),
  logicalAnd: binary(g.logicalAnd),
  logicalOr: binary(g.logicalOr),
  logicalXor: binary(g.logicalXor),
  logicalNot: { ...unary(g.logicalNot), op: /logical_not|equal/ },
  isnan: floatUnary(g.isnan),
  isinf: floatUnary(g.isinf),
  isfinite: floatUnary(g.isfinite),
  maskedFill: {
    op: /where|full/,
    good: () => g.maskedFill(f(2, 3), i(3), numbers.NaN),
    bad: [
      [() => g.maskedFill(f(2, 3), f(2), 0), '[2]'],
      [() => g.maskedFill(u(2), u(2), 0), 'u32'],
      [() => g.maskedFill(i(2), i(2), 0.5), '0.5'],
      [() => g.maskedFill(f(2), f(2), any), 'undefined'],
    ],
  },
  where: {
    good: () => g.where(f(2, 3), f(3), 0),
    bad: [
      [() => g.where(f(2), f(3), f(3)), '[3]'],
      [() => g.where(f(2), f(2), i(2)), 'i32'],
      [() => g.where(any, f(2), f(2)), 'undefined'],
    ],
  },

  less: { ...binary(g.less), op: 'greater' },
  lessEqual: { ...binary(g.lessEqual), op: 'greater_equal' },
  elu: { ...floatUnary((x) => g.elu(x), [[() => g.elu(f(2), numbers.NaN), 'NaN']]), op: /.*/ },
  hardtanh: floatUnary(g.hardtanh, [[() => g.hardtanh(f(2), 1, -1), '-1']]),
  relu6: { ...floatUnary(g.relu6), op: /relu6|hardtanh/ },
  mish: { ...floatUnary(g.mish), op: /mish|softplus/ },
  logSigmoid: { ...unary(g.logSigmoid), op: /log_sigmoid|neg|softplus/ },
  prelu: {
    op: /prelu|mul|where/,
    good: () => g.prelu(f(2, 3), f(3)),
    bad: [
      [() => g.prelu(f(2, 3), f(2)), '[2]'],
      [() => g.prelu(f(2, 3), f()), '[]'],
      [() => g.prelu(f(2, 3), i(3)), 'i32'],
    ],
  },
};
