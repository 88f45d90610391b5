import { type Command, InvalidArgumentError, Option } from 'commander';
import { ADAPTER_CLASSES, type AdapterClassName } from 'fovea/profile';
import { MODEL_FILE, modelFile, size, whole } from './optionValues.ts';
import { GROUPINGS } from './profile/groups.ts';

/** `h100,m1` as names of classes of adapters. */
function classes(text: string): AdapterClassName[] {
  const known = Object.keys(ADAPTER_CLASSES) as AdapterClassName[];
  return text.split(',').map((part) => {
    const name = known.find((other) => other === part.trim().toLowerCase());
    if (!name) throw new InvalidArgumentError(`choose ${known.join(', ')}.`);
    return name;
  });
}

/** Adds `fovea profile`. */
export function addProfileCommand(program: Command): void {
  modelFile(
    program
      .command('profile')
      .description(
        'show what is slow in a model: what each kernel moves, computes and takes, here and on GPUs',
      )
      .argument(
        '<model>',
        `${MODEL_FILE}; or the name of a new one: of fovea train, or of torchvision, such as resnet18`,
      )
      .option('--train', 'a training step in place of a prediction')
      .option(
        '--size <height>x<width>',
        'size of the images (default: that of the model; in training 128 unless its file says more)',
        size,
      )
      .option('--batch <n>', 'images at once (default: 1; in training 4)', whole(1))
      .option(
        '--gpu <names>',
        `predict for GPUs that are not here, and run nothing: ${Object.keys(ADAPTER_CLASSES).join(', ')}`,
        classes,
      )
      .addOption(
        new Option('--by <what>', 'what the rows of the table are (default: layer)').choices(GROUPINGS),
      )
      .option('--top <n>', 'rows of the table, those that take longest (default: 15)', whole(1))
      .option('--json <file>', 'also write all dispatches to a JSON file')
      .option('--report <file>', 'also write an HTML report with a chart of where the time goes'),
    'darknet',
  )
    .addOption(
      new Option('--adapter <kind>', 'the adapter to measure on (default: auto)').choices([
        'auto',
        'hardware',
        'lavapipe',
        'swiftshader',
      ]),
    )
    .action(async (model, options) => (await import('./commands/profile.ts')).profileCommand(model, options));
}
