import { type FoveaError, ShapeError, UsageError } from '../errors.ts';
import { heed } from '../graph/recorder.ts';

/** Throws UsageError unless each value is a number of at least 0. */
export function expectNumbers(module: string, settings: object): void {
  for (const [name, value] of Object.entries(settings)) {
    if (typeof value === 'number' && value >= 0 && value < Number.POSITIVE_INFINITY) continue;
    throw new UsageError(`${module}: ${name} is ${String(value)}; give a number of at least 0`);
  }
}

/** Throws ShapeError (or `Failure`) unless these are whole numbers of at least 1. */
export function expectCounts(
  module: string,
  counts: Readonly<Record<string, unknown>>,
  Failure: new (message: string) => FoveaError = ShapeError,
): void {
  for (const [name, value] of Object.entries(counts)) {
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 1) continue;
    throw new Failure(`${module}: ${name} is ${String(value)}; give a whole number of at least 1`);
  }
}

/** A list that cannot be changed in place, so that nobody misses the change. */
const fixed = <T>(value: T): T => (Array.isArray(value) ? (Object.freeze([...value]) as T) : value);

/**
 * Gives a module settings that can be changed, such as `dropout.p`: a captured step that has read one is captured again when
 * it has changed.
 *
 * @param check Throws where settings cannot be used; called with each change.
 */
export function heeded<Owner extends object>(
  module: Owner,
  settings: Partial<Owner>,
  check?: (settings: object) => void,
): void {
  check?.(settings);
  for (const [name, first] of Object.entries(settings)) {
    // Its own owner of what is read, as the module has several.
    const setting = { value: fixed(first) };
    Object.defineProperty(module, name, {
      get: () => heed(setting, () => setting.value),
      set(value: unknown) {
        check?.({ [name]: value });
        // A function that changes it itself is captured for none.
        heed(setting, () => undefined);
        setting.value = fixed(value);
      },
    });
  }
}
