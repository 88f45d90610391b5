/** Pictures on which a model is trained, and by which it is judged, at random. */
import { type Split as TwoPartsOf, trainTestSplit } from 'fovea/data';
import { nearDuplicates } from './duplicates.ts';
import type { Picture, Split } from './model.ts';

type TwoParts = TwoPartsOf<Picture>;

export interface SplitOptions {
  /** Shares of all pictures, from 0 to 1; the rest is trained on. */
  readonly valid: number;
  readonly test: number;
  /** Pictures that look alike are of one part: a model would be judged by what it has seen. */
  readonly together: boolean;
  readonly seed: string;
}

/** Large groups make shares that are far from those asked for: of so many splits the nearest is taken. */
const TRIES = 16;

/** Thrown where nearly all pictures look alike. */
export class AllAlike extends Error {}

/** The split of a share that comes nearest to it. */
function nearest(
  items: readonly Picture[],
  share: number,
  seed: string,
  group: (picture: Picture) => string,
): TwoParts {
  const splits = Array.from({ length: TRIES }, (_, i) =>
    trainTestSplit(items, share, { seed: `${seed} ${i}`, group }),
  );
  const far = ({ valid }: TwoParts) => Math.abs(valid.length - share * items.length);
  return splits.reduce((best, one) => (far(one) < far(best) ? one : best));
}

/**
 * The part of each picture, in their order, by `trainTestSplit`.
 *
 * @throws AllAlike where there are not enough groups of pictures to be kept together, UsageError for too few pictures.
 */
export async function splitAtRandom(
  pictures: readonly Picture[],
  { valid, test, together, seed }: SplitOptions,
): Promise<Split[]> {
  const groupOf = new Map<string, string>();
  for (const group of together ? await nearDuplicates(pictures) : []) {
    for (const { id } of group) groupOf.set(id, group[0]!.id);
  }
  const group = ({ id }: Picture): string => groupOf.get(id) ?? id;
  const parts = new Map<string, Split>();
  let rest: readonly Picture[] = pictures;
  for (const [part, share, of] of [
    ['test', test, 1],
    ['valid', valid, 1 - test],
  ] as const) {
    if (share === 0) continue;
    if (groupOf.size > 0 && new Set(rest.map(group)).size < 2) throw new AllAlike();
    const split = nearest(rest, share / of, `${seed} ${part}`, group);
    for (const { id } of split.valid) parts.set(id, part);
    rest = split.train;
  }
  return pictures.map(({ id }) => parts.get(id) ?? 'train');
}
