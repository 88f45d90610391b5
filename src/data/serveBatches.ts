import { expectArguments } from '../arguments.ts';
import { FoveaError, UsageError } from '../errors.ts';
import type { Random } from '../vision/random.ts';
import type { Batch, HostTensor } from './batch.ts';
import { type BatchMaker, type BatchRequest, loadItem, makeBatch } from './batchMaker.ts';
import { type BatchOptions, BatchSource, type Sample } from './dataset.ts';
import type { BatchSourceData, FromWorker, ToWorker } from './workers.ts';

/** The thread that a worker works for. */
interface Port {
  postMessage(message: unknown, transfer: readonly ArrayBuffer[]): void;
  listen(take: (message: ToWorker) => void): void;
}

/** Makes what was asked for, in one form. */
type Make = (request: unknown) => unknown;

/** The port of this worker. Throws UsageError in a thread that is none. */
function portOf(): Port {
  const node = globalThis.process?.getBuiltinModule?.('node:worker_threads')?.parentPort;
  if (node) {
    return {
      postMessage: (message, transfer) => node.postMessage(message, transfer),
      listen: (take) => void node.on('message', take),
    };
  }
  if ('WorkerGlobalScope' in globalThis) {
    const scope = globalThis as unknown as {
      postMessage(message: unknown, transfer: readonly ArrayBuffer[]): void;
      addEventListener(event: 'message', listener: (event: { data: ToWorker }) => void): void;
    };
    return {
      postMessage: (message, transfer) => scope.postMessage(message, transfer),
      listen: (take) => scope.addEventListener('message', ({ data }) => take(data)),
    };
  }
  throw new UsageError(
    'serveBatches: this thread is no worker; call it in the module of a worker of WorkerPool',
  );
}

/** Items as the thread that trains describes them: all of them, or those of each batch with the request. */
function itemsOf<Item, B extends Batch, Loaded>(
  maker: BatchMaker<Item, B, Loaded> | undefined,
  source: BatchSourceData,
): Make {
  if (!maker) {
    throw new UsageError(
      'serveBatches: was called without load and collate, which the batches of a DataLoader need',
    );
  }
  const items = source.items as readonly Item[] | undefined;
  return (request) => {
    const { numbers, given, ...rest } = request as BatchRequest & {
      readonly numbers: readonly number[];
      readonly given?: readonly Item[];
    };
    const other = (random: Random): Promise<Loaded> => {
      if (!items) {
        throw new UsageError(
          'DataLoader: CollateContext.other needs the items as an array where workers make batches; give the DataLoader an array',
        );
      }
      const number = random.integer(items.length);
      return loadItem(maker, items[number]!, number);
    };
    const own = numbers.map((number, i) => [given ? given[i]! : items![number]!, number] as const);
    return makeBatch(maker, own, rest, other);
  };
}

/** The crops of a `BatchSource`, by the number of the batch. */
function cropsOf({ samples, options }: BatchSourceData): Make {
  const source = new BatchSource(samples as readonly Sample[], options as BatchOptions<'detect' | 'segment'>);
  return (batch) => {
    source.restore({ ...source.state(), batch: batch as number });
    return source.next();
  };
}

/** A batch whose arrays own their buffers, and these, which are handed over without a copy. */
function handedOver(result: unknown): { readonly result: unknown; readonly transfer: ArrayBuffer[] } {
  const transfer = new Set<ArrayBuffer>();
  const whole = (data: unknown): unknown => {
    if (!ArrayBuffer.isView(data) || !(data.buffer instanceof ArrayBuffer)) return data;
    // A part of a buffer would be sent with all of it.
    const own = data.byteLength === data.buffer.byteLength ? data : (data as Float32Array).slice();
    transfer.add(own.buffer as ArrayBuffer);
    return own;
  };
  const entries = Object.entries(result as Readonly<Record<string, unknown>>).map(([name, value]) => {
    const tensor = value as Partial<HostTensor>;
    return [name, Array.isArray(tensor?.shape) ? { ...tensor, data: whole(tensor.data) } : whole(value)];
  });
  return { result: Object.fromEntries(entries), transfer: [...transfer] };
}

/**
 * Makes batches in a worker, for the `WorkerPool` of the thread that trains. Call it once, in the module of the worker. The arrays of a batch
 * are handed over without a copy: do not keep them.
 *
 * @param maker How the items of a `DataLoader` become batches. Default: only the crops of a `CropLoader` are made.
 * @throws UsageError in a thread that is no worker.
 */
export function serveBatches<Item, B extends Batch, Loaded = Item>(
  maker?: BatchMaker<Item, B, Loaded>,
): void {
  if (maker) expectArguments('serveBatches', { maker }, { maker: { collate: 'function' } });
  const port = portOf();
  const makers = new Map<number, Make>();
  const fail = (job: number, error: unknown): void => {
    const { name, message } = error instanceof Error ? error : { name: 'Error', message: String(error) };
    const told = error instanceof FoveaError ? message : `a batch cannot be made: ${message}`;
    const answer: FromWorker = { job, error: { name, message: told } };
    port.postMessage(answer, []);
  };
  const answer = async (job: number, of: number, request: unknown): Promise<void> => {
    try {
      const { result, transfer } = handedOver(await makers.get(of)!(request));
      const sent: FromWorker = { job, result };
      port.postMessage(sent, transfer);
    } catch (error) {
      fail(job, error);
    }
  };
  // One batch after the other: the first is waited for.
  let last: Promise<void> = Promise.resolve();
  port.listen((message) => {
    if ('close' in message) makers.delete(message.close);
    else if ('open' in message) {
      const { kind } = message.source;
      try {
        makers.set(message.open, kind === 'crops' ? cropsOf(message.source) : itemsOf(maker, message.source));
      } catch (error) {
        makers.set(message.open, () => {
          throw error;
        });
      }
    } else {
      const { job, of, request } = message;
      last = last.then(() => answer(job, of, request));
    }
  });
}
