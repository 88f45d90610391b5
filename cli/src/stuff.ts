import { architectureOf, type ModelName } from 'fovea';

/** The classes of regions ("stuff") of a model, which are the last ones; empty for models of objects alone. */
export function stuffOf(model: ModelName, config: unknown, classNames: readonly string[]): readonly string[] {
  const count = architectureOf(model).numStuff?.(config) ?? 0;
  return count === 0 ? [] : classNames.slice(-count);
}
