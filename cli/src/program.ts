import { readFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import { MODEL_NAMES } from 'fovea';
import { ANCHOR_LAYOUTS } from 'fovea/vision';
import { addBatchCommands } from './batch/program.ts';
import { addClusterCommand } from './clusterProgram.ts';
import type { LrFindOptions } from './commands/lrFind.ts';
import { applyConfig, optionNames } from './config.ts';
import { addConvertCommand } from './convertProgram.ts';
import { addCutoutCommand } from './cutoutProgram.ts';
import { clipped } from './dataProgram.ts';
import { addEmbedCommand } from './embedProgram.ts';
import { addEvalCommand } from './evalProgram.ts';
import { addExportCommand } from './exportProgram.ts';
import { addGatherCommand } from './gather/program.ts';
import { addHashCommands } from './hashProgram.ts';
import { adapter, expectNoneEmpty, positive, whole } from './optionValues.ts';
import { addPredictCommands } from './predictProgram.ts';
import { printableLines } from './printable.ts';
import { addProfileCommand } from './profileProgram.ts';
import { addSearchCommands } from './searchProgram.ts';
import { addSweepCommand } from './sweep/program.ts';
import { learningOptions, type TrainOptions } from './trainOptions.ts';
import { trainingOptions } from './trainProgram.ts';
import { addWeightsCommands } from './weightsProgram.ts';
import { addWorkerCommands } from './worker/program.ts';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

/** The command line: every command with its options. Parsing runs the command that is named. */
export const program = new Command('fovea')
  .description('Run and train computer vision on WebGPU.')
  .version(version)
  .exitOverride()
  .hook('preAction', (_, command) => expectNoneEmpty(command))
  // An argument that is wrong is repeated in the message.
  .configureOutput({ outputError: (text, write) => write(printableLines(text)) })
  // At 80 columns, a pipe's width, the list of commands leaves less than commander's own minimum of 40.
  .configureHelp({ minWidthToWrap: 30 })
  .showHelpAfterError('(fovea --help lists the commands, fovea COMMAND --help the options of a command)');

program
  .command('info')
  .description('show the adapter, its features and limits; or what a model is, and how it was trained')
  .argument('[model]', 'a model of fovea train, or its checkpoint')
  .option('--json', 'models: the options of the training, as JSON for fovea train --config')
  .option('--toml', 'models: the options of the training, as TOML for fovea train --config')
  .addOption(adapter())
  .action(async (model, options) => (await import('./commands/info.ts')).infoCommand(model, options));

addConvertCommand(program);

clipped(
  program
    .command('anchors')
    .description('describe the labelled boxes of a data set, and find anchors that fit them')
    .argument('<data>', 'folder with images and annotations, or a COCO file'),
)
  .addOption(
    new Option('--model <name>', 'the detector to find anchors for (default: retinanet)').choices(
      Object.keys(ANCHOR_LAYOUTS),
    ),
  )
  .option(
    '--clusters <n>',
    'number of anchors (YOLO) or sizes (others) (default: as many as the detector has)',
    whole(1),
  )
  .option(
    '--size <pixels>',
    'longer side to which images are scaled (default: 512; YOLO: 416)',
    whole(32, 65536),
  )
  .option('--labels-only', 'measure the labels without the images, which need not be there (YOLO needs them)')
  .option('--seed <n>', 'random seed: the same seed gives the same anchors (default: 0)', whole(0))
  .option('--json <file>', 'also write the numbers to a JSON file')
  .option('--report <file>', 'also write an HTML report with tables and plots of sizes, shapes and clusters')
  .action(async (data, options) => (await import('./commands/anchors.ts')).anchorsCommand(data, options));

clipped(
  program
    .command('look')
    .description('show what is labelled in a data set, and how it is augmented, as an HTML page')
    .argument(
      '<data>',
      'folder with images and annotations, or a COCO file; of classes of images a folder per class, or a CSV file',
    ),
)
  .option('--out <file>', 'the page (default: look.html)')
  .option(
    '--augment <preset|file>',
    'how crops are varied, as in fovea train: none, light, default, aerial or text, or a file (default: default)',
  )
  .option('--samples <n>', 'most images that are shown, and crops (default: 24)', whole(0, 10_000))
  .option('--seed <n>', 'random seed: the same seed shows the same images (default: 0)', whole(0))
  .option('--size <pixels>', 'shrink larger images to this longer side (default: 512)', whole(32, 65536))
  .option(
    '--crop <pixels>',
    'side of the crops, a multiple of 32 (default: chosen by the size of the objects)',
    whole(32, 65536, 32),
  )
  .action(async (data, options) => (await import('./commands/look.ts')).lookCommand(data, options));

const training = trainingOptions(
  program
    .command('train')
    .description('train a model on labelled images')
    .hook('preAction', (_, command) => applyConfig(command)),
);
training
  .addOption(adapter())
  .action(async () => (await import('./commands/train.ts')).trainCommand(training.opts<TrainOptions>()));

const finding = learningOptions(
  clipped(
    program
      .command('lr-find')
      .description('find a learning rate: try rates from low to high, and show the loss at each')
      .hook('preAction', (_, command) => applyConfig(command, optionNames(training))),
  ),
)
  .option('--start-lr <rate>', 'the lowest rate (default: 1e-7)', positive)
  .option('--end-lr <rate>', 'the highest rate (default: 10)', positive)
  .option('--num-it <n>', 'the number of rates, a step each (default: 100)', whole(10))
  .option('--out <file>', 'also write the plot to an .html, .svg or .png file')
  .option('--json <file>', 'also write the numbers to a JSON file');
finding
  .addOption(adapter())
  .action(async () => (await import('./commands/lrFind.ts')).lrFindCommand(finding.opts<LrFindOptions>()));

addPredictCommands(program);

addEvalCommand(program);

program
  .command('verify')
  .description('check every kernel and gradient on this adapter against CPU references')
  .option('--cases <dir>', 'check conformance cases from a folder instead of the built-in ones')
  .option('--models <dir>', 'check whole models against torchvision, with the model cases in a folder')
  .option('--op <name>', 'check one operation only')
  .addOption(
    new Option('--dtype <type>', 'element type of float tensors (default: f32)').choices(['f32', 'f16']),
  )
  .addOption(
    new Option(
      '--limits <limits>',
      'limits to request: all that the adapter has, or the defaults of WebGPU (default: adapter)',
    ).choices(['adapter', 'default']),
  )
  .option(
    '--repeat <n>',
    'run every check this many times, and fail if any bit differs (default: 1)',
    whole(1),
  )
  .option('--strategy <name>', 'use this strategy wherever it is possible (default: the fastest by estimate)')
  .option('--json <file>', 'also write the results to a JSON file')
  .addOption(adapter())
  .action(async (options) => {
    const { verifyCommand } = await import('./commands/verify.ts');
    process.exitCode = await verifyCommand(options);
  });

program
  .command('tune')
  .description('time the kernels of models on this adapter, and remember the fastest')
  .argument(
    '[models...]',
    'weights to tune for prediction (default: new models, for training and prediction)',
  )
  .addOption(new Option('--model <name>', 'new models: tune this one only').choices(MODEL_NAMES))
  .addOption(
    new Option('--task <task>', 'new models: tune one task only').choices(['detect', 'segment', 'classify']),
  )
  .option(
    '--size <pixels>',
    'side of the images (default: 512, or the size that the model shrinks to)',
    whole(32, 65536),
  )
  .option(
    '--crop <pixels>',
    'side of the training crops, a multiple of 32 (default: 128)',
    whole(32, 65536, 32),
  )
  .option('--batch <n>', 'crops per training step (default: 4)', whole(1))
  .option('--width <channels>', 'channels of the first stage of new models (default: 16)', whole(1, 4096))
  .option('--again', 'time again what was timed before')
  .addOption(adapter())
  .action(async (models, options) => (await import('./commands/tune.ts')).tuneCommand(models, options));

addProfileCommand(program);

addWeightsCommands(program);

addExportCommand(program);

addEmbedCommand(program);
addGatherCommand(program);
addHashCommands(program);
addSearchCommands(program);
addCutoutCommand(program);
addClusterCommand(program);
addBatchCommands(program);
addSweepCommand(program);
addWorkerCommands(program);

program
  .command('demo')
  .description(
    'train a detector and a U-Net on a photograph of coins, evaluate both, and write an HTML report',
  )
  .option('--out <dir>', 'folder for the results', 'out')
  .option('--seed <n>', 'random seed: the same seed gives the same results', whole(0), 1)
  .addOption(adapter())
  .action(async (options) => (await import('./commands/demo.ts')).demoCommand(options));
