import { UsageError } from '../errors.ts';

/** Throws UsageError unless the value is a whole number of at least 1. */
export function expectCount(model: string, name: string, value: number): void {
  if (Number.isInteger(value) && value >= 1) return;
  throw new UsageError(`${model}: ${name} must be a whole number of at least 1, got ${value}`);
}

/** A copy of a configuration in which nothing can be changed: captured steps have read it. */
export function fixed<Config>(config: Config): Config {
  if (typeof config !== 'object' || config === null) return config;
  const copy = Array.isArray(config)
    ? config.map(fixed)
    : Object.fromEntries(Object.entries(config).map(([name, value]) => [name, fixed(value)]));
  return Object.freeze(copy) as Config;
}
