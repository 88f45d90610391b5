/** The models that trainings make, as they are stored. */
import { DataError, decodeModel, metadataOf } from 'fovea';
import { type Checkpoint, encodeWeights, loadCheckpoint } from 'fovea/io';
import { bestWeights } from 'fovea/learn';
import type { Training } from '../project/model.ts';
import { fileNameOf } from '../store/fileNames.ts';
import { type Store, StoreError } from '../store/index.ts';
import type { RunEnd } from './events.ts';

/** The value by which the best epoch is the best, if epochs were compared. */
function metricOf({ epochs, settings }: Training): { name: string; value: number } | undefined {
  const best = epochs.findLast((epoch) => epoch.best);
  if (!best) return undefined;
  const names = Object.keys(best.logs);
  const usual = ['val_ap', 'val_iou', 'val_accuracy'].find((name) => names.includes(name));
  const name = settings.best ?? usual ?? 'val_loss';
  const value = best.logs[name];
  return value === undefined ? undefined : { name, value };
}

/** Stores the model that a training has made; where it cannot be stored, its file is handed to the visitor. */
export async function saveTrained(store: Store, training: Training, bytes: Uint8Array): Promise<RunEnd> {
  const { project, name, task, settings, id } = training;
  const fields = {
    step: training.step,
    losses: training.losses,
    epochs: training.epochs,
    spent: training.spent,
  };
  const file = new File([bytes as Uint8Array<ArrayBuffer>], fileNameOf(name, 'safetensors'));
  const metric = metricOf(training);
  try {
    const model = await store.models.addModel(
      {
        ...{ project, name, task, file: file.name, classNames: settings.classNames, training: id },
        ...(metric ? { metric } : {}),
      },
      file,
    );
    const finished = await store.models.updateTraining(id, { ...fields, state: 'finished', model: model.id });
    // What could be continued is done.
    await store.models.removeCheckpoint(training).catch(() => {});
    return { training: finished, model };
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    const reason = error.message;
    const failed = await store.models
      .updateTraining(id, { ...fields, state: 'failed', reason })
      .catch(() => training);
    return { training: failed, unsaved: { file, why: reason } };
  }
}

/**
 * The checkpoint of a training, and its bytes; undefined where it has none yet.
 *
 * @throws DataError for one that is damaged.
 */
export async function readCheckpoint(
  store: Store,
  training: Training,
): Promise<{ readonly checkpoint: Checkpoint; readonly bytes: Uint8Array } | undefined> {
  const blob = await store.models.checkpointOf(training);
  if (!blob) return undefined;
  const bytes = new Uint8Array(await blob.arrayBuffer());
  try {
    return { checkpoint: await loadCheckpoint(bytes, training.name), bytes };
  } catch (error) {
    const why = 'what the browser has stored of this training is damaged';
    const way = 'remove the training, and begin a new one';
    throw new DataError(`${training.name}: ${why}; ${way}`, { cause: error });
  }
}

/**
 * Ends a training that is paused or has failed, with the best weights of its checkpoint.
 *
 * @throws DataError where it has no checkpoint yet, or one that is damaged.
 */
export async function keepBest(store: Store, training: Training): Promise<RunEnd> {
  const read = await readCheckpoint(store, training);
  if (!read) {
    const why = 'it has learned too little to be kept';
    throw new DataError(`${training.name}: ${why}; go on with it, or remove it and begin a new training`);
  }
  const trained = decodeModel(read.bytes, training.name);
  const best = bestWeights(read.checkpoint);
  return saveTrained(store, training, encodeWeights(best, metadataOf(trained)));
}
