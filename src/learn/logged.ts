import { UsageError } from '../errors.ts';
import { Tensor } from '../graph/tensor.ts';

const MODES = new WeakMap<Tensor, 'max' | 'min'>();

/**
 * Marks a value that a task returns among its losses as one that is logged and not minimised: `{ loss, accuracy: logged(right, 'max') }`. It
 * is in the logs of steps and epochs by its name, and in those of validation with `val_` before it.
 *
 * @param value A tensor of one element, the mean over the batch. No gradient flows through it.
 * @param mode Whether more is better (`max`) or less (`min`). Default min.
 * @returns The value to return from `Task.losses`.
 * @throws UsageError for what is no tensor.
 */
export function logged(value: Tensor, mode: 'max' | 'min' = 'min'): Tensor {
  if (!(value instanceof Tensor)) {
    throw new UsageError(`logged: ${String(value)} is no tensor; give one of one element, such as mean(x)`);
  }
  const marked = value.detach();
  MODES.set(marked, mode);
  return marked;
}

/** How a value that is only logged is compared; undefined for a loss. */
export const loggedMode = (value: Tensor): 'max' | 'min' | undefined => MODES.get(value);
