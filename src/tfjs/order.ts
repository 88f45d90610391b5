import { type DataError, ShapeError } from '../errors.ts';

/**
 * What is needed for some results, each after all that it needs.
 *
 * @param needs What a key needs; undefined where there is no such key.
 * @param fault The error for a key that there is none of, or that needs itself.
 */
export function sorted(
  results: readonly string[],
  needs: (key: string) => readonly string[] | undefined,
  fault: (key: string) => DataError,
): string[] {
  const order = new Set<string>();
  const open = new Set<string>();
  // A stack instead of recursion: networks are deeper than JavaScript's call stack likes.
  const stack = [...results].reverse();
  for (let key = stack.at(-1); key !== undefined; key = stack.at(-1)) {
    if (order.has(key)) {
      stack.pop();
      continue;
    }
    const needed = needs(key);
    if (!needed) throw fault(key);
    const missing = needed.filter((one) => !order.has(one));
    if (missing.length === 0) {
      order.add(key);
      open.delete(key);
      stack.pop();
      continue;
    }
    open.add(key);
    for (const one of missing) {
      if (open.has(one)) throw fault(one);
      stack.push(one);
    }
  }
  return [...order];
}

/** Runs what records a layer or node: errors of shapes get its name, and what exhausts the host is one. */
export function named<T>(label: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (error instanceof RangeError || (error instanceof ShapeError && !error.message.startsWith(label))) {
      throw new ShapeError(`${label}: ${error.message}`, { cause: error });
    }
    throw error;
  }
}

/** Names, those that occur again with a number behind them. */
export function distinct(names: readonly string[]): string[] {
  const taken = new Set<string>();
  return names.map((name) => {
    let own = name;
    for (let i = 1; taken.has(own); i++) own = `${name}_${i}`;
    taken.add(own);
    return own;
  });
}
