import { ShapeError, UsageError } from '../errors.ts';
import { withDefaults } from '../options.ts';
import { type DType, isFloat } from '../shape.ts';
import { expectDTypeName } from './values.ts';

/** Options of functions that make tensors. */
export interface TensorOptions {
  /** The type of the elements. */
  readonly dtype?: DType;
  /** Whether gradients are computed for it: `backward` adds to its `grad`, and `grad` takes it as a target. Default false. */
  readonly requiresGrad?: boolean;
}

/** The options, also where a dtype alone is given. Throws UsageError for an option that there is not and
 * for more arguments behind them, ShapeError for a dtype. */
export function tensorOptions(
  op: string,
  given: DType | TensorOptions | undefined,
  others: readonly unknown[] = [],
): TensorOptions {
  if (others.length > 0) {
    throw new UsageError(
      `${op}: takes no ${others[0]} behind its options; give { dtype, requiresGrad } together`,
    );
  }
  const options = typeof given === 'string' ? { dtype: given } : (given ?? {});
  expectDTypeName(op, options.dtype);
  return withDefaults(op, options, { dtype: undefined, requiresGrad: undefined });
}

/** Options of `detach`. */
export interface DetachOptions {
  /**
   * Whether gradients are computed for the result, as for a tensor made with it (PyTorch's `x.detach().requires_grad_()`): for a
   * loop that changes a tensor by its own gradient. Default false.
   */
  readonly requiresGrad?: boolean;
}

/** Throws ShapeError where integers are to require a gradient. */
export function expectDifferentiable(op: string, dtype: DType, requiresGrad: boolean | undefined): void {
  if (!requiresGrad || isFloat(dtype)) return;
  throw new ShapeError(`${op}: requiresGrad of ${dtype}; only f32 and f16 have gradients`);
}
