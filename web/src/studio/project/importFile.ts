import { theStore } from '../state.ts';
import { importProject } from '../store/transfer.ts';
import type { Project } from './model.ts';
import { Thumbnailer } from './thumbnailer.ts';

/**
 * Stores a project file as a new project, whole or not at all.
 *
 * @param onProgress Called with how many pictures of all are stored.
 * @param signal Aborting it ends the import: nothing stays.
 * @throws StoreError as `importProject`; an AbortError where it was ended.
 */
export async function importFile(
  zip: Blob,
  onProgress: (done: number, all: number) => void,
  signal: AbortSignal,
): Promise<Project> {
  const store = await theStore();
  const thumbnailer = new Thumbnailer();
  try {
    return await importProject(store, zip, {
      onProgress,
      async thumbnail(file) {
        signal.throwIfAborted();
        // A picture that this browser cannot decode is kept, without a thumbnail.
        return thumbnailer.make(file).then(
          (made) => made.thumbnail,
          () => undefined,
        );
      },
    });
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    thumbnailer.dispose();
  }
}
