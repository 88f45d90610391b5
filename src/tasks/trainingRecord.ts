import type { TrainSettings } from './settings.ts';

/** Where and on what a training ran. It stays the same from its start to its end. */
export interface TrainingRun {
  /** The version of Fovea. */
  readonly fovea: string;
  /** The name of the adapter. */
  readonly adapter: string;
  /** Images to learn from, and images that the model was judged by. */
  readonly images: { readonly train: number; readonly valid: number };
  /** What the caller noted: `TrainOptions.note`. */
  readonly note?: Readonly<Record<string, unknown>>;
}

/**
 * How a model was trained, saved with its weights: all settings, and where it ran. It has no date and no path of the weights, so that the same
 * training gives the same bytes.
 */
export interface TrainingRecord extends TrainingRun {
  /** The settings, but for the model, its configuration and its classes, which are saved with it. */
  readonly settings: Omit<TrainSettings, 'model' | 'classNames' | 'config'>;
  /** Steps done. */
  readonly step: number;
  /** The epoch whose weights these are, from 0, and by what it is the best; undefined where epochs were not compared. */
  readonly best?: { readonly name: string; readonly value: number; readonly epoch: number };
}

/** Makes the record of a training. */
export function trainingRecord(
  run: TrainingRun,
  { model: _, classNames: __, config: ___, ...settings }: TrainSettings,
  { step, best }: Pick<TrainingRecord, 'step' | 'best'>,
): TrainingRecord {
  return {
    ...run,
    settings,
    step,
    ...(best ? { best: { name: best.name, value: best.value, epoch: best.epoch } } : {}),
  };
}
