import { openDb } from '../../web/src/studio/store/db.ts';
import * as store from '../../web/src/studio/store/index.ts';
import { exportProject, importProject } from '../../web/src/studio/store/transfer.ts';
import { noise, OBJECTS, PROJECT, sampleModels } from './projectSamples.ts';

/** What tests of the store call in a page: bundled by openStudio. */
const studio = {
  ...store,
  exportProject,
  importProject,
  openDb,
  noise,
  OBJECTS,
  PROJECT,

  /** Pictures of `bytes` each that no other seed has. */
  pictures: (count: number, bytes: number, seed = 0): store.NewPicture[] =>
    Array.from({ length: count }, (_, i) => ({
      file: new Blob([noise(bytes, seed + i)]),
      name: `left/${i}.png`,
      width: 64,
      height: 48,
      thumbnail: new Blob([noise(100, seed + i)]),
      labels: i % 2 === 0 ? OBJECTS : [],
    })),

  /** Stores the models and trainings of projectSamples.ts. */
  async bringModels(opened: store.Store, project: string): Promise<void> {
    const source = sampleModels(await opened.pictures(project));
    for (const training of source.trainings) await opened.models.bringTraining({ ...training, project });
    for (const model of source.models) {
      await opened.models.bringModel({ ...model, project }, await source.fileOf(model));
    }
  },

  /** All that is stored, in a form that crosses to the test: files as their digests. */
  async everything(opened: store.Store) {
    const projects = await opened.projects();
    const digest = async (blob: Blob | undefined) =>
      blob && [...new Uint8Array(await crypto.subtle.digest('SHA-256', await blob.arrayBuffer()))].join();
    const pictures = [];
    for (const project of projects) {
      for (const picture of await opened.pictures(project.id)) {
        const file = await opened.fileOf(picture);
        pictures.push({
          picture,
          file: [file.name, file.type, file.size, await digest(file)],
          thumbnail: await digest(await opened.thumbnailOf(picture)),
          labels: JSON.stringify(await opened.labelsOf(picture.id), (_, value) =>
            value instanceof Uint8Array ? [...value] : value,
          ),
        });
      }
    }
    return { projects, pictures };
  },

  /** The paths of all files in OPFS. */
  async opfs(): Promise<string[]> {
    const walk = async (folder: FileSystemDirectoryHandle, path: string): Promise<string[]> => {
      const found: string[] = [];
      const entries = (folder as unknown as { values(): AsyncIterable<FileSystemHandle> }).values();
      for await (const entry of entries) {
        const own = `${path}/${entry.name}`;
        if (entry.kind === 'file') found.push(own);
        else found.push(...(await walk(entry as FileSystemDirectoryHandle, own)));
      }
      return found;
    };
    return walk(await navigator.storage.getDirectory(), '');
  },

  /** The kind and message of what a promise throws. */
  failure: (promise: Promise<unknown>): Promise<{ kind: string; message: string }> =>
    promise.then(
      () => ({ kind: 'none', message: 'it did not fail' }),
      (error) => ({ kind: String(error.kind), message: String(error.message) }),
    ),
};

export type Studio = typeof studio;

declare global {
  interface Window {
    studio: Studio;
    /** What a test keeps in the page from one call to the next. */
    store: store.Store;
    heard: unknown[];
  }
}

window.studio = studio;
window.heard = [];
