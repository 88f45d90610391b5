import { UsageError } from '../errors.ts';

/** Learning rates from that of the first layer group to that of the last one; `slice` makes it. */
export interface RateSlice {
  readonly first: number | undefined;
  readonly last: number;
}

/** A learning rate of all layer groups, or one for each. */
export type Rate = number | RateSlice | readonly number[];

/**
 * Discriminative learning rates (Howard and Ruder 2018; fastai's slice): `slice(1e-5, 1e-3)` gives the first layer group 1e-5, the
 * last one 1e-3, and those between what is evenly between in the logarithm. `slice(1e-3)` gives the last one 1e-3, and the
 * others a tenth of it.
 */
export function slice(first: number, last?: number): RateSlice {
  return last === undefined ? { first: undefined, last: first } : { first, last };
}

/**
 * Splits rates into the last group's, which schedules change, and the factor of each group.
 *
 * @throws UsageError for rates that are not above 0, and for another number of rates than of groups.
 */
export function ratesOf(
  call: string,
  rate: Rate,
  groups: number,
): { readonly lr: number; readonly mults: readonly number[] } {
  const all = allRates(call, rate, groups);
  const bad = all.find((lr) => !(typeof lr === 'number' && lr > 0 && lr < Number.POSITIVE_INFINITY));
  if (bad !== undefined) throw new UsageError(`${call}: a learning rate is ${bad}; give a number above 0`);
  const lr = all.at(-1)!;
  return { lr, mults: all.map((one) => one / lr) };
}

function allRates(call: string, rate: Rate, groups: number): readonly number[] {
  if (typeof rate === 'number') return new Array<number>(groups).fill(rate);
  if (Array.isArray(rate)) {
    if (rate.length === groups) return rate;
    throw new UsageError(`${call}: ${rate.length} learning rates for ${groups} layer groups; give one each`);
  }
  const { first, last } = (rate ?? {}) as RateSlice;
  return Array.from({ length: groups }, (_, i) => {
    if (i === groups - 1) return last;
    return first === undefined ? last / 10 : first * (last / first) ** (i / (groups - 1));
  });
}
