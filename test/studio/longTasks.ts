import type { Browser, Page } from 'playwright-core';

interface TraceEvent {
  readonly name: string;
  readonly pid: number;
  readonly tid: number;
  readonly ph: string;
  /** Microseconds of the processor, which other work on the machine does not lengthen. */
  readonly tdur?: number;
  readonly args: { readonly data?: { readonly url?: string }; readonly name?: string };
}

/** Microseconds. */
const LONG = 50_000;

/**
 * Measures what the main thread of a page does at a time, by the processor's time that each task takes: the clock's would be that of
 * everything else on the machine, too.
 */
export const longTasks = (browser: Browser, page: Page) => ({
  begin: () =>
    browser.startTracing(page, {
      categories: ['disabled-by-default-devtools.timeline', 'toplevel', 'devtools.timeline'],
    }),

  /** How many tasks there were, and the milliseconds of those that took too long. */
  async end(): Promise<{ readonly count: number; readonly long: readonly number[] }> {
    const { traceEvents } = JSON.parse((await browser.stopTracing()).toString()) as {
      readonly traceEvents: readonly TraceEvent[];
    };
    const mains = new Set(
      traceEvents
        .filter(({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain')
        .map(({ pid, tid }) => `${pid}/${tid}`),
    );
    const tasks = traceEvents.filter(
      ({ name, ph, pid, tid }) => /RunTask$/.test(name) && ph === 'X' && mains.has(`${pid}/${tid}`),
    );
    const durations = tasks.map(({ tdur = 0 }) => tdur);
    return {
      count: durations.length,
      long: durations.filter((each) => each > LONG).map((each) => Math.round(each / 1000)),
    };
  },
});
