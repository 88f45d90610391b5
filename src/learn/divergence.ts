import { NumericError } from '../errors.ts';
import type { StepRates } from './fitPlan.ts';

/** What messages tell of a step. */
export interface Told {
  readonly step: number;
  readonly rates: StepRates;
  /** What its items are called. */
  readonly names: readonly string[];
}

/** What is wrong with a step whose losses, or the norm of their gradients, are not finite. */
export function problemOf(losses: Readonly<Record<string, number>>, gradNorm: number): string | undefined {
  const parts = Object.entries(losses).filter(([name], _, all) => name !== 'loss' || all.length === 1);
  const title = (name: string) => (name === 'loss' ? name : `${name} loss`);
  const broken = parts.find(([, value]) => !Number.isFinite(value));
  if (broken) return `the ${title(broken[0])} is ${broken[1]}`;
  if (Number.isFinite(gradNorm)) return undefined;
  return `the gradient of the ${title(parts.map(([name]) => name).join(' and '))} is ${gradNorm}`;
}

/** A message names no more items of a batch than this. */
const MAX_NAMES = 8;

/** The error of a step that left numbers that are not finite, with the items of its batch and the way out. */
export function divergence(
  problem: string,
  { step, names, rates }: Told,
  advice: ((step: number, items: string) => string) | undefined,
): NumericError {
  const known = [...new Set(names)];
  const more = known.length > MAX_NAMES ? ` and ${known.length - MAX_NAMES} more` : '';
  const items = `${known.slice(0, MAX_NAMES).join(', ')}${more}`;
  const way =
    advice?.(step, items) ??
    `training stops: use a lower learning rate (now ${rates.lr}), or check the items of this batch: ${items}`;
  return new NumericError(`step ${step}: ${problem}; ${way}`);
}
