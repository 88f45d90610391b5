import { expectOneOf, withDefaults } from '../../options.ts';
import type { Callback, TrainingState } from '../callback.ts';
import type { Logs } from '../history.ts';
import { KeptWeights } from './keptWeights.ts';
import { expectPatience, isBetter, type MonitorMode, monitored } from './monitor.ts';

/** Options of `EarlyStopping`. */
export interface EarlyStoppingOptions {
  /** The logged value to watch. Default: the one by which the Learner chooses the best epoch, or `val_loss`. */
  readonly monitor?: string;
  /** A smaller change than this is no improvement. Default 0. */
  readonly minDelta?: number;
  /** The number of epochs in a row without an improvement after which the training ends; Infinity: never. Default 0: after the first one. */
  readonly patience?: number;
  /** Whether more or less is better. Default auto. */
  readonly mode?: MonitorMode;
  /** An epoch is an improvement only if its value is better than this. Default: none. */
  readonly baseline?: number;
  /**
   * Whether the model gets the weights of its best epoch at the end, even if the training was not stopped early. Checkpoints hold them
   * too. Default false: `LearnerOptions.best` decides.
   */
  readonly restoreBestWeights?: boolean;
  /** The number of epochs at the start that are not watched. Default 0. */
  readonly startFromEpoch?: number;
}

/**
 * Ends a training when a value has stopped improving, by the rules of Keras's EarlyStopping. An epoch is an improvement if its value is better
 * than the best one so far by more than `minDelta`. It resets the count of epochs without an improvement if it is also better than `baseline`. The
 * first epoch never ends a training. Each training starts with an empty memory. By default the Learner itself restores the weights of the best
 * epoch: see `LearnerOptions.best`.
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
    // A resumed training has loaded its state already.
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
