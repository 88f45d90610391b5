import { withDefaults } from '../options.ts';
import type { DType } from '../shape.ts';
import { expectDTypeName } from './values.ts';

/** Options of functions that make tensors. */
export interface TensorOptions {
  /** The type of the elements. */
  readonly dtype?: DType;
  /** Whether gradients are computed for it: `backward` adds to its `grad`, and `grad` takes it as a target. Default false. */
  readonly requiresGrad?: boolean;
}

/** The options, also where a dtype alone is given. Throws UsageError for an option that there is not, ShapeError for a dtype. */
export function tensorOptions(op: string, given: DType | TensorOptions | undefined): TensorOptions {
  const options = typeof given === 'string' ? { dtype: given } : (given ?? {});
  expectDTypeName(op, options.dtype);
  return withDefaults(op, options, { dtype: undefined, requiresGrad: undefined });
}
