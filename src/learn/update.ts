import { DeviceLimitError, UsageError } from '../errors.ts';
import type { State } from '../graph/state.ts';
import { EMA, type EMAOptions } from '../nn/ema.ts';
import { GradScaler } from '../nn/gradScaler.ts';
import type { Module, StateEntry } from '../nn/module.ts';
import type { Optimizer } from '../nn/optimizers/optimizer.ts';
import { withDefaults } from '../options.ts';
import type { Gpu } from '../plan/gpu.ts';
import { expectAccumulate } from './steps.ts';

/** How steps change the weights: options of the Learner. */
export interface UpdateOptions {
  /**
   * Keeps an exponential moving average of the weights: average = decay * average + (1 - decay) * weights after each step. The number is the decay,
   * such as 0.999: at least 0 and below 1. During warm-up the decay is min(decay, (1 + n) / (10 + n)) after n steps, as in TensorFlow and timm;
   * otherwise the averages of a short training would still be close to its first weights. `{ decay: 0.999, warmup: false }` turns warm-up off.
   * Validation uses the averages, and the model ends with those of the best epoch, or with the last ones. Each training starts its averages from
   * its first weights. Default: none.
   */
  readonly ema?: number | EMAOptions;
  /**
   * Batches per step. Their gradients are accumulated, and the step uses the mean, as if it had seen one batch of `accumulate` times the size. Logs,
   * schedules and callbacks count such a group as one batch; logged losses are means over it. The last step of an epoch takes the batches that
   * are left. Batch norm computes its statistics for each batch separately. Default 1.
   */
  readonly accumulate?: number;
  /**
   * Mixed precision. Losses are computed under `autocast`: in f16 where that is safe, with weights in f32. `GradScaler` scales the loss; a step whose
   * gradients are infinite is skipped and halves the scale. The scale is logged, and logged losses are unscaled. Validation runs in f32. Default false.
   */
  readonly amp?: boolean;
}

type Entries = Map<string, StateEntry>;

/** The settings of the moving average. Throws UsageError for a decay out of range. */
function averageOf(ema: number | EMAOptions | undefined): EMAOptions | undefined {
  if (ema === undefined) return undefined;
  const { decay, warmup } = withDefaults('Learner: ema', typeof ema === 'object' ? ema : { decay: ema }, {
    decay: 0.999,
    warmup: true,
  });
  if (typeof decay === 'number' && decay >= 0 && decay < 1) return { decay, warmup };
  throw new UsageError(
    `Learner: ema is ${String(decay)}; give the decay, a number of at least 0 and below 1, such as 0.999`,
  );
}

/** Everything that a step updates: the optimizer, the scaler of mixed precision, and the moving averages. */
export class Update {
  readonly optimizer: Optimizer;
  readonly scaler: GradScaler | undefined;
  readonly ema: EMA | undefined;
  /** Batches per step, unless the training says otherwise. */
  readonly accumulate: number;
  readonly #gpu: Gpu;
  readonly #model: Module;

  /** @param options Throws UsageError for those that cannot be used, and DeviceLimitError where the device has no f16 for `amp`. */
  constructor(gpu: Gpu, model: Module, optimizer: Optimizer, options: UpdateOptions) {
    const { ema, accumulate = 1, amp = false } = options;
    expectAccumulate('Learner', 'accumulate', accumulate);
    const average = averageOf(ema);
    if (typeof amp !== 'boolean') throw new UsageError(`Learner: amp is ${String(amp)}; give true or false`);
    if (amp && !gpu.device.caps.f16) {
      throw new DeviceLimitError(
        'Learner: amp needs shader-f16, which the device lacks (SwiftShader does, lavapipe has it); leave out amp',
      );
    }
    this.#gpu = gpu;
    this.#model = model;
    this.optimizer = optimizer;
    this.accumulate = accumulate;
    this.scaler = amp ? new GradScaler() : undefined;
    this.ema = average && new EMA(model, average);
  }

  /** The settings that a resumed training must repeat. */
  get asked(): Readonly<Record<string, unknown>> {
    return {
      accumulate: this.accumulate,
      amp: this.scaler !== undefined,
      ...(this.ema ? { ema: this.ema.decay, ...(this.ema.warmup ? {} : { 'ema warmup': false }) } : {}),
    };
  }

  readonly #download = (state: State) => this.#gpu.download(state);

  /** Resets the averages: the next step copies the weights. */
  begin(): void {
    if (this.ema) this.ema.updates = 0;
  }

  /** The weights that validation uses: the averages, if there are any. */
  weights(): Promise<Entries> {
    const { ema } = this;
    return ema?.updates ? ema.weights(this.#download) : this.#model.stateDict(this.#download);
  }

  /** Calls a function while the model holds the weights that validation uses. */
  async judging<R>(run: () => Promise<R>): Promise<R> {
    const { ema } = this;
    if (!ema?.updates) return run();
    const swap = (change: () => void) =>
      this.#gpu.run(() => {
        change();
        return {};
      });
    await swap(() => ema.apply());
    try {
      return await run();
    } finally {
      await swap(() => ema.restore());
    }
  }

  /** Reads what steps change besides the weights. */
  async states(): Promise<{ optimizer: Entries; scaler?: Entries; ema?: Entries }> {
    const { optimizer, scaler, ema } = this;
    return {
      optimizer: await optimizer.stateDict(this.#download),
      ...(scaler ? { scaler: await scaler.stateDict(this.#download) } : {}),
      ...(ema ? { ema: await ema.stateDict(this.#download) } : {}),
    };
  }

  /** Loads what `states` returned. Throws StateDictError where something is missing. */
  load(states: { readonly optimizer: Entries; readonly scaler?: Entries; readonly ema?: Entries }): void {
    this.optimizer.loadStateDict(states.optimizer);
    this.scaler?.loadStateDict(states.scaler ?? new Map());
    this.ema?.loadStateDict(states.ema ?? new Map());
  }

  /** Drops the accumulated gradients of a step that was not taken, and frees their memory. */
  end(): void {
    this.optimizer.accumulated = undefined;
  }
}
