import { DataError } from '../errors.ts';
import type { State } from '../graph/state.ts';
import type { Checkpoint } from '../io/checkpoint.ts';
import type { LoadedWeights } from '../io/loadedWeights.ts';
import type { StateDict } from '../io/safetensors.ts';
import { expectOptions } from '../options.ts';
import type { Gpu } from '../plan/gpu.ts';
import type { CaptureProgress } from '../plan/step.ts';
import { TUNED_VERSION } from '../plan/tuner.ts';
import { preprocessingOf, type TrainedModel } from '../tasks/modelFile.ts';
import { readProgress, type TrainProgress } from '../tasks/progress.ts';
import { PLATEAU_PATIENCE, scheduleOf } from '../tasks/recipe.ts';
import type { TaskSamples } from '../tasks/samples.ts';
import { ADJUSTABLE, cropsOf, expectTraining, stepsOf, type TrainSettings } from '../tasks/settings.ts';
import type { StartReport } from '../tasks/startWeights.ts';
import { type TrainingRun, trainingRecord } from '../tasks/trainingRecord.ts';
import type { BestEpoch } from './best.ts';
import type { Callback, LearnerCheckpoint } from './callback.ts';
import { EarlyStopping } from './callbacks/earlyStopping.ts';
import { ReduceLROnPlateau } from './callbacks/reduceLROnPlateau.ts';
import type { FitControls } from './fitControls.ts';
import type { FitProgress } from './fitProgress.ts';
import type { Logs, StepLogs } from './history.ts';
import { learnerOf, type TaskLearner } from './learnerOf.ts';

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
   * Starts from these weights, which `defaultSettings` was given too. Weights that fit by name and shape are used, those of the same
   * architecture or of its backbone alone; the rest, such as a head for other classes, is random.
   */
  readonly weights?: LoadedWeights;
  /**
   * Whole images for validation after each epoch, by average precision or intersection over union. The weights of the best epoch are
   * then returned. Default: none.
   */
  readonly valid?: TaskSamples;
  /** What is saved with the weights, in their `TrainingRecord`: plain JSON data, such as where the images come from. Default: nothing. */
  readonly note?: Readonly<Record<string, unknown>>;
  /** Callbacks of the Learner, such as loggers. A resumed training takes the same ones, in the same order. Default: none. */
  readonly callbacks?: readonly Callback[];
  /** Called before anything is compiled, with the parts of `weights` that were used: see `describeStart`. */
  onWeights?(report: StartReport): void;
  /** Called after each step, once its losses are known. */
  onStep?(record: StepRecord, imagesPerSecond: number): void;
  /** Called after each epoch with its logs, and whether it is the best so far. Epochs are passes over the data, or longer: at most 25 in a training with `valid`. */
  onEpoch?(logs: Logs, isBest: boolean): void;
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
  /**
   * What the error says to do about losses that are not finite: the number of the step, its images, and whether a checkpoint was handed over.
   * Default: what can be done on the command line.
   */
  advice?(step: number, items: string, hasCheckpoint: boolean): string;
}

/** The names of `TrainOptions`. */
const TRAIN_OPTIONS = Object.keys({
  ...{ resume: 0, onStep: 0, onPhase: 0, onCompile: 0, onCheckpoint: 0, checkpointEvery: 0, shouldStop: 0 },
  ...{ weights: 0, onWeights: 0, valid: 0, onEpoch: 0, callbacks: 0, note: 0, advice: 0 },
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
  /** The epoch of the returned weights, and the metric by which it is the best; undefined without `TrainOptions.valid`. */
  readonly best?: BestEpoch;
  /** Whether all steps were done; false if `shouldStop` ended the training early. */
  readonly finished: boolean;
  /** Crops per second of this call, compilation excluded. */
  readonly imagesPerSecond: number;
  /** The share of the time of the steps in which the device waited for a batch: see `Learner.waiting`. */
  readonly waiting: number;
}

/**
 * Trains a model from random weights or given ones, or continues from a checkpoint: AdamW with a one-cycle schedule, on augmented
 * crops.
 *
 * The same settings, samples and weights to start from give the same weights, bit for bit on one adapter, whether or not the training was interrupted. A
 * resumed training may have another learning rate, more steps, and other batches to skip; all else must be the same.
 *
 * @param gpu Where the model is trained.
 * @param samples Images and annotations; for classifiers images and labels.
 * @param settings Settings of the training; see `defaultSettings`.
 * @param options Callbacks, checkpoints, and a checkpoint to resume from.
 * @throws DataError, ShapeError or DeviceLimitError for impossible settings, before anything is allocated; DataError for a
 * checkpoint of other settings or data; StateDictError for weights to start from of which next to nothing fits; UsageError where they are not
 * those of the settings, or `freeze` names nothing or everything; NumericError for losses, gradients or weights that are not finite, which names the step,
 * its images and the ways out.
 */
export async function train(
  gpu: Gpu,
  samples: TaskSamples,
  settings: TrainSettings,
  options: TrainOptions = {},
): Promise<TrainResult> {
  expectOptions('train', options, TRAIN_OPTIONS);
  expectTraining(gpu, samples, settings);
  const { resume, weights: start, valid } = options;
  const progress = resume && readProgress(resume.checkpoint.progress, resume.file);
  const fit = progress && fitOf(progress);
  // What an attempt before this one has written is there, whatever this one comes to.
  const run: TrainingRun = {
    fovea: TUNED_VERSION,
    adapter: gpu.device.adapter.name,
    images: { train: samples.length, valid: valid?.length ?? 0 },
    ...(options.note ? { note: options.note } : {}),
  };
  const training = new Training(settings, options, cropsOf(samples, settings), run);
  const learner = learnerOf(gpu, samples, settings, {
    ...(valid ? { valid } : {}),
    ...(resume ? { isResumed: true } : {}),
    ...(start ? { weights: start } : {}),
    ...(fit ? { stepsPerEpoch: fit.learner.perEpoch / settings.accumulate } : {}),
    onWeights: (report) => options.onWeights?.(report),
    advice: (step, items) => training.advice(step, items),
  });
  try {
    const result = await training.run(learner, progress);
    const { model } = learner;
    const weights = await model.stateDict((state: State) => gpu.download(state));
    // They are then on the host too, and outlive the device.
    model.loadStateDict(weights);
    model.eval();
    const { model: name, classNames } = settings;
    const trained = {
      ...{ name, classNames, preprocessing: preprocessingOf(settings), model },
      training: trainingRecord(run, settings, result),
    };
    return { ...result, trained, weights };
  } finally {
    learner.dispose();
  }
}

/** The Learner's part of a training's progress, which the Learner checks when it takes it. */
const fitOf = ({ fit }: TrainProgress): FitProgress => fit as unknown as FitProgress;

/** The default of `TrainOptions.checkpointEvery`. */
const CHECKPOINT_EVERY = 25;

/** One training by a Learner: what `train` adds to it. */
class Training {
  readonly #settings: TrainSettings;
  readonly #options: TrainOptions;
  /** Crops per epoch, which a resumed training must have too. */
  readonly #crops: number;
  readonly #where: TrainingRun;
  #hasCheckpoint: boolean;
  /** Steps of this call, and when the first of them began. */
  #run = 0;
  #started = 0;

  constructor(settings: TrainSettings, options: TrainOptions, crops: number, where: TrainingRun) {
    this.#settings = settings;
    this.#options = options;
    this.#crops = crops;
    this.#where = where;
    this.#hasCheckpoint = options.resume !== undefined;
  }

  async run(
    learner: TaskLearner,
    progress: TrainProgress | undefined,
  ): Promise<Omit<TrainResult, 'trained' | 'weights'>> {
    const { steps, lr, freezeEpochs, batchSize, accumulate, patience, schedule } = this.#settings;
    const { resume, onCompile, onCheckpoint, callbacks = [] } = this.#options;
    const isJudged = learner.valid !== undefined;
    const controls: FitControls = {
      callbacks: [
        this.#callback(),
        ...(isJudged ? [new EarlyStopping({ patience: patience ?? Number.POSITIVE_INFINITY })] : []),
        ...(schedule === 'plateau'
          ? [new ReduceLROnPlateau({ monitor: isJudged ? 'val_loss' : 'loss', patience: PLATEAU_PATIENCE })]
          : []),
        ...callbacks,
      ],
      // `onStep` hands them on.
      keepSteps: false,
      ...(resume && progress ? { resume: this.#checked(resume, progress), resumeFile: resume.file } : {}),
      ...(onCompile ? { onCompile } : {}),
      ...(onCheckpoint
        ? {
            onCheckpoint: (checkpoint) => this.#handOver(checkpoint),
            checkpointEvery: this.#options.checkpointEvery ?? CHECKPOINT_EVERY,
          }
        : {}),
    };
    const perEpoch = learner.stepsPerEpoch;
    const frozen = stepsOf(freezeEpochs ?? 0, this.#crops / batchSize / accumulate);
    const rates = scheduleOf(this.#settings, steps);
    const { history, step, finished, best } =
      frozen > 0
        ? await learner.fineTune((steps - frozen) / perEpoch, {
            ...controls,
            baseLr: lr,
            freezeEpochs: frozen / perEpoch,
          })
        : await learner.fit(steps / perEpoch, { ...controls, lr, schedule: (at) => rates(at) });
    const seconds = (performance.now() - this.#started) / 1000;
    return {
      history: history.steps.map(recordOf),
      step,
      finished,
      ...(best ? { best } : {}),
      waiting: learner.waiting,
      imagesPerSecond: (this.#run * batchSize * accumulate) / Math.max(seconds, 1e-9),
    };
  }

  #callback(): Callback {
    const { onPhase, onStep, onEpoch, shouldStop } = this.#options;
    const { steps, batchSize, accumulate, skipBatches } = this.#settings;
    const images = batchSize * accumulate;
    const skipped = new Set(skipBatches);
    return {
      onTrainBegin: ({ step }) => {
        if (step < steps) onPhase?.('compiling');
      },
      onBatchBegin: (training) => {
        if (this.#started === 0) this.#started = performance.now();
        if (shouldStop?.()) training.stop();
        return skipped.has(training.step + 1) ? 'skip' : undefined;
      },
      onEpochEnd: (training, logs) => onEpoch?.(logs, training.isBest),
      onBatchEnd: (_, logs) => {
        this.#run++;
        onStep?.(recordOf(logs), (this.#run * images * 1000) / (performance.now() - this.#started));
      },
    };
  }

  async #handOver({ weights, optimizer, progress }: Checkpoint): Promise<void> {
    const fit = progress as FitProgress;
    const own: TrainProgress = {
      settings: this.#settings,
      step: fit.step,
      crops: this.#crops,
      fit: { ...fit },
      run: this.#where,
    };
    await this.#options.onCheckpoint?.({ weights, optimizer, progress: own });
    this.#hasCheckpoint = true;
  }

  /** The Learner's part of a checkpoint. Throws DataError for one of other settings or data. */
  #checked(
    { checkpoint, file, data = 'the data set', history = [] }: ResumeFrom,
    progress: TrainProgress,
  ): LearnerCheckpoint {
    expectSame(progress, this.#settings, file);
    if (progress.crops !== this.#crops) {
      throw new DataError(
        `${file}: was trained on other data than ${data} (crops per epoch: ${progress.crops}, now ${this.#crops}); resume with the same images`,
      );
    }
    const fit = fitOf(progress);
    const perEpoch = fit.learner.perEpoch / this.#settings.accumulate;
    const steps = history.map(({ step, lr, losses }): StepLogs => {
      const loss = Object.values(losses).reduce((a, b) => a + b, 0);
      return { step, epoch: Math.floor((step - 1) / perEpoch), lr, losses: { loss, ...losses } };
    });
    return { ...checkpoint, progress: { ...fit, history: { ...fit.history, steps } } };
  }

  /** What the error says to do where numbers are not finite. */
  advice(step: number, items: string): string {
    const given = this.#options.advice?.(step, items, this.#hasCheckpoint);
    if (given !== undefined) return given;
    const [kept, way] = this.#hasCheckpoint
      ? ['the last checkpoint is kept', 'go on with --resume and']
      : ['there is no checkpoint yet', 'train again with'];
    return `training stops, ${kept}; ${way} a lower --lr (now ${this.#settings.lr}), more --steps, or --skip-batches ${step}; or check the images and labels of this batch: ${items}`;
  }
}

/** The losses of a step by name, without their sum. */
function recordOf({ step, lr, losses: { loss: _, ...losses } }: StepLogs): StepRecord {
  return { step, losses, lr };
}

/** Throws DataError where a checkpoint was made with other settings than those that may change. */
function expectSame(progress: TrainProgress, settings: TrainSettings, file: string): void {
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
      `${file}: was trained with ${list.join('; ')}; resume with the same data and settings (only lr, steps, skipBatches and patience may change)`,
    );
  }
  if (settings.steps < progress.step) {
    throw new DataError(
      `${file}: has ${progress.step} steps done, more than the ${settings.steps} asked for; give at least ${progress.step} steps`,
    );
  }
}
