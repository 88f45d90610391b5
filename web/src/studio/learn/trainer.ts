/** The worker that trains, as the page calls it. It starts when it is first needed. */
import { type Remote, wrap } from 'comlink';
import type { TrainerWorker } from '../work/trainer.ts';

export type { Plan } from '../work/trainer.ts';

let trainer: Remote<TrainerWorker> | undefined;

export function theTrainer(): Remote<TrainerWorker> {
  trainer ??= wrap<TrainerWorker>(
    new Worker(new URL('../work/trainer.ts', import.meta.url), { type: 'module', name: 'trainer' }),
  );
  return trainer;
}
