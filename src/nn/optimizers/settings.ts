import { UsageError } from '../../errors.ts';

/** Throws UsageError for a setting that is given as undefined: the value that should be there is missing. No `clipNorm` is no limit. */
export function expectGiven(optimizer: string, options: object): void {
  for (const [name, value] of Object.entries(options ?? {})) {
    if (value !== undefined || name === 'clipNorm') continue;
    throw new UsageError(
      `${optimizer}: ${name} is given as undefined; give a value, or leave it out for the default`,
    );
  }
}

/** Throws UsageError unless each value is a finite number of at least 0 and, where it is given, below `limit`. */
export function expectSetting(
  optimizer: string,
  settings: Readonly<Record<string, unknown>>,
  limit = Number.POSITIVE_INFINITY,
): void {
  for (const [name, value] of Object.entries(settings)) {
    if (typeof value === 'number' && value >= 0 && value < limit) continue;
    const range = limit < Number.POSITIVE_INFINITY ? `at least 0 and below ${limit}` : 'at least 0';
    throw new UsageError(`${optimizer}: ${name} must be a number of ${range}, got ${value}`);
  }
}

/** Two decay rates, as a caller without types may give them. Throws UsageError unless both are at least 0 and below 1. */
export function expectBetas(optimizer: string, betas: readonly [number, number]): readonly [number, number] {
  const [beta1, beta2] = Array.isArray(betas) ? (betas as readonly unknown[]) : [betas];
  expectSetting(optimizer, { 'betas[0]': beta1, 'betas[1]': beta2 }, 1);
  return betas;
}
