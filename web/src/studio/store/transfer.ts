import type { Picture, Project } from '../project/model.ts';
import type { NewPicture } from './adding.ts';
import { inParallel } from './parallel.ts';
import { type FilePicture, type ProjectFile, readProjectFile, writeProjectFile } from './projectFile.ts';
import type { Store } from './store.ts';

/** How many pictures are stored at once, and how many bytes of files (at least one picture). */
const BATCH = 16;
const BATCH_BYTES = 2 ** 26;
/** How many of them are read at a time. */
const AT_ONCE = 4;

export interface ImportOptions {
  /** Makes the small picture for lists; undefined for none. What it throws ends the import. */
  readonly thumbnail?: (file: Blob, picture: FilePicture['fields']) => Promise<Blob | undefined>;
  /** Called after each few pictures. */
  readonly onProgress?: (done: number, all: number) => void;
}

/**
 * Writes a project as a zip while it is read from the stream, such as into a file that the visitor has chosen or
 * `new Response(stream).blob()`. Throws a StoreError ('missing') for a project that is not there.
 */
export async function exportProject(
  store: Store,
  id: string,
): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
  const project = await store.project(id);
  const { models } = store;
  return writeProjectFile({
    project,
    models: {
      models: await models.models(id),
      trainings: await models.trainings(id),
      fileOf: (model) => models.fileOf(model),
    },
    pictures: await store.pictures(id),
    fileOf: (picture: Picture) => store.fileOf(picture),
    labelsOf: (picture: Picture) => store.labelsOf(picture.id),
  });
}

/**
 * Stores a project file as a new project, whole or not at all: one that is there already stays beside it.
 *
 * @throws StoreError as `readProjectFile`, and 'quota' where it does not fit.
 */
export async function importProject(
  store: Store,
  zip: Blob,
  { thumbnail, onProgress }: ImportOptions = {},
): Promise<Project> {
  const file = await readProjectFile(zip);
  const { project, pictures } = file;
  return store.createFilledProject(project, async (add, id) => {
    let done = 0;
    const ids: string[] = [];
    for (const batch of batches(pictures)) {
      const read = await inParallel(batch, AT_ONCE, async ({ fields, file, labels }): Promise<NewPicture> => {
        const content = await file();
        return { ...fields, file: content, thumbnail: await thumbnail?.(content, fields), labels: labels() };
      });
      // No two have one file: each is added, in its order.
      const { added } = await add(read);
      ids.push(...added.map((picture) => picture.id));
      done += batch.length;
      onProgress?.(done, pictures.length);
    }
    await bringModels(store, id, file, ids);
  });
}

/** Stores the models and trainings of a project file, in which places of lists become ids. */
async function bringModels(
  { models }: Store,
  project: string,
  file: ProjectFile,
  pictures: readonly string[],
): Promise<void> {
  const idsOf = (rows: readonly unknown[]) => rows.map(() => crypto.randomUUID());
  const [modelIds, trainingIds] = [idsOf(file.models), idsOf(file.trainings)];
  for (const [i, { fields, train, valid, start, model }] of file.trainings.entries()) {
    await models.bringTraining({
      ...{ ...fields, id: trainingIds[i]!, project },
      ...{ train: train.map((at) => pictures[at]!), valid: valid.map((at) => pictures[at]!) },
      ...(start === undefined ? {} : { start: modelIds[start]! }),
      ...(model === undefined ? {} : { model: modelIds[model]! }),
    });
  }
  for (const [i, { fields, training, file: read }] of file.models.entries()) {
    const made = training === undefined ? {} : { training: trainingIds[training]! };
    await models.bringModel({ ...fields, ...made, id: modelIds[i]!, project }, await read());
  }
}

function* batches(pictures: readonly FilePicture[]): Generator<readonly FilePicture[], void> {
  let batch: FilePicture[] = [];
  let bytes = 0;
  for (const picture of pictures) {
    if (batch.length >= BATCH || (batch.length > 0 && bytes + picture.fields.size > BATCH_BYTES)) {
      yield batch;
      [batch, bytes] = [[], 0];
    }
    batch.push(picture);
    bytes += picture.fields.size;
  }
  if (batch.length > 0) yield batch;
}
