import { UsageError } from '../errors.ts';

/** Throws UsageError unless the value is a whole number of at least 1. */
export function expectCount(model: string, name: string, value: number): void {
  if (Number.isInteger(value) && value >= 1) return;
  throw new UsageError(`${model}: ${name} must be a whole number of at least 1, got ${value}`);
}
