import type { Batch } from '../data/loader.ts';
import { UsageError } from '../errors.ts';
import { add } from '../graph/functions/elementwise.ts';
import { cast, concat } from '../graph/functions/shape.ts';
import { Tensor, tensor } from '../graph/tensor.ts';
import type { Module } from '../nn/module.ts';
import type { Gpu } from '../plan/gpu.ts';
import type { ProgramStats } from '../plan/stats.ts';
import type { CaptureProgress, Results, Step } from '../plan/step.ts';
import { numel } from '../shape.ts';
import type { Task, TensorsOf } from '../tasks/task.ts';
import { loggedMode } from './logged.ts';

const signatureOf = (batch: Batch): string =>
  Object.entries(batch)
    .map(([name, { shape }]) => `${name} ${shape}`)
    .join(';');

/** Throws UsageError unless a batch has arrays by name. */
export function expectBatch(batch: unknown): asserts batch is Batch {
  const arrays = Object(batch) === batch ? Object.entries(batch as object) : [];
  if (arrays.length === 0) {
    throw new UsageError(
      `Learner: a batch is ${String(batch)}; collate returns arrays by name, { data, shape } each, and a loader of your own yields { batch, items, epoch, index }`,
    );
  }
  const stray = arrays.find(([, array]) => !(ArrayBuffer.isView(array?.data) && Array.isArray(array.shape)));
  if (stray) {
    throw new UsageError(
      `Learner: ${stray[0]} of a batch is ${Object.prototype.toString.call(stray[1]).slice(8, -1)}; give { data, shape }, a typed array and the shape of the tensor`,
    );
  }
}

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
    expectBatch(batch);
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

/** What a task computes of a batch. */
export interface Computed {
  readonly names: readonly string[];
  /** One element each. */
  readonly parts: readonly Tensor[];
  /** The sum of those that are minimised. */
  readonly total: Tensor;
  /** How those are compared that are logged and not minimised. */
  readonly logged: ReadonlyMap<string, 'max' | 'min'>;
}

/** The losses of a batch by name, and what else is logged of it. */
export function lossesOf<Item, M extends Module, B extends Batch>(
  task: Task<Item, M, B>,
  model: M,
  batch: TensorsOf<B>,
): Computed {
  const given = task.losses(model, batch);
  if (Object(given) !== given || given instanceof Promise) {
    throw new UsageError(
      `Learner: the losses of the task are ${String(given)}; return a tensor, or tensors by name, and no promise`,
    );
  }
  const named: Readonly<Record<string, Tensor>> = given instanceof Tensor ? { loss: given } : given;
  const names = Object.keys(named);
  const logged = new Map<string, 'max' | 'min'>();
  const parts = Object.entries(named).map(([name, loss]) => {
    if (!(loss instanceof Tensor) || numel(loss.shape) !== 1) {
      const what = loss instanceof Tensor ? `has shape [${loss.shape}]` : `is ${String(loss)}`;
      throw new UsageError(
        `Learner: the loss ${name} of the task ${what}; return tensors of one element, such as mean(loss)`,
      );
    }
    const mode = loggedMode(loss);
    if (mode) logged.set(name, mode);
    return (loss.dtype === 'f32' ? loss : cast(loss, 'f32')).reshape([1]);
  });
  const minimised = parts.filter((_, i) => !logged.has(names[i]!));
  if (minimised.length === 0) {
    throw new UsageError('Learner: the task has no losses; return at least one that is not only logged');
  }
  return { names, parts, total: minimised.reduce((a, b) => add(a, b)), logged };
}

/** What a step of validation has computed. */
export interface Validated {
  /** The losses by name, `loss` is their sum, and what is only logged. */
  readonly losses: Readonly<Record<string, number>>;
  readonly predictions: Batch;
  /** How values are compared that are only logged. */
  readonly modes: ReadonlyMap<string, 'max' | 'min'>;
}

/** A step of validation: the losses, and what is predicted. */
export function validationProgram<Item, M extends Module, B extends Batch>(
  gpu: Gpu,
  task: Task<Item, M, B>,
  model: M,
): { readonly program: BatchProgram<B>; readonly read: (results: Batch) => Validated } {
  let found: Computed | undefined;
  const program = new BatchProgram<B>(gpu, (batch) => {
    found = lossesOf(task, model, batch);
    const predictions = Object.entries(task.predict?.(model, batch) ?? {});
    return {
      values: concat([...found.parts], 0),
      ...Object.fromEntries(predictions.map(([name, value]) => [`predicted ${name}`, value])),
    };
  });
  const read = ({ values, ...rest }: Batch) => {
    const { losses, others } = namedValues(found!, values!.data);
    return {
      losses: { ...losses, ...others },
      predictions: Object.fromEntries(
        Object.entries(rest).map(([name, value]) => [name.slice('predicted '.length), value]),
      ),
      modes: found!.logged,
    };
  };
  return { program, read };
}

/** The losses by name, with their sum as `loss`, and the values that are only logged. */
export function namedValues(
  { names, logged }: Pick<Computed, 'names' | 'logged'>,
  values: ArrayLike<number>,
): { readonly losses: Record<string, number>; readonly others: Record<string, number> } {
  const parts = names.map((name, i) => [name, values[i]!] as const);
  const minimised = parts.filter(([name]) => !logged.has(name));
  const loss = minimised.reduce((sum, [, value]) => sum + value, 0);
  return {
    losses: { loss, ...Object.fromEntries(minimised.filter(([name]) => name !== 'loss')) },
    others: Object.fromEntries(parts.filter(([name]) => logged.has(name))),
  };
}
