import path from 'node:path';
import { DataError, type Gpu, UsageError } from 'fovea';
import { npyFloats, readFileBytes } from 'fovea/io';
import type { Embedder, Id, IndexFile } from 'fovea/similarity';
import { embedFiles } from './embedRun.ts';
import { type FileEmbedderOptions, openFileEmbedder } from './fileEmbedder.ts';
import type { ImageInput } from './imageInputs.ts';
import { loadImage } from './images.ts';
import { printable } from './printable.ts';

/** The model that an index's vectors are of, as its `meta` has it. */
export interface IndexModel extends Pick<FileEmbedderOptions, 'layer' | 'pooling' | 'normalize' | 'arch'> {
  /** Where the model is. */
  readonly model: string;
}

/** A vector and what it is called. */
export interface NamedVector {
  readonly id: Id;
  readonly vector: Float32Array;
}

export const isNpy = (file: string): boolean => path.extname(file).toLowerCase() === '.npy';

/** The rows of a .npy file. */
export async function npyRows(
  file: string,
): Promise<{ data: Float32Array; shape: readonly [number, number] }> {
  const { data, shape } = npyFloats(await readFileBytes(file), file);
  const [rows, width] = shape.length === 1 ? [1, shape[0]!] : shape;
  if (shape.length > 2 || width === undefined) {
    throw new DataError(`${file}: has shape [${shape}]; give vectors as [n, d]`);
  }
  return { data, shape: [rows!, width] };
}

/** The model that an index says its vectors are of, where it says one. */
export function modelOf({ meta }: Pick<IndexFile, 'meta'>): IndexModel | undefined {
  return typeof meta.model === 'string' ? (meta as unknown as IndexModel) : undefined;
}

/** Opens a model to embed images with. */
export const openIndexModel = (gpu: Gpu, { model, ...options }: IndexModel): Promise<Embedder> =>
  openFileEmbedder(gpu, model, options);

/** Embeds images. One that cannot be used is said and left out; `bad` is told. */
export async function* embedImages(
  embedder: Embedder,
  inputs: readonly ImageInput[],
  bad: (file: string, error: Error) => void,
): AsyncGenerator<NamedVector, void> {
  async function* open({ file }: ImageInput) {
    yield await loadImage(file);
  }
  for await (const found of embedFiles(embedder, inputs, open, 8)) {
    const { file } = found.input;
    if ('error' in found) {
      process.stderr.write(`${printable(found.error.message)}\n`);
      bad(file, found.error);
    } else {
      if (found.shape.length !== 1) {
        throw new UsageError(
          `a vector of ${file} has shape [${found.shape}]; choose another pooling than none`,
        );
      }
      yield { id: file, vector: found.vectors[0]! };
    }
  }
}
