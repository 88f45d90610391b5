import { expect, it, vi } from 'vitest';
import { Waiting } from '../../src/learn/waiting.ts';

/** Time as the test says it is. */
let now = 0;
const at = (time: number) => {
  now = time;
};

/** A loader whose n-th batch is made once the test says so, at a time. */
function loader() {
  const made: (() => void)[] = [];
  async function* batches(): AsyncGenerator<number, void> {
    for (let i = 0; ; i++) {
      await new Promise<void>((resolve) => made.push(resolve));
      yield i;
    }
  }
  return { batches: batches(), make: () => made.shift()!() };
}

/** Lets what has been resolved take its course. */
const turn = () => new Promise((resolve) => setImmediate(resolve));

it('is the time from the end of a step to the next batch, from the second step on', async () => {
  vi.spyOn(performance, 'now').mockImplementation(() => now);
  const { batches, make } = loader();
  const waiting = new Waiting();
  /** A step that begins now; when the device is done, and when the batch is made. */
  const step = async (done: number, batch: number) => {
    let finish = () => {};
    const running = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const next = waiting.next(batches, [running]);
    await turn();
    for (const [time, happen] of [
      [done, finish],
      [batch, make],
    ].sort(([a], [b]) => Number(a) - Number(b)) as [number, () => void][]) {
      at(time);
      happen();
      await turn();
    }
    await next;
  };
  at(0);
  const first = waiting.next(batches);
  await turn();
  at(500);
  make();
  await first;
  // Compilation, and a step that waits: neither counts.
  await step(900, 1000);
  expect(waiting.share).toBe(0);
  // The batch is there before the device is done.
  await step(1100, 1050);
  expect(waiting.share).toBe(0);
  // The device is done at 1120, the batch made at 1150: 30 of the 150 since the end of the first step.
  await step(1120, 1150);
  expect(waiting.share).toBeCloseTo(30 / 150, 12);
  // A thread that makes the batch itself hears of the device at once afterwards: all of that time counts, as a bound.
  at(1150);
  await step(1201, 1200);
  expect(waiting.share).toBeCloseTo(80 / 200, 12);
  // Validation comes between epochs.
  at(5000);
  const begin = waiting.next(batches);
  await turn();
  at(5050);
  make();
  await begin;
  expect(waiting.share).toBeCloseTo(130 / 250, 12);
});
