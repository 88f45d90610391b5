import type { Batch } from '../data/batch.ts';
import { NumericError } from '../errors.ts';
import type { StepRates } from './fitPlan.ts';

/** What messages tell of a step. */
export interface Told {
  readonly step: number;
  readonly rates: StepRates;
  /** Its batches, and the items of each. */
  readonly batches: readonly { readonly batch: Batch; readonly items: readonly unknown[] }[];
}

/** What items are called. */
type NameOf = (item: unknown, number: number) => string;

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

/** The first value of batches that is not finite, and whose it is where arrays have a row per item; undefined where all are. */
function brokenInput(batches: Told['batches'], nameOf: NameOf): string | undefined {
  for (const { batch, items } of batches) {
    for (const [name, { data, shape }] of Object.entries(batch)) {
      const at = data.findIndex((value) => !Number.isFinite(Number(value)));
      if (at < 0) continue;
      if (shape[0] !== items.length) return `${name} of the batch has the value ${data[at]}: mend its items`;
      const n = Math.floor((at * items.length) / data.length);
      return `${name} of ${nameOf(items[n], n)} has the value ${data[at]}: mend that item, or leave it out`;
    }
  }
  return undefined;
}

/** The error of a step that left numbers that are not finite, with the items of its batch and the way out. */
export function divergence(
  problem: string,
  { step, rates, batches }: Told,
  nameOf: NameOf,
  advice: ((step: number, items: string) => string) | undefined,
): NumericError {
  const broken = brokenInput(batches, nameOf);
  if (broken && !advice) return new NumericError(`step ${step}: ${problem}; ${broken}`);
  const known = [...new Set(batches.flatMap(({ items }) => items).map(nameOf))];
  const more = known.length > MAX_NAMES ? ` and ${known.length - MAX_NAMES} more` : '';
  const items = `${known.slice(0, MAX_NAMES).join(', ')}${more}`;
  const way =
    advice?.(step, items) ??
    `training stops: use a lower learning rate (now ${rates.lr}), or check the items of this batch: ${items}`;
  return new NumericError(`step ${step}: ${problem}; ${broken ? `${broken}; ` : ''}${way}`);
}
