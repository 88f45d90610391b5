import {
  DeviceLostError,
  type Gpu,
  type ImageClassifier,
  type ObjectDetector,
  type PixelSegmenter,
} from 'fovea';
import { type OpenedModel, openModel } from 'fovea/open';

/** A model of the project by its id, or a file that is not stored. */
export type ModelSource = string | BroughtModel;

/** A model that is not stored in the project. */
export interface BroughtModel {
  /** Chosen by whoever brings it: another file has another one. */
  readonly id: string;
  readonly file: File;
  /** torchvision's name of the architecture, for files that do not tell it. */
  readonly arch?: string;
}

/** A model that is open on a GPU. */
export type RunningModel = { readonly gpu: Gpu; readonly opened: OpenedModel } & (
  | { readonly task: 'detect'; readonly run: ObjectDetector }
  | { readonly task: 'segment'; readonly run: PixelSegmenter }
  | { readonly task: 'classify'; readonly run: ImageClassifier }
);

/** How many models stay open: the one that is tried, and one that it is compared with. */
const MOST_OPEN = 2;

export const idOf = (source: ModelSource): string => (typeof source === 'string' ? source : source.id);

/** Opens the file of a model. @throws DataError for files that are no model that the library runs. */
export async function openFile(file: File, arch?: string): Promise<OpenedModel> {
  const bytes = new Uint8Array(await file.arrayBuffer());
  return openModel(bytes, { name: file.name, ...(arch ? { arch } : {}) });
}

/** A model on a GPU, ready to run. */
function running(gpu: Gpu, opened: OpenedModel, name: string): RunningModel {
  const options = { name };
  switch (opened.task) {
    case 'detect':
      return { gpu, opened, task: 'detect', run: opened.detector(gpu, options) };
    case 'segment':
      return { gpu, opened, task: 'segment', run: opened.segmenter(gpu, options) };
    case 'classify':
      return { gpu, opened, task: 'classify', run: opened.classifier(gpu, options) };
  }
}

/**
 * Models that are open, the last ones that were used. One runs at a time. After the GPU was lost they are opened again on a new one, and
 * what was lost with it is done again.
 */
export class ModelShelf {
  readonly #gpu: () => Promise<Gpu>;
  readonly #read: (source: ModelSource) => Promise<Omit<BroughtModel, 'id'>>;
  /** In the order of their last use. */
  readonly #open = new Map<string, RunningModel>();
  #turn: Promise<unknown> = Promise.resolve();

  /**
   * @param gpu The GPU: another one after it was lost.
   * @param read The file of a model.
   */
  constructor(gpu: () => Promise<Gpu>, read: (source: ModelSource) => Promise<Omit<BroughtModel, 'id'>>) {
    this.#gpu = gpu;
    this.#read = read;
  }

  /** Does something with a model when it is its turn. `work` may be called twice. */
  use<T>(source: ModelSource, work: (model: RunningModel) => T | Promise<T>): Promise<T> {
    let used: Gpu | undefined;
    const attempt = async () => {
      used = await this.#gpu();
      return work(await this.#opened(source, used));
    };
    const done = this.#turn.then(attempt).catch(async (error: unknown) => {
      if (!(error instanceof DeviceLostError)) throw error;
      // Until this is told, the GPU that is lost is given out.
      await used?.device.device.lost;
      return attempt();
    });
    this.#turn = done.catch(() => undefined);
    return done;
  }

  async #opened(source: ModelSource, gpu: Gpu): Promise<RunningModel> {
    const id = idOf(source);
    const before = this.#open.get(id);
    this.#open.delete(id);
    const fresh = before?.gpu === gpu ? before : undefined;
    if (!fresh) before?.run.dispose();
    const model = fresh ?? (await this.#start(gpu, source));
    this.#open.set(id, model);
    for (const [oldest, { run }] of this.#open) {
      if (this.#open.size <= MOST_OPEN) break;
      run.dispose();
      this.#open.delete(oldest);
    }
    return model;
  }

  async #start(gpu: Gpu, source: ModelSource): Promise<RunningModel> {
    const { file, arch } = await this.#read(source);
    return running(gpu, await openFile(file, arch), file.name);
  }
}
