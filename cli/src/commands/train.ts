import path from 'node:path';
import {
  architectureIn,
  architectureOf,
  DataError,
  DEFAULT_MAX_SIDE,
  DEFAULT_MODEL,
  defaultSettings,
  type ModelName,
  type TaskName,
  type TrainSettings,
  UsageError,
} from 'fovea';
import { classNames, trainingAnnotation } from 'fovea/data';
import { type LoadedWeights, readFileBytes } from 'fovea/io';
import type { AnchorLayout } from 'fovea/vision';
import { readAugment } from '../augmentation.ts';
import { counted } from '../counted.ts';
import type { DataOptions } from '../dataOptions.ts';
import { checkOutputFile } from '../files.ts';
import { withGpu } from '../gpu.ts';
import { describeHeldOut, heldOutBy, holdOut, metricOf } from '../heldOut.ts';
import { withLock } from '../lock.ts';
import { expectFormat, type FormatAdvice, weightsOf } from '../modelFiles.ts';
import type { Held } from '../optionValues.ts';
import { printable, printableLines } from '../printable.ts';
import { type LoadedSample, loadFolder } from '../samples.ts';
import {
  checkNoTraining,
  checkpointPath,
  exportWeights,
  runTraining,
  type SavedTraining,
  savedTraining,
} from '../training.ts';
import { checkMasks, checkSizes } from '../trainingData.ts';

export interface TrainOptions extends DataOptions {
  readonly task?: TaskName;
  readonly model?: ModelName;
  readonly data: string;
  readonly out: string;
  readonly epochs?: number;
  /** Optimizer steps in all, instead of epochs. */
  readonly steps?: number;
  readonly size?: number;
  readonly crop?: number;
  readonly batch?: number;
  readonly width?: number;
  /** What `fovea anchors --json` wrote. */
  readonly anchors?: string;
  readonly lr?: number;
  readonly seed?: number;
  readonly resume?: boolean;
  /** Replace the checkpoint of another training. */
  readonly force?: boolean;
  /** Numbers of batches, from 1, that are not learned from. */
  readonly skipBatches?: readonly number[];
  readonly checkpointEvery?: number;
  /** Images to evaluate on after each epoch. */
  readonly val?: Held;
  /** The metric by which epochs are compared, without `val_`. */
  readonly best?: string;
  /** Epochs without an improvement before it stops. */
  readonly patience?: number;
  /** Fill boxes without outlines, to train masks on them. */
  readonly boxesAsMasks?: boolean;
  /** How crops are varied: the name of a ready-made list of transforms, or a JSON or TOML file with one. */
  readonly augment?: string;
  /** A file of weights to start from. */
  readonly weights?: string;
  /** Patterns of names of parameters that are not trained. */
  readonly freeze?: readonly string[];
  readonly adapter?: string;
}

function parsed(text: string, file: string): { readonly fitted?: Partial<Record<string, unknown>> } | null {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new DataError(`${file}: is not a JSON file (${(cause as Error).message}); ${FROM_ANCHORS}`, {
      cause,
    });
  }
}

/** The anchors in a file that `fovea anchors --json` wrote. Throws DataError for any other. */
async function readAnchors(file: string): Promise<AnchorLayout> {
  const text = new TextDecoder().decode(await readFileBytes(file));
  const json = parsed(text, file);
  const fitted = typeof json === 'object' ? json?.fitted : undefined;
  const numbers = (value: unknown): value is number[] =>
    Array.isArray(value) && value.length > 0 && value.every((side) => Number.isFinite(side) && side > 0);
  const lists = (value: unknown): value is number[][] =>
    Array.isArray(value) && value.length > 0 && value.every(numbers);
  if (fitted?.kind === 'pyramid' && lists(fitted.sizes) && numbers(fitted.aspectRatios)) {
    return { kind: 'pyramid', sizes: fitted.sizes, aspectRatios: fitted.aspectRatios };
  }
  if (
    fitted?.kind === 'list' &&
    lists(fitted.anchors) &&
    fitted.anchors.every((sides) => sides.length === 2)
  ) {
    const anchors = fitted.anchors as unknown as [number, number][];
    return { kind: 'list', count: anchors.length, anchors };
  }
  throw new DataError(`${file}: contains no fitted anchors; ${FROM_ANCHORS}`);
}

const FROM_ANCHORS = 'write it with fovea anchors --json';

/** fovea train: a detector or segmenter from random weights or those of a file, on a folder of labelled images. */
export async function trainCommand(options: TrainOptions): Promise<void> {
  if (options.resume && options.force) {
    throw new UsageError('train: --resume continues a training, --force replaces it; leave one of them out');
  }
  if (options.epochs !== undefined && options.steps !== undefined) {
    throw new UsageError('train: --epochs and --steps both say how long to train; leave one of them out');
  }
  await checkOutputFile(options.out);
  checkExtension(options.out);
  await withLock(options.out, () => trainLocked(options));
}

/** Throws UsageError for a name of the weights that says another format. */
function checkExtension(out: string): void {
  const { dir, name, ext } = path.parse(out);
  if (ext.toLowerCase() === '.safetensors') return;
  const right = path.join(dir, `${name}.safetensors`);
  const hint = ['.pth', '.pt', '.onnx'].includes(ext.toLowerCase())
    ? `, and convert it afterwards: fovea weights convert ${right} ${out}`
    : '';
  throw new UsageError(
    `train: --out ${out}: weights are written as .safetensors; give --out ${right}${hint}`,
  );
}

/** The model to train: the one that was named, else that of the checkpoint or of the weights. Throws where they differ. */
function modelOf(
  { model, task, out }: TrainOptions,
  saved: SavedTraining | undefined,
  weights: LoadedWeights | undefined,
): ModelName {
  const before = saved?.progress.settings.model;
  const known = before ?? (weights && architectureIn(weights));
  const fits = known && task && architectureOf(known).task === task;
  const wanted = model ?? (fits ? known : task ? DEFAULT_MODEL[task] : known);
  if (!wanted) throw new UsageError('train: give --model, or --task detect or --task segment');
  if (before && before !== wanted) {
    throw new DataError(
      `${checkpointPath(out)}: is of a ${before}, which cannot be continued as a ${wanted}; resume with --model ${before}, or train the ${wanted} with another --out`,
    );
  }
  if (task && task !== architectureOf(wanted).task) {
    throw new UsageError(
      `train: --model ${wanted} is for --task ${architectureOf(wanted).task}, not ${task}; leave --task out`,
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
  options: TrainOptions,
  model: ModelName,
  maxSide: number,
  data = options.data,
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

async function trainLocked(options: TrainOptions): Promise<void> {
  const { out } = options;
  if (!options.resume && !options.force) checkNoTraining(out);
  const saved = options.resume ? await savedTraining(out) : undefined;
  const before = saved?.progress.settings;
  // A checkpoint has all weights, also those that are not trained.
  const weights = options.weights === undefined || saved ? undefined : await startWeights(options.weights);
  for (const note of weights?.notes ?? []) process.stderr.write(`--weights: ${printable(note)}\n`);
  if (saved && options.weights !== undefined && path.basename(options.weights) !== before?.weights) {
    throw new DataError(
      `${saved.file}: started from ${before?.weights ?? 'random weights'}, not from ${path.basename(options.weights)}; leave --weights out`,
    );
  }
  const model = modelOf(options, saved, weights);
  const skipBatches = skipBatchesOf(options.skipBatches, saved);
  const augment = options.augment === undefined ? undefined : await readAugment(options.augment);
  const maxSide = options.size ?? before?.maxSide ?? DEFAULT_MAX_SIDE;
  const best = metricOf(model, options.best) ?? before?.best;
  const patience = options.patience ?? before?.patience;
  const all = await trainingSamples(options, model, maxSide);
  // A training that was judged by nothing goes on so.
  const earlier = saved ? (before?.val ?? '0') : undefined;
  const how = heldOutBy(options.val, earlier, all.length);
  const split = await holdOut(all, how, options.seed ?? before?.seed ?? 0, (folder) =>
    trainingSamples(options, model, maxSide, folder),
  );
  const samples = split.train;
  const judged = {
    classNames: classNames(all),
    ...(split.val === undefined ? {} : { val: split.val }),
    ...(best === undefined ? {} : { best }),
    ...(patience === undefined ? {} : { patience }),
  };
  const given = {
    ...judged,
    epochs: options.epochs,
    steps: options.steps,
    maxSide: options.size,
    cropSize: options.crop,
    batchSize: options.batch,
    width: options.width,
    ...(options.anchors === undefined ? {} : { anchors: await readAnchors(options.anchors) }),
    lr: options.lr,
    seed: options.seed,
    ...(augment ? { augment } : {}),
    skipBatches,
    ...(weights ? { weights } : {}),
    ...(options.freeze ? { freeze: options.freeze } : {}),
  };
  const chosen: TrainSettings = defaultSettings(
    model,
    samples,
    before
      ? {
          // What is not given again stays as it was; what is given otherwise is an error further on.
          ...judged,
          ...(given.epochs === undefined ? { steps: given.steps ?? before.steps } : { epochs: given.epochs }),
          maxSide: given.maxSide ?? before.maxSide,
          cropSize: given.cropSize ?? before.cropSize,
          batchSize: given.batchSize ?? before.batchSize,
          ...(given.width === undefined && !given.anchors ? { config: before.config } : {}),
          ...(given.width === undefined ? {} : { width: given.width }),
          ...(given.anchors === undefined ? {} : { anchors: given.anchors }),
          lr: given.lr ?? before.lr,
          seed: given.seed ?? before.seed,
          augment: augment ?? before.augment,
          skipBatches,
          ...(before.freeze || options.freeze ? { freeze: options.freeze ?? before.freeze ?? [] } : {}),
        }
      : given,
  );
  const settings = before?.weights === undefined ? chosen : { ...chosen, weights: before.weights };
  if (saved && saved.progress.step === settings.steps) {
    await exportWeights(out);
    process.stderr.write(
      `${printable(out)}: the training is finished, ${settings.steps} of ${counted(settings.steps, 'step')}; give more --steps or --epochs to go on\n`,
    );
    return;
  }
  await withGpu(options.adapter, async (gpu) => {
    const count = counted(samples.length, 'image');
    const classes = settings.classNames.map(printable).join(', ');
    process.stderr.write(
      `${model}: ${count}, classes ${classes}; ${counted(settings.steps, 'step')} of ${counted(settings.batchSize, 'crop')} of ${settings.cropSize}x${settings.cropSize}\n`,
    );
    process.stderr.write(describeHeldOut(split));
    const { checkpointEvery } = options;
    const result = await runTraining(gpu, samples, settings, {
      label: model,
      data: options.data,
      out,
      ...(saved ? { saved } : {}),
      ...(weights ? { weights } : {}),
      ...(split.valid ? { valid: split.valid } : {}),
      ...(checkpointEvery === undefined ? {} : { checkpointEvery }),
    });
    const here = saved ? ` (${result.stepsHere} in this run)` : '';
    const speed = `${result.imagesPerSecond.toFixed(1)} images/s`;
    const { best } = result;
    const kept = best ? `the weights of epoch ${best.epoch + 1} (${best.name} ${best.value.toFixed(3)})` : '';
    process.stderr.write(
      result.finished
        ? `trained: ${printable(out)}, ${counted(result.step, 'step')}${here}, ${speed}${kept && `; ${kept}`}\n`
        : `stopped: ${printable(out)} has ${kept ? `${kept}, stopped at` : 'the weights of'} step ${result.step} of ${settings.steps}${here}, ${speed}; continue with --resume\n`,
    );
  });
}
