import { UsageError } from '../../errors.ts';
import { withDefaults } from '../../options.ts';
import type { Callback, TrainingState } from '../callback.ts';
import type { Logs } from '../history.ts';
import { isBetter, type MonitorMode, monitored } from './monitor.ts';

/** Options of `ReduceLROnPlateau`. */
export interface ReduceLROnPlateauOptions {
  /** The name in the logs that is to improve. Default `val_loss`. */
  readonly monitor?: string;
  /** What the learning rate is multiplied by, above 0 and below 1. Default 0.1. */
  readonly factor?: number;
  /** It is reduced after so many epochs in a row without an improvement. Default 10. */
  readonly patience?: number;
  /** By how much at least a value must improve. Default 1e-4. */
  readonly minDelta?: number;
  /** Whether more or less is better. Default auto. */
  readonly mode?: MonitorMode;
  /** Epochs after a reduction that are not counted. Default 0. */
  readonly cooldown?: number;
  /** The smallest factor of the schedule's rates that it goes down to. Default 0. */
  readonly minScale?: number;
}

/** Reduces the learning rate when a value has stopped improving (Keras's ReduceLROnPlateau). */
export class ReduceLROnPlateau implements Callback {
  readonly #options: Required<ReduceLROnPlateauOptions>;
  #best: number | undefined;
  #wait = 0;
  #cooling = 0;

  /** @param options Throws UsageError for a factor that does not reduce. */
  constructor(options: ReduceLROnPlateauOptions = {}) {
    this.#options = withDefaults('ReduceLROnPlateau', options, {
      monitor: 'val_loss',
      factor: 0.1,
      patience: 10,
      minDelta: 1e-4,
      mode: 'auto' as const,
      cooldown: 0,
      minScale: 0,
    });
    const { factor } = this.#options;
    if (!(factor > 0 && factor < 1)) {
      throw new UsageError(`ReduceLROnPlateau: factor is ${factor}; give a number above 0 and below 1`);
    }
  }

  onEpochEnd(training: TrainingState, logs: Logs): void {
    const { monitor, factor, patience, minDelta, mode, cooldown, minScale } = this.#options;
    const value = monitored('ReduceLROnPlateau', logs, monitor);
    if (this.#cooling > 0) {
      this.#cooling--;
      this.#wait = 0;
    }
    if (isBetter(value, this.#best, minDelta, mode, training, monitor)) {
      this.#best = value;
      this.#wait = 0;
      return;
    }
    if (this.#cooling > 0) return;
    this.#wait++;
    if (this.#wait < patience) return;
    training.lrScale = Math.max(minScale, training.lrScale * factor);
    this.#cooling = cooldown;
    this.#wait = 0;
  }

  state(): unknown {
    return { best: this.#best ?? null, wait: this.#wait, cooling: this.#cooling };
  }

  loadState(state: unknown): void {
    const { best, wait, cooling } = state as { best: number | null; wait: number; cooling: number };
    this.#best = best ?? undefined;
    this.#wait = wait;
    this.#cooling = cooling;
  }
}
