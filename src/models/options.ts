import { UsageError } from '../errors.ts';

/** A configuration: `defaults`, overridden by the options that are not undefined. */
export function withDefaults<Config extends object>(defaults: Config, options: Partial<Config> = {}): Config {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  return { ...defaults, ...Object.fromEntries(given) };
}

/** Throws UsageError unless the value is a whole number of at least 1. */
export function expectCount(model: string, name: string, value: number): void {
  if (Number.isInteger(value) && value >= 1) return;
  throw new UsageError(`${model}: ${name} must be a whole number of at least 1, got ${value}`);
}
