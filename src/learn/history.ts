/** Numbers by name, such as `loss` and `val_accuracy`. */
export type Logs = Readonly<Record<string, number>>;

/** What is logged of one step: of one batch, or of the batches whose gradients it accumulates. */
export interface StepLogs {
  /** The number of the step, from 1, counted over all epochs. */
  readonly step: number;
  /** The epoch, from 0. */
  readonly epoch: number;
  /** The learning rate. */
  readonly lr: number;
  /** The momentum (Adam: the first beta); undefined if the schedule does not set it. */
  readonly momentum?: number;
  /** Mixed precision: the factor by which the loss was scaled. */
  readonly scale?: number;
  /** Mixed precision: true if the step was skipped because its gradients were infinite. */
  readonly skipped?: true;
  /** The losses by name. `loss` is their sum. */
  readonly losses: Logs;
}

/** The log of a training, as Keras's History: values of each step and of each epoch. */
export class History {
  /** The steps. */
  readonly steps: StepLogs[] = [];
  /** The epochs: mean losses over their steps, and losses and metrics of validation under names that start with `val_`. */
  readonly epochs: Logs[] = [];

  /** Adds the steps and epochs of a checkpoint, one by one: a call cannot take them all as arguments. */
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

  /** The values of all epochs by name, as in Keras's `History.history`. NaN for an epoch without that value. */
  get history(): Readonly<Record<string, readonly number[]>> {
    const names = new Set(this.epochs.flatMap((logs) => Object.keys(logs)));
    return Object.fromEntries(
      [...names].map((name) => [name, this.epochs.map((logs) => logs[name] ?? Number.NaN)]),
    );
  }
}
