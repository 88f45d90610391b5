// What a training is made of: the images, the weights to start from, and all settings, from the options of the command line.
import path from 'node:path';
import {
  architectureIn,
  architectureOf,
  classifierArchitecture,
  DataError,
  DEFAULT_MAX_SIDE,
  DEFAULT_MODEL,
  defaultSettings,
  type ModelName,
  type RecipeOptions,
  type SettingsOptions,
  type TrainSettings,
  UsageError,
} from 'fovea';
import { type ClassSample, classNames, trainingAnnotation } from 'fovea/data';
import { type LoadedWeights, readFileBytes } from 'fovea/io';
import { readAnchors } from './anchorsFile.ts';
import { readAugment } from './augmentation.ts';
import { classTrainingData } from './classTraining.ts';
import { readClassWeights } from './classWeights.ts';
import { defined } from './defined.ts';
import { type HeldOut, heldOutBy, holdOut, metricOf } from './heldOut.ts';
import { expectFormat, type FormatAdvice, weightsOf } from './modelFiles.ts';
import { printable, printableLines } from './printable.ts';
import { noteOf, type TrainingNote } from './runRecord.ts';
import { type LoadedSample, loadFolder } from './samples.ts';
import { stuffOf } from './stuff.ts';
import type { SavedTraining } from './training.ts';
import { checkMasks, checkSizes } from './trainingData.ts';
import type { LearningOptions, TrainOptions } from './trainOptions.ts';

/** A training that can begin. */
export interface TrainingSetUp {
  readonly model: ModelName;
  readonly settings: TrainSettings;
  /** The images to learn from, and those to be judged by. */
  readonly split: HeldOut<LoadedSample> | HeldOut<ClassSample>;
  /** The weights to start from. */
  readonly weights?: LoadedWeights;
  /** What is saved with the weights. */
  readonly note: TrainingNote;
}

/** The model to train: the one that was named, else that of the checkpoint or of the weights. Throws where they differ. */
function modelOf(
  call: string,
  { model, task }: LearningOptions,
  saved: SavedTraining | undefined,
  weights: LoadedWeights | undefined,
): ModelName {
  const before = saved?.progress.settings.model;
  const whole = before ?? (weights && architectureIn(weights));
  // Weights of a classifier may be for the backbone of another model, too.
  const known = whole ?? (task === 'classify' && weights ? classifierArchitecture(weights) : undefined);
  const fits = known && task && architectureOf(known).task === task;
  const wanted = model ?? (fits ? known : task ? DEFAULT_MODEL[task] : known);
  if (!wanted)
    throw new UsageError(
      `${call}: give --model, or --task with one of ${Object.keys(DEFAULT_MODEL).join(', ')}`,
    );
  if (before && before !== wanted) {
    throw new DataError(
      `${saved?.file}: is of a ${before}, which cannot be continued as a ${wanted}; resume with --model ${before}, or train the ${wanted} with another --out`,
    );
  }
  if (task && task !== architectureOf(wanted).task) {
    throw new UsageError(
      `${call}: --model ${wanted} is for --task ${architectureOf(wanted).task}, not ${task}; leave --task out`,
    );
  }
  return wanted;
}

/** The batches to skip: those of the checkpoint, and those given now, which must be still to come. */
function skipBatchesOf(given: readonly number[] = [], saved: SavedTraining | undefined): number[] {
  const { step = 0, settings } = saved?.progress ?? {};
  const before = settings?.skipBatches ?? [];
  const past = given.find((batch) => batch <= step && !before.includes(batch));
  if (past !== undefined) {
    throw new UsageError(
      `train: --skip-batches ${past}: the checkpoint is of step ${step} and has learned from this batch; leave it out, or train anew`,
    );
  }
  return [...new Set([...before, ...given])].sort((a, b) => a - b);
}

/** The data set as a model is taught it: what is left out of training becomes regions to ignore. */
async function trainingSamples(
  options: LearningOptions,
  model: ModelName,
  maxSide: number,
  data: string,
): Promise<readonly LoadedSample[]> {
  const { task, hasMasks } = architectureOf(model);
  // A detector is not taught crowds and what is hard to make out; a segmenter is, as their pixels are no background.
  const detector = task === 'detect';
  const masks = (!detector || hasMasks === true) && !options.boxesAsMasks;
  let boxes = 0;
  const samples = await loadFolder(data, maxSide, { clip: true, ...options }, (annotation) => {
    const taught = trainingAnnotation(annotation, { detector });
    const outlined = masks ? trainingAnnotation(taught, { masks }) : taught;
    boxes += taught.shapes.length - outlined.shapes.length;
    return outlined;
  });
  const { length } = samples;
  if (boxes === 0 && samples.every(({ annotation }) => annotation.shapes.length === 0)) {
    const which = length === 1 ? 'its image has no object' : `none of its ${length} images has an object`;
    throw new DataError(`${data}: ${which} to learn; label some`);
  }
  const drawn = samples.some(({ annotation }) => annotation.shapes.length > 0);
  process.stderr.write(printableLines(checkMasks(drawn, boxes, model, data)));
  process.stderr.write(printableLines(checkSizes(samples, maxSide, data)));
  return samples;
}

/** The images of a detector or segmenter: those to learn from, and those to judge by. */
async function objectTrainingData(
  options: LearningOptions & { readonly data: string },
  model: ModelName,
  maxSide: number,
  { earlier, seed }: { readonly earlier: string | undefined; readonly seed: number },
) {
  const all = await trainingSamples(options, model, maxSide, options.data);
  const how = heldOutBy(options.val, earlier, all.length);
  const split = await holdOut(all, how, seed, (folder) => trainingSamples(options, model, maxSide, folder));
  return { split, classNames: classNames(all), load: async () => split };
}

/** Files that a training does not start from. */
const NO_START: FormatAdvice = {
  onnx: (file) =>
    `is an ONNX model; convert its weights first: fovea weights convert ${file} ${path.basename(file, '.onnx')}.safetensors`,
  'darknet-cfg': () => "is Darknet's configuration, not weights; give the .weights file beside it",
  text: () => 'is a text file, not weights; give a .safetensors or .pth file',
};

/** The weights to start from. */
async function startWeights(file: string): Promise<LoadedWeights> {
  const content = await readFileBytes(file);
  expectFormat(content, file, NO_START);
  return weightsOf(content, file);
}

/** The recipe: what is given, else what a resumed training had. */
function recipeOptions(
  options: TrainOptions,
  before: TrainSettings | undefined,
): Omit<RecipeOptions, 'ema'> & Pick<SettingsOptions, 'ema'> {
  const optimizer = options.optimizer ?? before?.optimizer;
  const schedule = options.schedule ?? before?.schedule;
  // What was chosen for another optimizer or schedule says nothing of this one.
  const [sameOptimizer, sameSchedule] = [before?.optimizer === optimizer, before?.schedule === schedule];
  return {
    lr: options.lr ?? before?.lr,
    schedule,
    warmup: options.warmup ?? (sameSchedule ? before?.warmup : undefined),
    optimizer,
    momentum: options.momentum ?? (sameOptimizer ? before?.momentum : undefined),
    weightDecay: options.weightDecay ?? before?.weightDecay,
    clipNorm: options.clipNorm ?? before?.clipNorm,
    accumulate: options.accumulate ?? before?.accumulate,
    amp: options.amp ?? before?.amp,
    // True may be given again with the same meaning.
    ema: (options.ema === true ? before?.ema : undefined) ?? options.ema ?? before?.ema,
  };
}

/**
 * Reads the images and weights of a training, and chooses its settings. What a resumed training is not given again stays as it was; what is
 * given otherwise is an error of `train`.
 *
 * @param call The command, which messages begin with.
 */
export async function setUpTraining(
  call: string,
  options: TrainOptions,
  saved?: SavedTraining,
): Promise<TrainingSetUp> {
  const { data } = options;
  if (data === undefined) {
    throw new UsageError(`${call}: give --data DIR, the folder with the images, here or as data in --config`);
  }
  const before = saved?.progress.settings;
  // A checkpoint has all weights, also those that are not trained.
  const weights = options.weights === undefined || saved ? undefined : await startWeights(options.weights);
  for (const note of weights?.notes ?? []) process.stderr.write(`--weights: ${printable(note)}\n`);
  if (saved && options.weights !== undefined && path.basename(options.weights) !== before?.weights) {
    throw new DataError(
      `${saved.file}: started from ${before?.weights ?? 'random weights'}, not from ${path.basename(options.weights)}; leave --weights out`,
    );
  }
  const model = modelOf(call, options, saved, weights);
  const skipBatches = skipBatchesOf(options.skipBatches, saved);
  const augment = options.augment === undefined ? before?.augment : await readAugment(options.augment);
  const maxSide = options.size ?? before?.maxSide ?? DEFAULT_MAX_SIDE;
  // A training that was judged by nothing goes on so.
  const earlier = saved ? (before?.val ?? '0') : undefined;
  const seed = options.seed ?? before?.seed ?? 0;
  const images =
    architectureOf(model).task === 'classify'
      ? await classTrainingData({ ...options, data }, earlier, seed)
      : await objectTrainingData({ ...options, data }, model, maxSide, { earlier, seed });
  const length =
    options.epochs === undefined ? { steps: options.steps ?? before?.steps } : { epochs: options.epochs };
  const classWeights =
    options.classWeights === undefined ? undefined : await readClassWeights(options.classWeights);
  const stuff = before ? stuffOf(before.model, before.config, before.classNames) : [];
  const built = options.width !== undefined || options.anchors !== undefined;
  const given: SettingsOptions = {
    ...recipeOptions(options, before),
    ...defined({
      ...length,
      classNames: images.classNames,
      val: images.split.val,
      best: metricOf(model, options.best) ?? before?.best,
      patience: options.patience ?? before?.patience,
      maxSide,
      cropSize: options.crop ?? before?.cropSize,
      batchSize: options.batch ?? before?.batchSize,
      stuff: options.stuff ?? (stuff.length > 0 ? stuff : undefined),
      width: options.width,
      anchors: options.anchors === undefined ? undefined : await readAnchors(options.anchors),
      config: before && !built ? before.config : undefined,
      seed: options.seed ?? before?.seed,
      augment,
      weights,
      freeze: options.freeze ?? before?.freeze,
      freezeEpochs: options.freezeEpochs ?? before?.freezeEpochs,
      classWeights,
      labelSmoothing: options.labelSmoothing ?? before?.labelSmoothing,
    }),
    skipBatches,
  };
  const chosen = defaultSettings(model, images.split.train, given);
  const settings: TrainSettings = {
    ...chosen,
    ...(before?.weights === undefined ? {} : { weights: before.weights }),
    ...(before?.classWeights && !classWeights ? { classWeights: before.classWeights } : {}),
  };
  const split = await images.load(settings);
  return { model, settings, split, ...(weights ? { weights } : {}), note: noteOf(options, saved?.progress) };
}
