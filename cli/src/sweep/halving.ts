/** Which trials go on. */

/** What a trial came to at a rung; undefined where it failed, or where nothing was measured. */
export interface Scored {
  readonly trial: number;
  readonly value: number | undefined;
}

/** The better ones first; of equal ones the earlier trial; those without a value last. */
export function ranked<T extends Scored>(scores: readonly T[], lowerIsBetter: boolean): T[] {
  const sign = lowerIsBetter ? 1 : -1;
  const key = ({ value }: T): number => (value === undefined ? Number.POSITIVE_INFINITY : sign * value);
  return scores.toSorted((a, b) => {
    const [one, other] = [key(a), key(b)];
    return one === other ? a.trial - b.trial : one - other;
  });
}

/** The trials that go on to the next rung, by their numbers: the best ones, without those that failed. */
export const survivors = (scores: readonly Scored[], keep: number, lowerIsBetter: boolean): number[] =>
  ranked(scores, lowerIsBetter)
    .filter(({ value }) => value !== undefined)
    .slice(0, keep)
    .map(({ trial }) => trial)
    .sort((a, b) => a - b);
