import { FoveaError, UsageError } from '../../errors.ts';
import * as activations from '../../kernels/elementwise/activations.ts';
import * as comparison from '../../kernels/elementwise/comparison.ts';
import type { ElementwiseAttrs, ElementwiseKernel, RowAttrs } from '../../kernels/elementwise/elementwise.ts';
import * as logical from '../../kernels/elementwise/logical.ts';
import * as math from '../../kernels/elementwise/math.ts';
import * as rounding from '../../kernels/elementwise/rounding.ts';
import { type ElementwiseRow, expressionOf } from '../../kernels/elementwise/row.ts';
import * as trigonometry from '../../kernels/elementwise/trigonometry.ts';
import * as pointwise from '../../kernels/losses/pointwise.ts';
import type { ElementwiseReferences } from '../../reference/scalar.ts';
import { numel, sameShape } from '../../shape.ts';
import { defineOperation } from '../operation.ts';
import { apply, type Operation, type Tensor } from '../tensor.ts';
import { beforeExpand, expand, inF32, sumTo } from './broadcast.ts';

/** The operation of an elementwise kernel, and that of its gradient with respect to each argument: `relu.backward.x`. */
export type ElementwiseOperation<R extends ElementwiseRow = ElementwiseRow> = Operation<
  R['args'][number],
  never,
  'y',
  ElementwiseAttrs,
  RowAttrs<R>
> & {
  readonly backward: {
    readonly [K in keyof R['backward'] & string]: Operation<string, never, string, ElementwiseAttrs>;
  };
};

/**
 * The second derivatives of a row, for each argument whose gradient reads values: from d loss / d gradient times dy, to what
 * arrives at each value, given the values and the gradient's expression as a function of dy. `flat`: the slope is the same
 * nearly everywhere, so that nothing arrives.
 */
export type SecondDerivatives =
  | 'flat'
  | Readonly<
      Record<
        string,
        (
          g: Tensor,
          values: Readonly<Record<string, Tensor>>,
          slope: (g: Tensor, values?: Readonly<Record<string, Tensor>>) => Tensor,
        ) => Readonly<Record<string, Tensor>>
      >
    >;

/** How the gradient by one argument is differentiated. It is linear in dy. */
function gradientOfSlope(
  name: string,
  arg: string,
  operation: () => Operation<string, never, string, ElementwiseAttrs>,
  second: SecondDerivatives | undefined,
): Operation<string, never, string, ElementwiseAttrs>['gradient'] {
  return ({ inputs, attrs, grads, wants }) => {
    const given = grads[`d${arg}`]!;
    const slope = (g: Tensor, values = {}) =>
      apply(operation(), { ...inputs, ...values, dy: g }, attrs)[`d${arg}`]!;
    const { dy, ...values } = inputs as Readonly<Record<string, Tensor>>;
    const rule = second === 'flat' ? () => ({}) : second?.[arg];
    const arriving: Readonly<Record<string, Tensor>> = rule?.(times(given, dy!), values, slope) ?? {};
    const result: Record<string, Tensor> = {};
    if (wants('dy')) result.dy = sumTo(slope(given), dy!.shape);
    for (const [value, { shape }] of Object.entries(values)) {
      if (!wants(value) || second === 'flat') continue;
      const found = arriving[value];
      if (!found) {
        throw new FoveaError(
          `${name}: its gradient by ${arg} is not differentiable by ${value}; compose it of add, mul, div, exp and log, or detach() it`,
        );
      }
      result[value] = sumTo(found, shape);
    }
    return result;
  };
}

/**
 * The operation of a kernel that `defineElementwise` made. Its gradients are the expressions of its row, summed over the
 * dimensions that broadcasting stretched; an argument without an expression (of floor, of comparisons) gets none. In
 * programs it is fused with its neighbours.
 *
 * @param references What verification checks it against: `scalarReferences` of fovea/verify. Default: none.
 * @param second Its second derivatives. Default: none; then a gradient that depends on an argument cannot be differentiated by it.
 */
export function elementwiseOperation<R extends ElementwiseRow>(
  kernel: ElementwiseKernel<R>,
  references?: ElementwiseReferences,
  second?: SecondDerivatives,
): ElementwiseOperation<R> {
  if (!kernel?.elementwise) {
    throw new UsageError(
      `elementwiseOperation: kernel is ${String(kernel)}; make one with defineElementwise`,
    );
  }
  const { row } = kernel.elementwise;
  const backward: Record<string, Operation<string, never, string, ElementwiseAttrs>> = {};
  for (const [arg, its] of Object.entries<ElementwiseKernel['backward'][string]>(kernel.backward)) {
    const reference = references?.backward[arg];
    const gradient = gradientOfSlope(row.name, arg, () => backward[arg]!, second);
    backward[arg] = defineOperation({ kernel: its, gradient, ...(reference ? { reference } : {}) });
  }
  const gradient: Operation<string, never, 'y', ElementwiseAttrs>['gradient'] = ({
    inputs,
    outputs,
    attrs,
    grads: { y: g },
    wants,
  }) => {
    const values: Readonly<Record<string, Tensor>> = { ...inputs, y: outputs.y };
    const result: Record<string, Tensor> = {};
    for (const [arg, operation] of Object.entries(backward)) {
      if (!wants(arg)) continue;
      const { wgsl, uses } = expressionOf({ row, backwardTo: arg });
      // What is summed afterwards is kept in f32 until then.
      const summed = numel(inputs[arg]!.shape) !== numel(g.shape);
      const own = uses.filter((name) => name !== 'dy').map((name) => values[name]!);
      const read = beforeExpand(g, own);
      const used: Record<string, Tensor> = Object.fromEntries(
        uses.map((name) => [name, name !== 'dy' ? values[name]! : summed ? inF32(read) : read]),
      );
      const slope = wgsl === 'dy' ? used.dy! : apply(operation, used, attrs)[`d${arg}`]!;
      const full = sameShape(slope.shape, g.shape)
        ? slope
        : apply(expand, { x: slope }, { shape: g.shape }).y;
      // An argument that the gradient does not read may be wider than what it does read.
      result[arg] = sumTo(full, inputs[arg]!.shape);
    }
    return result;
  };
  const reference = references && { reference: references.forward };
  const operation = defineOperation({ kernel, gradient, ...reference });
  return { ...operation, backward } as unknown as ElementwiseOperation<R>;
}

const times = (a: Tensor, b: Tensor): Tensor => apply(mul, { a, b }).y;
const over = (a: Tensor, b: Tensor): Tensor => apply(div, { a, b }).y;
const sigmoidOf = (x: Tensor): Tensor => apply(sigmoid, { x }).y;
const tanhOf = (x: Tensor): Tensor => apply(tanh, { x }).y;
const tanOf = (x: Tensor): Tensor => apply(tan, { x }).y;
const sinSlope = (g: Tensor, x: Tensor): Tensor => apply(sin.backward.x, { dy: g, x }, {}).dx!;
const cosSlope = (g: Tensor, x: Tensor): Tensor => apply(cos.backward.x, { dy: g, x }, {}).dx!;
const scaled = (x: Tensor, scale: number, shift = 0): Tensor => apply(affine, { x }, { scale, shift }).y;

export const relu = elementwiseOperation(activations.relu, undefined, 'flat');
export const leakyRelu = elementwiseOperation(activations.leakyRelu, undefined, 'flat');
export const silu = elementwiseOperation(activations.silu);
export const gelu = elementwiseOperation(activations.gelu);
export const sigmoid = elementwiseOperation(activations.sigmoid, undefined, {
  x: (g, { x }, slope) => ({ x: times(slope(g), scaled(sigmoidOf(x!), -2, 1)) }),
});
export const tanh = elementwiseOperation(activations.tanh, undefined, {
  x: (g, { x }, slope) => ({ x: times(slope(g), scaled(tanhOf(x!), -2)) }),
});
export const hardswish = elementwiseOperation(activations.hardswish);
export const hardsigmoid = elementwiseOperation(activations.hardsigmoid, undefined, 'flat');
export const hardtanh = elementwiseOperation(activations.hardtanh, undefined, 'flat');
export const softplus = elementwiseOperation(activations.softplus, undefined, {
  x: (g, { x }) => ({ x: times(times(g, sigmoidOf(x!)), scaled(sigmoidOf(x!), -1, 1)) }),
});
export const sin = elementwiseOperation(trigonometry.sin, undefined, {
  x: (g, { x }) => ({ x: cosSlope(g, x!) }),
});
export const cos = elementwiseOperation(trigonometry.cos, undefined, {
  x: (g, { x }) => ({ x: scaled(sinSlope(g, x!), -1) }),
});
export const tan = elementwiseOperation(trigonometry.tan, undefined, {
  x: (g, { x }, slope) => ({ x: times(slope(g), scaled(tanOf(x!), 2)) }),
});
export const atan = elementwiseOperation(trigonometry.atan, undefined, {
  x: (g, { x }, slope) => ({ x: times(slope(slope(g)), scaled(x!, -2)) }),
});
export const exp = elementwiseOperation(math.exp, undefined, { x: (g) => ({ y: g }) });
export const expm1 = elementwiseOperation(math.expm1, undefined, {
  x: (g, _values, slope) => ({ x: slope(g) }),
});
export const log = elementwiseOperation(math.log, undefined, {
  x: (g, _values, slope) => ({ x: scaled(slope(slope(g)), -1) }),
});
export const log1p = elementwiseOperation(math.log1p, undefined, {
  x: (g, _values, slope) => ({ x: scaled(slope(slope(g)), -1) }),
});
export const erf = elementwiseOperation(math.erf, undefined, {
  x: (g, { x }, slope) => ({ x: times(slope(g), scaled(x!, -2)) }),
});
export const sqrt = elementwiseOperation(math.sqrt, undefined, {
  x: (g, _values, slope) => ({ y: scaled(slope(slope(g)), -2) }),
});
export const rsqrt = elementwiseOperation(math.rsqrt, undefined, {
  x: (g, { x, y }, slope) => ({ y: over(slope(g), y!), x: scaled(over(slope(g), x!), -1) }),
});
export const abs = elementwiseOperation(math.abs, undefined, 'flat');
export const neg = elementwiseOperation(math.neg);
export const floor = elementwiseOperation(rounding.floor);
export const ceil = elementwiseOperation(rounding.ceil);
export const trunc = elementwiseOperation(rounding.trunc);
export const round = elementwiseOperation(rounding.round);
export const sign = elementwiseOperation(rounding.sign);
export const affine = elementwiseOperation(math.affine);
export const clamp = elementwiseOperation(math.clamp, undefined, 'flat');
export const add = elementwiseOperation(math.add);
export const sub = elementwiseOperation(math.sub);
export const mul = elementwiseOperation(math.mul, undefined, { a: (g) => ({ b: g }), b: (g) => ({ a: g }) });
export const div = elementwiseOperation(math.div, undefined, {
  a: (g, _values, slope) => ({ b: scaled(slope(slope(g)), -1) }),
  b: (g, { b }, slope) => ({ a: scaled(over(over(g, b!), b!), -1), b: scaled(over(slope(g), b!), -2) }),
});
export const fmod = elementwiseOperation(math.fmod, undefined, 'flat');
export const remainder = elementwiseOperation(math.remainder, undefined, 'flat');
export const pow = elementwiseOperation(math.pow, undefined, {
  a: (g, { b }, slope) => ({ a: times(b!, slope(g, { b: scaled(b!, 1, -1) })) }),
});
export const maximum = elementwiseOperation(comparison.maximum, undefined, 'flat');
export const minimum = elementwiseOperation(comparison.minimum, undefined, 'flat');
export const equal = elementwiseOperation(comparison.equal);
export const notEqual = elementwiseOperation(comparison.notEqual);
export const greater = elementwiseOperation(comparison.greater);
export const greaterEqual = elementwiseOperation(comparison.greaterEqual);
export const logicalAnd = elementwiseOperation(logical.logicalAnd);
export const logicalOr = elementwiseOperation(logical.logicalOr);
export const logicalXor = elementwiseOperation(logical.logicalXor);
export const isnan = elementwiseOperation(logical.isnan);
export const isinf = elementwiseOperation(logical.isinf);
export const isfinite = elementwiseOperation(logical.isfinite);
export const where = elementwiseOperation(comparison.where, undefined, 'flat');
export const binaryCrossEntropyWithLogits = elementwiseOperation(pointwise.binaryCrossEntropyWithLogits);
export const sigmoidFocalLoss = elementwiseOperation(pointwise.sigmoidFocalLoss);
export const smoothL1Loss = elementwiseOperation(pointwise.smoothL1Loss);
export const l1Loss = elementwiseOperation(pointwise.l1Loss, undefined, 'flat');
export const mseLoss = elementwiseOperation(pointwise.mseLoss, undefined, {
  x: (g) => ({ x: scaled(g, 2), target: scaled(g, -2) }),
  target: (g) => ({ x: scaled(g, -2), target: scaled(g, 2) }),
});
