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

/** The trials of a rung. */
export interface Entrants {
  /** Their numbers, in order. */
  readonly trials: readonly number[];
  /** At most as many more may enter. */
  readonly open: number;
}

/**
 * The trials that go on to the next rung: the best ones, without those that failed. Before all of a rung are scored, it is those that none of
 * the others can push out any more, so that what goes on does not depend on which training is faster, and workers wait for few.
 *
 * @param scores Of those of the rung that have ended so far.
 * @param keep How many go on.
 */
export function promoted(
  entrants: Entrants,
  scores: readonly Scored[],
  keep: number,
  lowerIsBetter: boolean,
): Entrants {
  const unknown = entrants.trials.length + entrants.open - scores.length;
  const best = ranked(scores, lowerIsBetter)
    .filter(({ value }) => value !== undefined)
    .slice(0, Math.max(0, keep - unknown))
    .map(({ trial }) => trial)
    .sort((a, b) => a - b);
  return { trials: best, open: Math.min(unknown, keep - best.length) };
}
