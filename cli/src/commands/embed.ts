import { DataError } from 'fovea';
import { BadData } from 'fovea/data';
import { type FramePooling, poolFrames } from 'fovea/similarity';
import { counted } from '../counted.ts';
import { type Media, type MediaOptions, mediaInputs, mediaOpener } from '../embed/media.ts';
import { type EmbeddedRow, writerFor } from '../embed/output.ts';
import { type EmbeddedFile, embedFiles, messageOf } from '../embedRun.ts';
import { endBySignal, onInterrupt } from '../errors.ts';
import { FaultLog } from '../faultLog.ts';
import { type FileEmbedderOptions, openFileEmbedder } from '../fileEmbedder.ts';
import { checkOutputFile, expectNoInput } from '../files.ts';
import { withGpu } from '../gpu.ts';
import { indexModel } from '../indexVectors.ts';
import { itemProgress } from '../itemProgress.ts';
import { printable } from '../printable.ts';

export interface EmbedCommandOptions extends FileEmbedderOptions, MediaOptions {
  readonly model: string;
  readonly out: string;
  readonly fps?: number;
  readonly folderFps?: number;
  readonly sampleRate?: number;
  /** What becomes of the vectors of a video's frames, or a sound's parts; `all` keeps them. */
  readonly frames?: FramePooling | 'all';
  readonly reportBad?: string;
  readonly adapter?: string;
}

/** Embeddings of a frame are made in the same batches as those of images. */
const BATCH = 8;
const SAMPLE_RATE = 16_000;

/** The rows of a file: one, or one for each of its frames. */
function rowsOf(
  { input, vectors, shape }: Extract<EmbeddedFile<Media>, { vectors: unknown }>,
  frames: FramePooling | 'all',
  normalize: boolean,
): { rows: EmbeddedRow[]; shape: readonly number[] } {
  const { file, kind, times } = input;
  if (kind === 'image') return { rows: [{ file, vector: vectors[0]! }], shape };
  if (frames === 'all')
    return { rows: vectors.map((vector, i) => ({ file, time: times[i]!, vector })), shape };
  const length = shape.reduce((a, b) => a * b, 1);
  const data = new Float32Array(vectors.length * length);
  vectors.forEach((vector, i) => {
    data.set(vector, i * length);
  });
  const vector = poolFrames({ data, shape: [vectors.length, length] }, frames, { normalize });
  return { rows: [{ file, vector }], shape: frames === 'concat' ? [vector.length] : shape };
}

/** fovea embed: a vector for each image, video and sound, in the format that the name of the file says. */
export async function embedCommand(inputs: readonly string[], options: EmbedCommandOptions): Promise<void> {
  const {
    model,
    out,
    frames = 'mean',
    fps = 1,
    folderFps,
    sampleRate = SAMPLE_RATE,
    reportBad,
    adapter,
    recursive,
    frameFolders,
    ...own
  } = options;
  const write = await writerFor(out);
  await checkOutputFile(out);
  if (reportBad !== undefined) await checkOutputFile(reportBad);
  const media = await mediaInputs(inputs, {
    ...(recursive === undefined ? {} : { recursive }),
    ...(frameFolders === undefined ? {} : { frameFolders }),
  });
  await expectNoInput([out, reportBad], [model, own.weights, ...media.map(({ file }) => file)]);
  await withGpu(adapter, async (gpu) => {
    const embedder = await openFileEmbedder(gpu, model, own);
    const opener = mediaOpener(gpu, { fps, sampleRate, ...(folderFps === undefined ? {} : { folderFps }) });
    const faults = new FaultLog();
    const messages: string[] = [];
    const all = counted(media.length, 'file');
    const progress = itemProgress(media.length, 'embed', ['file', 'files']);
    const fail = (error: Error, file: string): void => {
      const message = messageOf(error, file);
      messages.push(message);
      faults.add({ level: 'image', kind: error instanceof BadData ? error.kind : 'other', message });
      if (media.length > 1) progress.say(`failed: ${message}`);
    };
    const rows: EmbeddedRow[] = [];
    let shape: readonly number[] | undefined;
    let [done, stopped] = [0, false];
    const release = onInterrupt(() => {
      stopped = true;
    });
    try {
      for await (const found of embedFiles(embedder, media, opener.open, own.batch ?? BATCH)) {
        if (stopped) break;
        const { file } = found.input;
        progress.update(++done);
        if ('error' in found) {
          fail(found.error, file);
          continue;
        }
        const made = rowsOf(found, frames, own.normalize ?? false);
        shape ??= made.shape;
        if (String(made.shape) === String(shape)) rows.push(...made.rows);
        else {
          const problem = `gives a vector of shape [${made.shape}], and the first file gave [${shape}]`;
          fail(new DataError(`${problem}; embed it apart`), file);
        }
      }
    } finally {
      release();
      progress.end();
    }
    opener.dispose();
    const { layer, dimension } = embedder;
    embedder.dispose();
    if (shape) {
      const metadata = { model, layer, ...(own.normalize ? { normalize: 'true' } : {}) };
      await write({ rows, shape, metadata, model: indexModel(model, own) });
      const [numbers = 0, ...more] = shape;
      const apart = more.length > 0 || numbers !== dimension ? ` (${printable(layer)} has ${dimension})` : '';
      process.stdout.write(
        `${printable(out)}: ${counted(rows.length, 'vector')} of ${more.length === 0 ? numbers : `[${shape}]`} numbers${apart}\n`,
      );
    }
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
