import type { Batch } from '../data/loader.ts';
import { autocast } from '../graph/autocast.ts';
import { backward } from '../graph/backward.ts';
import { concat } from '../graph/functions/shape.ts';
import { full, type Tensor } from '../graph/tensor.ts';
import type { Module } from '../nn/module.ts';
import { accumulate } from '../nn/optimizers/accumulate.ts';
import type { Gpu } from '../plan/gpu.ts';
import type { ProgramStats } from '../plan/stats.ts';
import type { CaptureProgress, Step } from '../plan/step.ts';
import type { Task, TensorsOf } from '../tasks/task.ts';
import { BatchProgram, type Computed, lossesOf, namedValues } from './program.ts';
import type { Update } from './update.ts';

/** What a step has computed. */
export interface StepValues {
  /** The losses by name, `loss` is their sum: means over the batches of the step. */
  readonly losses: Readonly<Record<string, number>>;
  /** What is logged and not minimised, by name: means too. */
  readonly others: Readonly<Record<string, number>>;
  /** The norm of the gradients, before clipping. */
  readonly gradNorm: number;
  /** What the losses were multiplied by for the gradients; undefined without mixed precision. */
  readonly scale: number | undefined;
  /** Whether the step was left out, as gradients were infinite: mixed precision only. */
  readonly skipped: boolean;
}

/** Numbers of a run that are being read back. */
export type Values = Promise<ArrayLike<number>>;

/** The norm of the gradients, whether the step was left out, and the scale. */
const STEP_VALUES = 3;

/**
 * The steps of a training: losses, gradients, and the update. A step of one batch is one program. Where steps take several batches, one
 * program accumulates the gradients of each batch, and another one takes the step, so that memory is planned for the activations of one batch only.
 */
export class TrainingProgram<Item, M extends Module, B extends Batch> {
  readonly #batch: BatchProgram<B>;
  readonly #step: Step<{ values: Tensor }> | undefined;
  readonly #update: Update;
  #found: Pick<Computed, 'names' | 'logged'> = { names: [], logged: new Map() };

  /** @param options Whether steps take several batches, and whether they update the averages. */
  constructor(
    gpu: Gpu,
    task: Task<Item, M, B>,
    model: M,
    update: Update,
    { accumulates, averages }: { readonly accumulates: boolean; readonly averages: boolean },
  ) {
    const { optimizer, scaler, ema } = update;
    this.#update = update;
    const losses = (batch: TensorsOf<B>): readonly Tensor[] => {
      const compute = () => lossesOf(task, model, batch);
      const { names, parts, total, logged } = scaler ? autocast(compute) : compute();
      this.#found = { names, logged };
      backward(scaler ? scaler.scale(total) : total);
      return parts;
    };
    const step = (): Tensor[] => {
      const scale = scaler?.scale(full([1], 1)) ?? full([1], 1);
      const { gradNorm, foundInf } = scaler?.step(optimizer) ?? {
        ...optimizer.step(),
        foundInf: full([], 0),
      };
      scaler?.update();
      if (averages) ema?.update();
      return [gradNorm.reshape([1]), foundInf.reshape([1]), scale];
    };
    this.#batch = new BatchProgram<B>(gpu, (batch) => {
      const parts = losses(batch);
      if (accumulates) accumulate(optimizer);
      return { values: concat(accumulates ? [...parts] : [...parts, ...step()], 0) };
    });
    if (accumulates) this.#step = gpu.capture(() => ({ values: concat(step(), 0) }));
  }

  /** How values are compared that are only logged. */
  get modes(): Readonly<Record<string, 'max' | 'min'>> {
    return Object.fromEntries(this.#found.logged);
  }

  /** Compiles for batches of these shapes. Gives the figures of the program of a batch. */
  async prepare(batch: B, progress?: CaptureProgress): Promise<ProgramStats> {
    const stats = await this.#batch.prepare(batch, progress);
    await this.#step?.prepare([], progress);
    return stats;
  }

  /**
   * Runs on a batch of a step, and takes the step with its last one.
   *
   * @returns What `read` takes of all batches of the step, one after the other.
   */
  async run(batch: B, isLast: boolean): Promise<Values[]> {
    const { results } = await this.#batch.run(batch);
    const values: Values[] = [results.then(({ values }) => values!.data)];
    if (isLast && this.#step) values.push((await this.#step()).values.data());
    // They are awaited later; until then a failure must not count as unhandled.
    for (const value of values) value.catch(() => undefined);
    return values;
  }

  /** Reads what a step has computed. */
  async read(values: readonly Values[]): Promise<StepValues> {
    const all = (await Promise.all(values)).flatMap((one) => Array.from(one));
    const [gradNorm, foundInf, scale] = all.splice(-STEP_VALUES);
    const { names } = this.#found;
    const batches = all.length / names.length;
    const means = names.map((_, i) => {
      let sum = 0;
      for (let k = i; k < all.length; k += names.length) sum += all[k]!;
      return sum / batches;
    });
    const { scaler } = this.#update;
    return {
      ...namedValues(this.#found, means),
      gradNorm: gradNorm!,
      scale: scaler && scale,
      skipped: scaler !== undefined && foundInf !== 0,
    };
  }

  dispose(): void {
    this.#batch.dispose();
    this.#step?.dispose();
    this.#update.end();
  }
}
