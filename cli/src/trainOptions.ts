// The options of training: what they are, and how the command line names them. `train` and `lr-find` share most.
import { type Command, InvalidArgumentError, Option } from 'commander';
import {
  DEFAULT_MODEL,
  MODEL_NAMES,
  type ModelName,
  OPTIMIZER_NAMES,
  type OptimizerName,
  SCHEDULE_NAMES,
  type ScheduleName,
  type TaskName,
} from 'fovea';
import type { DataOptions } from './dataOptions.ts';
import { batches, type Held, held, names, positive, several, share, whole } from './optionValues.ts';

/** Options of what is trained, on what, and by what optimizer. */
export interface LearningOptions extends DataOptions {
  readonly task?: TaskName;
  readonly model?: ModelName;
  readonly data?: string;
  /** A file that names options: see applyConfig. */
  readonly config?: string;
  readonly size?: number;
  readonly crop?: number;
  readonly batch?: number;
  readonly width?: number;
  /** What `fovea anchors --json` wrote. */
  readonly anchors?: string;
  readonly seed?: number;
  /** Images to evaluate on after each epoch. */
  readonly val?: Held;
  /** Classes of regions, of models that find them too. */
  readonly stuff?: readonly string[];
  /** Fill boxes without outlines, to train masks on them. */
  readonly boxesAsMasks?: boolean;
  /** How crops are varied: the name of a ready-made list of transforms, a JSON or TOML file with one, or the list of a config file. */
  readonly augment?: string | readonly unknown[];
  /** A file of weights to start from. */
  readonly weights?: string;
  /** Patterns of names of parameters that are not trained. */
  readonly freeze?: readonly string[];
  readonly optimizer?: OptimizerName;
  readonly momentum?: number;
  readonly weightDecay?: number;
  readonly clipNorm?: number;
  readonly accumulate?: number;
  readonly amp?: boolean;
  /** `auto`, names with weights, a file with them, or the table of a config file. */
  readonly classWeights?: string | Readonly<Record<string, unknown>>;
  /** The share of each target that is spread over all classes, 0 to 1. */
  readonly labelSmoothing?: number;
  readonly adapter?: string;
}

/** Options of `fovea train`. */
export interface TrainOptions extends LearningOptions {
  readonly out?: string;
  readonly epochs?: number;
  /** Optimizer steps in all, instead of epochs. */
  readonly steps?: number;
  readonly lr?: number;
  readonly schedule?: ScheduleName;
  /** Steps of warm-up. */
  readonly warmup?: number;
  readonly freezeEpochs?: number;
  /** The decay of averaged weights; true for the usual one. */
  readonly ema?: number | true;
  /** The metric by which epochs are compared, without `val_`. */
  readonly best?: string;
  /** Epochs without an improvement before it stops. */
  readonly patience?: number;
  /** Numbers of steps, from 1, whose batches are not learned from. */
  readonly skipBatches?: readonly number[];
  readonly checkpointEvery?: number;
  /** The folder for logs. */
  readonly log?: string;
  /** The step after which it stops, to be continued. */
  readonly until?: number;
  readonly resume?: boolean;
  /** Replace the checkpoint of another training. */
  readonly force?: boolean;
}

/** A number from 0 to below 1. */
const part = (text: string): number => {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (!(value >= 0 && value < 1)) throw new InvalidArgumentError('give a number from 0 to below 1.');
  return value;
};

const atLeast0 = (text: string): number => {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (!(value >= 0) || value === Number.POSITIVE_INFINITY) {
    throw new InvalidArgumentError('give a number of at least 0.');
  }
  return value;
};

/** Adds the options of what is trained, on what, and by what optimizer. */
export const learningOptions = (command: Command): Command =>
  command
    .option(
      '--data <dir>',
      'folder with images and annotations, or a COCO file; for classifiers a folder per class, or a CSV file (needed)',
    )
    .option('--config <file>', 'TOML or JSON file with any of these options; those given here win')
    .option('--boxes-as-masks', 'for models of masks: fill the boxes of objects that have no outline')
    .addOption(new Option('--model <name>', 'model to train').choices(MODEL_NAMES))
    .option(
      '--stuff <names>',
      'for panopticfpn: the classes that are regions, such as sky,grass; background is what nothing labelled covers (default: background)',
      names,
    )
    .addOption(
      new Option(
        '--task <task>',
        `instead of --model: train the default model of a task, ${Object.values(DEFAULT_MODEL).join(', ')}`,
      ).choices(Object.keys(DEFAULT_MODEL)),
    )
    .option('--size <pixels>', 'shrink larger images to this longer side (default: 512)', whole(32, 65536))
    .option(
      '--crop <pixels>',
      'side of the training crops, a multiple of 32 (default: chosen by the size of the objects)',
      whole(32, 65536, 32),
    )
    .option('--batch <n>', 'crops per batch (default: 4)', whole(1))
    .option('--accumulate <n>', 'batches per step, whose gradients are added up (default: 1)', whole(1))
    .option(
      '--width <channels>',
      'channels of the first stage (default: 16; unet, yolov3 and yolo-fastest 8, yolov3-tiny 4)',
      whole(1, 4096),
    )
    .option('--anchors <file>', 'anchors for a detector: a file written by fovea anchors --json')
    .addOption(new Option('--optimizer <name>', 'the optimizer (default: adamw)').choices(OPTIMIZER_NAMES))
    .option('--momentum <share>', 'momentum of sgd (default: 0.9) and rmsprop (default: 0)', part)
    .option('--weight-decay <rate>', 'weight decay (default: 1e-4)', atLeast0)
    .option('--clip-norm <norm>', 'highest norm of the gradients (default: 10)', positive)
    .option('--amp', 'mixed precision: f16 activations, f32 weights, a scaled loss')
    .option(
      '--class-weights <how>',
      'segmenters and classifiers: weights of classes in the loss: auto (rare ones count more), names such as background=0.2,coin=1, or a TOML or JSON file',
    )
    .option(
      '--label-smoothing <share>',
      'classifiers: the share of each target that is spread over all classes (default: 0)',
      share,
    )
    .option('--seed <n>', 'random seed: the same seed gives the same weights (default: 0)', whole(0))
    .option(
      '--augment <preset|file>',
      'how crops are varied: none, light, default, aerial or text, or a JSON or TOML file with a list of transforms (default: default)',
    )
    .option(
      '--val <share|fold|dir>',
      'what the model is judged by after each epoch: a share of the images, a fold such as 1/5, or a folder; 0 for none (default: 0.2 of 10 images or more)',
      held,
    )
    .option(
      '--weights <file>',
      "start from these: a model of fovea train, a PyTorch or safetensors file of a whole model or its backbone, or Darknet's .weights",
    )
    .option(
      '--freeze <pattern>',
      'do not train the parameters of these names, such as "backbone.*" (may be repeated)',
      several,
    );

/** Adds the options that only `fovea train` has. */
export const trainOptions = (command: Command): Command =>
  command
    .option('--out <file>', 'file for the weights, .safetensors (needed)')
    .option(
      '--epochs <n>',
      'passes over the data set (default: 1000 steps in total, 2500 with several classes)',
      whole(1),
    )
    .option('--steps <n>', 'number of steps, instead of --epochs', whole(1))
    .option(
      '--lr <rate>',
      'highest learning rate (default: 0.003; unet and YOLO 0.01, YOLO from --weights less; sgd ten times, lion a tenth of it)',
      positive,
    )
    .addOption(
      new Option('--schedule <name>', 'how the learning rate changes (default: one-cycle)').choices(
        SCHEDULE_NAMES,
      ),
    )
    .option(
      '--warmup <steps>',
      'steps in which the rate rises to that of the schedule (default: 0)',
      whole(0),
    )
    .option(
      '--freeze-epochs <n>',
      'first train the head alone for so many epochs, then everything, with lower rates in front (default: 0)',
      whole(0),
    )
    .option(
      '--ema [decay]',
      'average the weights over the steps, and judge and save the averages (decay: 0.999, and less in the first steps)',
      part,
    )
    .option(
      '--best <metric>',
      'what epochs are compared by: ap, ap50, iou, dice, accuracy, top5, pq or loss (default: ap, iou or accuracy)',
    )
    .option('--patience <epochs>', 'stop after so many epochs in a row that were no better', whole(1))
    .option('--log <dir>', 'folder for the logs of epochs: log.csv, history.json, and TensorBoard files')
    .option('--checkpoint-every <steps>', 'number of steps between checkpoints (default: 25)', whole(1))
    .option('--until <step>', 'stop after this step, as by Ctrl-C; --resume goes on', whole(1))
    .option(
      '--resume',
      'continue from the checkpoint next to --out; --lr, --epochs, --steps, --patience and --skip-batches may differ',
    )
    .option('--skip-batches <list>', 'do not learn in these steps, such as 7,12-14', batches)
    .option('--force', 'replace the checkpoint of an earlier training next to --out');
