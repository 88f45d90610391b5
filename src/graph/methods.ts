/**
 * `import 'fovea/methods'` gives tensors the operations as methods, as PyTorch has them: `x.add(y).relu().sum()`. They are
 * the functions of the same names, with the tensor as their first argument. A module of its own, since a class that had
 * them all would put them all into every bundle.
 */
import * as activations from './functions/activations.ts';
import * as elementwise from './functions/elementwise.ts';
import * as indexing from './functions/indexing.ts';
import * as logical from './functions/logical.ts';
import * as reduce from './functions/reduce.ts';
import * as shape from './functions/shape.ts';
import { Tensor } from './tensor.ts';

const methods = {
  abs: elementwise.abs,
  add: elementwise.add,
  amax: reduce.amax,
  amin: reduce.amin,
  argmax: reduce.argmax,
  argmin: reduce.argmin,
  argsort: reduce.argsort,
  cast: shape.cast,
  ceil: elementwise.ceil,
  chunk: shape.chunk,
  clamp: elementwise.clamp,
  cos: elementwise.cos,
  cumprod: reduce.cumprod,
  cumsum: reduce.cumsum,
  div: elementwise.div,
  elu: activations.elu,
  equal: elementwise.equal,
  erf: elementwise.erf,
  exp: elementwise.exp,
  expand: shape.expand,
  expm1: elementwise.expm1,
  flatten: shape.flatten,
  flip: shape.flip,
  floor: elementwise.floor,
  gather: indexing.gather,
  gelu: elementwise.gelu,
  greater: elementwise.greater,
  greaterEqual: elementwise.greaterEqual,
  isfinite: logical.isfinite,
  isinf: logical.isinf,
  isnan: logical.isnan,
  less: elementwise.less,
  lessEqual: elementwise.lessEqual,
  log: elementwise.log,
  log1p: elementwise.log1p,
  logSoftmax: reduce.logSoftmax,
  logicalAnd: logical.logicalAnd,
  logicalNot: logical.logicalNot,
  logicalOr: logical.logicalOr,
  logicalXor: logical.logicalXor,
  logsumexp: reduce.logsumexp,
  maskedFill: logical.maskedFill,
  matmul: reduce.matmul,
  maximum: elementwise.maximum,
  mean: reduce.mean,
  minimum: elementwise.minimum,
  mul: elementwise.mul,
  neg: elementwise.neg,
  norm: reduce.norm,
  notEqual: elementwise.notEqual,
  pad: shape.pad,
  permute: shape.permute,
  pow: elementwise.pow,
  prod: reduce.prod,
  reciprocal: elementwise.reciprocal,
  relu: elementwise.relu,
  remainder: elementwise.remainder,
  round: elementwise.round,
  rsqrt: elementwise.rsqrt,
  scatter: indexing.scatter,
  scatterAdd: indexing.scatterAdd,
  sigmoid: elementwise.sigmoid,
  sign: elementwise.sign,
  silu: elementwise.silu,
  sin: elementwise.sin,
  slice: shape.slice,
  softmax: reduce.softmax,
  sort: reduce.sort,
  split: shape.split,
  sqrt: elementwise.sqrt,
  square: elementwise.square,
  squeeze: shape.squeeze,
  std: reduce.std,
  sub: elementwise.sub,
  sum: reduce.sum,
  tan: elementwise.tan,
  tanh: elementwise.tanh,
  topk: reduce.topk,
  transpose: shape.transpose,
  trunc: elementwise.trunc,
  unsqueeze: shape.unsqueeze,
  variance: reduce.variance,
};

/** A function of a tensor and other arguments, as a method: without the tensor. */
type Method<F> = F extends (x: Tensor, ...rest: infer R) => infer Y ? (...rest: R) => Y : never;

/** What `import 'fovea/methods'` adds to tensors. */
export type TensorMethods = { readonly [K in keyof typeof methods]: Method<(typeof methods)[K]> };

// With .js: the compiler does not rewrite this specifier in declarations, and takes .js for the source as well.
declare module './tensor.js' {
  interface Tensor extends TensorMethods {}
}

for (const [name, operation] of Object.entries<(x: Tensor, ...rest: never[]) => unknown>(methods)) {
  Object.defineProperty(Tensor.prototype, name, {
    value(this: Tensor, ...rest: never[]) {
      return operation(this, ...rest);
    },
    configurable: true,
    writable: true,
  });
}
