import type { Browser, Page } from 'playwright-core';

interface TraceEvent {
  readonly name: string;
  readonly pid: number;
  readonly tid: number;
  /** Microseconds of the thread's own time: others may use this machine, too. */
  readonly tdur?: number;
  readonly args: { readonly name?: string };
}

/**
 * The milliseconds of every task of a page's main thread while something is done. It is the time of the thread itself: that by the clock is
 * also that of everything else on the machine.
 */
export async function tasksOf(browser: Browser, page: Page, work: () => Promise<void>): Promise<number[]> {
  const categories = ['__metadata', 'disabled-by-default-devtools.timeline'];
  await browser.startTracing(page, { categories });
  await work();
  const trace = await browser.stopTracing();
  const { traceEvents: events } = JSON.parse(trace.toString()) as { traceEvents: TraceEvent[] };
  const mains = events.filter(({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain');
  const own = new Set(mains.map(({ pid, tid }) => `${pid} ${tid}`));
  return events.flatMap(({ name, pid, tid, tdur }) =>
    name === 'RunTask' && tdur !== undefined && own.has(`${pid} ${tid}`) ? [tdur / 1000] : [],
  );
}
