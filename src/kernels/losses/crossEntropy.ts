import type { Caps } from '../../device/caps.ts';
import { ShapeError } from '../../errors.ts';
import { expectDType, formatSpec, numel, sameShape, type TensorSpec } from '../../shape.ts';
import crossEntropyShader from '../../wgsl/losses/cross_entropy.wgsl';
import crossEntropyBackwardShader from '../../wgsl/losses/cross_entropy_backward.wgsl';
import classWeight from '../../wgsl/losses/lib/class_weight.wgsl';
import classWeightNone from '../../wgsl/losses/lib/class_weight_none.wgsl';
import { defineKernel, wgslType } from '../kernel.ts';
import { rowsOf } from '../rows.ts';

/** Attributes of `crossEntropy`. */
export interface CrossEntropyAttrs {
  /** Rows with this target do not count; default -100. */
  readonly ignoreIndex?: number;
  /** The share of the target that is spread over all classes, 0..1; default 0. */
  readonly labelSmoothing?: number;
}

function check(
  op: string,
  x: TensorSpec,
  target: TensorSpec,
  weight: TensorSpec | undefined,
  { ignoreIndex = -100, labelSmoothing = 0 }: CrossEntropyAttrs,
): void {
  expectDType(op, 'x', x, 'f32', 'f16');
  expectDType(op, 'target', target, 'i32');
  const classes = x.shape.at(-1);
  if (!classes || !sameShape(x.shape.slice(0, -1), target.shape)) {
    throw new ShapeError(
      `${op}: x must be [..., classes] with target [...], got ${formatSpec('x', x)}, ${formatSpec('target', target)}`,
    );
  }
  if (weight && !sameShape(weight.shape, [classes])) {
    throw new ShapeError(
      `${op}: weight must be [${classes}], one for each class of ${formatSpec('x', x)}, got ${formatSpec('weight', weight)}`,
    );
  }
  if (weight && weight.dtype !== x.dtype) {
    throw new ShapeError(
      `${op}: ${formatSpec('weight', weight)} and ${formatSpec('x', x)} must have one dtype, got ${weight.dtype} and ${x.dtype}`,
    );
  }
  if (!Number.isInteger(ignoreIndex)) {
    throw new ShapeError(`${op}: ignoreIndex must be an integer, got ${ignoreIndex}`);
  }
  if (!(labelSmoothing >= 0 && labelSmoothing <= 1)) {
    throw new ShapeError(`${op}: labelSmoothing must be from 0 to 1, got ${labelSmoothing}`);
  }
}

/** Two numbers of each row. */
const statsOf = (target: TensorSpec): TensorSpec => ({ shape: [...target.shape, 2], dtype: 'f32' });

const planOf = (
  caps: Caps,
  x: TensorSpec,
  weight: TensorSpec | undefined,
  { ignoreIndex = -100, labelSmoothing = 0 }: CrossEntropyAttrs,
) => {
  const classes = x.shape.at(-1)!;
  const rows = numel(x.shape) / classes;
  const { snippet, constants, grid } = rowsOf(caps, rows, classes);
  return {
    snippets: [snippet, weight ? classWeight : classWeightNone],
    types: { T: wgslType(x.dtype) },
    params: { total: rows, classes, ignore: ignoreIndex, smoothing: labelSmoothing },
    constants: { ...constants, SMOOTH: labelSmoothing > 0, FOURS: constants.ACROSS === 1 && classes >= 8 },
    grid,
  };
};

/**
 * Cross entropy of class logits, row by row, and the weight that each row counts with:
 * `loss = -(1 - e) w[t] log p[t] - e / C sum_c w[c] log p[c]`, p = softmax(x), e = labelSmoothing, w = 1
 * without weight; `rowWeight = w[t]`. PyTorch's mean is sum(loss) / sum(rowWeight), its 'none' is loss.
 * x: [..., C], target: i32 [...], weight: [C] -> loss, rowWeight: f32 [...]; stats: f32 [..., 2], what
 * cross_entropy_backward needs: a row's greatest logit, and the sum of exp(x - greatest). All are 0 where the target
 * is ignoreIndex, and where it is outside 0..C-1 (an error in PyTorch). Finite for logits of any size; a logit of
 * -infinity is a class with probability 0.
 */
export const crossEntropy = defineKernel({
  name: 'cross_entropy',
  inputs: ['x', 'target'],
  optional: ['weight'],
  outputs: ['loss', 'rowWeight', 'stats'],
  attributes: ['ignoreIndex', 'labelSmoothing'],
  infer({ x, target, weight }, attrs: CrossEntropyAttrs) {
    check('cross_entropy', x, target, weight, attrs);
    const row: TensorSpec = { shape: target.shape, dtype: 'f32' };
    return { loss: row, rowWeight: row, stats: statsOf(target) };
  },
  dispatches(caps, { x, weight }, _outputs, attrs) {
    const bind = { goal: 'target', row_weight: 'rowWeight' };
    return { dispatches: [{ shader: crossEntropyShader, ...planOf(caps, x, weight, attrs), bind }] };
  },
});

/**
 * The gradient of cross_entropy's loss to x, for upstream gradients dy: f32 [...], or one value for all rows. stats:
 * f32 [..., 2] from the forward operation. Rows that do not count get 0.
 */
export const crossEntropyBackward = defineKernel({
  name: 'cross_entropy_backward',
  inputs: ['x', 'target', 'stats', 'dy'],
  f32Inputs: ['stats', 'dy'],
  optional: ['weight'],
  outputs: ['dx'],
  attributes: ['ignoreIndex', 'labelSmoothing'],
  infer({ x, target, stats, dy, weight }, attrs: CrossEntropyAttrs) {
    const op = 'cross_entropy_backward';
    check(op, x, target, weight, attrs);
    expectDType(op, 'stats', stats, 'f32');
    expectDType(op, 'dy', dy, 'f32');
    if (!sameShape(stats.shape, statsOf(target).shape)) {
      throw new ShapeError(
        `${op}: stats need two values a row, got ${formatSpec('stats', stats)}, ${formatSpec('target', target)}; pass those of the same cross_entropy`,
      );
    }
    if (!sameShape(dy.shape, target.shape) && numel(dy.shape) !== 1) {
      throw new ShapeError(
        `${op}: dy needs one value a row, or one for all, got ${formatSpec('dy', dy)}, ${formatSpec('target', target)}`,
      );
    }
    return { dx: x };
  },
  dispatches(caps, { x, dy, weight }, _outputs, attrs) {
    const { constants, ...plan } = planOf(caps, x, weight, attrs);
    // Apart from one dy to the next.
    const EACH = numel(dy.shape) === 1 ? 0 : 1;
    return {
      dispatches: [
        {
          shader: crossEntropyBackwardShader,
          ...plan,
          constants: { ...constants, EACH },
          bind: { goal: 'target' },
        },
      ],
    };
  },
});
