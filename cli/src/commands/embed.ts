import { DataError } from 'fovea';
import { counted } from '../counted.ts';
import { type MediaOptions, mediaInputs } from '../embed/media.ts';
import { writerFor } from '../embed/output.ts';
import { batchOf, type EmbedChoice, EmbeddedRows, embedMedia } from '../embed/rows.ts';
import { endBySignal, onInterrupt } from '../errors.ts';
import { FaultLog } from '../faultLog.ts';
import { type FileEmbedderOptions, openFileEmbedder } from '../fileEmbedder.ts';
import { checkOutputFile, expectNoInput } from '../files.ts';
import { withGpu } from '../gpu.ts';
import { imageFault } from '../imageFault.ts';
import { itemProgress } from '../itemProgress.ts';

export interface EmbedCommandOptions extends FileEmbedderOptions, MediaOptions, EmbedChoice {
  readonly model: string;
  readonly out: string;
  readonly reportBad?: string;
  readonly adapter?: string;
}

/** fovea embed: a vector for each image, video and sound, in the format that the name of the file says. */
export async function embedCommand(inputs: readonly string[], options: EmbedCommandOptions): Promise<void> {
  const { model, out, reportBad, adapter, recursive, frameFolders, ...given } = options;
  await writerFor(out);
  await checkOutputFile(out);
  if (reportBad !== undefined) await checkOutputFile(reportBad);
  const media = await mediaInputs(inputs, {
    ...(recursive === undefined ? {} : { recursive }),
    ...(frameFolders === undefined ? {} : { frameFolders }),
  });
  await expectNoInput([out, reportBad], [model, given.weights, ...media.map(({ file }) => file)]);
  const own = { ...given, batch: batchOf(media, given.batch) };
  await withGpu(adapter, async (gpu) => {
    const embedder = await openFileEmbedder(gpu, model, own);
    const faults = new FaultLog();
    const messages: string[] = [];
    const all = counted(media.length, 'file');
    const progress = itemProgress(media.length, 'embed', ['file', 'files']);
    const fail = (error: Error, file: string): void => {
      const fault = imageFault(error, file);
      messages.push(fault.message);
      faults.add(fault);
      if (media.length > 1) progress.say(`failed: ${fault.message}`);
    };
    const rows = new EmbeddedRows();
    let [done, stopped] = [0, false];
    const release = onInterrupt(() => {
      stopped = true;
    });
    try {
      for await (const found of embedMedia(gpu, embedder, media, own)) {
        if (stopped) break;
        const { file } = found.input;
        progress.update(++done);
        try {
          if ('error' in found) throw found.error;
          rows.add(file, found);
        } catch (error) {
          fail(error as Error, file);
        }
      }
    } finally {
      release();
      progress.end();
    }
    const { layer, dimension } = embedder;
    embedder.dispose();
    await rows.write(out, { ...own, model, layer, dimension });
    if (reportBad !== undefined) await faults.write(reportBad);
    if (stopped) {
      process.stderr.write(`stopped: ${done} of ${all} done; their vectors are written\n`);
      endBySignal();
    }
    if (messages.length === 0) return;
    throw new DataError(
      media.length === 1 ? messages[0]! : `${messages.length} of ${all} failed; the first: ${messages[0]}`,
    );
  });
}
