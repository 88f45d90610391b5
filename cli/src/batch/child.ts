/** The process that computes shards for another one, which keeps in touch with the queue meanwhile. */
import { FoveaError, UsageError } from 'fovea';
import type { FromChild, ToChild } from './messages.ts';
import { ShardRunner } from './runner.ts';

const say = (message: FromChild): void => {
  process.send?.(message);
};

// A terminal's Ctrl-C goes to all processes: the other one decides what it means.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));

const runner = new ShardRunner({
  adapter: process.env.FOVEA_BATCH_ADAPTER,
  onAdapter: (adapter) => say({ type: 'adapter', ...adapter }),
});

process.on('message', async ({ task, skip, careful }: ToChild) => {
  try {
    const onImage = (at: number): void => say({ type: 'image', at });
    const done = await runner.run(task, { skip: new Map(skip), careful, onImage });
    say({ type: 'done', done });
  } catch (error) {
    const kind = error instanceof UsageError ? 'usage' : error instanceof FoveaError ? 'data' : 'other';
    say({ type: 'failed', kind, message: error instanceof Error ? error.message : String(error) });
  }
});
