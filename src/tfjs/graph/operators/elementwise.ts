import { elu } from '../../../graph/functions/activations.ts';
import {
  abs,
  add,
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
  greater,
  greaterEqual,
  leakyRelu,
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
  relu6,
  remainder,
  round,
  rsqrt,
  sigmoid,
  sign,
  sin,
  softplus,
  sqrt,
  square,
  sub,
  tanh,
  where,
} from '../../../graph/functions/elementwise.ts';
import { isnan, logicalAnd, logicalNot, logicalOr } from '../../../graph/functions/logical.ts';
import { cast } from '../../../graph/functions/shape.ts';
import type { Tensor } from '../../../graph/tensor.ts';
import { selu, sloped } from '../../activations.ts';
import { type Call, knownNumbers, type Operators, type Run } from '../operator.ts';

const unary =
  (compute: (x: Tensor, call: Call) => Tensor): Run =>
  (call) =>
    compute(call.input(0), call);

const binary =
  (compute: (a: Tensor, b: Tensor) => Tensor): Run =>
  (call) =>
    compute(call.input(0), call.input(1));

/** A comparison: 1 and 0 in i32, as all of TensorFlow's bool. */
const compared = (compare: (a: Tensor, b: Tensor) => Tensor): Run =>
  binary((a, b) => cast(compare(a, b), 'i32'));

/** Powers; exponents of 1/2, 1 and 2 that are known are exact, also of negative numbers. */
function power(x: Tensor, exponent: Tensor): Tensor {
  const [n] =
    exponent.size === 1 && exponent.shape.length <= x.shape.length ? (knownNumbers(exponent) ?? []) : [];
  if (n === 1) return x;
  if (n === 2) return square(x);
  if (n === 3) return mul(square(x), x);
  if (x.dtype === 'i32') return cast(round(pow(cast(x, 'f32'), cast(exponent, 'f32'))), 'i32');
  return n === 0.5 ? sqrt(x) : pow(x, exponent);
}

/** The quotient rounded down. */
const floorDiv = (a: Tensor, b: Tensor): Tensor =>
  a.dtype === 'f32' ? floor(div(a, b)) : div(sub(a, remainder(a, b)), b);

/** a where the condition holds, else b; the first version takes a condition for each row. */
const selected =
  (isFirst: boolean): Run =>
  (call) => {
    const [condition, a, b] = [call.input(0), call.input(1), call.input(2)];
    const rank = a.shape.length;
    const rows = isFirst && condition.shape.length === 1 && rank > 1;
    const shaped = rows
      ? condition.reshape([condition.size, ...new Array<number>(rank - 1).fill(1)])
      : condition;
    return where(cast(shaped, a.dtype), a, b);
  };

const addAll: Run = (call) => {
  call.input(0);
  return call.inputs.reduce(add);
};

/** Arithmetic, comparison, activations: functions of each element, which broadcast as NumPy's. */
export const elementwise: Operators = {
  Abs: unary(abs),
  Add: binary(add),
  AddN: addAll,
  AddV2: binary(add),
  BiasAdd(call) {
    call.expectChannelsLast();
    return add(call.input(0), call.input(1));
  },
  Cast(call) {
    const [x, type] = [call.input(0), call.attrs.type('DstT')];
    const dtype = call.attrs.dtype('DstT') ?? call.damaged('lacks the attribute DstT');
    return type === 'DT_BOOL' ? cast(notEqual(x, 0), 'i32') : cast(x, dtype);
  },
  Ceil: unary(ceil),
  ClipByValue: {
    known: [1, 2],
    run: (call) => clamp(call.input(0), call.number(1), call.number(2)),
  },
  Cos: unary(cos),
  Div: binary(div),
  DivNoNan: binary((a, b) => where(equal(b, 0), 0, div(a, where(equal(b, 0), 1, b)))),
  Elu: unary((x) => elu(x)),
  Equal: compared(equal),
  Erf: unary(erf),
  Exp: unary(exp),
  Expm1: unary(expm1),
  Floor: unary(floor),
  FloorDiv: binary(floorDiv),
  FloorMod: binary(remainder),
  Greater: compared(greater),
  GreaterEqual: compared(greaterEqual),
  Inv: unary(reciprocal),
  IsNan: unary((x) => cast(isnan(x), 'i32')),
  LeakyRelu: unary((x, { attrs }) => leakyRelu(x, attrs.float('alpha', 0.2))),
  Less: compared(less),
  LessEqual: compared(lessEqual),
  Log: unary(log),
  Log1p: unary(log1p),
  LogicalAnd: binary(logicalAnd),
  LogicalNot: unary(logicalNot),
  LogicalOr: binary(logicalOr),
  Maximum: binary(maximum),
  Minimum: binary(minimum),
  Mod: binary(fmod),
  Mul: binary(mul),
  Neg: unary(neg),
  NotEqual: compared(notEqual),
  Pow: binary(power),
  Prelu: binary(sloped),
  RealDiv: binary(div),
  Reciprocal: unary(reciprocal),
  Relu: unary((x) => (x.dtype === 'i32' ? maximum(x, 0) : relu(x))),
  Relu6: unary(relu6),
  Round: unary(round),
  Rsqrt: unary(rsqrt),
  Select: selected(true),
  SelectV2: selected(false),
  Selu: unary(selu),
  Sigmoid: unary(sigmoid),
  Sign: unary(sign),
  Sin: unary(sin),
  Softplus: unary(softplus),
  Sqrt: unary(sqrt),
  Square: unary(square),
  SquaredDifference: binary((a, b) => square(sub(a, b))),
  Sub: binary(sub),
  Tanh: unary(tanh),
};
