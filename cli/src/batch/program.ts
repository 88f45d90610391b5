import { type Command, Option } from 'commander';
import { converting } from '../convertProgram.ts';
import { cutting } from '../cutoutProgram.ts';
import { EMBED_FORMATS } from '../embed/formats.ts';
import { embedding } from '../embedProgram.ts';
import { evaluating } from '../evalProgram.ts';
import { hashing } from '../hashProgram.ts';
import { adapter, whole } from '../optionValues.ts';
import { classifying, detecting, modelAndImages, segmenting } from '../predictProgram.ts';
import { queued } from '../queue/options.ts';
import { formatted, predicting } from '../resultOptions.ts';
import { imageTime } from './options.ts';

/** Adds the options of how a batch is run. */
const running = (command: Command): Command =>
  queued(command)
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

/** Adds `fovea batch` and `retry`. */
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

  batched(
    converting(add('convert', 'convert a data set to COCO, Pascal VOC, YOLO, Labelme or masks')),
  ).action(async (data, options) =>
    (await import('./command.ts')).batchCommand('convert', undefined, [], { ...options, data }),
  );

  running(
    program
      .command('retry')
      .description('try the images of a batch again that failed, and go on with the rest')
      .argument('<out>', 'the folder or address of its results'),
  ).action(async (out, options) => (await import('./command.ts')).retryCommand(out, options));
}
