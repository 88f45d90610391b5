/** Milliseconds of work between two rests: a page draws a frame every 16, and feels stuck after 50. */
const SLICE = 8;

const rest = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

/**
 * Does work to its end, resting at a `yield` wherever a slice of time is used up, so that a page's main thread stays free
 * for other tasks. Each slice runs inside of `around`.
 */
export async function inSlices<T>(
  work: Generator<void, T>,
  around: (slice: () => void) => void = (slice) => slice(),
): Promise<T> {
  while (true) {
    const end = performance.now() + SLICE;
    let step = { done: false } as IteratorResult<void, T>;
    around(() => {
      do step = work.next();
      while (!step.done && performance.now() < end);
    });
    if (step.done) return step.value;
    await rest();
  }
}

/** Does work to its end at once. */
export function atOnce<T>(work: Generator<void, T>): T {
  let step = work.next();
  while (!step.done) step = work.next();
  return step.value;
}
