import {
  add,
  affine,
  atan,
  cos,
  div,
  exp,
  expm1,
  greaterEqual,
  log1p,
  mul,
  neg,
  sin,
  sqrt,
  square,
  sub,
  tan,
  where,
} from '../../graph/functions/elementwise.ts';
import type { Tensor } from '../../graph/tensor.ts';
import type { Operators } from '../operator.ts';
import { ofFloats } from './elementwise.ts';

/** (1 - x) (1 + x), which keeps its digits near 1. */
const oneMinusSquare = (x: Tensor): Tensor => mul(affine(x, -1, 1), affine(x, 1, 1));

/** 1 where x is not negative, else -1. */
const side = (x: Tensor): Tensor => where(greaterEqual(x, 0), 1, -1);

/** By half the angle, which has no pole: 2 atan(x / (1 + sqrt(1 - x²))). */
const asin = (x: Tensor): Tensor => affine(atan(div(x, affine(sqrt(oneMinusSquare(x)), 1, 1))), 2);

/** 2 atan(sqrt((1 - |x|) / (1 + |x|))), and π less that on the negative side. */
function acos(x: Tensor): Tensor {
  const sign = side(x);
  const size = mul(x, sign);
  const angle = affine(atan(sqrt(div(affine(size, -1, 1), affine(size, 1, 1)))), 2);
  return where(greaterEqual(x, 0), angle, affine(angle, -1, Math.PI));
}

/** log1p(|x| + x² / (1 + sqrt(1 + x²))), with the sign of x. */
function asinh(x: Tensor): Tensor {
  const sign = side(x);
  const size = mul(x, sign);
  const squared = square(size);
  const root = sqrt(affine(squared, 1, 1));
  return mul(log1p(add(size, div(squared, affine(root, 1, 1)))), sign);
}

/** log1p(t + sqrt(t (t + 2))) of t = x - 1. */
function acosh(x: Tensor): Tensor {
  const above = affine(x, 1, -1);
  return log1p(add(above, sqrt(mul(above, affine(x, 1, 1)))));
}

/** Circular and hyperbolic functions and their inverses. */
export const trigonometry: Operators = {
  Acos: ofFloats(acos),
  Acosh: ofFloats(acosh),
  Asin: ofFloats(asin),
  Asinh: ofFloats(asinh),
  Atan: ofFloats((x) => atan(x)),
  Atanh: ofFloats((x) => affine(sub(log1p(x), log1p(neg(x))), 0.5)),
  Cos: ofFloats((x) => cos(x)),
  Cosh: ofFloats((x) => affine(add(exp(x), exp(neg(x))), 0.5)),
  Sin: ofFloats((x) => sin(x)),
  Sinh: ofFloats((x) => affine(sub(expm1(x), expm1(neg(x))), 0.5)),
  Tan: ofFloats((x) => tan(x)),
};
