import { expectOneOf, withDefaults } from '../../options.ts';
import type { Callback, TrainingState } from '../callback.ts';
import type { Logs } from '../history.ts';
import { KeptWeights } from './keptWeights.ts';
import { expectPatience, isBetter, type MonitorMode, monitored } from './monitor.ts';

/** Options of `EarlyStopping`. */
export interface EarlyStoppingOptions {
  /** The name in the logs that is to improve. Default: what epochs are compared by, or `val_loss`. */
  readonly monitor?: string;
  /** By how much at least it must improve. Default 0. */
  readonly minDelta?: number;
  /** The training ends after so many epochs in a row without; Infinity: never. Default 0: after the first one. */
  readonly patience?: number;
  /** Whether more or less is better. Default auto. */
  readonly mode?: MonitorMode;
  /** Epochs count as without an improvement until the value is better than this. Default: none. */
  readonly baseline?: number;
  /**
   * Whether the model ends with the weights of the epoch with the best value, also of a training that is not stopped early. They are in
   * checkpoints too. Default false: what `LearnerOptions.best` says.
   */
  readonly restoreBestWeights?: boolean;
  /** Epochs that are not counted at the start. Default 0. */
  readonly startFromEpoch?: number;
}

/**
 * Ends a training when a value has stopped improving, by the rules of Keras's EarlyStopping: an epoch improves if it is better than the best one
 * by more than `minDelta`, and begins the count anew if it is better than `baseline` too. The first epoch never ends a training.
 * Each training begins anew. By default the Learner restores the weights of the best epoch by itself: see `LearnerOptions.best`.
 */
export class EarlyStopping implements Callback {
  readonly #options: Required<Omit<EarlyStoppingOptions, 'baseline' | 'monitor'>> &
    Pick<EarlyStoppingOptions, 'baseline' | 'monitor'>;
  #best: number | undefined;
  #wait = 0;
  readonly #weights = new KeptWeights();

  /** @param options Throws UsageError for numbers that cannot be used. */
  constructor(options: EarlyStoppingOptions = {}) {
    this.#options = withDefaults('EarlyStopping', options, {
      monitor: undefined,
      minDelta: 0,
      patience: 0,
      mode: 'auto' as const,
      baseline: undefined,
      startFromEpoch: 0,
      restoreBestWeights: false,
    });
    const { patience, startFromEpoch, minDelta, mode } = this.#options;
    expectPatience('EarlyStopping', { patience, startFromEpoch }, { minDelta });
    expectOneOf('EarlyStopping', 'mode', mode, ['auto', 'min', 'max']);
  }

  onTrainBegin({ step }: TrainingState): void {
    // One that is resumed has its state.
    if (step > 0) return;
    this.#best = undefined;
    this.#wait = 0;
    this.#weights.clear();
  }

  async onEpochEnd(training: TrainingState, logs: Logs): Promise<void> {
    const { minDelta, patience, mode, baseline, startFromEpoch, restoreBestWeights } = this.#options;
    const { monitor = training.best ?? 'val_loss' } = this.#options;
    const value = monitored('EarlyStopping', logs, monitor);
    const { length } = training.history.epochs;
    if (length <= startFromEpoch) return;
    const improves = (than: number | undefined) => isBetter(value, than, minDelta, mode, training, monitor);
    const isBest = improves(this.#best);
    if (restoreBestWeights && (isBest || this.#weights.isEmpty)) await this.#weights.keep(training);
    this.#wait++;
    if (isBest) {
      this.#best = value;
      if (baseline === undefined || improves(baseline)) this.#wait = 0;
      return;
    }
    if (this.#wait < patience || length === 1) return;
    training.stop(
      `${monitor} has not improved in ${this.#wait} ${this.#wait === 1 ? 'epoch' : 'epochs'} (best ${this.#best ?? baseline}, now ${value})`,
    );
  }

  onTrainEnd(training: TrainingState): void {
    this.#weights.restore(training);
  }

  state(): unknown {
    return { best: this.#best ?? null, wait: this.#wait, weights: this.#weights.state };
  }

  loadState(state: unknown): void {
    const { best, wait, weights } = state as { best: number | null; wait: number; weights: string | null };
    this.#best = best ?? undefined;
    this.#wait = wait;
    this.#weights.loadState(weights);
  }
}
