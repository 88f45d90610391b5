import type { Thumbnail, ThumbnailReply, ThumbnailRequest } from '../work/thumbnails.ts';

/** Makes thumbnails in workers, one picture at a time in each. `dispose` ends them. */
export class Thumbnailer {
  readonly #workers: Worker[];
  readonly #waiting = new Map<number, { resolve(made: Thumbnail): void; reject(reason: Error): void }>();
  #last = 0;
  /** Why no worker answers any more. */
  #failed: Error | undefined;

  /** @param count Default: half of the processors, at most 4. */
  constructor(count = Math.min(4, Math.max(1, Math.floor(navigator.hardwareConcurrency / 2)))) {
    this.#workers = Array.from({ length: count }, () => this.#start());
  }

  #start(): Worker {
    const worker = new Worker(new URL('../work/thumbnails.ts', import.meta.url), { type: 'module' });
    worker.addEventListener('message', ({ data }: MessageEvent<ThumbnailReply>) => {
      const waiting = this.#waiting.get(data.id);
      this.#waiting.delete(data.id);
      if ('error' in data) waiting?.reject(new Error(data.error));
      else waiting?.resolve(data);
    });
    worker.addEventListener('error', ({ message }) => {
      const why = message || 'it cannot be loaded';
      const reason = new Error(`the worker for thumbnails failed: ${why}; reload the page`);
      this.#failed = reason;
      for (const { reject } of this.#waiting.values()) reject(reason);
      this.#waiting.clear();
    });
    return worker;
  }

  /** The thumbnail, the size and the hash of a picture. Rejects where the browser cannot decode it. */
  make(file: Blob): Promise<Thumbnail> {
    if (this.#failed) return Promise.reject(this.#failed);
    const id = ++this.#last;
    const worker = this.#workers[id % this.#workers.length]!;
    const made = new Promise<Thumbnail>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
    });
    worker.postMessage({ id, file } satisfies ThumbnailRequest);
    return made;
  }

  /** How many pictures are worth making at the same time. */
  get width(): number {
    return this.#workers.length * 2;
  }

  dispose(): void {
    for (const worker of this.#workers) worker.terminate();
  }
}
