import { DataError } from 'fovea';
import type { FloatImage } from 'fovea/data';
import type { Embedder, Embeddings } from 'fovea/similarity';
import { isOfImage } from './imageFault.ts';

/** What comes of a file: the vectors of its images, in order, or why there are none. */
export type EmbeddedFile<Input> =
  | { readonly input: Input; readonly vectors: readonly Float32Array[]; readonly shape: readonly number[] }
  | { readonly input: Input; readonly error: Error };

/** A file whose images are on their way. */
interface Pending<Input> {
  readonly input: Input;
  readonly vectors: Float32Array[];
  shape: readonly number[];
  /** How many images were sent so far, and whether those are all. */
  sent: number;
  ended: boolean;
  error?: Error;
}

interface Sent<Input> {
  readonly file: Pending<Input>;
  readonly image: FloatImage;
}

/**
 * Embeds files, each of one image or of several, such as the frames of a video: images of different files are computed at once, and the next
 * ones are decoded meanwhile. Gives the files in their order. Of a file that cannot be used there is the error, and the next ones are
 * computed. Other errors, such as that of a lost device, end it.
 *
 * @param embedder What computes the vectors.
 * @param inputs The files.
 * @param open Gives the images of a file.
 * @param batch How many images are collected for one call.
 * @param fill Whether the last image is repeated where there are fewer: in a batch of another size the last digits of a vector may differ.
 */
export async function* embedFiles<Input>(
  embedder: Embedder,
  inputs: Iterable<Input>,
  open: (input: Input) => Iterable<FloatImage> | AsyncIterable<FloatImage>,
  batch: number,
  fill = false,
): AsyncGenerator<EmbeddedFile<Input>, void> {
  const least = fill ? Math.min(batch, embedder.batchSize) : 0;
  const waiting: Pending<Input>[] = [];
  function* done(): Generator<EmbeddedFile<Input>> {
    for (let first = waiting[0]; first; first = waiting[0]) {
      const { input, vectors, shape, sent, ended, error } = first;
      if (error) yield { input, error };
      else if (ended && vectors.length === sent) yield { input, vectors, shape };
      else return;
      waiting.shift();
    }
  }
  let running: Promise<void> | undefined;
  for await (const images of batchesOf(inputs, open, batch, waiting)) {
    await running;
    running = embedBatch(embedder, images, least);
    // Whoever waits for it gets the error.
    running.catch(() => undefined);
    yield* done();
  }
  await running;
  yield* done();
}

/** The images of all files in batches. Notes in `waiting` what is sent of each file. */
async function* batchesOf<Input>(
  inputs: Iterable<Input>,
  open: (input: Input) => Iterable<FloatImage> | AsyncIterable<FloatImage>,
  batch: number,
  waiting: Pending<Input>[],
): AsyncGenerator<Sent<Input>[]> {
  let images: Sent<Input>[] = [];
  for (const input of inputs) {
    const file: Pending<Input> = { input, vectors: [], shape: [], sent: 0, ended: false };
    waiting.push(file);
    try {
      for await (const image of open(input)) {
        if (file.error) break;
        file.sent++;
        images.push({ file, image });
        if (images.length < batch) continue;
        yield images;
        images = [];
      }
    } catch (error) {
      if (!isOfImage(error)) throw error;
      file.error ??= error;
    }
    file.ended = true;
  }
  // Also where it is empty: the last files may be bad ones.
  yield images;
}

function keep<Input>({ file }: Sent<Input>, { data, shape }: Embeddings, row: number): void {
  const length = data.length / shape[0]!;
  const one = shape.slice(1);
  if (file.vectors.length > 0 && String(one) !== String(file.shape)) {
    file.error ??= new DataError(
      `its images give [${file.shape}] and [${one}], which cannot be put together; choose another pooling than none`,
    );
  }
  const vector = data.slice(row * length, (row + 1) * length);
  const wrong = vector.findIndex((value) => !Number.isFinite(value));
  if (wrong >= 0) {
    file.error ??= new DataError(
      `its vector has ${vector[wrong]} at ${wrong}; check the weights: they may be damaged, or of a training that diverged`,
    );
  }
  file.shape = one;
  file.vectors.push(vector);
}

async function embedBatch<Input>(
  embedder: Embedder,
  images: readonly Sent<Input>[],
  least: number,
): Promise<void> {
  const good = images.filter(({ file }) => !file.error);
  const embed = (some: readonly Sent<Input>[]): Promise<Embeddings> => {
    const all = some.map(({ image }) => image);
    while (all.length > 0 && all.length < least) all.push(all.at(-1)!);
    return embedder.embed(all);
  };
  try {
    const found = await embed(good);
    good.forEach((sent, row) => {
      keep(sent, found, row);
    });
  } catch (error) {
    if (!isOfImage(error)) throw error;
    // It may be the fault of one of them.
    for (const sent of good) {
      try {
        keep(sent, await embed([sent]), 0);
      } catch (own) {
        if (!isOfImage(own)) throw own;
        sent.file.error ??= own;
      }
    }
  }
}
