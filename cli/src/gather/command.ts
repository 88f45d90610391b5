import path from 'node:path';
import { DataError } from 'fovea';
import { endBySignal, onInterrupt } from '../errors.ts';
import { withLock } from '../lock.ts';
import { printable } from '../printable.ts';
import { createProgress, type Progress } from '../progress.ts';
import { parseNetworks } from './address.ts';
import type { Dedupe } from './arrange.ts';
import { type GatherEvents, gather, TABLE } from './gather.ts';
import type { Format } from './inspect.ts';
import { readList } from './list.ts';
import { summaryOf } from './summary.ts';

/** The options of fovea gather, as they are given: times in seconds. */
export interface GatherCommandOptions {
  readonly out: string;
  readonly urlColumn?: string;
  readonly concurrency?: number;
  readonly perHost?: number;
  readonly retries?: number;
  readonly retryDelay?: number;
  readonly maxWait?: number;
  readonly timeout?: number;
  readonly stallTimeout?: number;
  readonly maxBytes?: number;
  readonly maxPixels?: number;
  readonly maxRedirects?: number;
  readonly size?: number;
  readonly format?: Format;
  readonly quality?: number;
  readonly dedupe?: Dedupe;
  readonly distance?: number;
  readonly allowPrivate?: boolean;
  readonly allowAddress?: string;
  readonly ignoreRobots?: boolean;
  readonly userAgent?: string;
  readonly skipFailed?: boolean;
}

/** What is taken where an option is not given. */
export const DEFAULTS = {
  concurrency: 16,
  perHost: 2,
  retries: 2,
  retryDelay: 1,
  maxWait: 120,
  timeout: 60,
  stallTimeout: 15,
  maxBytes: 2 ** 25,
  maxPixels: 2 ** 26,
  maxRedirects: 5,
  format: 'keep',
  quality: 95,
  dedupe: 'bytes',
  distance: 4,
  allowPrivate: false,
  ignoreRobots: false,
  skipFailed: false,
} as const satisfies Partial<GatherCommandOptions>;

/** fovea gather: the images of a list of URLs, with a record for each. */
export async function gatherCommand(
  file: string,
  given: GatherCommandOptions,
  version: string,
): Promise<void> {
  const { out, urlColumn, allowAddress, allowPrivate, size, ...options } = { ...DEFAULTS, ...given };
  const networks = allowAddress === undefined ? [] : parseNetworks(allowAddress);
  const list = await readList(file, urlColumn);
  const settings = {
    ...options,
    size,
    addresses: { all: allowPrivate, networks },
    userAgent: options.userAgent ?? `fovea/${version} (+https://github.com/fovea-webgpu/fovea)`,
    retryDelay: options.retryDelay * 1000,
    maxWait: options.maxWait * 1000,
    timeout: options.timeout * 1000,
    stallTimeout: options.stallTimeout * 1000,
  };
  const abort = new AbortController();
  const release = onInterrupt(() => abort.abort(new Error('interrupted')));
  let progress: Progress | undefined;
  let [done, all] = [0, 0];
  const events: GatherEvents = {
    begin(urls, before) {
      [done, all] = [before, urls];
      progress = createProgress({ total: urls, label: 'gather', start: before });
    },
    done() {
      done++;
      progress?.update(done);
    },
  };
  try {
    const lock = path.join(out, 'gather');
    const records = await withLock(
      lock,
      () => gather(list, out, settings, abort.signal, events),
      'fovea gather',
    );
    progress?.done();
    const { text, images } = summaryOf(records, path.join(out, TABLE));
    process.stdout.write(text);
    if (images > 0) return;
    throw new DataError(`${file}: no URL gave an image; see the errors in ${path.join(out, TABLE)}`);
  } catch (error) {
    progress?.done();
    if (!abort.signal.aborted) throw error;
    process.stderr.write(
      `stopped: ${done} of ${all} URLs are done; the same command goes on from there (${printable(out)})\n`,
    );
    endBySignal();
  } finally {
    release();
  }
}
