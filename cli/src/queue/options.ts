/** The options of commands that use a queue. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { UsageError } from 'fovea';

/** `redis://…`, `rediss://…` or `postgres://…`; '' stands for none, as the variable may be empty. */
function queueUrl(text: string): string {
  if (text === '') return text;
  if (!/^(?:rediss?|postgres(?:ql)?):\/\//.test(text)) {
    // Not as other wrong values: those are shown, and this one may have a password in it.
    throw new UsageError(
      '--queue: is no address of a queue; give an address such as redis://HOST:6379 or postgres://USER@HOST/DATABASE',
    );
  }
  return text;
}

function namespaceName(text: string): string {
  if (!/^[a-z][a-z0-9_]{0,40}$/.test(text)) {
    throw new InvalidArgumentError('give lower-case letters, digits and _, beginning with a letter.');
  }
  return text;
}

/** Adds `--queue` and `--namespace`. */
export const queued = (command: Command): Command =>
  command
    .addOption(
      new Option('--queue <url>', 'the queue of the workers: redis://…, rediss://… or postgres://…')
        .env('FOVEA_QUEUE')
        .argParser(queueUrl),
    )
    .addOption(
      new Option(
        '--namespace <name>',
        "the part of the server that is used: Redis's prefix, PostgreSQL's schema (default: fovea)",
      ).argParser(namespaceName),
    );
