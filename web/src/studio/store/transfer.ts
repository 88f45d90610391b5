import type { Picture, Project } from '../project/model.ts';
import type { NewPicture } from './adding.ts';
import { inParallel } from './parallel.ts';
import { type FilePicture, readProjectFile, writeProjectFile } from './projectFile.ts';
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
  return writeProjectFile({
    project,
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
  const { project, pictures } = await readProjectFile(zip);
  return store.createFilledProject(project, async (add) => {
    let done = 0;
    for (const batch of batches(pictures)) {
      const read = await inParallel(batch, AT_ONCE, async ({ fields, file, labels }): Promise<NewPicture> => {
        const content = await file();
        return { ...fields, file: content, thumbnail: await thumbnail?.(content, fields), labels: labels() };
      });
      await add(read);
      done += batch.length;
      onProgress?.(done, pictures.length);
    }
  });
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
