import type { Batch, Loader } from '../data/loader.ts';
import { UsageError } from '../errors.ts';
import type { Module } from '../nn/module.ts';
import type { Gpu } from '../plan/gpu.ts';
import type { Judgement, Metric, Task } from '../tasks/task.ts';
import type { Logs } from './history.ts';
import { validationProgram } from './program.ts';

/** What a validation has found. */
export interface ValidationResult {
  /** Losses, and metrics, with `val_` before their names. */
  readonly logs: Logs;
  /** The name of the first metric; undefined without any. */
  readonly first: string | undefined;
  /** Whether more is better, for each of them. */
  readonly modes: Readonly<Record<string, 'max' | 'min'>>;
}

/** Judges a model by a task's losses and metrics, in evaluation mode. */
export class Validation<Item, M extends Module, B extends Batch> {
  readonly #task: Task<Item, M, B>;
  readonly #model: M;
  readonly #gpu: Gpu;
  #made: ReturnType<typeof validationProgram<Item, M, B>> | undefined;

  constructor(gpu: Gpu, task: Task<Item, M, B>, model: M) {
    this.#gpu = gpu;
    this.#task = task;
    this.#model = model;
  }

  /** The modes of the modules are as before afterwards. */
  async run(loader: Loader<Item, B>): Promise<ValidationResult> {
    this.#made ??= validationProgram(this.#gpu, this.#task, this.#model);
    const { program, read } = this.#made;
    const metrics: Readonly<Record<string, Metric<Item, B>>> = this.#task.metrics?.() ?? {};
    const sums = new Map<string, number>();
    let count = 0;
    let logged: ReadonlyMap<string, 'max' | 'min'> = new Map();
    let judged: Readonly<Record<string, Judgement>> = {};
    const modes = [...this.#model.modules()].map((module) => [module, module.training] as const);
    this.#model.eval();
    try {
      for await (const { batch, items } of loader.batches(0)) {
        const { results } = await program.run(batch);
        const { losses, predictions, modes: found } = read(await results);
        logged = found;
        for (const [name, value] of Object.entries(losses)) {
          sums.set(name, (sums.get(name) ?? 0) + value * items.length);
        }
        count += items.length;
        for (const metric of Object.values(metrics)) metric.add(predictions, batch, items);
      }
      judged = (await this.#task.judge?.(this.#gpu, this.#model)) ?? {};
    } finally {
      for (const [module, training] of modes) module.training = training;
    }
    if (count === 0) {
      throw new UsageError(
        'Learner: the loader of valid has given no batches; give it items, or leave valid out',
      );
    }
    const entries: [string, Judgement][] = [
      ...Object.entries(judged),
      ...Object.entries(metrics).map(([name, metric]): [string, Judgement] => [
        name,
        { value: metric.value(), mode: metric.mode },
      ]),
    ];
    return {
      logs: {
        ...Object.fromEntries([...sums].map(([name, sum]) => [`val_${name}`, sum / count])),
        ...Object.fromEntries(entries.map(([name, { value }]) => [`val_${name}`, value])),
      },
      first: entries[0] && `val_${entries[0][0]}`,
      modes: {
        ...Object.fromEntries(
          [...sums.keys()].map((name) => [`val_${name}`, logged.get(name) ?? 'min'] as const),
        ),
        ...Object.fromEntries(entries.map(([name, { mode }]) => [`val_${name}`, mode])),
      },
    };
  }

  dispose(): void {
    this.#made?.program.dispose();
    this.#made = undefined;
  }
}
