import type { ElementwiseName } from '../../../kernels/ops.ts';
import type { DType } from '../../../shape.ts';
import { isFloat, numel } from '../../../shape.ts';
import { natural, type Order } from '../../value.ts';
import type { Call, Outputs } from '../call.ts';
import { type Attr, float, TYPES } from '../protos.ts';
import type { Rows } from './types.ts';

type Attrs = Readonly<Record<string, number>>;
type ElementwiseCall = Call<Attrs>;

/** The order of the result: that of the largest input of full rank which is not in its own. */
function orderOf(call: Call<object>): Order {
  const rank = Object.values(call.node.outputs)[0]!.shape.length;
  const inputs = Object.values(call.node.inputs).filter(({ shape }) => shape.length === rank);
  const largest = Math.max(...inputs.map(({ shape }) => numel(shape)));
  const moved = inputs.flatMap((tensor) => {
    const order = call.tensors.orderOf(tensor);
    return order?.some((axis, i) => axis !== i) ? [{ order, size: numel(tensor.shape) }] : [];
  });
  return (moved.find(({ size }) => size === largest) ?? moved[0])?.order ?? natural(rank);
}

/** An input in the dtype and order of the result. */
function operand(call: Call<object>, name: string, order: Order, dtype: DType): string {
  const tensor = call.input(name);
  const written = call.tensors.stretched(tensor, order);
  return tensor.dtype === dtype || !isFloat(tensor.dtype) ? written : call.cast(written, TYPES[dtype]);
}

/** The attributes, with the defaults of the operation where they were left out. */
const attrsOf = ({ node, attrs }: ElementwiseCall): Attrs => ({
  ...node.operation.kernel.elementwise?.row.attrs,
  ...attrs,
});

/** A function of the inputs, which are in the dtype of the result. */
const of =
  (write: (call: ElementwiseCall, ...inputs: string[]) => string) =>
  (call: ElementwiseCall): Outputs => {
    const order = orderOf(call);
    const { dtype } = call.output();
    const inputs = Object.keys(call.node.inputs).map((name) => operand(call, name, order, dtype));
    return { y: { name: write(call, ...inputs), order } };
  };

/** One node of ONNX. */
const node = (op: string, attrs: (attrs: Attrs) => Readonly<Record<string, Attr>> = () => ({})) =>
  of((call, ...inputs) => call.emit(op, inputs, attrs(attrsOf(call))));

/** A condition, as 1 or 0 of the dtype of the inputs. */
const condition =
  (write: (call: ElementwiseCall, ...inputs: string[]) => string) =>
  (call: ElementwiseCall): Outputs => {
    const order = orderOf(call);
    const output = call.output();
    const inputs = Object.keys(call.node.inputs).map((name) => operand(call, name, order, output.dtype));
    const name = write(call, ...inputs);
    call.tensors.conditions.set(output, { name, order });
    return { y: { name: call.cast(name, TYPES[output.dtype]), order } };
  };

/** Whether each element is not 0. */
const truth = (call: Call<object>, x: string): string => call.cast(x, 'bool');

const logic = (op: string) => condition((call, a, b) => call.emit(op, [truth(call, a!), truth(call, b!)]));

const times = (call: ElementwiseCall, x: string, factor: number): string =>
  factor === 1 ? x : call.emit('Mul', [x, call.number(factor, call.output().dtype)]);
const plus = (call: ElementwiseCall, x: string, addend: number): string =>
  addend === 0 ? x : call.emit('Add', [x, call.number(addend, call.output().dtype)]);

/** Limits of Clip; an infinite one is left out. */
function clip(call: ElementwiseCall, x: string, low: number, high: number): string {
  const { dtype } = call.output();
  const limit = (value: number) => (Number.isFinite(value) ? call.number(value, dtype) : '');
  const limits = [limit(low), limit(high)];
  if (limits[1] === '') limits.pop();
  return call.emit('Clip', [x, ...limits]);
}

/** Elementwise operations. */
export const elementwise: Rows<ElementwiseName> = {
  relu: node('Relu'),
  leaky_relu: node('LeakyRelu', ({ negative_slope }) => ({ alpha: float(negative_slope!) })),
  silu: of((call, x) => call.emit('Mul', [x!, call.emit('Sigmoid', [x!])])),
  gelu: of((call, x) => {
    if (call.writer.opset >= 20) return call.emit('Gelu', [x!]);
    const inner = plus(call, call.emit('Erf', [times(call, x!, Math.SQRT1_2)]), 1);
    return call.emit('Mul', [times(call, x!, 0.5), inner]);
  }),
  sigmoid: node('Sigmoid'),
  tanh: node('Tanh'),
  hardswish: of((call, x) =>
    call.writer.opset >= 14
      ? call.emit('HardSwish', [x!])
      : call.emit('Mul', [x!, call.emit('HardSigmoid', [x!], { alpha: float(1 / 6), beta: float(0.5) })]),
  ),
  hardsigmoid: node('HardSigmoid', () => ({ alpha: float(1 / 6), beta: float(0.5) })),
  hardtanh: of((call, x) => {
    const { min_val, max_val } = attrsOf(call);
    return clip(call, x!, min_val!, max_val!);
  }),
  softplus: node('Softplus'),
  sin: node('Sin'),
  cos: node('Cos'),
  tan: node('Tan'),
  atan: node('Atan'),
  exp: node('Exp'),
  // tanh(x / 2) (e^x + 1), which keeps the digits near 0.
  expm1: of((call, x) =>
    call.emit('Mul', [call.emit('Tanh', [times(call, x!, 0.5)]), plus(call, call.emit('Exp', [x!]), 1)]),
  ),
  log: node('Log'),
  // 1 + x has lost digits of x near 0: what is left of it, d, tells by how much the logarithm is off (Kahan).
  log1p: of((call, x) => {
    const sum = plus(call, x!, 1);
    const d = plus(call, sum, -1);
    const log = call.emit('Log', [sum]);
    const scaled = call.emit('Mul', [log, call.emit('Div', [x!, d])]);
    const none = call.emit('Equal', [d, call.number(0, call.output().dtype)]);
    const corrected = call.emit('Where', [none, x!, scaled]);
    return call.emit('Where', [call.emit('Equal', [d, x!]), log, corrected]);
  }),
  erf: node('Erf'),
  sqrt: node('Sqrt'),
  rsqrt: of((call, x) => call.emit('Reciprocal', [call.emit('Sqrt', [x!])])),
  abs: node('Abs'),
  neg: node('Neg'),
  floor: node('Floor'),
  ceil: node('Ceil'),
  trunc: of((call, x) =>
    call.emit('Mul', [call.emit('Sign', [x!]), call.emit('Floor', [call.emit('Abs', [x!])])]),
  ),
  round: node('Round'),
  sign: node('Sign'),
  affine: of((call, x) => {
    const { scale, shift } = attrsOf(call);
    const y = plus(call, times(call, x!, scale!), shift!);
    return y === x ? call.emit('Identity', [x]) : y;
  }),
  clamp: of((call, x) => {
    const { low, high } = attrsOf(call);
    return clip(call, x!, low!, high!);
  }),
  add: node('Add'),
  sub: node('Sub'),
  mul: node('Mul'),
  div: node('Div'),
  fmod: node('Mod', () => ({ fmod: 1 })),
  remainder: of((call, a, b) => {
    if (!isFloat(call.output().dtype)) return call.emit('Mod', [a!, b!], { fmod: 0 });
    const whole = call.emit('Floor', [call.emit('Div', [a!, b!])]);
    return call.emit('Sub', [a!, call.emit('Mul', [b!, whole])]);
  }),
  pow: node('Pow'),
  maximum: node('Max'),
  minimum: node('Min'),
  equal: condition((call, a, b) => call.emit('Equal', [a!, b!])),
  not_equal: condition((call, a, b) => call.emit('Not', [call.emit('Equal', [a!, b!])])),
  greater: condition((call, a, b) => call.emit('Greater', [a!, b!])),
  greater_equal: condition((call, a, b) => call.emit('GreaterOrEqual', [a!, b!])),
  logical_and: logic('And'),
  logical_or: logic('Or'),
  logical_xor: logic('Xor'),
  isnan: condition((call, x) => call.emit('IsNaN', [x!])),
  isinf: condition((call, x) => call.emit('IsInf', [x!])),
  isfinite: condition((call, x) => {
    const either = call.emit('Or', [call.emit('IsNaN', [x!]), call.emit('IsInf', [x!])]);
    return call.emit('Not', [either]);
  }),
  where(call: ElementwiseCall): Outputs {
    const order = orderOf(call);
    const { dtype } = call.output();
    const given = call.input('condition');
    const known = call.tensors.conditions.get(given);
    const test =
      known && String(known.order) === String(order)
        ? known.name
        : truth(call, call.tensors.stretched(given, order));
    const [a, b] = ['a', 'b'].map((name) => operand(call, name, order, dtype));
    return { y: { name: call.emit('Where', [test, a!, b!]), order } };
  },
  l1_loss: of((call, x, target) => call.emit('Abs', [call.emit('Sub', [x!, target!])])),
  mse_loss: of((call, x, target) => {
    const difference = call.emit('Sub', [x!, target!]);
    return call.emit('Mul', [difference, difference]);
  }),
  // For training alone, as the gradients.
  binary_cross_entropy_with_logits: null,
  sigmoid_focal_loss: null,
  smooth_l1_loss: null,
};
