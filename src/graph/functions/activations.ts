import { ShapeError } from '../../errors.ts';
import { expectDType, expectNumber, formatShape } from '../../shape.ts';
import { castTo } from '../operations/broadcast.ts';
import { expectTensors, type Tensor } from '../tensor.ts';
import { affine, clamp, exp, greater, mul, neg, softplus, tanh, where } from './elementwise.ts';

// Activations that are made of others: lowering runs each as one kernel, or at the end of the kernel before.

/** x where positive, else alpha (exp(x) - 1) (Clevert et al. 2016). The gradient at 0 is alpha, as in PyTorch. */
export const elu = (x: Tensor, alpha = 1): Tensor => {
  expectTensors('elu', { x });
  expectNumber('elu', 'alpha', alpha);
  expectDType('elu', 'x', x, 'f32', 'f16');
  return where(greater(x, 0), x, affine(exp(clamp(x, Number.NEGATIVE_INFINITY, 0)), alpha, -alpha));
};

/** x tanh(softplus(x)) (Misra 2020). */
export const mish = (x: Tensor): Tensor => {
  expectTensors('mish', { x });
  expectDType('mish', 'x', x, 'f32', 'f16');
  return mul(x, tanh(softplus(x)));
};

/** log(sigmoid(x)) = -softplus(-x), finite for any finite x. */
export const logSigmoid = (x: Tensor): Tensor => {
  expectTensors('log_sigmoid', { x });
  expectDType('log_sigmoid', 'x', x, 'f32', 'f16');
  return neg(softplus(neg(x)));
};

/**
 * x where positive, else weight x (He et al. 2015, PReLU), with a weight that is learned. x: […,C]; weight: [1], or [C]
 * for a slope of each channel; taken in x's dtype. At 0 the gradient is the weight. Throws ShapeError for another weight.
 */
export function prelu(x: Tensor, weight: Tensor): Tensor {
  expectTensors('prelu', { x, weight });
  if (weight.shape.length !== 1 || (weight.shape[0] !== 1 && weight.shape[0] !== x.shape.at(-1))) {
    throw new ShapeError(
      `prelu: weight ${formatShape(weight.shape)} must be [1] or [${x.shape.at(-1) ?? 1}] for x ${formatShape(x.shape)}`,
    );
  }
  const own = x.dtype === 'f16' ? castTo(weight, 'f16') : weight;
  // A weight of one is a scalar here, so that x keeps its rank.
  const slope = weight.shape[0] === 1 ? own.reshape([]) : own;
  return where(greater(x, 0), x, mul(slope, x));
}
