import { BatchSource, type DetectBatch, type Sample, type SegmentBatch } from '../data/dataset.ts';
import { shrinkSample } from '../data/resize.ts';
import type { Caps } from '../device/caps.ts';
import { DataError, DeviceLimitError, NumericError, ShapeError, UsageError } from '../errors.ts';
import type { State } from '../graph/state.ts';
import { type Tensor, tensor } from '../graph/tensor.ts';
import type { Checkpoint } from '../io/checkpoint.ts';
import type { LoadedWeights } from '../io/loadedWeights.ts';
import type { StateDict } from '../io/safetensors.ts';
import { checkTensor } from '../kernels/kernel.ts';
import { AdamW } from '../nn/optimizers.ts';
import { oneCycle } from '../nn/schedules.ts';
import { expectOptions } from '../options.ts';
import type { Gpu } from '../plan/gpu.ts';
import type { CaptureProgress } from '../plan/step.ts';
import type { HostArray } from '../shape.ts';
import { type Architecture, architectureOf, type Task } from './architectures.ts';
import { freeze } from './freeze.ts';
import { buildModel, checkDescription, largestWeight, type TrainedModel } from './modelFile.ts';
import { readProgress, type TrainProgress } from './progress.ts';
import { ADJUSTABLE, cropsPerEpoch, expectTraining, type TrainSettings } from './settings.ts';
import { nameOfWeights, type StartReport, startFrom } from './startWeights.ts';
import { type DetectionModel, isDetector, type SegmentationModel, trainingStep } from './step.ts';

/** The losses of one training step. */
export interface StepRecord {
  /** The number of the step, from 1. */
  readonly step: number;
  /** Its losses by name. */
  readonly losses: Readonly<Record<string, number>>;
  /** Its learning rate. */
  readonly lr: number;
}

/** A checkpoint to resume from. */
export interface ResumeFrom {
  /** What `onCheckpoint` received, or `loadCheckpoint` read. */
  readonly checkpoint: Checkpoint;
  /** The file's name, for error messages. */
  readonly file: string;
  /** The name of the data set, for error messages. Default: the data set. */
  readonly data?: string;
  /** The records of the steps before it, to be repeated in `TrainResult.history`. Default: none. */
  readonly history?: readonly StepRecord[];
}

/** Options of `train`: what happens during a training. */
export interface TrainOptions {
  /** Continues from a checkpoint instead of random weights. It has all weights, also those that are not trained. */
  readonly resume?: ResumeFrom;
  /**
   * Starts from these weights, which `defaultSettings` was given too: what fits by name and shape is taken, of the same
   * architecture or of its backbone alone; the rest, such as a head for other classes, is random.
   */
  readonly weights?: LoadedWeights;
  /** Called with what was taken of `weights`, before anything is compiled: see `describeStart`. */
  onWeights?(report: StartReport): void;
  /** Called after each step, once its losses are known. */
  onStep?(record: StepRecord, imagesPerSecond: number): void;
  /** Called when a phase begins (`compiling`). */
  onPhase?(name: string): void;
  /** Called for each pipeline that is compiled, and each kernel that is timed. */
  onCompile?: CaptureProgress;
  /**
   * Called with everything that resuming needs, every `checkpointEvery` steps and when training ends or is stopped. A
   * periodic checkpoint is handed over only once the next loss is known to be finite, so that a good checkpoint is never
   * replaced by a useless one.
   */
  onCheckpoint?(checkpoint: Checkpoint): Promise<void>;
  /** Steps between checkpoints. Default 25. */
  readonly checkpointEvery?: number;
  /** Called before each step; returning true ends the training after a checkpoint. */
  shouldStop?(): boolean;
}

/** The names of `TrainOptions`. */
const TRAIN_OPTIONS = Object.keys({
  ...{ resume: 0, onStep: 0, onPhase: 0, onCompile: 0, onCheckpoint: 0, checkpointEvery: 0, shouldStop: 0 },
  ...{ weights: 0, onWeights: 0 },
} satisfies Record<keyof TrainOptions, 0>) as (keyof TrainOptions)[];

/** What `train` returns. */
export interface TrainResult {
  /** The trained model. */
  readonly trained: TrainedModel;
  /** Its weights, as `saveWeights` takes them. */
  readonly weights: StateDict;
  /** The losses of all steps of this call, after those of `ResumeFrom.history`. Batches that were skipped have none. */
  readonly history: readonly StepRecord[];
  /** The number of steps done, those before a resumed checkpoint included. */
  readonly step: number;
  /** Whether all steps were done; false if `shouldStop` ended the training early. */
  readonly finished: boolean;
  /** Crops per second of this call, compilation excluded. */
  readonly imagesPerSecond: number;
}

/**
 * Trains a model from random weights or given ones, or continues from a checkpoint: AdamW with a one-cycle schedule, on augmented
 * crops.
 *
 * The same settings, samples and weights to start from give the same weights, bit for bit on one adapter, whether or not the training was interrupted. A
 * resumed training may have another learning rate, more steps, and other batches to skip; all else must be the same.
 *
 * @param gpu Where the model is trained.
 * @param samples Images and annotations.
 * @param settings Settings of the training; see `defaultSettings`.
 * @param options Callbacks, checkpoints, and a checkpoint to resume from.
 * @throws DataError, ShapeError or DeviceLimitError for impossible settings, before anything is allocated; DataError for a
 * checkpoint of other settings or data; StateDictError for weights to start from of which next to nothing fits; UsageError where they are not
 * those of the settings, or `freeze` names nothing or everything; NumericError for losses, gradients or weights that are not finite, which names the step,
 * its images and the ways out.
 */
export async function train(
  gpu: Gpu,
  samples: readonly Sample[],
  settings: TrainSettings,
  options: TrainOptions = {},
): Promise<TrainResult> {
  expectOptions('train', options, TRAIN_OPTIONS);
  expectTraining(gpu, samples, settings);
  const architecture = architectureOf(settings.model);
  const model = checkedModel(settings, gpu.device.caps);
  const shrunk = samples.map((sample) => shrinkSample(sample, settings.maxSide));
  const repeated = cropsPerEpoch(shrunk, settings).flatMap((count, i) =>
    new Array<Sample>(count).fill(shrunk[i]!),
  );
  const source = new BatchSource(repeated, {
    task: architecture.task,
    masks: architecture.hasMasks ?? false,
    batchSize: settings.batchSize,
    size: [settings.cropSize, settings.cropSize],
    classNames: settings.classNames,
    seed: settings.seed,
    augment: settings.augment,
  });
  const { lr, weightDecay, clipNorm, steps } = settings;
  if (!options.resume) {
    const report = loadStart(model, settings, options.weights);
    if (report) options.onWeights?.(report);
  }
  const optimizer = new AdamW(freeze(model, settings.freeze ?? []), { lr, weightDecay, clipNorm });
  const schedule = oneCycle({ maxLr: lr, steps });
  const history: StepRecord[] = [...(options.resume?.history ?? [])];
  const skipped = new Set(settings.skipBatches);
  /** The first step from `step` on whose batch is not skipped. Steps count from 0 here, in messages and files from 1. */
  const following = (step: number): number => {
    let at = step;
    while (at < settings.steps && skipped.has(at + 1)) at++;
    return at;
  };
  const restored = options.resume ? restore(options.resume, settings, model, optimizer, source) : 0;
  const first = following(restored);
  let hasCheckpoint = options.resume !== undefined;
  const handOver = async (checkpoint: Checkpoint): Promise<void> => {
    await options.onCheckpoint?.(checkpoint);
    hasCheckpoint ||= options.onCheckpoint !== undefined;
  };

  const step = gpu.capture(trainingStep(model, optimizer));

  const download = (state: State) => gpu.download(state);
  try {
    const next = (step: number) => toTensors(source, settings, model, step);
    let batch: { tensors: Tensor[] } | undefined;
    if (first < settings.steps) {
      batch = next(first);
      options.onPhase?.('compiling');
      await step.prepare(batch.tensors, options.onCompile);
    }
    let pending: { step: number; lr: number; values: Promise<HostArray> } | undefined;
    let held: { readonly step: number; readonly checkpoint: Checkpoint } | undefined;
    let run = 0;
    const started = performance.now();
    const settle = async (): Promise<void> => {
      if (!pending) return;
      const { step: at, lr, values } = pending;
      pending = undefined;
      const read = await values;
      const losses = namedLosses(architecture, read);
      const problem = problemOf(losses, read.at(-1)!);
      if (problem) throw divergence(at + 1, problem);
      if (held && held.step <= at) await handOver(held.checkpoint);
      held = undefined;
      const record = { step: at + 1, losses, lr };
      history.push(record);
      run++;
      options.onStep?.(record, (run * settings.batchSize * 1000) / (performance.now() - started));
    };
    let done = first;
    let stopped = false;
    for (; done < settings.steps; done = following(done + 1)) {
      stopped = options.shouldStop?.() ?? false;
      if (stopped) break;
      const lr = schedule(done);
      optimizer.lr = lr;
      const { losses } = await step(...batch!.tensors);
      const values = losses.data();
      // The promise is awaited later; it must not be reported as unhandled if the loop ends before.
      values.catch(() => undefined);
      // While the device computes this step, prepare the next batch and read the losses of the previous step.
      const after = following(done + 1);
      if (after < settings.steps) batch = next(after);
      await settle();
      pending = { step: done, lr, values };
      const every = options.checkpointEvery ?? 25;
      if (options.onCheckpoint && (done + 1) % every === 0 && after < settings.steps) {
        await settle();
        held = { step: done + 1, checkpoint: await snapshot(done + 1) };
      }
    }
    await settle();
    const seconds = (performance.now() - started) / 1000;
    const last = await snapshot(done);
    await handOver(last);
    const { weights } = last;
    model.loadStateDict(weights);
    model.eval();
    return {
      trained: {
        name: settings.model,
        model,
        classNames: settings.classNames,
        preprocessing: { maxSide: settings.maxSide },
      },
      weights,
      history,
      step: done,
      finished: !stopped,
      imagesPerSecond: (run * settings.batchSize) / Math.max(seconds, 1e-9),
    };
  } finally {
    step.dispose();
  }

  /** Everything needed to resume after this number of steps. The next batch may have been cut already, so its number is set. */
  async function snapshot(steps: number): Promise<Checkpoint> {
    const weights = await model.stateDict(download);
    for (const [name, { data }] of weights) {
      if (!data.every(Number.isFinite)) throw divergence(steps, `the weight ${name} is no longer finite`);
    }
    const progress: TrainProgress = {
      settings,
      step: steps,
      batches: { ...source.state(), batch: steps },
      random: await model.randomState(download),
    };
    return { weights, optimizer: await optimizer.stateDict(download), progress };
  }

  /** The error of a step, from 1, that left numbers that are not finite: its images, and the ways out. */
  function divergence(step: number, problem: string): NumericError {
    const names = [...new Set(source.names(step - 1))];
    const shown = names.slice(0, MAX_NAMES).join(', ');
    const list = names.length > MAX_NAMES ? `${shown} and ${names.length - MAX_NAMES} more` : shown;
    const [kept, way] = hasCheckpoint
      ? ['the last checkpoint is kept', 'go on with --resume and']
      : ['there is no checkpoint yet', 'train again with'];
    return new NumericError(
      `step ${step}: ${problem}; training stops, ${kept}; ${way} a lower --lr (now ${settings.lr}), more --steps, or --skip-batches ${step}; or check the images and labels of this batch: ${list}`,
    );
  }
}

/** Loads the weights that the settings name. Throws UsageError where others or none are given. */
function loadStart(
  model: DetectionModel | SegmentationModel,
  { model: name, weights: wanted }: TrainSettings,
  weights: LoadedWeights | undefined,
): StartReport | undefined {
  const given = weights && nameOfWeights(weights);
  if (given !== wanted) {
    throw new UsageError(
      `train: the settings start from ${wanted ?? 'random weights'}, the option weights is ${given ?? 'left out'}; give defaultSettings and train the same weights`,
    );
  }
  return weights && startFrom(model, name, weights);
}

/** A message names no more images of a batch than this. */
const MAX_NAMES = 8;

/** What is wrong with a step whose losses, or the norm of their gradients, are not finite. */
function problemOf(losses: Readonly<Record<string, number>>, norm: number): string | undefined {
  const entries = Object.entries(losses);
  const broken = entries.find(([, value]) => !Number.isFinite(value));
  if (broken) return `the ${broken[0]} loss is ${broken[1]}`;
  if (Number.isFinite(norm)) return undefined;
  return `the gradient of the ${entries.map(([name]) => name).join(' and ')} loss is ${norm}`;
}

/** Builds the model. Throws for impossible settings, or those impossible on this device, before weights are drawn. */
function checkedModel(settings: TrainSettings, caps: Caps): DetectionModel | SegmentationModel {
  const { model: name, config, maxSide, cropSize, batchSize, steps, seed, skipBatches = [] } = settings;
  const checked = checkDescription(name, config, { maxSide });
  if ('problem' in checked) throw new DataError(`train: ${checked.problem}; change this setting`);
  for (const [setting, value] of Object.entries({ cropSize, batchSize, steps })) {
    if (!Number.isInteger(value) || value < 1) {
      throw new DataError(`train: ${setting} is ${value}; give an integer of at least 1`);
    }
  }
  const unknown = skipBatches.find((batch) => !Number.isInteger(batch) || batch < 1 || batch > steps);
  if (unknown !== undefined) {
    throw new DataError(`train: skipBatches has ${unknown}; give numbers of batches from 1 to ${steps}`);
  }
  const multiple = architectureOf(name).sizeMultiple(config);
  if (cropSize % multiple !== 0) {
    throw new ShapeError(`train: cropSize is ${cropSize}; ${name} needs a multiple of ${multiple}`);
  }
  const images = { shape: [batchSize, cropSize, cropSize, 3], dtype: 'f32' } as const;
  checkTensor('train', 'images', images, caps);
  const model = buildModel(name, config, seed);
  const bytes = 4 * largestWeight(model);
  if (bytes > caps.maxBindingSize) {
    throw new DeviceLimitError(
      `train: the largest weight of this ${name} has ${bytes} bytes, the device binds at most ${caps.maxBindingSize}; use a smaller width`,
    );
  }
  return model;
}

const namedLosses = ({ lossNames }: Architecture, values: HostArray): Record<string, number> =>
  Object.fromEntries(lossNames.map((name, i) => [name, values[i]!]));

/** The next batch as the inputs of the captured step: see step.ts. */
function toTensors(
  source: BatchSource<Task>,
  { batchSize, cropSize, seed, model: name }: TrainSettings,
  model: DetectionModel | SegmentationModel,
  step: number,
): { tensors: Tensor[] } {
  if (source.state().batch !== step) source.restore({ ...source.state(), batch: step });
  const batch = source.next() as DetectBatch | SegmentBatch;
  const images = tensor(batch.images, [batchSize, cropSize, cropSize, 3]);
  if (!isDetector(model)) {
    return { tensors: [images, tensor((batch as SegmentBatch).labels, [batchSize, cropSize, cropSize])] };
  }
  const { boxes, labels, counts, masks, ignored } = batch as DetectBatch;
  const G = source.maxBoxes;
  return {
    tensors: [
      images,
      tensor(boxes, [batchSize, G, 4]),
      tensor(labels, [batchSize, G]),
      tensor(counts, [batchSize]),
      // A different seed for each step and each training.
      ...(architectureOf(name).needsSeed ? [tensor(Int32Array.of(seed * 1_000_003 + step), [])] : []),
      ...(masks ? [tensor(masks, [batchSize, G, cropSize, cropSize])] : []),
      tensor(ignored, [batchSize, source.maxIgnored, 4]),
    ],
  };
}

/** Restores everything that training changes from a checkpoint. Returns the number of steps done. */
function restore(
  { checkpoint, file, data = 'the data set' }: ResumeFrom,
  settings: TrainSettings,
  model: DetectionModel | SegmentationModel,
  optimizer: AdamW,
  source: BatchSource<Task>,
): number {
  const progress = readProgress(checkpoint.progress, file);
  const saved = new Map<string, unknown>(Object.entries(progress.settings));
  const now = new Map<string, unknown>(Object.entries(settings));
  const differing = [...new Set([...now.keys(), ...saved.keys()])]
    .filter(
      (name) =>
        !ADJUSTABLE.includes(name) && JSON.stringify(saved.get(name)) !== JSON.stringify(now.get(name)),
    )
    .map((name) => [name, now.get(name)] as const);
  if (differing.length > 0) {
    const other = differing.find(([name]) => name === 'model');
    // A different model has a different configuration, which need not be listed too.
    const list = (other ? [other] : differing).map(
      ([name, value]) =>
        `${name} ${JSON.stringify(saved.get(name)) ?? 'none'}, now ${JSON.stringify(value) ?? 'none'}`,
    );
    throw new DataError(
      `${file}: was trained with ${list.join('; ')}; resume with the same data and settings (only lr, steps and skipBatches may change)`,
    );
  }
  if (settings.steps < progress.step) {
    throw new DataError(
      `${file}: has ${progress.step} steps done, more than the ${settings.steps} asked for; give at least ${progress.step} steps`,
    );
  }
  const [before, here] = [progress.batches.samples, source.state().samples];
  if (before !== here) {
    throw new DataError(
      `${file}: was trained on other data than ${data} (crops per epoch: ${before}, now ${here}); resume with the same images`,
    );
  }
  model.loadStateDict(checkpoint.weights, { source: file });
  optimizer.loadStateDict(checkpoint.optimizer);
  model.loadRandomState(progress.random);
  source.restore(progress.batches);
  return progress.step;
}
