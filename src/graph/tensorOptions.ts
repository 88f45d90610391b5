import { withDefaults } from '../options.ts';
import type { DType } from '../shape.ts';

/** Options of functions that make tensors. */
export interface TensorOptions {
  /** The type of the elements. */
  readonly dtype?: DType;
  /** Whether gradients are computed for it: `backward` adds to its `grad`, and `grad` takes it as a target. Default false. */
  readonly requiresGrad?: boolean;
}

/** The options, also where a dtype alone is given. Throws UsageError for an option that there is not. */
export function tensorOptions(op: string, given: DType | TensorOptions | undefined): TensorOptions {
  if (typeof given === 'string') return { dtype: given };
  return withDefaults(op, given ?? {}, { dtype: undefined, requiresGrad: undefined });
}
