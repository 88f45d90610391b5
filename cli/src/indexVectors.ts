import path from 'node:path';
import { DataError, type Gpu, UsageError } from 'fovea';
import { fileStorage, readFileBytes } from 'fovea/io';
import { type Embedder, type Id, type IndexFile, type OpenIndexOptions, openIndex } from 'fovea/similarity';
import { counted } from './counted.ts';
import { defined } from './defined.ts';
import { embedFiles } from './embedRun.ts';
import { type FileEmbedderOptions, openFileEmbedder } from './fileEmbedder.ts';
import { messageOf } from './imageFault.ts';
import type { ImageInput } from './imageInputs.ts';
import { loadImage } from './images.ts';
import { itemProgress } from './itemProgress.ts';
import { printable } from './printable.ts';
import { sha256 } from './sha256.ts';

/** The options of an embedder that an index keeps in its `meta`: all that change the vectors. */
export type IndexModelOptions = Omit<FileEmbedderOptions, 'batch'>;

/** The model that an index's vectors are of, as its `meta` has it. */
export interface IndexModel extends IndexModelOptions {
  /** Where the model is. */
  readonly model: string;
}

/** The model that made the vectors of an index, as the index keeps it. */
export const indexModel = (
  model: string,
  { layer, pooling, normalize, arch, weights, fit, onnxNormalize }: IndexModelOptions,
): IndexModel => ({
  model: path.resolve(model),
  ...defined({
    weights: weights === undefined ? undefined : path.resolve(weights),
    ...{ layer, pooling, normalize, arch, fit, onnxNormalize },
  }),
});

/** A vector and what it is called. */
export interface NamedVector {
  readonly id: Id;
  readonly vector: Float32Array;
}

/** The model that an index says its vectors are of, where it says one. */
export function modelOf({ meta }: Pick<IndexFile, 'meta'>): IndexModel | undefined {
  return typeof meta.model === 'string' ? (meta as unknown as IndexModel) : undefined;
}

/** Opens an index in a file, which is closed again where it cannot be used. */
export async function openIndexFile(file: string, options: OpenIndexOptions): Promise<IndexFile> {
  const storage = await fileStorage(file, options.readOnly ? 'read' : 'write');
  return openIndex(storage, options).catch(async (error) => {
    await storage.close();
    throw error;
  });
}

/** Says on stderr what opening an index has left out. */
export function tellUnfinished(file: string, { unfinished }: Pick<IndexFile, 'unfinished'>): void {
  if (unfinished === 0) return;
  process.stderr.write(
    `${printable(file)}: its last ${unfinished} bytes are left out: a writer was killed, or is still writing, or they are damaged\n`,
  );
}

/** The ids that a text may be: of an item named so, or of one that has a number. */
export const idsOf = (text: string): readonly Id[] =>
  String(Number(text)) === text && Number.isFinite(Number(text)) ? [text, Number(text)] : [text];

/**
 * Throws UsageError for another model than that of an index: its vectors say nothing beside the others. A model that is no longer where it was
 * cannot be compared, and is taken for the same.
 */
export async function expectSameModel(file: string, known: IndexModel, given?: string): Promise<void> {
  if (given === undefined || path.resolve(given) === known.model) return;
  const before = await readFileBytes(known.model).catch(() => undefined);
  if (!before || sha256(before) === sha256(await readFileBytes(given))) return;
  throw new UsageError(
    `${file}: has vectors of ${known.model}, and ${given} is another model, whose vectors cannot be compared with them; leave it out, or begin another index`,
  );
}

/** Opens a model to embed images with. */
export const openIndexModel = (gpu: Gpu, { model, ...options }: IndexModel): Promise<Embedder> =>
  openFileEmbedder(gpu, model, options);

/** Throws DataError where images could not be used: the fault of the only one, or their number. */
export function expectNone(messages: readonly string[], images: number): void {
  const [first] = messages;
  if (first === undefined) return;
  throw new DataError(
    images === 1 ? first : `${messages.length} of ${counted(images, 'image')} failed; the first: ${first}`,
  );
}

/** Embeds images. One that cannot be used is said and left out; `bad` is told why. */
export async function* embedImages(
  embedder: Embedder,
  inputs: readonly ImageInput[],
  bad: (message: string) => void,
): AsyncGenerator<NamedVector, void> {
  async function* open({ file }: ImageInput) {
    yield await loadImage(file);
  }
  const progress = itemProgress(inputs.length, 'embed', ['image', 'images']);
  let done = 0;
  try {
    for await (const found of embedFiles(embedder, inputs, open, 8)) {
      const { file } = found.input;
      progress.update(++done);
      if ('error' in found) {
        const message = messageOf(found.error, file);
        if (inputs.length > 1) progress.say(`failed: ${message}`);
        bad(message);
      } else {
        if (found.shape.length !== 1) {
          throw new UsageError(
            `a vector of ${file} has shape [${found.shape}]; choose another pooling than none`,
          );
        }
        yield { id: file, vector: found.vectors[0]! };
      }
    }
  } finally {
    progress.end();
  }
}
