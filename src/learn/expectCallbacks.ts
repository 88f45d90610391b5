import { UsageError } from '../errors.ts';
import { didYouMean } from '../options.ts';
import type { Callback } from './callback.ts';

/** The hooks of a callback. */
export const HOOKS = [
  'onTrainBegin',
  'onEpochBegin',
  'onBatchBegin',
  'onBatchEnd',
  'onEpochEnd',
  'onTrainEnd',
  'onNaN',
] as const satisfies readonly (keyof Callback)[];

/** The names of an object's own values and methods, and those of its classes. */
function namesOf(object: object): string[] {
  const names: string[] = [];
  for (let at = object; at && at !== Object.prototype; at = Object.getPrototypeOf(at) as object) {
    names.push(...Object.getOwnPropertyNames(at));
  }
  return names;
}

/** Throws UsageError unless these are callbacks. One whose only functions of the kind `on…` are no hooks is misspelt: it would do nothing. */
export function expectCallbacks(call: string, callbacks: unknown): asserts callbacks is readonly Callback[] {
  if (!Array.isArray(callbacks)) {
    throw new UsageError(`${call}: callbacks are ${String(callbacks)}; give a list of them`);
  }
  for (const callback of callbacks as readonly unknown[]) {
    if (typeof callback !== 'object' || callback === null) {
      throw new UsageError(
        `${call}: a callback is ${String(callback)}; give an object with any of ${HOOKS.join(', ')}`,
      );
    }
    const names = namesOf(callback);
    const stray = names.find((name) => /^on[A-Z_]/.test(name));
    if (stray === undefined || HOOKS.some((hook) => names.includes(hook))) continue;
    throw new UsageError(
      `${call}: a callback has ${stray}, but no hook; give any of ${HOOKS.join(', ')}${didYouMean(stray, HOOKS)}`,
    );
  }
}
