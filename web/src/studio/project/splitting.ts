/** Pictures on which a model is trained, and by which it is judged, at random. */
import { trainTestSplit } from 'fovea/data';
import { nearDuplicates } from './duplicates.ts';
import type { Picture, Split } from './model.ts';

/** Shares of all pictures, from 0 to 1; the rest is trained on. */
export interface Shares {
  readonly valid: number;
  readonly test: number;
}

/**
 * The part of each picture, in their order, by `trainTestSplit`. Pictures that look alike stay together: a model would be judged by what
 * it has seen.
 *
 * @throws UsageError where there are too few pictures, or too few that differ.
 */
export async function splitAtRandom(
  pictures: readonly Picture[],
  { valid, test }: Shares,
  seed: string,
): Promise<Split[]> {
  const groupOf = new Map<string, string>();
  for (const group of await nearDuplicates(pictures)) {
    for (const { id } of group) groupOf.set(id, group[0]!.id);
  }
  const group = ({ id }: Picture): string => groupOf.get(id) ?? id;
  const parts = new Map<string, Split>();
  let rest = [...pictures];
  for (const [part, share, of] of [
    ['test', test, 1],
    ['valid', valid, 1 - test],
  ] as const) {
    if (share === 0) continue;
    const { train, valid: held } = trainTestSplit(rest, share / of, { seed: `${seed} ${part}`, group });
    for (const { id } of held) parts.set(id, part);
    rest = train;
  }
  return pictures.map(({ id }) => parts.get(id) ?? 'train');
}
