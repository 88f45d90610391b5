import path from 'node:path';
import { DataError } from 'fovea';
import { endBySignal, onInterrupt } from '../errors.ts';
import { expectNoInput } from '../files.ts';
import { withLock } from '../lock.ts';
import { printable } from '../printable.ts';
import { createProgress, type Progress } from '../progress.ts';
import { parseNetworks } from './address.ts';
import { type GatherEvents, gather, MANIFEST, TABLE } from './gather.ts';
import { readList } from './list.ts';
import { DEFAULTS, type GatherCommandOptions } from './options.ts';
import { summaryOf } from './summary.ts';

/** fovea gather: the images of a list of URLs, with a record for each. */
export async function gatherCommand(
  file: string,
  given: GatherCommandOptions,
  version: string,
): Promise<void> {
  const { out, urlColumn, allowAddress, allowPrivate, size, ...options } = { ...DEFAULTS, ...given };
  const networks = allowAddress === undefined ? [] : parseNetworks(allowAddress);
  const list = await readList(file, urlColumn);
  await expectNoInput(
    [TABLE, MANIFEST].map((name) => path.join(out, name)),
    [file],
  );
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
      progress = createProgress({ total: urls, label: 'gather', unit: ['URL', 'URLs'], start: before });
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
