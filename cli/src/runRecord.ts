// What ran: the options of a training as its model's file keeps them, and as a file that --config takes.
import type { TrainedModel, TrainingRecord, TrainProgress } from 'fovea';
import type { Config } from './config.ts';
import { defined } from './defined.ts';
import { stuffOf } from './stuff.ts';
import type { LearningOptions } from './trainOptions.ts';

/** Options that settings do not tell, by their long names. */
export interface TrainingNote extends Config {
  readonly data: string;
}

/** The options of a training that its settings do not tell: where its images come from, and which files the model was made of. */
export function noteOf(options: LearningOptions, progress: TrainProgress | undefined): TrainingNote {
  const before: Config = progress?.run?.note ?? {};
  const note: Config = {
    data: options.data,
    from: options.from,
    split: options.split,
    images: options.images,
    'skip-bad': options.skipBad,
    // By default boxes are clipped.
    clip: options.clip === false ? false : undefined,
    'fix-sizes': options.fixSizes,
    encoding: options.encoding,
    'allow-outside': options.allowOutside,
    'max-pixels': options.maxPixels,
    'boxes-as-masks': options.boxesAsMasks,
    width: options.width ?? before.width,
    anchors: options.anchors ?? before.anchors,
    weights: options.weights ?? before.weights,
  };
  return defined(note) as TrainingNote;
}

/** All options with which a model was trained, as `fovea train --config` takes them: those that were left out too. */
export function configOf(
  { name, classNames, model }: TrainedModel,
  { settings, note }: TrainingRecord,
): Config {
  const { best, classWeights, skipBatches } = settings;
  const weighed =
    settings.classWeights?.length === classNames.length ? classNames : ['background', ...classNames];
  const stuff = stuffOf(name, model.config, classNames);
  return {
    model: name,
    stuff: stuff.length > 0 ? stuff.join(',') : undefined,
    ...note,
    steps: settings.steps,
    size: settings.maxSide,
    crop: settings.cropSize,
    batch: settings.batchSize,
    accumulate: settings.accumulate,
    lr: settings.lr,
    schedule: settings.schedule,
    warmup: settings.warmup,
    'freeze-epochs': settings.freezeEpochs,
    optimizer: settings.optimizer,
    momentum: settings.momentum,
    'weight-decay': settings.weightDecay,
    'clip-norm': settings.clipNorm,
    amp: settings.amp,
    ema: settings.ema,
    seed: settings.seed,
    val: settings.val ?? '0',
    best: best?.replace(/^val_/, ''),
    patience: settings.patience,
    freeze: settings.freeze,
    'skip-batches': skipBatches?.join(','),
    'class-weights': classWeights && Object.fromEntries(weighed.map((label, i) => [label, classWeights[i]!])),
    'label-smoothing': settings.labelSmoothing,
    augment: settings.augment,
  };
}
