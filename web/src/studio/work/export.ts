/** A worker that makes what the visitor takes away, so that the page answers meanwhile. */
import * as Comlink from 'comlink';
import {
  type DatasetChoice,
  type DatasetCounts,
  type DatasetSource,
  datasetZip,
  lookAtDataset,
} from '../project/dataset.ts';
import { runPage } from '../project/runPage.ts';
import { type Bytes, partsOf, ZipWriter } from '../store/zipWriter.ts';
import { ownStore } from './ownStore.ts';

type OnProgress = (done: number, all: number) => void;

/** A stream as it crosses from a worker: not every browser hands over streams. */
export interface RemoteParts {
  /** Undefined at the end. */
  next(): Promise<Bytes | undefined>;
}

async function sourceOf(project: string): Promise<DatasetSource> {
  const store = await ownStore();
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

/** The parts of a zip with a page, its model and the library, which run in a browser without anything else. */
async function* pageZip(id: string, library: string): AsyncGenerator<Bytes, void> {
  const { models } = await ownStore();
  const model = await models.model(id);
  const file = await models.fileOf(model);
  const [extension = ''] = /\.[a-z0-9]{1,12}$/i.exec(model.file) ?? [];
  const name = `model${extension.toLowerCase()}`;
  const page = runPage(model.name, model.task, name, model.arch);
  const answer = await fetch(library);
  if (!answer.ok) {
    throw new Error(`${library}: cannot be loaded (${answer.status}); reload the page, and try again`);
  }
  const zip = new ZipWriter('saving the page');
  yield* zip.file('index.html', [new TextEncoder().encode(page)], true);
  yield* zip.file('fovea.js', partsOf(await answer.blob()), true);
  yield* zip.file(name, partsOf(file));
  yield* zip.end();
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

  /** A model as an ONNX file. Throws DataError for what is no model, UsageError for what is ONNX already. */
  async onnx(id: string): Promise<Bytes> {
    const { models } = await ownStore();
    const model = await models.model(id);
    const content = new Uint8Array(await (await models.fileOf(model)).arrayBuffer());
    const { exportModel, openModel } = await import('fovea/open');
    const arch = model.arch === undefined ? {} : { arch: model.arch };
    const opened = await openModel(content, { name: model.file, ...arch });
    const { bytes } = await exportModel(opened, { name: model.file });
    return Comlink.transfer(bytes, [bytes.buffer]);
  },

  /** @param library The address of take-away/fovea.js. */
  async pageZip(id: string, library: string) {
    return remote(pageZip(id, library));
  },
};

export type ExportApi = typeof api;
Comlink.expose(api);
