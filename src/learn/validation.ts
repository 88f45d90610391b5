import type { Batch, DataLoader } from '../data/loader.ts';
import type { Module } from '../nn/module.ts';
import type { Gpu } from '../plan/gpu.ts';
import type { Metric, Task } from '../tasks/task.ts';
import type { Logs } from './history.ts';
import { validationProgram } from './program.ts';

/** What a validation has found. */
export interface ValidationResult {
  /** Losses, and metrics, with `val_` before their names. */
  readonly logs: Logs;
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
  async run(loader: DataLoader<Item, B>): Promise<ValidationResult> {
    this.#made ??= validationProgram(this.#gpu, this.#task, this.#model);
    const { program, read } = this.#made;
    const metrics: Readonly<Record<string, Metric<Item, B>>> = this.#task.metrics?.() ?? {};
    const sums = new Map<string, number>();
    let count = 0;
    const modes = [...this.#model.modules()].map((module) => [module, module.training] as const);
    this.#model.eval();
    try {
      for await (const { batch, items } of loader.batches(0)) {
        const { results } = await program.run(batch);
        const { losses, predictions } = read(await results);
        for (const [name, value] of Object.entries(losses)) {
          sums.set(name, (sums.get(name) ?? 0) + value * items.length);
        }
        count += items.length;
        for (const metric of Object.values(metrics)) metric.add(predictions, batch, items);
      }
    } finally {
      for (const [module, training] of modes) module.training = training;
    }
    const entries = Object.entries(metrics);
    return {
      logs: {
        ...Object.fromEntries([...sums].map(([name, sum]) => [`val_${name}`, sum / count])),
        ...Object.fromEntries(entries.map(([name, metric]) => [`val_${name}`, metric.value()])),
      },
      modes: {
        ...Object.fromEntries([...sums.keys()].map((name) => [`val_${name}`, 'min' as const])),
        ...Object.fromEntries(entries.map(([name, { mode }]) => [`val_${name}`, mode])),
      },
    };
  }

  dispose(): void {
    this.#made?.program.dispose();
    this.#made = undefined;
  }
}
