/**
 * Does work on items, several at a time, and gives the results in their order as they are taken. Work that is under way when the
 * taker stops, or when one fails, goes on to its end.
 *
 * @param count How many are under way at most.
 */
export async function* ahead<T, R>(
  items: Iterable<T>,
  count: number,
  work: (item: T) => Promise<R>,
): AsyncGenerator<R, void> {
  const waiting: Promise<R>[] = [];
  try {
    for (const item of items) {
      const result = work(item);
      // Until it is its turn nobody waits for it, and it would count as an error that nobody has caught.
      result.catch(() => {});
      waiting.push(result);
      if (waiting.length >= count) yield await waiting.shift()!;
    }
    while (waiting.length > 0) yield await waiting.shift()!;
  } finally {
    // What fails after the first failure is told to nobody. Files that are being written must be there to be removed.
    await Promise.allSettled(waiting);
  }
}

/** All results of `ahead`. */
export async function inParallel<T, R>(
  items: Iterable<T>,
  count: number,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  for await (const result of ahead(items, count, work)) results.push(result);
  return results;
}
