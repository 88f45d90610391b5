import { FoveaError, UsageError } from '../errors.ts';

/** A value that others see while a function runs. */
export class Scoped<T> {
  /** What it is now. */
  value: T;

  constructor(value: T) {
    this.value = value;
  }

  /** Runs fn with another value. */
  run<R>(value: T, fn: () => R): R {
    const before = this.value;
    this.value = value;
    try {
      return fn();
    } finally {
      this.value = before;
    }
  }
}

const tracking = new Scoped(true);

/** Whether what is computed from tensors that require a gradient requires one too. */
export const isTracking = (): boolean => tracking.value;

/**
 * fn(), where nothing that it computes requires a gradient, as PyTorch's torch.no_grad: for evaluation, and for updates of one's
 * own. Throws FoveaError where fn is async: what it computes after its first await would be tracked.
 */
export function noGrad<R>(fn: () => R): R {
  expectFunction('noGrad', fn);
  return expectSync('noGrad', tracking.run(false, fn));
}

/** Throws UsageError for what is no function. */
export function expectFunction(op: string, fn: unknown): void {
  if (typeof fn !== 'function') throw new UsageError(`${op}: takes a function, got ${String(fn)}`);
}

/** What a function that records gave, unless that is a promise: what it records after its first await is recorded elsewhere. */
export function expectSync<R>(op: string, result: R): R {
  if (!(result instanceof Promise)) return result;
  // It fails there as well, perhaps; this error says why.
  result.catch(() => undefined);
  throw new FoveaError(
    `${op}: the function is async; record without await, and await the results afterwards`,
  );
}
