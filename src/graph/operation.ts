import { FoveaError, UsageError } from '../errors.ts';
import type { Kernel, Specs } from '../kernels/kernel.ts';
import type { Strategies, StrategiesOption } from '../kernels/strategy.ts';
import type { Reference } from '../reference/reference.ts';
import type { GradientRule, Operation } from './tensor.ts';

/** The definition of an operation, for `defineOperation`. */
export interface OperationOptions<
  I extends string,
  O extends string,
  Y extends string,
  A extends object,
  G extends object,
> {
  /** Its shapes and its dispatches: `defineKernel`, or `defineElementwise` for one that fuses with its neighbours. */
  readonly kernel: Kernel<I, O, Y, A, G>;
  /**
   * The gradient as new graph: from inputs, outputs, attributes and the gradients of the outputs to the gradients of the
   * inputs. `null`: the operation is not differentiable, and `backward` through it throws.
   */
  readonly gradient: GradientRule<I, O, Y, A> | null;
  /**
   * The strategies that programs choose from: a list, or a function that loads one (of kernels/strategies.ts). Default: the
   * kernel's plan.
   *
   * @hidden
   */
  readonly strategies?: StrategiesOption;
  /** The same computation as plain float64 loops, which `evaluate` and `fovea/verify` check the kernel against. */
  readonly reference?: Reference<I, O, Y, A>;
}

/** The type of a kernel's operation: written out where a gradient rule uses its own operation. */
export type OperationOf<K> =
  K extends Kernel<infer I, infer O, infer Y, infer A, infer G> ? Operation<I, O, Y, A, G> : never;

/**
 * Defines an operation of the graph. `apply(operation, inputs, options)` records it; it is planned, fused where it is
 * elementwise, differentiated and captured like the built-in ones, which are defined by this function too.
 */
export const defineOperation = <
  I extends string,
  O extends string,
  Y extends string,
  A extends object,
  G extends object,
>(
  given: OperationOptions<I, O, Y, A, G>,
): Operation<I, O, Y, A, G> => {
  const { kernel, ...options } = Object(given);
  if (!kernel?.name)
    throw new UsageError(`defineOperation: kernel is ${String(kernel)}; make one with defineKernel`);
  return { name: kernel.name, kernel, ...options };
};

const loaded = new WeakMap<() => Promise<Strategies>, Strategies>();

/** Loads the strategies of operations, where that has not happened yet. */
export async function loadStrategies(operations: Iterable<Operation>): Promise<void> {
  const loaders = [...operations].flatMap(({ strategies }) =>
    typeof strategies === 'function' && !loaded.has(strategies) ? [strategies] : [],
  );
  await Promise.all(
    [...new Set(loaders)].map(async (load) => {
      loaded.set(load, await load());
    }),
  );
}

/**
 * The strategies that programs choose from for an operation: those that are given, or its kernel's plan. Throws FoveaError
 * where they are to be loaded and `loadStrategies` was not called.
 */
export function strategiesOf({ name, kernel, strategies }: Operation): Strategies {
  if (typeof strategies === 'function') {
    const known = loaded.get(strategies);
    if (known) return known;
    throw new FoveaError(`${name}: its strategies are not loaded; await loadStrategies first`);
  }
  return (
    strategies ?? [
      {
        name: 'plain',
        plan: ({ caps, specs, outputs, attrs }) =>
          kernel.dispatches(caps, specs as Specs, outputs as Specs, attrs as object),
      },
    ]
  );
}
