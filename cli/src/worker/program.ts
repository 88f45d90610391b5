import { type Command, InvalidArgumentError } from 'commander';
import { imageTime } from '../batch/options.ts';
import { adapter, whole } from '../optionValues.ts';
import { queued } from '../queue/options.ts';

/** `9100`, or `HOST:9100`. */
function address(text: string): { readonly host: string; readonly port: number } {
  const [, host = '127.0.0.1', digits = ''] = /^(?:(.+):)?(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (digits === '' || port > 65_535) {
    throw new InvalidArgumentError('give a port, or a host and a port, such as 0.0.0.0:9100.');
  }
  return { host: host.replace(/^\[|\]$/g, ''), port };
}

/** Adds `fovea worker`, `status` and `cancel`. */
export function addWorkerCommands(program: Command): void {
  queued(
    program
      .command('worker')
      .description('compute for the batches and sweeps of a queue, until it is stopped'),
  )
    .option(
      '--lock <seconds>',
      'how long this worker may be out of reach before another one takes its work (default: 30)',
      whole(2, 86_400),
    )
    .option(
      '--metrics <port>',
      'serve metrics for Prometheus at http://127.0.0.1:PORT/metrics, or at another HOST:PORT',
      address,
    )
    .option('--concurrency <n>', 'processes that compute, each with the device (default: 1)', whole(1, 256))
    .addOption(imageTime())
    .addOption(adapter())
    .action(async (options) => (await import('./command.ts')).workerCommand(options));

  queued(
    program
      .command('status')
      .description('show the workers, batches and sweeps of a queue, and what could not be computed'),
  )
    .option('--json', 'as JSON')
    .action(async (options) => (await import('./control.ts')).statusCommand(options));

  queued(
    program
      .command('cancel')
      .description('take a batch or a sweep out of a queue; what is done of it stays')
      .argument('<out>', 'the folder or address of its results'),
  ).action(async (out, options) => (await import('./control.ts')).cancelCommand(out, options));
}
