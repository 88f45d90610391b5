/** The worker that trains, as the page calls it. It starts when it is first needed, and anew after it failed. */
import { type Remote, wrap } from 'comlink';
import type { TrainerWorker } from '../work/trainer.ts';
import { failureOf } from './workerFailure.ts';

export type { Plan } from '../work/trainer.ts';

let trainer: Remote<TrainerWorker> | undefined;

function start(): Remote<TrainerWorker> {
  const worker = new Worker(new URL('../work/trainer.ts', import.meta.url), {
    type: 'module',
    name: 'trainer',
  });
  const remote = wrap<TrainerWorker>(worker);
  const failed = failureOf(worker, 'trains');
  failed.catch(() => {
    trainer = undefined;
    worker.terminate();
  });
  return new Proxy(remote, {
    get: (_, name: keyof TrainerWorker) => {
      const call = remote[name] as (...given: unknown[]) => Promise<unknown>;
      return (...given: unknown[]) => Promise.race([call(...given), failed]);
    },
  });
}

export function theTrainer(): Remote<TrainerWorker> {
  trainer ??= start();
  return trainer;
}
