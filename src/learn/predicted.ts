import type { Batch, LoadedBatch, Loader } from '../data/loader.ts';
import type { Module } from '../nn/module.ts';
import { keepModes } from './keepModes.ts';
import { validationProgram } from './program.ts';
import type { Trained } from './trained.ts';

/** What a Learner predicts of the batches of a loader, in evaluation mode. The modes of the modules are as before afterwards. */
export async function* predicted<Item, M extends Module, B extends Batch>(
  { gpu, task, model }: Pick<Trained<Item, M, B>, 'gpu' | 'task' | 'model'>,
  loader: Loader<Item, B>,
): AsyncGenerator<LoadedBatch<Item, B> & { readonly predictions: Batch }, void> {
  const { program, read } = validationProgram(gpu, task, model);
  const restoreModes = keepModes(model);
  try {
    for await (const loaded of loader.batches(0)) {
      model.eval();
      const { results } = await program.run(loaded.batch);
      const { predictions } = read(await results);
      restoreModes();
      yield { ...loaded, predictions };
    }
  } finally {
    restoreModes();
    program.dispose();
  }
}
