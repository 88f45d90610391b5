/** Numbers by name, such as `loss` and `val_accuracy`. */
export type Logs = Readonly<Record<string, number>>;

/** One step of a training: one batch, or those that it accumulates. */
export interface StepLogs {
  /** The number of the step in all epochs, from 1. */
  readonly step: number;
  /** The epoch, from 0. */
  readonly epoch: number;
  /** The learning rate. */
  readonly lr: number;
  /** The momentum (Adam: the first beta); undefined where the schedule leaves it alone. */
  readonly momentum?: number;
  /** What the loss was multiplied by for the gradients, with mixed precision. */
  readonly scale?: number;
  /** Whether the step was left out, as its gradients were infinite, with mixed precision. */
  readonly skipped?: true;
  /** The losses by name. `loss` is their sum. */
  readonly losses: Logs;
}

/** What a training has logged (Keras's History): each step, and each epoch. */
export class History {
  /** The steps. */
  readonly steps: StepLogs[] = [];
  /** The epochs: the means of the losses of their steps, and with `val_` before their names those of validation, and its metrics. */
  readonly epochs: Logs[] = [];

  /** Puts what a checkpoint has in front. There may be more steps than a call takes arguments. */
  restore({
    steps,
    epochs,
  }: {
    readonly steps: readonly StepLogs[];
    readonly epochs: readonly Logs[];
  }): void {
    for (const step of steps) this.steps.push(step);
    for (const epoch of epochs) this.epochs.push(epoch);
  }

  /** The values of each name of `epochs`, as Keras's `History.history` has them. NaN for an epoch that lacks it. */
  get history(): Readonly<Record<string, readonly number[]>> {
    const names = new Set(this.epochs.flatMap((logs) => Object.keys(logs)));
    return Object.fromEntries(
      [...names].map((name) => [name, this.epochs.map((logs) => logs[name] ?? Number.NaN)]),
    );
  }
}
