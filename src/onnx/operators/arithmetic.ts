import {
  abs,
  add,
  affine,
  ceil,
  div,
  exp,
  floor,
  fmod,
  log,
  maximum,
  minimum,
  mul,
  neg,
  pow,
  reciprocal,
  remainder,
  round,
  sign,
  sqrt,
  square,
  sub,
} from '../../graph/functions/elementwise.ts';
import { cast, gatherRows } from '../../graph/functions/shape.ts';
import { type Tensor, tensor } from '../../graph/tensor.ts';
import { isFloatType, RANGES } from '../dataTypes.ts';
import { align } from '../layout.ts';
import type { Call, Operators, Run } from '../operator.ts';
import { Value } from '../value.ts';
import { ofFloats, ofNumbers, ofPairs, wrapped } from './elementwise.ts';
import { activationOf } from './productActivations.ts';

/** One value of any number of them, elementwise. */
const ofMany =
  (combine: (a: Tensor, b: Tensor) => Tensor, finish: (x: Tensor, count: number) => Tensor = (x) => x): Run =>
  (call) => {
    const values = call.all();
    const { tensors, order } = align(values);
    const y = finish(tensors.reduce(combine), values.length);
    return Value.of(values[0]!.type, wrapped(values[0]!.type, y), order);
  };

/** 2^0 to 2^31; the last is the sign bit. */
const powersOfTwo = (): Tensor => tensor(Int32Array.from({ length: 32 }, (_, i) => 1 << i));

function shifted(a: Tensor, b: Tensor, { attrs }: Call): Tensor {
  const factor = gatherRows(powersOfTwo(), b);
  // Beyond 31 there is no power: nothing is left.
  if (attrs.string('direction') === 'LEFT') return mul(a, factor);
  return div(a, maximum(factor, 1));
}

/** The bits that two numbers of four bits share, at 16 a + b. */
const sharedBits = (): Tensor => tensor(Int32Array.from({ length: 256 }, (_, i) => (i >> 4) & i & 15));

/** The bits that two integers share, four bits at a time. Of types of fewer than 32 bits, what is above those is not right. */
function bitwiseAnd(a: Tensor, b: Tensor, { inputs }: Call): Tensor {
  const [low, high] = RANGES[inputs[0]!.type] ?? [0, 2 ** 32];
  const digits = Math.min(Math.ceil(Math.log2(high - low) / 4), 8);
  const shared = sharedBits();
  let y: Tensor | undefined;
  for (let i = 0; i < digits; i++) {
    // Floored, also of negative numbers: those have the digits of two's complement.
    const [left, right] = [remainder(a, 16), remainder(b, 16)];
    const digit = mul(gatherRows(shared, add(mul(left, 16), right)), 16 ** i);
    y = y ? add(y, digit) : digit;
    [a, b] = [div(sub(a, left), 16), div(sub(b, right), 16)];
  }
  return y!;
}

/** An operation on the bits of integers. Sums wrap around, so that these are exact. */
const ofBits = (compute: (a: Tensor, b: Tensor, shared: Tensor) => Tensor): Run =>
  ofPairs((a, b, call) => {
    if (a.dtype !== 'i32' || b.dtype !== 'i32') return call.damaged('it takes integers');
    return compute(a, b, bitwiseAnd(a, b, call));
  });

/** Powers. The result has the type of the base; exponents of 2 and 1/2, which are known, are exact. */
function power(call: Call): Value {
  const [x, exponent] = [call.input(0), call.input(1)];
  const known = exponent.constant && exponent.size === 1 && exponent.rank <= x.rank;
  const n = known ? exponent.constant!.data[0]! : undefined;
  const own = x.tensor(x.order);
  const isFloat = isFloatType(x.type);
  if (n === 1) return x;
  if (n === 2) return Value.of(x.type, wrapped(x.type, square(own)), x.order);
  if (n === 3) return Value.of(x.type, wrapped(x.type, mul(square(own), own)), x.order);
  if (n === 0.5 && isFloat) return Value.of(x.type, sqrt(own), x.order);
  const { tensors, order } = align([x, exponent]);
  const y = pow(cast(tensors[0]!, 'f32'), cast(tensors[1]!, 'f32'));
  // Whole numbers may come out a little smaller than they are.
  return Value.of(
    x.type,
    isFloat ? y : wrapped(x.type, cast(isFloatType(exponent.type) ? y : round(y), 'i32')),
    order,
  );
}

/** Arithmetic on each element, with NumPy's broadcasting. */
export const arithmetic: Operators = {
  Abs: ofNumbers((x) => abs(x)),
  Add: ofPairs(add),
  BitShift: ofPairs(shifted),
  BitwiseAnd: ofBits((_a, _b, shared) => shared),
  BitwiseNot: ofNumbers((x) => sub(-1, x)),
  BitwiseOr: ofBits((a, b, shared) => sub(add(a, b), shared)),
  BitwiseXor: ofBits((a, b, shared) => sub(add(a, b), mul(shared, 2))),
  Ceil: ofFloats((x) => ceil(x)),
  Div: ofPairs(div),
  Exp: ofFloats((x) => exp(x)),
  Floor: ofFloats((x) => floor(x)),
  Log: ofFloats((x) => log(x)),
  Max: ofMany(maximum),
  Mean: ofMany(add, (total, count) => affine(total, 1 / count)),
  Min: ofMany(minimum),
  Mod: ofPairs((a, b, call) => {
    if (call.attrs.int('fmod', 0) === 1) return fmod(a, b);
    if (a.dtype === 'f32') call.refuse('of floats takes fmod 1');
    return remainder(a, b);
  }),
  Mul: ofPairs((a, b) => activationOf(a, b) ?? activationOf(b, a) ?? mul(a, b)),
  Neg: ofNumbers((x) => neg(x)),
  Pow: power,
  Reciprocal: ofFloats((x) => reciprocal(x)),
  Round: ofFloats((x) => round(x)),
  Sign: ofNumbers((x) => sign(x)),
  Sqrt: ofFloats((x) => sqrt(x)),
  Sub: ofPairs(sub),
  Sum: ofMany(add),
};
