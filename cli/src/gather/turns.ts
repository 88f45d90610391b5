/**
 * The order in which things of several groups are taken: by turns, one of each group, so that a list that is sorted by host is not worked
 * off one host after the other. Of a group they keep their order.
 *
 * @param things Things, each with the group that it belongs to.
 * @param groupOf The group of a thing.
 * @param open So many groups take turns at a time; the next one begins where one has ended.
 */
export function* byTurns<T>(things: readonly T[], groupOf: (thing: T) => string, open: number): Generator<T> {
  const groups = new Map<string, T[]>();
  for (const thing of things) {
    const group = groupOf(thing);
    const list = groups.get(group);
    if (list) list.push(thing);
    else groups.set(group, [thing]);
  }
  const waiting = groups.values();
  const begin = (): { readonly list: readonly T[]; at: number }[] => {
    const { value, done } = waiting.next();
    return done ? [] : [{ list: value, at: 0 }];
  };
  let round = Array.from({ length: open }, begin).flat();
  while (round.length > 0) {
    const next: typeof round = [];
    for (const turn of round) {
      yield turn.list[turn.at++]!;
      next.push(...(turn.at < turn.list.length ? [turn] : begin()));
    }
    round = next;
  }
}
