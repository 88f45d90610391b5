/** The vectors of files: how they are made, and how they come together. */
import { DataError, type Gpu } from 'fovea';
import { type Embedder, type FramePooling, poolFrames } from 'fovea/similarity';
import { counted } from '../counted.ts';
import { type EmbeddedFile, embedFiles } from '../embedRun.ts';
import { type IndexModelOptions, indexModel } from '../indexVectors.ts';
import { printable } from '../printable.ts';
import { type Media, mediaOpener } from './media.ts';
import { type EmbeddedRow, writerFor } from './output.ts';

/** Which images videos and sounds have, and what becomes of their vectors. */
export interface EmbedChoice {
  readonly fps?: number;
  readonly folderFps?: number;
  readonly sampleRate?: number;
  /** What becomes of the vectors of a video's frames, or a sound's parts; `all` keeps them. Default `mean`. */
  readonly frames?: FramePooling | 'all';
  /** Whether vectors are divided by their length. */
  readonly normalize?: boolean;
  /** Images that are computed at once. */
  readonly batch?: number;
}

/** Embeddings of a frame are made in the same batches as those of images. */
const BATCH = 8;
const SAMPLE_RATE = 16_000;

/** How many images are computed at once: no more than there are. It is the same for every part of what is embedded. */
export const batchOf = (media: readonly Pick<Media, 'kind'>[], batch = BATCH): number =>
  media.every(({ kind }) => kind === 'image') ? Math.min(batch, Math.max(1, media.length)) : batch;

/** The vectors of a file: one, or one for each of its frames. */
export interface FileRows {
  readonly rows: readonly Omit<EmbeddedRow, 'file'>[];
  /** The shape of one vector. */
  readonly shape: readonly number[];
}

function rowsOf(
  { input, vectors, shape }: Extract<EmbeddedFile<Media>, { vectors: unknown }>,
  { frames = 'mean', normalize = false }: EmbedChoice,
): FileRows {
  const { kind, times } = input;
  if (kind === 'image') return { rows: [{ vector: vectors[0]! }], shape };
  if (frames === 'all') return { rows: vectors.map((vector, i) => ({ time: times[i]!, vector })), shape };
  const length = shape.reduce((a, b) => a * b, 1);
  const data = new Float32Array(vectors.length * length);
  vectors.forEach((vector, i) => {
    data.set(vector, i * length);
  });
  const vector = poolFrames({ data, shape: [vectors.length, length] }, frames, { normalize });
  return { rows: [{ vector }], shape: frames === 'concat' ? [vector.length] : shape };
}

/** What comes of a file: its vectors, or why there are none. */
export type EmbeddedMedia<Input extends Media = Media> =
  | ({ readonly input: Input } & FileRows)
  | { readonly input: Input; readonly error: Error };

/**
 * Makes the vectors of media. They do not depend on which files are embedded together, where the model takes images in one size.
 *
 * @param batch How many images are computed at once: see `batchOf`.
 * @param onImage Called before each image of a file.
 */
export async function* embedMedia<Input extends Media>(
  gpu: Gpu,
  embedder: Embedder,
  media: Iterable<Input>,
  choice: EmbedChoice & { readonly batch: number },
  onImage: (input: Input) => void = () => undefined,
): AsyncGenerator<EmbeddedMedia<Input>, void> {
  const { fps = 1, folderFps, sampleRate = SAMPLE_RATE, batch } = choice;
  const opener = mediaOpener(gpu, { fps, sampleRate, ...(folderFps === undefined ? {} : { folderFps }) });
  async function* open(input: Input) {
    onImage(input);
    for await (const image of opener.open(input)) {
      yield image;
      onImage(input);
    }
  }
  try {
    for await (const found of embedFiles(embedder, media, open, batch, true)) {
      yield 'error' in found ? found : { input: found.input, ...rowsOf(found, choice) };
    }
  } finally {
    opener.dispose();
  }
}

/** What made vectors. */
export interface EmbeddedBy extends IndexModelOptions {
  /** The model's file, as the user names it, and where it is. */
  readonly model: string;
  readonly place?: string;
  /** The layer, and how many numbers it has. */
  readonly layer: string;
  readonly dimension: number;
}

/** The vectors of all files, in their order. */
export class EmbeddedRows {
  readonly #rows: EmbeddedRow[] = [];
  #shape: readonly number[] | undefined;

  /** Throws DataError for vectors of another shape than that of the first file. */
  add(file: string, { rows, shape }: FileRows): void {
    this.#shape ??= shape;
    if (String(shape) !== String(this.#shape)) {
      const problem = `gives a vector of shape [${shape}], and the first file gave [${this.#shape}]`;
      throw new DataError(`${file}: ${problem}; embed it apart`);
    }
    for (const row of rows) this.#rows.push({ file, ...row });
  }

  /** Writes them, and says so; `shown` is where they will be. Where there are none, nothing is written. */
  async write(
    out: string,
    { model, place = model, layer, dimension, ...own }: EmbeddedBy,
    shown = out,
  ): Promise<void> {
    const [rows, shape] = [this.#rows, this.#shape];
    if (!shape) return;
    const write = await writerFor(out);
    const metadata = { model, layer, ...(own.normalize ? { normalize: 'true' } : {}) };
    await write({ rows, shape, metadata, model: indexModel(place, own) });
    const [numbers = 0, ...more] = shape;
    const apart = more.length > 0 || numbers !== dimension ? ` (${printable(layer)} has ${dimension})` : '';
    process.stdout.write(
      `${printable(shown)}: ${counted(rows.length, 'vector')} of ${more.length === 0 ? numbers : `[${shape}]`} numbers${apart}\n`,
    );
  }
}
