/**
 * Makes things in their order: while one is used, the next ones are made. An error comes in its turn.
 *
 * @param from The number of the first one.
 * @param end The number after the last one.
 * @param ahead How many are made ahead of the one that is used.
 * @param make Makes the one of a number.
 */
export async function* madeAhead<T>(
  from: number,
  end: number,
  ahead: number,
  make: (index: number) => Promise<T>,
): AsyncGenerator<T, void> {
  const queue: Promise<T>[] = [];
  let next = from;
  for (let index = from; index < end; index++) {
    while (next < end && next <= index + ahead) {
      const made = make(next++);
      // It is awaited later; until then a failure must not count as unhandled.
      made.catch(() => undefined);
      queue.push(made);
    }
    yield await queue.shift()!;
  }
}
