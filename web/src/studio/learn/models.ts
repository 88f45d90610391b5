/** Models run in a worker of the page: one for all rooms. */
import { proxy, type Remote, transfer, wrap } from 'comlink';
import type { AdapterFacts, ModelDescription, ModelWorker, PredictSource } from '../work/models.ts';
import type { Evaluation } from './judged.ts';
import type { ModelSource } from './modelShelf.ts';
import type { Prediction, PredictOptions } from './predict.ts';
import { failureOf } from './workerFailure.ts';

export type { AdapterFacts, ModelDescription, PredictSource };

export interface EvaluateOptions {
  /** Called after each picture. */
  readonly onProgress?: (done: number, all: number) => void;
  readonly signal?: AbortSignal;
}

/** Runs models in a worker. Errors have the names and messages that they have there. `dispose` ends it. */
export class ModelRunner {
  readonly #worker: Worker;
  readonly #remote: Remote<ModelWorker>;
  /** Rejects where the worker itself fails, which answers no call any more. */
  readonly #failed: Promise<never>;
  #turn = 0;

  /** @param onFailed Called where the worker itself fails. */
  constructor(onFailed?: () => void) {
    this.#worker = new Worker(new URL('../work/models.ts', import.meta.url), { type: 'module' });
    this.#failed = failureOf(this.#worker, 'runs models');
    this.#failed.catch(() => onFailed?.());
    this.#remote = wrap<ModelWorker>(this.#worker);
  }

  /** The adapter that models run on. @throws AdapterError where there is none. */
  adapter(): Promise<AdapterFacts> {
    return this.#during(this.#remote.adapter());
  }

  /**
   * What a file is, told by its content.
   *
   * @param arch torchvision's name of the architecture, for files that do not tell it.
   * @throws DataError for what is no model that the library runs.
   */
  describe(file: File, arch?: string): Promise<ModelDescription> {
    return this.#during(this.#remote.describe(file, arch) as Promise<ModelDescription>);
  }

  /**
   * What a model finds in a picture.
   *
   * @param source A picture of the project by its id, a file, or a frame, which is handed over and closed.
   */
  predict(model: ModelSource, source: PredictSource, options: PredictOptions = {}): Promise<Prediction> {
    const isFrame = typeof source !== 'string' && !(source instanceof Blob);
    const given = isFrame ? transfer(source, [source]) : source;
    return this.#during(this.#remote.predict(model, given, options) as Promise<Prediction>);
  }

  /**
   * Judges a model by labelled pictures of a project, as `fovea eval` does.
   *
   * @param pictures Their ids.
   * @throws DataError where none can be judged by, and the reason of the signal.
   */
  async evaluate(
    model: ModelSource,
    pictures: readonly string[],
    { onProgress, signal }: EvaluateOptions = {},
  ): Promise<Evaluation> {
    signal?.throwIfAborted();
    this.#turn += 1;
    const turn = this.#turn;
    const stop = () => void this.#remote.cancel(turn);
    signal?.addEventListener('abort', stop);
    try {
      const report = onProgress ? proxy(onProgress) : undefined;
      const done = this.#remote.evaluate(turn, model, pictures, report) as Promise<Evaluation>;
      return await this.#during(done);
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    } finally {
      signal?.removeEventListener('abort', stop);
    }
  }

  dispose(): void {
    this.#worker.terminate();
  }

  #during<T>(call: Promise<T>): Promise<T> {
    return Promise.race([call, this.#failed]);
  }
}

let started: ModelRunner | undefined;

/** The page's runner, started when it is first needed, and anew after it failed. */
export function theRunner(): ModelRunner {
  started ??= new ModelRunner(() => {
    started = undefined;
  });
  return started;
}
