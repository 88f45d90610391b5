// Stands for the process that computes shards. The names of images say what happens at them.
import { writeFileSync } from 'node:fs';

/** @param {unknown} message */
const say = (message) => process.send?.(message);

process.on('disconnect', () => process.exit(0));
process.on('message', ({ task, skip, careful }) => {
  const left = new Map(skip);
  for (const [at, { name }] of task.inputs.entries()) {
    if (left.has(at)) continue;
    say({ type: 'image', at });
    if (name === 'crash') {
      process.stderr.write('free(): invalid pointer\n');
      process.kill(process.pid, 'SIGKILL');
    }
    // Once, as where somebody else takes all memory.
    if (name.startsWith('once:')) {
      try {
        writeFileSync(name.slice('once:'.length), '', { flag: 'wx' });
        process.kill(process.pid, 'SIGKILL');
      } catch {}
    }
    if (name === 'hang') return;
    if (name === 'refuse') {
      say({ type: 'failed', kind: 'data', message: 'the disk is full' });
      return;
    }
  }
  const done = { shard: task.shard, images: task.inputs.length, faults: left.size };
  say({ type: 'done', done, careful, skip });
});
