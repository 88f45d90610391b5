/** The workers of a queue train. */
import { DataError } from 'fovea';
import type { Place } from '../place/place.ts';
import type { Backend } from '../queue/backend.ts';
import { Handout } from '../queue/handout.ts';
import { partsPlace } from './state.ts';
import { readOutcome } from './stored.ts';
import { resultName, type TrainingTask } from './task.ts';
import type { Ended, Trainer } from './trainer.ts';
import { trainingJob } from './trainingJob.ts';

export class QueueTrainer implements Trainer {
  readonly #backend: Backend;
  readonly #parts: Place;
  readonly #handout: Handout<TrainingTask>;

  private constructor(backend: Backend, parts: Place, handout: Handout<TrainingTask>) {
    this.#backend = backend;
    this.#parts = parts;
    this.#handout = handout;
  }

  static async begin(backend: Backend, out: string): Promise<QueueTrainer> {
    const parts = partsPlace(out);
    return new QueueTrainer(
      backend,
      parts,
      await Handout.begin<TrainingTask>(backend, {
        place: parts,
        out,
        what: 'sweep',
        jobOf: (task) => ({ job: trainingJob(task), result: resultName(task) }),
      }),
    );
  }

  give(tasks: readonly TrainingTask[]): void {
    this.#handout.give(tasks);
  }

  async next(): Promise<Ended | undefined> {
    const one = await this.#handout.next();
    if (!one) return undefined;
    const { task } = one;
    if (one.failed !== undefined) return { task, outcome: { failed: one.failed } };
    const outcome = await readOutcome(this.#parts, task);
    if (outcome) return { task, outcome };
    throw new DataError(`${this.#parts.url}/${resultName(task)}: was removed; the same command goes on`);
  }

  stop(): Promise<void> {
    return this.#backend.close();
  }
}
