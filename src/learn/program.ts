import type { Batch } from '../data/loader.ts';
import { UsageError } from '../errors.ts';
import { add } from '../graph/functions/elementwise.ts';
import { concat } from '../graph/functions/shape.ts';
import { Tensor, tensor } from '../graph/tensor.ts';
import type { Module } from '../nn/module.ts';
import type { Gpu } from '../plan/gpu.ts';
import type { ProgramStats } from '../plan/stats.ts';
import type { CaptureProgress, Results, Step } from '../plan/step.ts';
import { numel } from '../shape.ts';
import type { Task, TensorsOf } from '../tasks/task.ts';

const signatureOf = (batch: Batch): string =>
  Object.entries(batch)
    .map(([name, { shape }]) => `${name} ${shape}`)
    .join(';');

/** A captured function of batches, whose results are read back with their shapes. */
export class BatchProgram<B extends Batch> {
  readonly #step: Step<Results>;
  /** The names of the batch that is recorded. */
  #names: readonly string[] = [];
  /** The shapes of the results, for each signature of batches. */
  readonly #shapes = new Map<string, ReadonlyMap<string, readonly number[]>>();
  #signature = '';

  constructor(gpu: Gpu, fn: (batch: TensorsOf<B>) => Results) {
    this.#step = gpu.capture((...inputs: Tensor[]) => {
      const batch = Object.fromEntries(this.#names.map((name, i) => [name, inputs[i]!]));
      const results = fn(batch as TensorsOf<B>);
      this.#shapes.set(
        this.#signature,
        new Map(Object.entries(results).map(([name, { shape }]) => [name, shape])),
      );
      return results;
    });
  }

  #inputs(batch: B): Tensor[] {
    this.#names = Object.keys(batch);
    this.#signature = signatureOf(batch);
    return Object.values(batch).map(({ data, shape }) => tensor(data, shape));
  }

  /** Compiles for batches of these shapes. */
  prepare(batch: B, progress?: CaptureProgress): Promise<ProgramStats> {
    return this.#step.prepare(this.#inputs(batch), progress);
  }

  /** Runs on a batch. The promise inside of what is returned resolves once the results are read back. */
  async run(batch: B): Promise<{ readonly results: Promise<Batch> }> {
    const run = await this.#step(...this.#inputs(batch));
    const shapes = this.#shapes.get(this.#signature)!;
    const results = Promise.all(
      Object.entries(run).map(
        async ([name, result]) => [name, { data: await result.data(), shape: shapes.get(name)! }] as const,
      ),
    ).then((entries): Batch => Object.fromEntries(entries));
    // It is awaited later; until then a failure must not count as unhandled.
    results.catch(() => undefined);
    return { results };
  }

  dispose(): void {
    this.#step.dispose();
  }
}

/** The losses of a batch by name, in one tensor, and their sum. */
export function lossesOf<Item, M extends Module, B extends Batch>(
  task: Task<Item, M, B>,
  model: M,
  batch: TensorsOf<B>,
): { readonly names: readonly string[]; readonly parts: Tensor[]; readonly total: Tensor } {
  const given = task.losses(model, batch);
  const named: Readonly<Record<string, Tensor>> = given instanceof Tensor ? { loss: given } : given;
  const names = Object.keys(named);
  const parts = Object.values(named).map((loss, i) => {
    if (!(loss instanceof Tensor) || numel(loss.shape) !== 1) {
      const what = loss instanceof Tensor ? `has shape [${loss.shape}]` : `is ${String(loss)}`;
      throw new UsageError(
        `Learner: the loss ${names[i]} of the task ${what}; return tensors of one element, such as mean(loss)`,
      );
    }
    return loss.reshape([1]);
  });
  if (parts.length === 0) throw new UsageError('Learner: the task has no losses; return at least one');
  return { names, parts, total: parts.reduce((a, b) => add(a, b)) };
}

/** A step of validation: the losses, and what is predicted. */
export function validationProgram<Item, M extends Module, B extends Batch>(
  gpu: Gpu,
  task: Task<Item, M, B>,
  model: M,
): {
  readonly program: BatchProgram<B>;
  readonly read: (results: Batch) => { losses: Readonly<Record<string, number>>; predictions: Batch };
} {
  let names: readonly string[] = [];
  const program = new BatchProgram<B>(gpu, (batch) => {
    const { parts, names: found } = lossesOf(task, model, batch);
    names = found;
    const predictions = Object.entries(task.predict?.(model, batch) ?? {});
    return {
      values: concat(parts, 0),
      ...Object.fromEntries(predictions.map(([name, value]) => [`predicted ${name}`, value])),
    };
  });
  const read = ({ values, ...rest }: Batch) => ({
    losses: withTotal(names, values!.data),
    predictions: Object.fromEntries(
      Object.entries(rest).map(([name, value]) => [name.slice('predicted '.length), value]),
    ),
  });
  return { program, read };
}

/** The losses by name, and their sum as `loss`. */
export function withTotal(names: readonly string[], values: ArrayLike<number>): Record<string, number> {
  const parts = names.map((name, i) => [name, values[i]!] as const);
  const loss = parts.reduce((sum, [, value]) => sum + value, 0);
  return { loss, ...Object.fromEntries(parts.filter(([name]) => name !== 'loss')) };
}
