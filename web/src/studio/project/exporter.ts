/** What the visitor takes away, made in a worker. */
import * as Comlink from 'comlink';
import type { Bytes } from '../store/zipWriter.ts';
import type { ExportApi, RemoteParts } from '../work/export.ts';

/** A function of this page that the worker may call. */
export const { proxy } = Comlink;

type Stream = ReadableStream<Bytes>;

/** Does something in a worker of its own, which ends with it, or when the signal says so. */
export async function inExporter<T>(
  work: (api: Comlink.Remote<ExportApi>) => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  signal.throwIfAborted();
  const worker = new Worker(new URL('../work/export.ts', import.meta.url), { type: 'module' });
  let end = () => {};
  // A call to a worker that has ended never comes back.
  const ended = new Promise<never>((_, reject) => {
    end = () => reject(signal.reason);
    signal.addEventListener('abort', end);
    worker.addEventListener('error', ({ message }) => {
      const why = message || 'its worker cannot be loaded';
      reject(new Error(`the export failed: ${why}; reload the page`));
    });
  });
  ended.catch(() => {});
  try {
    return await Promise.race([work(Comlink.wrap<ExportApi>(worker)), ended]);
  } finally {
    signal.removeEventListener('abort', end);
    worker.terminate();
  }
}

/** The parts that a worker makes as a stream. */
export const streamFrom = (parts: Comlink.Remote<RemoteParts>): Stream =>
  new ReadableStream({
    async pull(controller) {
      const part = await parts.next();
      if (part) controller.enqueue(part);
      else controller.close();
    },
  });
