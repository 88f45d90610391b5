import type { Batch, LoadedBatch, Loader } from '../data/loader.ts';
import type { Module } from '../nn/module.ts';
import { validationProgram } from './program.ts';
import type { Trained } from './trained.ts';

/** What a Learner predicts of the batches of a loader, in evaluation mode. The modes of the modules are as before afterwards. */
export async function* predicted<Item, M extends Module, B extends Batch>(
  { gpu, task, model }: Pick<Trained<Item, M, B>, 'gpu' | 'task' | 'model'>,
  loader: Loader<Item, B>,
): AsyncGenerator<LoadedBatch<Item, B> & { readonly predictions: Batch }, void> {
  const { program, read } = validationProgram(gpu, task, model);
  const modes = [...model.modules()].map((module) => [module, module.training] as const);
  try {
    for await (const loaded of loader.batches(0)) {
      model.eval();
      const { results } = await program.run(loaded.batch);
      const { predictions } = read(await results);
      for (const [module, training] of modes) module.training = training;
      yield { ...loaded, predictions };
    }
  } finally {
    for (const [module, training] of modes) module.training = training;
    program.dispose();
  }
}
