/**
 * `import 'fovea/methods'` gives tensors the operations as methods, as PyTorch has them: `x.add(y).relu().sum()`. They are
 * the functions of the same names, with the tensor as their first argument. A module of its own, since a class that had
 * them all would put them all into every bundle.
 */
import { elu } from './functions/activations.ts';
import {
  abs,
  add,
  atan,
  ceil,
  clamp,
  cos,
  div,
  equal,
  erf,
  exp,
  expm1,
  floor,
  fmod,
  gelu,
  greater,
  greaterEqual,
  less,
  lessEqual,
  log,
  log1p,
  maximum,
  minimum,
  mul,
  neg,
  notEqual,
  pow,
  reciprocal,
  relu,
  remainder,
  round,
  rsqrt,
  sigmoid,
  sign,
  silu,
  sin,
  sqrt,
  square,
  sub,
  tan,
  tanh,
  trunc,
} from './functions/elementwise.ts';
import { gather, scatter, scatterAdd } from './functions/indexing.ts';
import {
  isfinite,
  isinf,
  isnan,
  logicalAnd,
  logicalNot,
  logicalOr,
  logicalXor,
  maskedFill,
} from './functions/logical.ts';
import {
  amax,
  amin,
  argmax,
  argmin,
  argsort,
  cumprod,
  cumsum,
  logSoftmax,
  logsumexp,
  matmul,
  mean,
  norm,
  prod,
  softmax,
  sort,
  std,
  sum,
  topk,
  variance,
} from './functions/reduce.ts';
import {
  cast,
  chunk,
  expand,
  flatten,
  flip,
  pad,
  permute,
  slice,
  split,
  squeeze,
  transpose,
  unsqueeze,
} from './functions/shape.ts';
import { Tensor } from './tensor.ts';

/** A list, or its items one by one, as PyTorch takes dimensions and sizes: `x.permute(1, 0)`. */
const listOf = (given: [list: readonly number[]] | number[]): readonly number[] => given.flat();

const methods = {
  /** {@link abs} with this tensor as its first argument. */
  abs,
  /** {@link add} with this tensor as its first argument. */
  add,
  /** {@link amax} with this tensor as its first argument. */
  amax,
  /** {@link amin} with this tensor as its first argument. */
  amin,
  /** {@link argmax} with this tensor as its first argument. */
  argmax,
  /** {@link argmin} with this tensor as its first argument. */
  argmin,
  /** {@link argsort} with this tensor as its first argument. */
  argsort,
  /** {@link atan} with this tensor as its first argument. */
  atan,
  /** {@link cast} with this tensor as its first argument. */
  cast,
  /** {@link ceil} with this tensor as its first argument. */
  ceil,
  /** {@link chunk} with this tensor as its first argument. */
  chunk,
  /** {@link clamp} with this tensor as its first argument. */
  clamp,
  /** {@link cos} with this tensor as its first argument. */
  cos,
  /** {@link cumprod} with this tensor as its first argument. */
  cumprod,
  /** {@link cumsum} with this tensor as its first argument. */
  cumsum,
  /** {@link div} with this tensor as its first argument. */
  div,
  /** {@link elu} with this tensor as its first argument. */
  elu,
  /** {@link equal} with this tensor as its first argument. */
  equal,
  /** {@link erf} with this tensor as its first argument. */
  erf,
  /** {@link exp} with this tensor as its first argument. */
  exp,
  /** {@link expand} with this tensor as its first argument. */
  expand: (x: Tensor, ...shape: [list: readonly number[]] | number[]): Tensor => expand(x, listOf(shape)),
  /** {@link expm1} with this tensor as its first argument. */
  expm1,
  /** {@link flatten} with this tensor as its first argument. */
  flatten,
  /** {@link flip} with this tensor as its first argument. */
  flip: (x: Tensor, ...dims: [list: readonly number[]] | number[]): Tensor => flip(x, listOf(dims)),
  /** {@link floor} with this tensor as its first argument. */
  floor,
  /** {@link gather} with this tensor as its first argument. */
  gather,
  /** {@link gelu} with this tensor as its first argument. */
  gelu,
  /** {@link greater} with this tensor as its first argument. */
  greater,
  /** {@link greaterEqual} with this tensor as its first argument. */
  greaterEqual,
  /** {@link isfinite} with this tensor as its first argument. */
  isfinite,
  /** {@link isinf} with this tensor as its first argument. */
  isinf,
  /** {@link isnan} with this tensor as its first argument. */
  isnan,
  /** {@link less} with this tensor as its first argument. */
  less,
  /** {@link lessEqual} with this tensor as its first argument. */
  lessEqual,
  /** {@link log} with this tensor as its first argument. */
  log,
  /** {@link log1p} with this tensor as its first argument. */
  log1p,
  /** {@link logSoftmax} with this tensor as its first argument. */
  logSoftmax,
  /** {@link logicalAnd} with this tensor as its first argument. */
  logicalAnd,
  /** {@link logicalNot} with this tensor as its first argument. */
  logicalNot,
  /** {@link logicalOr} with this tensor as its first argument. */
  logicalOr,
  /** {@link logicalXor} with this tensor as its first argument. */
  logicalXor,
  /** {@link logsumexp} with this tensor as its first argument. */
  logsumexp,
  /** {@link maskedFill} with this tensor as its first argument. */
  maskedFill,
  /** {@link matmul} with this tensor as its first argument. */
  matmul,
  /** {@link maximum} with this tensor as its first argument. */
  maximum,
  /** {@link mean} with this tensor as its first argument. */
  mean,
  /** {@link minimum} with this tensor as its first argument. */
  minimum,
  /** {@link mul} with this tensor as its first argument. */
  mul,
  /** {@link neg} with this tensor as its first argument. */
  neg,
  /** {@link norm} with this tensor as its first argument. */
  norm,
  /** {@link notEqual} with this tensor as its first argument. */
  notEqual,
  /** {@link pad} with this tensor as its first argument. */
  pad,
  /** {@link permute} with this tensor as its first argument. */
  permute: (x: Tensor, ...dims: [list: readonly number[]] | number[]): Tensor => permute(x, listOf(dims)),
  /** {@link pow} with this tensor as its first argument. */
  pow,
  /** {@link prod} with this tensor as its first argument. */
  prod,
  /** {@link reciprocal} with this tensor as its first argument. */
  reciprocal,
  /** {@link relu} with this tensor as its first argument. */
  relu,
  /** {@link fmod} with this tensor as its first argument. */
  fmod,
  /** {@link remainder} with this tensor as its first argument. */
  remainder,
  /** {@link round} with this tensor as its first argument. */
  round,
  /** {@link rsqrt} with this tensor as its first argument. */
  rsqrt,
  /** {@link scatter} with this tensor as its first argument. */
  scatter,
  /** {@link scatterAdd} with this tensor as its first argument. */
  scatterAdd,
  /** {@link sigmoid} with this tensor as its first argument. */
  sigmoid,
  /** {@link sign} with this tensor as its first argument. */
  sign,
  /** {@link silu} with this tensor as its first argument. */
  silu,
  /** {@link sin} with this tensor as its first argument. */
  sin,
  /** {@link slice} with this tensor as its first argument. */
  slice,
  /** {@link softmax} with this tensor as its first argument. */
  softmax,
  /** {@link sort} with this tensor as its first argument. */
  sort,
  /** {@link split} with this tensor as its first argument. */
  split,
  /** {@link sqrt} with this tensor as its first argument. */
  sqrt,
  /** {@link square} with this tensor as its first argument. */
  square,
  /** {@link squeeze} with this tensor as its first argument. */
  squeeze,
  /** {@link std} with this tensor as its first argument. */
  std,
  /** {@link sub} with this tensor as its first argument. */
  sub,
  /** {@link sum} with this tensor as its first argument. */
  sum,
  /** {@link tan} with this tensor as its first argument. */
  tan,
  /** {@link tanh} with this tensor as its first argument. */
  tanh,
  /** {@link topk} with this tensor as its first argument. */
  topk,
  /** {@link transpose} with this tensor as its first argument. */
  transpose,
  /** {@link trunc} with this tensor as its first argument. */
  trunc,
  /** {@link unsqueeze} with this tensor as its first argument. */
  unsqueeze,
  /** {@link variance} with this tensor as its first argument. */
  variance,
};

/** A function of a tensor and other arguments, as a method: without the tensor. */
type Method<F> = F extends (x: Tensor, ...rest: infer R) => infer Y ? (...rest: R) => Y : never;

/**
 * The methods that `import 'fovea/methods'` adds to tensors.
 *
 * @useDeclaredType
 */
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
