import { withDefaults } from '../../options.ts';
import type { Callback, TrainingState } from '../callback.ts';
import type { Logs } from '../history.ts';
import { isBetter, type MonitorMode, monitored } from './monitor.ts';

/** Options of `EarlyStopping`. */
export interface EarlyStoppingOptions {
  /** The name in the logs that is to improve. Default: what epochs are compared by, or `val_loss`. */
  readonly monitor?: string;
  /** By how much at least it must improve. Default 0. */
  readonly minDelta?: number;
  /** The training ends after so many epochs in a row without. Default 0: after the first one. */
  readonly patience?: number;
  /** Whether more or less is better. Default auto. */
  readonly mode?: MonitorMode;
  /** A value that the first improvement must be better than. Default: none. */
  readonly baseline?: number;
  /** Epochs that are not counted at the start. Default 0. */
  readonly startFromEpoch?: number;
}

/**
 * Ends a training when a value has stopped improving (Keras's EarlyStopping). The Learner restores the weights of the best epoch by
 * itself: see `LearnerOptions.best`.
 */
export class EarlyStopping implements Callback {
  readonly #options: Required<Omit<EarlyStoppingOptions, 'baseline' | 'monitor'>> &
    Pick<EarlyStoppingOptions, 'baseline' | 'monitor'>;
  #best: number | undefined;
  #wait = 0;

  constructor(options: EarlyStoppingOptions = {}) {
    this.#options = withDefaults('EarlyStopping', options, {
      monitor: undefined,
      minDelta: 0,
      patience: 0,
      mode: 'auto' as const,
      baseline: undefined,
      startFromEpoch: 0,
    });
  }

  onEpochEnd(training: TrainingState, logs: Logs): void {
    const { minDelta, patience, mode, baseline, startFromEpoch } = this.#options;
    const { monitor = training.best ?? 'val_loss' } = this.#options;
    const value = monitored('EarlyStopping', logs, monitor);
    if (training.history.epochs.length <= startFromEpoch) return;
    if (isBetter(value, this.#best ?? baseline, minDelta, mode, training, monitor)) {
      this.#best = value;
      this.#wait = 0;
      return;
    }
    this.#wait++;
    if (this.#wait < Math.max(1, patience)) return;
    training.stop(
      `${monitor} has not improved in ${this.#wait} ${this.#wait === 1 ? 'epoch' : 'epochs'} (best ${this.#best ?? baseline}, now ${value})`,
    );
  }

  state(): unknown {
    return { best: this.#best ?? null, wait: this.#wait };
  }

  loadState(state: unknown): void {
    const { best, wait } = state as { best: number | null; wait: number };
    this.#best = best ?? undefined;
    this.#wait = wait;
  }
}
