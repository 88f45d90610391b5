import { UsageError } from '../../errors.ts';
import { writeFileAtomic } from '../../io/files.ts';
import { encodeSafetensors } from '../../io/safetensors.ts';
import { withDefaults } from '../../options.ts';
import type { Callback, TrainingState } from '../callback.ts';
import type { Logs } from '../history.ts';
import { isBetter, type MonitorMode, monitored } from './monitor.ts';

/** Options of `ModelCheckpoint`. */
export interface ModelCheckpointOptions {
  /** The file. `{epoch}` (from 1) and names of the logs are filled in: `net-{epoch}-{val_loss}.safetensors`. */
  readonly path: string;
  /** The name in the logs by which epochs are compared, with `saveBestOnly`. Default `val_loss`. */
  readonly monitor?: string;
  /** Whether only epochs better than all before are saved. Default false. */
  readonly saveBestOnly?: boolean;
  /** Whether more or less is better. Default auto. */
  readonly mode?: MonitorMode;
  /** With `saveBestOnly`: the value that the first saved epoch must be better than. Default: none. */
  readonly initialValueThreshold?: number;
}

/** Saves the weights after each epoch as safetensors (Keras's ModelCheckpoint). Node only. An interrupted save leaves the file before. */
export class ModelCheckpoint implements Callback {
  readonly #options: Required<Omit<ModelCheckpointOptions, 'initialValueThreshold'>>;
  #best: number | undefined;

  /** @param options Throws UsageError without a path. */
  constructor(options: ModelCheckpointOptions) {
    const { initialValueThreshold, ...others } = withDefaults('ModelCheckpoint', options, {
      path: options?.path,
      monitor: 'val_loss',
      saveBestOnly: false,
      mode: 'auto' as const,
      initialValueThreshold: undefined,
    });
    this.#options = others;
    this.#best = initialValueThreshold;
    const { path } = this.#options;
    if (typeof path !== 'string' || path === '') {
      throw new UsageError(`ModelCheckpoint: path is ${path}; give the name of a file`);
    }
  }

  async onEpochEnd(training: TrainingState, logs: Logs): Promise<void> {
    const { path, monitor, saveBestOnly, mode } = this.#options;
    if (saveBestOnly) {
      const value = monitored('ModelCheckpoint', logs, monitor);
      if (!isBetter(value, this.#best, 0, mode, training, monitor)) return;
      this.#best = value;
    }
    const values: Logs = { ...logs, epoch: training.history.epochs.length };
    const file = path.replace(/\{(\w+)\}/g, (_, name: string) => {
      const value = monitored('ModelCheckpoint', values, name);
      return Number.isInteger(value) ? String(value) : value.toFixed(4);
    });
    await writeFileAtomic(file, encodeSafetensors(await training.weights()));
  }

  state(): unknown {
    return this.#best ?? null;
  }

  loadState(state: unknown): void {
    this.#best = (state as number | null) ?? undefined;
  }
}
