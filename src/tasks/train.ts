import {
  BatchSource,
  type BatchState,
  type DetectBatch,
  type Sample,
  type SegmentBatch,
} from '../data/dataset.ts';
import { shrinkSample } from '../data/resize.ts';
import type { Caps } from '../device/caps.ts';
import { DataError, DeviceLimitError, NumericError, ShapeError } from '../errors.ts';
import type { State } from '../graph/state.ts';
import { type Tensor, tensor } from '../graph/tensor.ts';
import type { Checkpoint } from '../io/checkpoint.ts';
import type { StateDict } from '../io/safetensors.ts';
import { checkTensor } from '../kernels/kernel.ts';
import { AdamW } from '../nn/optimizers.ts';
import { oneCycle } from '../nn/schedules.ts';
import type { CaptureProgress, Gpu } from '../plan/gpu.ts';
import type { HostArray } from '../shape.ts';
import { type Architecture, architectureOf, type Task } from './architectures.ts';
import { buildModel, checkDescription, largestWeight, type TrainedModel } from './modelFile.ts';
import { cropsPerEpoch, type TrainSettings } from './settings.ts';
import { type DetectionModel, isDetector, type SegmentationModel, trainingStep } from './step.ts';

/** What happened in one step. */
export interface StepRecord {
  readonly step: number;
  readonly losses: Readonly<Record<string, number>>;
  readonly lr: number;
}

export interface TrainHooks {
  onStep?(record: StepRecord, imagesPerSecond: number): void;
  onPhase?(name: string): void;
  onCompile?: CaptureProgress;
  /**
   * Called with all that resuming needs, every `checkpointEvery` steps and when training ends or is stopped. What is
   * kept every so often is handed over once the next loss is known to be finite, so that a good checkpoint is never
   * replaced by one that nothing can go on from.
   */
  onCheckpoint?(checkpoint: Checkpoint): Promise<void>;
  readonly checkpointEvery?: number;
  /** Asked before every step; true ends the training after a checkpoint. */
  shouldStop?(): boolean;
}

export interface TrainResult {
  readonly trained: TrainedModel;
  readonly weights: StateDict;
  readonly history: readonly StepRecord[];
  /** False where `shouldStop` ended it early. */
  readonly finished: boolean;
  readonly imagesPerSecond: number;
}

/** The part of a checkpoint that is JSON. */
interface Progress {
  readonly settings: TrainSettings;
  readonly step: number;
  readonly batches: BatchState;
  readonly history: readonly StepRecord[];
}

/**
 * Trains from random weights, or goes on from a checkpoint. Throws, before anything is allocated, DataError,
 * ShapeError or DeviceLimitError for settings that cannot be; NumericError for losses or weights that are not finite.
 */
export async function train(
  gpu: Gpu,
  samples: readonly Sample[],
  settings: TrainSettings,
  hooks: TrainHooks = {},
  resume?: { readonly checkpoint: Checkpoint; readonly file: string },
): Promise<TrainResult> {
  const architecture = architectureOf(settings.model);
  const model = checkedModel(settings, gpu.device.caps);
  const shrunk = samples.map((sample) => shrinkSample(sample, settings.maxSide));
  const repeated = cropsPerEpoch(shrunk, settings).flatMap((count, i) =>
    new Array<Sample>(count).fill(shrunk[i]!),
  );
  const source = new BatchSource(repeated, {
    task: architecture.task,
    masks: architecture.masks ?? false,
    batchSize: settings.batchSize,
    size: [settings.cropSize, settings.cropSize],
    classes: settings.classNames,
    seed: settings.seed,
    augment: settings.augment,
  });
  const optimizer = new AdamW(model.parameters(), settings);
  const schedule = oneCycle(settings);
  const history: StepRecord[] = [];
  let first = 0;
  if (resume) first = restore(resume, settings, model, optimizer, source, history);

  const step = gpu.capture(trainingStep(model, optimizer));

  const download = (state: State) => gpu.download(state);
  try {
    const next = (step: number) => toTensors(source, settings, model, step);
    let batch = next(first);
    if (first < settings.steps) {
      hooks.onPhase?.('compiling');
      await step.prepare(batch.tensors, hooks.onCompile);
    }
    let pending: { step: number; lr: number; values: Promise<HostArray> } | undefined;
    let held: { readonly step: number; readonly checkpoint: Checkpoint } | undefined;
    const started = performance.now();
    const settle = async (): Promise<void> => {
      if (!pending) return;
      const { step: at, lr, values } = pending;
      pending = undefined;
      const read = await values;
      const losses = namedLosses(architecture, read);
      checkFinite(at + 1, losses, read.at(-1)!, settings.lr);
      if (held?.step === at) await hooks.onCheckpoint?.(held.checkpoint);
      held = undefined;
      const record = { step: at + 1, losses, lr };
      history.push(record);
      hooks.onStep?.(record, ((at + 1 - first) * settings.batchSize * 1000) / (performance.now() - started));
    };
    let done = first;
    let stopped = false;
    for (; done < settings.steps; done++) {
      stopped = hooks.shouldStop?.() ?? false;
      if (stopped) break;
      const lr = schedule(done);
      optimizer.advance(lr);
      const run = await step(...batch.tensors);
      const values = run.losses.data();
      // A promise that is awaited later must not count as unhandled where the loop ends before.
      values.catch(() => undefined);
      // While the device works on this step, the next batch is cut and the losses of the last one are read.
      if (done + 1 < settings.steps) batch = next(done + 1);
      await settle();
      pending = { step: done, lr, values };
      const every = hooks.checkpointEvery ?? 25;
      if (hooks.onCheckpoint && (done + 1) % every === 0 && done + 1 < settings.steps) {
        await settle();
        held = { step: done + 1, checkpoint: await snapshot(done + 1) };
      }
    }
    await settle();
    const seconds = (performance.now() - started) / 1000;
    const last = await snapshot(done);
    await hooks.onCheckpoint?.(last);
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
      finished: !stopped,
      imagesPerSecond: ((done - first) * settings.batchSize) / Math.max(seconds, 1e-9),
    };
  } finally {
    step.dispose();
  }

  /** All that resuming after so many steps needs. The next batch may have been cut already, so its number is given. */
  async function snapshot(steps: number): Promise<Checkpoint> {
    const weights = await model.stateDict(download);
    for (const [name, { data }] of weights) {
      if (!data.every(Number.isFinite)) {
        throw new NumericError(
          `step ${steps}: ${name} is no longer finite; training stops, the last checkpoint stays; lower --lr (now ${settings.lr}) or check the images and labels`,
        );
      }
    }
    const progress: Progress = {
      settings,
      step: steps,
      batches: { ...source.state(), batch: steps },
      history: [...history],
    };
    return { weights, optimizer: await optimizer.stateDict(download), progress };
  }
}

/** Throws NumericError for a step whose losses, or the norm of their gradients, are not finite. */
function checkFinite(step: number, losses: Readonly<Record<string, number>>, norm: number, lr: number): void {
  const entries = Object.entries(losses);
  const broken = entries.find(([, value]) => !Number.isFinite(value));
  if (!broken && Number.isFinite(norm)) return;
  const what = broken
    ? `the ${broken[0]} loss is ${broken[1]}`
    : `the gradient of the ${entries.map(([name]) => name).join(' and ')} loss is ${norm}`;
  throw new NumericError(
    `step ${step}: ${what}; training stops, the last checkpoint stays; lower --lr (now ${lr}) or check the images and labels`,
  );
}

/** The model of settings. Throws for those that no training can have, or not on this device, before weights are drawn. */
function checkedModel(settings: TrainSettings, caps: Caps): DetectionModel | SegmentationModel {
  const { model: name, config, maxSide, cropSize, batchSize, steps, seed } = settings;
  const checked = checkDescription(name, config, { maxSide });
  if ('problem' in checked) throw new DataError(`train: ${checked.problem}; change the setting`);
  for (const [setting, value] of Object.entries({ cropSize, batchSize, steps })) {
    if (!Number.isInteger(value) || value < 1) {
      throw new DataError(`train: ${setting} ${value}; give a whole number of at least 1`);
    }
  }
  const multiple = architectureOf(name).multiple(config);
  if (cropSize % multiple !== 0) {
    throw new ShapeError(
      `train: crops of ${cropSize}x${cropSize}; the side must be a multiple of ${multiple}`,
    );
  }
  const images = { shape: [batchSize, cropSize, cropSize, 3], dtype: 'f32' } as const;
  checkTensor('train', 'images', images, caps);
  const model = buildModel(name, config, seed);
  const bytes = 4 * largestWeight(model);
  if (bytes > caps.maxBindingSize) {
    throw new DeviceLimitError(
      `train: this ${name} has a weight of ${bytes} bytes, the device binds at most ${caps.maxBindingSize}; use a smaller width`,
    );
  }
  return model;
}

const namedLosses = ({ losses }: Architecture, values: HostArray): Record<string, number> =>
  Object.fromEntries(losses.map((name, i) => [name, values[i]!]));

/** The next batch as the captured step takes it: see step.ts. */
function toTensors(
  source: BatchSource<Task>,
  { batchSize, cropSize, seed, model: name }: TrainSettings,
  model: DetectionModel | SegmentationModel,
  step: number,
): { tensors: Tensor[] } {
  const batch = source.next() as DetectBatch | SegmentBatch;
  const images = tensor(batch.images, [batchSize, cropSize, cropSize, 3]);
  if (!isDetector(model)) {
    return { tensors: [images, tensor((batch as SegmentBatch).masks, [batchSize, cropSize, cropSize])] };
  }
  const { boxes, labels, counts, masks } = batch as DetectBatch;
  const G = source.maxBoxes;
  return {
    tensors: [
      images,
      tensor(boxes, [batchSize, G, 4]),
      tensor(labels, [batchSize, G]),
      tensor(counts, [batchSize]),
      // Another seed at each step, and for each training.
      ...(architectureOf(name).draws ? [tensor(Int32Array.of(seed * 1_000_003 + step), [])] : []),
      ...(masks ? [tensor(masks, [batchSize, G, cropSize, cropSize])] : []),
    ],
  };
}

/** Puts a checkpoint into everything that training changes. Returns the step to go on with. */
function restore(
  { checkpoint, file }: { readonly checkpoint: Checkpoint; readonly file: string },
  settings: TrainSettings,
  model: DetectionModel | SegmentationModel,
  optimizer: AdamW,
  source: BatchSource<Task>,
  history: StepRecord[],
): number {
  const progress = checkpoint.progress as Partial<Progress> | null;
  if (
    !progress?.settings ||
    !progress.batches ||
    !Array.isArray(progress.history) ||
    !Number.isInteger(progress.step)
  ) {
    throw new DataError(`${file}: is no checkpoint of "fovea train"; train without --resume`);
  }
  const saved = progress.settings as unknown as Record<string, unknown>;
  const differing = Object.entries(settings).filter(
    ([name, value]) => JSON.stringify(saved[name]) !== JSON.stringify(value),
  );
  if (differing.length > 0) {
    const other = differing.find(([name]) => name === 'model');
    // Another model has another configuration, which says nothing more.
    const list = (other ? [other] : differing).map(
      ([name, value]) => `${name} ${JSON.stringify(saved[name]) ?? 'unknown'}, now ${JSON.stringify(value)}`,
    );
    throw new DataError(
      `${file}: was trained with ${list.join('; ')}; resume with the same data and settings`,
    );
  }
  model.loadStateDict(checkpoint.weights, file);
  optimizer.loadStateDict(checkpoint.optimizer);
  source.restore(progress.batches);
  history.push(...progress.history);
  return progress.step!;
}
