import { type Command, InvalidArgumentError, Option } from 'commander';
import { cutting } from '../cutoutProgram.ts';
import { EMBED_FORMATS } from '../embed/formats.ts';
import { embedding } from '../embedProgram.ts';
import { evaluating } from '../evalProgram.ts';
import { hashing } from '../hashProgram.ts';
import { adapter, whole } from '../optionValues.ts';
import { classifying, detecting, modelAndImages, segmenting } from '../predictProgram.ts';
import { formatted, predicting } from '../resultOptions.ts';

/** `redis://…`, `rediss://…` or `postgres://…`. */
function queueUrl(text: string): string {
  if (!/^(?:rediss?|postgres(?:ql)?):\/\//.test(text)) {
    throw new InvalidArgumentError(
      'give an address such as redis://HOST:6379 or postgres://USER@HOST/DATABASE.',
    );
  }
  return text;
}

/** `9100`, or `HOST:9100`. */
function address(text: string): { readonly host: string; readonly port: number } {
  const [, host = '127.0.0.1', digits = ''] = /^(?:(.+):)?(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (digits === '' || port > 65_535) {
    throw new InvalidArgumentError('give a port, or a host and a port, such as 0.0.0.0:9100.');
  }
  return { host: host.replace(/^\[|\]$/g, ''), port };
}

function namespaceName(text: string): string {
  if (!/^[a-z][a-z0-9_]{0,40}$/.test(text)) {
    throw new InvalidArgumentError('give lower-case letters, digits and _, beginning with a letter.');
  }
  return text;
}

const queue = (): Option =>
  new Option('--queue <url>', 'the queue of the workers: redis://…, rediss://… or postgres://…')
    .env('FOVEA_QUEUE')
    .argParser(queueUrl);

const namespace = (): Option =>
  new Option(
    '--namespace <name>',
    "the part of the server that is used: Redis's prefix, PostgreSQL's schema (default: fovea)",
  ).argParser(namespaceName);

const imageTime = (): Option =>
  new Option(
    '--image-time <seconds>',
    'the most time that an image may take; what takes longer is left out (default: 600)',
  ).argParser(whole(1));

/** Adds the options of how a batch is run. */
const running = (command: Command): Command =>
  command
    .addOption(queue())
    .addOption(namespace())
    .option(
      '--workers <n>',
      'processes of this machine that compute (default: 1 without a queue, none with one)',
      whole(0, 256),
    )
    .addOption(imageTime())
    .addOption(adapter());

/** Adds the options of a new batch. */
const batched = (command: Command): Command =>
  running(
    command
      .requiredOption('--out <dir>', 'folder for the results, or s3://BUCKET/PREFIX')
      .option('--shard <n>', 'images that are computed and stored together (default: 256)', whole(1, 65_536))
      .option('--force', 'begin anew, where another batch was begun in that folder'),
  );

const DRAW = 'also draw the results on the images (NAME_drawn.png)';

/** Adds `fovea batch`, `worker`, `status`, `cancel` and `retry`. */
export function addBatchCommands(program: Command): void {
  const batch = program
    .command('batch')
    .description(
      'run a command on very many images: in parts that go on after a stop, on one machine or several',
    );
  const add = (name: string, description: string): Command => batch.command(name).description(description);
  const act = (command: Command, name: 'detect' | 'segment' | 'classify'): Command =>
    command.action(async (model, images, options) =>
      (await import('./command.ts')).batchCommand(name, model, images, options),
    );
  act(
    batched(detecting(formatted(modelAndImages(add('detect', 'find objects'))))).option('--draw', DRAW),
    'detect',
  );
  act(
    batched(segmenting(formatted(modelAndImages(add('segment', 'classify every pixel'))))).option(
      '--draw',
      DRAW,
    ),
    'segment',
  );
  act(
    batched(classifying(predicting(modelAndImages(add('classify', 'tell the class of whole images'))))),
    'classify',
  );
  batched(
    hashing(
      predicting(add('hash', 'tell the perceptual hashes of images')).argument(
        '<images...>',
        'image files, and folders of images',
      ),
    ),
  ).action(async (images, options) =>
    (await import('./command.ts')).batchCommand('hash', undefined, images, options),
  );

  batched(
    cutting(add('cutout', 'remove the background of images: the files of fovea cutout, without its page')),
  ).action(async (images, options) =>
    (await import('./command.ts')).batchCommand('cutout', undefined, images, options),
  );

  batched(embedding(add('embed', 'make vectors of images, videos and sounds')))
    .addOption(
      new Option(
        '--format <format>',
        'what the vectors are written as, embeddings.FORMAT (default: npy)',
      ).choices(EMBED_FORMATS),
    )
    .action(async (inputs, options) =>
      (await import('./command.ts')).batchCommand('embed', undefined, inputs, options),
    );

  batched(
    evaluating(
      add('eval', 'evaluate a model on labelled images: the numbers of fovea eval, without its report'),
    ),
  ).action(async (model, options) => (await import('./command.ts')).batchCommand('eval', model, [], options));

  program
    .command('worker')
    .description('compute for batches of a queue, until it is stopped')
    .addOption(queue())
    .addOption(namespace())
    .option(
      '--lock <seconds>',
      'how long this worker may be out of reach before another one takes its shards (default: 30)',
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
    .action(async (options) => (await import('./queue/worker.ts')).workerCommand(options));

  program
    .command('status')
    .description('show the workers and batches of a queue, and the shards that could not be computed')
    .addOption(queue())
    .addOption(namespace())
    .option('--json', 'as JSON')
    .action(async (options) => (await import('./queue/control.ts')).statusCommand(options));

  program
    .command('cancel')
    .description('take a batch out of a queue; what is done of it stays')
    .argument('<out>', 'the folder or address of its results')
    .addOption(queue())
    .addOption(namespace())
    .action(async (out, options) => (await import('./queue/control.ts')).cancelCommand(out, options));

  running(
    program
      .command('retry')
      .description('try the images of a batch again that failed, and go on with the rest')
      .argument('<out>', 'the folder or address of its results'),
  ).action(async (out, options) => (await import('./command.ts')).retryCommand(out, options));
}
