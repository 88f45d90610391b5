import { readFileSync } from 'node:fs';
import { Command, InvalidArgumentError, Option } from 'commander';
import { MODEL_NAMES } from 'fovea';
import { FORMAT_NAMES } from 'fovea/data';
import { ANCHOR_LAYOUTS } from 'fovea/vision';
import { anchorsCommand } from './commands/anchors.ts';
import { convertCommand } from './commands/convert.ts';
import { demoCommand } from './commands/demo.ts';
import { evalCommand } from './commands/eval.ts';
import { infoCommand } from './commands/info.ts';
import { detectCommand, segmentCommand } from './commands/predict.ts';
import { trainCommand } from './commands/train.ts';
import { tuneCommand } from './commands/tune.ts';
import { verifyCommand } from './commands/verify.ts';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

const whole =
  (min: number, max = Number.MAX_SAFE_INTEGER, multiple = 1) =>
  (text: string): number => {
    const value = text.trim() === '' ? Number.NaN : Number(text);
    if (!Number.isSafeInteger(value) || value < min || value > max || value % multiple !== 0) {
      const range = max === Number.MAX_SAFE_INTEGER ? `of ${min} or more` : `from ${min} to ${max}`;
      throw new InvalidArgumentError(
        `give a whole number ${range}${multiple === 1 ? '' : `, a multiple of ${multiple}`}.`,
      );
    }
    return value;
  };
const positive = (text: string): number => {
  const value = Number(text);
  if (!(value > 0) || !Number.isFinite(value)) throw new InvalidArgumentError('give a positive number.');
  return value;
};
const share = (text: string): number => {
  const value = Number(text);
  if (!(value >= 0 && value <= 1)) throw new InvalidArgumentError('give a number from 0 to 1.');
  return value;
};
const scales = (text: string): number[] => {
  const values = text.split(',').map(Number);
  if (!values.every((value) => value > 0 && Number.isFinite(value))) {
    throw new InvalidArgumentError('give positive numbers, such as 0.75,1,1.25.');
  }
  return values;
};
const adapter = (): Option =>
  new Option('--adapter <kind>', 'which adapter to take').choices([
    'auto',
    'hardware',
    'lavapipe',
    'swiftshader',
  ]);

/** What is read: a data set of any format. */
const data = (command: Command): Command =>
  command
    .addOption(
      new Option('--from <format>', 'its format (default: told by its content)').choices(FORMAT_NAMES),
    )
    .option('--split <name>', 'one part of it, such as train or val; all for all of it')
    .option('--images <dir>', 'folder of its images (default: where its format has them)')
    .option('--skip-bad', 'leave out objects that cannot be used, instead of stopping at the first');

/** How often a detector looks at an image. */
const augmentation = (command: Command): Command =>
  command
    .option('--scales <list>', 'detectors: look at images at these sizes, such as 0.75,1,1.25', scales)
    .option('--flip', 'detectors: look at images mirrored, too')
    .addOption(
      new Option(
        '--merge <how>',
        'keep the best box of an object, or fuse all to their mean (default: nms)',
      ).choices(['nms', 'wbf']),
    );

/** The command line: every command with its options. Parsing runs the command that is named. */
export const program = new Command('fovea')
  .description('Run and train computer vision on WebGPU.')
  .version(version)
  .exitOverride()
  .showHelpAfterError('(fovea --help shows the commands and their options)');

program
  .command('info')
  .description('the adapter, its features and limits')
  .addOption(adapter())
  .action(infoCommand);

data(
  program
    .command('convert')
    .description('write a data set in another format: COCO, Pascal VOC, YOLO or Labelme')
    .argument('<data>', 'folder of images and annotations, or a COCO file')
    .argument('<to>', 'new folder for the result'),
)
  .addOption(new Option('--format <format>', 'what to write').choices(FORMAT_NAMES).makeOptionMandatory())
  .option('--link-images', 'make symbolic links to the images instead of copies')
  .option('--force', 'replace the folder if it is there already')
  .action(convertCommand);

data(
  program
    .command('anchors')
    .description('what the labelled boxes are like, and anchors for a detector that fit them')
    .argument('<data>', 'folder of images and annotations, or a COCO file'),
)
  .addOption(
    new Option('--model <name>', 'the detector (default: retinanet)').choices(Object.keys(ANCHOR_LAYOUTS)),
  )
  .option('--clusters <n>', 'anchors of YOLO, sizes of others (default: as many as it has)', whole(1))
  .option(
    '--size <pixels>',
    'images at this longer side (default: 512; of YOLO, the side of its square, 416)',
    whole(32, 65536),
  )
  .option('--seed <n>', 'same seed, same anchors (default: 0)', whole(0))
  .option('--json <file>', 'also write the numbers to a file')
  .option('--report <file>', 'also write tables and plots: sizes, shapes, clusters (HTML)')
  .action((folder, options) => anchorsCommand(folder, options));

data(
  program
    .command('train')
    .description('train a detector or segmenter on labelled images (Labelme, COCO, Pascal VOC, YOLO)')
    .requiredOption('--data <dir>', 'folder of images and annotations, or a COCO file'),
)
  .addOption(new Option('--model <name>', 'which model to train').choices(MODEL_NAMES))
  .addOption(
    new Option('--task <task>', 'instead of --model: retinanet or unet').choices(['detect', 'segment']),
  )
  .requiredOption('--out <file>', 'where the weights go (.safetensors)')
  .option(
    '--epochs <n>',
    'passes over all pixels (default: 1000 steps in all, 2500 with several classes)',
    whole(1),
  )
  .option('--steps <n>', 'optimizer steps in all, instead of --epochs', whole(1))
  .option('--size <pixels>', 'shrink images to this longer side (default: 512)', whole(32, 65536))
  .option(
    '--crop <pixels>',
    'side of the training crops, a multiple of 32 (default: by the size of the objects)',
    whole(32, 65536, 32),
  )
  .option('--batch <n>', 'crops a step (default: 4)', whole(1))
  .option(
    '--width <channels>',
    'channels of the first stage (default: 16; unet and yolov3 8, yolov3-tiny 4)',
    whole(1, 4096),
  )
  .option('--anchors <file>', 'anchors for a detector, as fovea anchors --json writes them')
  .option('--lr <rate>', 'highest learning rate (default: 0.003; unet and yolov3: 0.01)', positive)
  .option('--seed <n>', 'same seed, same weights (default: 0)', whole(0))
  .option('--checkpoint-every <steps>', 'how often to save a checkpoint (default: 25)', whole(1))
  .option('--resume', 'go on from the checkpoint beside --out')
  .addOption(adapter())
  .action(trainCommand);

augmentation(
  program
    .command('detect')
    .description('find objects; writes a PNG and a Labelme file for each image')
    .argument('<model>', 'weights that fovea train --task detect wrote')
    .argument('<images...>', 'images')
    .requiredOption('--out <dir>', 'folder for the results')
    .option('--threshold <score>', 'leave out detections that score less (default: 0.3)', share),
)
  .addOption(adapter())
  .action(detectCommand);

program
  .command('segment')
  .description('say what every pixel shows; writes a PNG and a Labelme file for each image')
  .argument('<model>', 'weights that fovea train --task segment wrote')
  .argument('<images...>', 'images')
  .requiredOption('--out <dir>', 'folder for the results')
  .addOption(adapter())
  .action(segmentCommand);

augmentation(
  data(
    program
      .command('eval')
      .description('measure a model on labelled images: AP, or IoU and Dice')
      .argument('<model>', 'weights')
      .requiredOption('--data <dir>', 'folder of images and annotations, or a COCO file'),
  ),
)
  .option('--json <file>', 'also write the numbers to a file')
  .option('--report <file>', 'also write tables and plots: curves, confusion, thresholds (HTML)')
  .addOption(adapter())
  .action(evalCommand);

program
  .command('verify')
  .description('check every kernel and gradient on this adapter against its CPU reference')
  .option('--cases <dir>', 'check the conformance cases of a folder instead')
  .option('--models <dir>', 'check whole models against torchvision: the folder of their cases')
  .option('--op <name>', 'one operation only')
  .addOption(
    new Option('--dtype <type>', 'element type of float tensors (default: f32)').choices(['f32', 'f16']),
  )
  .addOption(
    new Option(
      '--limits <limits>',
      'what to ask of the adapter: all it has, or WebGPU’s defaults (default: adapter)',
    ).choices(['adapter', 'default']),
  )
  .option('--repeat <n>', 'run every check so often, and fail where a bit differs (default: 1)', whole(1))
  .option(
    '--strategy <name>',
    'compute gradients by this strategy where it can (default: the one expected to be the fastest)',
  )
  .option('--json <file>', 'also write the rows to a file')
  .addOption(adapter())
  .action(async (options) => {
    process.exitCode = await verifyCommand(options);
  });

program
  .command('tune')
  .description('time the kernels that models run on this adapter, and remember the fastest')
  .argument('[models...]', 'weights to tune predictions of (default: training and predictions of new models)')
  .addOption(new Option('--model <name>', 'of new models: this one').choices(MODEL_NAMES))
  .addOption(new Option('--task <task>', 'of new models: one task only').choices(['detect', 'segment']))
  .option(
    '--size <pixels>',
    'images of this size (default: 512, or what the model shrinks to)',
    whole(32, 65536),
  )
  .option(
    '--crop <pixels>',
    'side of the training crops, a multiple of 32 (default: 128)',
    whole(32, 65536, 32),
  )
  .option('--batch <n>', 'crops a training step (default: 4)', whole(1))
  .option('--width <channels>', 'channels of the first stage of new models (default: 16)', whole(1, 4096))
  .option('--again', 'time also what is known already')
  .addOption(adapter())
  .action((models, options) => tuneCommand(models, options));

program
  .command('demo')
  .description('train a detector and a U-Net on a photograph of coins, evaluate both, and write a report')
  .option('--out <dir>', 'folder for the results', 'out')
  .option('--seed <n>', 'same seed, same results', whole(0), 1)
  .addOption(adapter())
  .action(demoCommand);
