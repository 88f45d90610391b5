import { Conversion, type ConvertOptions, expectApart, expectConvertOptions } from '../converting.ts';
import { createCounter } from '../counter.ts';
import { DiskSink } from '../diskSink.ts';
import { endBySignal, onInterrupt } from '../errors.ts';
import { FaultLog } from '../faultLog.ts';
import { printable } from '../printable.ts';
import { openData } from '../samples.ts';
import { verifiedAhead } from '../verifiedImages.ts';

export type { ConvertOptions } from '../converting.ts';

/** The reason of a reading that the user has stopped. */
class Stopped extends Error {}

/** How long a stopped conversion may take to end in order, in milliseconds. */
const PATIENCE = 500;

/**
 * fovea convert: a data set in another format. Prints what was converted, and what the format could not express. The folder is
 * there when all is done, and not before. Throws DataError for what cannot be read, UsageError where `to` exists.
 */
export async function convertCommand(from: string, to: string, options: ConvertOptions): Promise<void> {
  expectConvertOptions(options);
  await expectApart(from, to);
  await FaultLog.check(options);
  const faults = new FaultLog();
  await faults.during(options, () => convert(from, to, options, faults));
}

async function convert(from: string, to: string, options: ConvertOptions, faults: FaultLog): Promise<void> {
  const aborted = new AbortController();
  const dataset = await openData(from, options, faults, { signal: aborted.signal, extras: true });
  const counter = createCounter('images');
  // From here on a signal ends it in order: nothing half-written stays.
  let hurry: NodeJS.Timeout | undefined;
  // Only the renaming of one or two folders is left then.
  let finishing = false;
  const sayStopped = () => {
    counter.clear();
    process.stderr.write(`stopped: ${printable(to)} was not written\n`);
  };
  const release = onInterrupt(() => {
    if (finishing) return;
    aborted.abort(new Stopped());
    // The writing of one large image goes on longer; what it has made goes with the process.
    hurry = setTimeout(() => {
      sayStopped();
      endBySignal();
    }, PATIENCE);
  });
  let sink: DiskSink | undefined;
  try {
    sink = await DiskSink.create(to, {
      mode: options.linkImages ? 'link' : 'copy',
      force: options.force ?? false,
    });
    const conversion = await Conversion.create(dataset, sink, options);
    for await (const { image, verified } of verifiedAhead(dataset.images())) {
      const found = await faults.attempt(options, () => verified);
      aborted.signal.throwIfAborted();
      if (!found) continue;
      await conversion.add(image, found.extension);
      counter.show(conversion.images);
    }
    if (conversion.images === 0) await faults.finishEmpty(options, from);
    await conversion.end(from);
    counter.clear();
    await faults.finish(options);
    aborted.signal.throwIfAborted();
    finishing = true;
    await sink.finish();
    process.stdout.write(conversion.text(from, to));
  } catch (error) {
    await sink?.discard();
    if (!(error instanceof Stopped)) throw error;
    sayStopped();
  } finally {
    clearTimeout(hurry);
    counter.clear();
    release();
  }
}
