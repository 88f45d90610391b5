import type { Caps } from '../device/caps.ts';
import { strategiesOf } from '../graph/operation.ts';
import type { Operation } from '../graph/tensor.ts';
import type { Kernel, Specs } from '../kernels/kernel.ts';
import { candidates, type Purpose, type StrategyName } from '../kernels/strategy.ts';

/** Whether a kernel runs on its own with such attributes: those over the levels of a pyramid run in programs only. */
export const runsAlone = (attrs: object): boolean =>
  (attrs as { readonly levels?: unknown }).levels === undefined;

/**
 * By name, for each strategy that programs may take for these shapes, a kernel that runs by it; without the strategy that the
 * operation's kernel takes on its own.
 */
export function otherKernels(
  operation: Operation,
  caps: Caps,
  specs: Specs,
  attrs: object,
  purpose: Purpose,
): Map<StrategyName, Kernel> {
  const { kernel } = operation;
  const outputs = kernel.infer(specs, attrs);
  const alone = runsAlone(attrs) ? JSON.stringify(kernel.dispatches(caps, specs, outputs, attrs)) : undefined;
  const all = candidates(strategiesOf(operation), { caps, specs, outputs, attrs, purpose });
  const others = all.filter(({ plan }) => JSON.stringify(plan()) !== alone);
  return new Map(others.map(({ name, plan }) => [name, { ...kernel, dispatches: () => plan() }]));
}
