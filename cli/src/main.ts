import { runMain } from './errors.ts';
import { program } from './program.ts';

// Another Fovea started this one, and is gone: what runs saves what it has, and ends.
if (process.channel) {
  process.on('disconnect', () => process.kill(process.pid, 'SIGTERM'));
  process.channel.unref();
}

await runMain(() => program.parseAsync());
