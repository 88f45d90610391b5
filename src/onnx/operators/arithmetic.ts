import {
  abs,
  add,
  ceil,
  cos,
  div,
  exp,
  floor,
  log,
  maximum,
  minimum,
  mul,
  neg,
  pow,
  reciprocal,
  round,
  sign,
  sin,
  sqrt,
  sub,
  tan,
} from '../../graph/functions/elementwise.ts';
import type { Tensor } from '../../graph/tensor.ts';
import { align } from '../layout.ts';
import type { Operators, Run } from '../operator.ts';
import { Value } from '../value.ts';
import { ofFloats, ofNumbers, ofPairs } from './elementwise.ts';

/** One value of any number of them, elementwise. */
const ofMany =
  (combine: (a: Tensor, b: Tensor) => Tensor): Run =>
  (call) => {
    const values = call.all();
    const { tensors, order } = align(values);
    return Value.of(values[0]!.type, tensors.reduce(combine), order);
  };

/** Arithmetic on each element, with NumPy's broadcasting. */
export const arithmetic: Operators = {
  Abs: ofNumbers((x) => abs(x)),
  Add: ofPairs(add),
  Ceil: ofFloats((x) => ceil(x)),
  Cos: ofFloats((x) => cos(x)),
  Div: ofPairs(div),
  Exp: ofFloats((x) => exp(x)),
  Floor: ofFloats((x) => floor(x)),
  Log: ofFloats((x) => log(x)),
  Max: ofMany(maximum),
  Min: ofMany(minimum),
  Mul: ofPairs(mul),
  Neg: ofNumbers((x) => neg(x)),
  Pow: ofPairs(pow),
  Reciprocal: ofFloats((x) => reciprocal(x)),
  Round: ofFloats((x) => round(x)),
  Sign: ofNumbers((x) => sign(x)),
  Sin: ofFloats((x) => sin(x)),
  Sqrt: ofFloats((x) => sqrt(x)),
  Sub: ofPairs(sub),
  Sum: ofMany(add),
  Tan: ofFloats((x) => tan(x)),
};
