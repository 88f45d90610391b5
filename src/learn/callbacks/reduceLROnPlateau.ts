import { UsageError } from '../../errors.ts';
import { expectOneOf, withDefaults } from '../../options.ts';
import type { Callback, TrainingState } from '../callback.ts';
import type { Logs } from '../history.ts';
import { expectPatience, isBetter, type MonitorMode, monitored } from './monitor.ts';

/** Options of `ReduceLROnPlateau`. */
export interface ReduceLROnPlateauOptions {
  /** The name in the logs that is to improve. Default `val_loss`. */
  readonly monitor?: string;
  /** What the learning rate is multiplied by, above 0 and below 1. Default 0.1. */
  readonly factor?: number;
  /** The number of epochs in a row without an improvement after which the rate is reduced. Default 10. */
  readonly patience?: number;
  /** By how much at least a value must improve. Default 1e-4. */
  readonly minDelta?: number;
  /** Whether more or less is better. Default auto. */
  readonly mode?: MonitorMode;
  /** Epochs after a reduction that are not counted. Default 0. */
  readonly cooldown?: number;
  /** The smallest learning rate that it reduces to. Default 0. */
  readonly minLr?: number;
}

/**
 * Reduces the learning rate when a value has stopped improving, by the rules of Keras's ReduceLROnPlateau: after `patience` epochs in a row without
 * an improvement; of the epochs of a cooldown the last one counts again. Each training begins anew. The class of this name in fovea/nn has
 * PyTorch's rules: it lowers the rate an epoch later, counts no epoch of its cooldown, and `threshold` is by default a share of the best value.
 */
export class ReduceLROnPlateau implements Callback {
  readonly #options: Required<ReduceLROnPlateauOptions>;
  #best: number | undefined;
  #wait = 0;
  #cooling = 0;

  /** @param options Throws UsageError for a factor that does not reduce, and for other numbers that cannot be used. */
  constructor(options: ReduceLROnPlateauOptions = {}) {
    this.#options = withDefaults('ReduceLROnPlateau', options, {
      monitor: 'val_loss',
      factor: 0.1,
      patience: 10,
      minDelta: 1e-4,
      mode: 'auto' as const,
      cooldown: 0,
      minLr: 0,
    });
    const { factor, patience, cooldown, minDelta, minLr, mode } = this.#options;
    expectPatience('ReduceLROnPlateau', { patience, cooldown }, { minDelta, minLr });
    expectOneOf('ReduceLROnPlateau', 'mode', mode, ['auto', 'min', 'max']);
    if (!(factor > 0 && factor < 1)) {
      throw new UsageError(`ReduceLROnPlateau: factor is ${factor}; give a number above 0 and below 1`);
    }
  }

  onTrainBegin({ step }: TrainingState): void {
    // One that is resumed has its state.
    if (step > 0) return;
    this.#best = undefined;
    this.#wait = 0;
    this.#cooling = 0;
  }

  onEpochEnd(training: TrainingState, logs: Logs): void {
    const { monitor, factor, patience, minDelta, mode, cooldown, minLr } = this.#options;
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
    const { lr } = logs;
    if (lr === undefined || lr <= minLr) return;
    training.lrScale *= lr * factor >= minLr ? factor : minLr / lr;
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
