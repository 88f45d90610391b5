import { UsageError } from '../errors.ts';
import type { StateEntry } from '../nn/module.ts';
import type { Logs } from './history.ts';

/** The best epoch of a training. */
export interface BestEpoch {
  /** What epochs were compared by, such as `val_accuracy`. */
  readonly name: string;
  readonly value: number;
  /** Its loss, of validation if there is one: of epochs with the same value, the one with the lowest is the best. */
  readonly loss: number;
  /** The epoch, from 0. */
  readonly epoch: number;
}

type Weights = Map<string, StateEntry>;

/** Keeps the weights of the best epoch. */
export class Best {
  readonly #name: string | false | undefined;
  #kept: { readonly epoch: BestEpoch; readonly weights: Weights } | undefined;

  /** @param name The name in the logs by which epochs are compared. `false`: none is chosen. Undefined: what `compare` is given. */
  constructor(name: string | false | undefined) {
    this.#name = name;
  }

  get epoch(): BestEpoch | undefined {
    return this.#kept?.epoch;
  }

  get weights(): Weights | undefined {
    return this.#kept?.weights;
  }

  /** Compares an epoch with the best one. Throws UsageError where the logs lack the name. */
  async compare(
    epoch: number,
    logs: Logs,
    {
      modes,
      usual,
    }: { readonly modes: Readonly<Record<string, 'max' | 'min'>>; readonly usual: string | undefined },
    weights: () => Promise<Weights>,
  ): Promise<void> {
    const name = this.#name ?? usual;
    if (!name) return;
    const value = logs[name];
    if (value === undefined) {
      throw new UsageError(`Learner: best is ${name}, the logs have ${Object.keys(logs).join(', ')}`);
    }
    const before = this.epoch;
    const loss = logs.val_loss ?? logs.loss ?? Number.NaN;
    const isBetter = !before
      ? !Number.isNaN(value)
      : value === before.value
        ? loss < before.loss
        : modes[name] === 'max'
          ? value > before.value
          : value < before.value;
    if (isBetter) this.#kept = { epoch: { name, value, loss, epoch }, weights: await weights() };
  }

  restore(epoch: BestEpoch, weights: Weights): void {
    this.#kept = { epoch, weights };
  }
}
