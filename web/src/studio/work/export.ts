/** A worker that makes what the visitor takes away, so that the page answers meanwhile. */
import * as Comlink from 'comlink';
import {
  type DatasetChoice,
  type DatasetCounts,
  type DatasetSource,
  datasetZip,
  lookAtDataset,
} from '../project/dataset.ts';
import { openStore, type Store } from '../store/index.ts';
import type { Bytes } from '../store/zipWriter.ts';

type OnProgress = (done: number, all: number) => void;

/** A stream as it crosses from a worker: not every browser hands over streams. */
export interface RemoteParts {
  /** Undefined at the end. */
  next(): Promise<Bytes | undefined>;
}

let opened: Promise<Store> | undefined;
const theStore = (): Promise<Store> => {
  opened ??= openStore();
  return opened;
};

async function sourceOf(project: string): Promise<DatasetSource> {
  const store = await theStore();
  return {
    project: await store.project(project),
    pictures: await store.pictures(project),
    labelsOf: ({ id }) => store.labelsOf(id),
    fileOf: (picture) => store.fileOf(picture),
  };
}

/** Parts that another thread takes one by one. */
const remote = (parts: AsyncGenerator<Bytes, void>): RemoteParts & Comlink.ProxyMarked =>
  Comlink.proxy({
    async next() {
      const { done, value } = await parts.next();
      if (done) return undefined;
      return value.byteLength === value.buffer.byteLength ? Comlink.transfer(value, [value.buffer]) : value;
    },
  });

/** Progress at most so often: messages would wait for each other. */
function seldom(tell: OnProgress): OnProgress {
  let last = 0;
  return (done, all) => {
    const now = performance.now();
    if (done < all && now - last < 100) return;
    last = now;
    tell(done, all);
  };
}

const api = {
  async lookAtDataset(
    project: string,
    choice: DatasetChoice,
    onProgress: OnProgress,
  ): Promise<DatasetCounts> {
    return lookAtDataset(await sourceOf(project), choice, seldom(onProgress));
  },

  async datasetZip(project: string, choice: DatasetChoice, onProgress: OnProgress) {
    return remote(datasetZip(await sourceOf(project), choice, seldom(onProgress)));
  },
};

export type ExportApi = typeof api;
Comlink.expose(api);
