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
 * The operation of a kernel that `defineElementwise` made. Its gradients are the expressions of its row, summed over the
 * dimensions that broadcasting stretched; an argument without an expression (of floor, of comparisons) gets none. In
 * programs it is fused with its neighbours.
 *
 * @param references What verification checks it against: `scalarReferences` of fovea/verify. Default: none.
 */
export function elementwiseOperation<R extends ElementwiseRow>(
  kernel: ElementwiseKernel<R>,
  references?: ElementwiseReferences,
): ElementwiseOperation<R> {
  const { row } = kernel.elementwise;
  const backward: Record<string, Operation<string, never, string, ElementwiseAttrs>> = {};
  for (const [arg, its] of Object.entries<ElementwiseKernel['backward'][string]>(kernel.backward)) {
    const reference = references?.backward[arg];
    backward[arg] = defineOperation({ kernel: its, gradient: null, ...(reference ? { reference } : {}) });
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
      const own = uses.filter((name) => name !== 'g').map((name) => values[name]!);
      const read = beforeExpand(g, own);
      const used: Record<string, Tensor> = Object.fromEntries(
        uses.map((name) => [name, name !== 'g' ? values[name]! : summed ? inF32(read) : read]),
      );
      const slope = wgsl === 'g' ? used.g! : apply(operation, used, attrs)[`d${arg}`]!;
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

export const relu = elementwiseOperation(activations.relu);
export const leakyRelu = elementwiseOperation(activations.leakyRelu);
export const silu = elementwiseOperation(activations.silu);
export const gelu = elementwiseOperation(activations.gelu);
export const sigmoid = elementwiseOperation(activations.sigmoid);
export const tanh = elementwiseOperation(activations.tanh);
export const hardswish = elementwiseOperation(activations.hardswish);
export const hardsigmoid = elementwiseOperation(activations.hardsigmoid);
export const hardtanh = elementwiseOperation(activations.hardtanh);
export const softplus = elementwiseOperation(activations.softplus);
export const sin = elementwiseOperation(trigonometry.sin);
export const cos = elementwiseOperation(trigonometry.cos);
export const tan = elementwiseOperation(trigonometry.tan);
export const atan = elementwiseOperation(trigonometry.atan);
export const exp = elementwiseOperation(math.exp);
export const expm1 = elementwiseOperation(math.expm1);
export const log = elementwiseOperation(math.log);
export const log1p = elementwiseOperation(math.log1p);
export const erf = elementwiseOperation(math.erf);
export const sqrt = elementwiseOperation(math.sqrt);
export const rsqrt = elementwiseOperation(math.rsqrt);
export const abs = elementwiseOperation(math.abs);
export const neg = elementwiseOperation(math.neg);
export const floor = elementwiseOperation(rounding.floor);
export const ceil = elementwiseOperation(rounding.ceil);
export const trunc = elementwiseOperation(rounding.trunc);
export const round = elementwiseOperation(rounding.round);
export const sign = elementwiseOperation(rounding.sign);
export const affine = elementwiseOperation(math.affine);
export const clamp = elementwiseOperation(math.clamp);
export const add = elementwiseOperation(math.add);
export const sub = elementwiseOperation(math.sub);
export const mul = elementwiseOperation(math.mul);
export const div = elementwiseOperation(math.div);
export const fmod = elementwiseOperation(math.fmod);
export const remainder = elementwiseOperation(math.remainder);
export const pow = elementwiseOperation(math.pow);
export const maximum = elementwiseOperation(comparison.maximum);
export const minimum = elementwiseOperation(comparison.minimum);
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
export const where = elementwiseOperation(comparison.where);
export const binaryCrossEntropyWithLogits = elementwiseOperation(pointwise.binaryCrossEntropyWithLogits);
export const sigmoidFocalLoss = elementwiseOperation(pointwise.sigmoidFocalLoss);
export const smoothL1Loss = elementwiseOperation(pointwise.smoothL1Loss);
export const l1Loss = elementwiseOperation(pointwise.l1Loss);
export const mseLoss = elementwiseOperation(pointwise.mseLoss);
