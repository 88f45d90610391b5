import type { Batch, Loader } from '../data/loader.ts';
import { UsageError } from '../errors.ts';
import type { Module } from '../nn/module.ts';
import type { Gpu } from '../plan/gpu.ts';
import type { Judgement, Metric, Task } from '../tasks/task.ts';
import { EpochMeans } from './epochMeans.ts';
import type { Logs } from './history.ts';
import { keepModes } from './keepModes.ts';
import { validationProgram } from './program.ts';

/** The result of a validation. */
export interface ValidationResult {
  /** Losses and metrics, under names that start with `val_`. */
  readonly logs: Logs;
  /** The name of the first metric; undefined without any. */
  readonly first: string | undefined;
  /** Whether a higher or lower value is better, for each metric. */
  readonly modes: Readonly<Record<string, 'max' | 'min'>>;
}

/** Computes a task's losses and metrics of a model in evaluation mode. */
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

  /** Modules are returned to the modes that they had. */
  async run(loader: Loader<Item, B>): Promise<ValidationResult> {
    this.#made ??= validationProgram(this.#gpu, this.#task, this.#model);
    const { program, read } = this.#made;
    const metrics: Readonly<Record<string, Metric<Item, B>>> = this.#task.metrics?.() ?? {};
    const sums = new EpochMeans();
    let logged: ReadonlyMap<string, 'max' | 'min'> = new Map();
    let judged: Readonly<Record<string, Judgement>> = {};
    const restoreModes = keepModes(this.#model);
    this.#model.eval();
    try {
      for await (const { batch, items } of loader.batches(0)) {
        const { results } = await program.run(batch);
        const { losses, predictions, modes: found } = read(await results);
        logged = found;
        sums.add(losses, items.length);
        for (const metric of Object.values(metrics)) metric.add(predictions, batch, items);
      }
      judged = (await this.#task.judge?.(this.#gpu, this.#model)) ?? {};
    } finally {
      restoreModes();
    }
    if (sums.count === 0) {
      throw new UsageError(
        'Learner: the loader of valid has given no batches; give it items, or leave valid out',
      );
    }
    const losses = Object.entries(sums.means);
    const entries: [string, Judgement][] = [
      ...Object.entries(judged),
      ...Object.entries(metrics).map(([name, metric]): [string, Judgement] => [
        name,
        { value: metric.value(), mode: metric.mode },
      ]),
    ];
    return {
      logs: {
        ...Object.fromEntries(losses.map(([name, mean]) => [`val_${name}`, mean])),
        ...Object.fromEntries(entries.map(([name, { value }]) => [`val_${name}`, value])),
      },
      first: entries[0] && `val_${entries[0][0]}`,
      modes: {
        ...Object.fromEntries(losses.map(([name]) => [`val_${name}`, logged.get(name) ?? 'min'] as const)),
        ...Object.fromEntries(entries.map(([name, { mode }]) => [`val_${name}`, mode])),
      },
    };
  }

  dispose(): void {
    this.#made?.program.dispose();
    this.#made = undefined;
  }
}
