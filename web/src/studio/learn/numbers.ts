/** The numbers of a training that can be chosen, and what they may be. */
export const NUMBERS = {
  steps: { least: 1, most: 10_000_000, whole: true },
  maxSide: { least: 32, most: 16_384, whole: true },
  cropSize: { least: 32, most: 16_384, whole: true },
  batchSize: { least: 1, most: 4096, whole: true },
  // The library says what is wrong with a rate.
  lr: { least: 0, most: Number.MAX_VALUE, whole: false },
  seed: { least: 0, most: 2 ** 32 - 1, whole: true },
} as const;

export type NumberName = keyof typeof NUMBERS;

/** Pixels of the crops of one step: 1.6 GB of floats. */
const MOST_PIXELS = 2 ** 27;

/** What is wrong with numbers that were chosen, and the way out; undefined where nothing is. `titles` are what the visitor calls them. */
export function wrongNumber(
  chosen: { readonly [K in NumberName]?: number | undefined },
  titles: Readonly<Record<NumberName, string>>,
): string | undefined {
  for (const name of Object.keys(NUMBERS) as NumberName[]) {
    const value = chosen[name];
    if (value === undefined) continue;
    const { least, most, whole } = NUMBERS[name];
    if (value >= least && value <= most && (!whole || Number.isInteger(value))) continue;
    const kind = whole ? 'a whole number' : 'a number';
    return `${titles[name]}: ${value}; give ${kind} from ${least} to ${most.toLocaleString('en')}, or nothing`;
  }
  return undefined;
}

/** What is wrong with the crops of one step; undefined where nothing is. */
export function tooManyPixels(batchSize: number, cropSize: number): string | undefined {
  if (batchSize * cropSize ** 2 <= MOST_PIXELS) return undefined;
  const most = Math.max(1, Math.floor(MOST_PIXELS / cropSize ** 2));
  return `${batchSize} crops of ${cropSize} x ${cropSize} pixels are too many for one step: take ${most} at most, or smaller ones`;
}
