import type { Gpu } from 'fovea';
import { readFileBytes } from 'fovea/io';
import { type Embedder, type EmbedderOptions, openEmbedder } from 'fovea/similarity';
import { expectModel, type ModelFileOptions, modelOptions } from './modelFiles.ts';
import { printable } from './printable.ts';

/** Options of commands that embed images with the model of a file. */
export interface FileEmbedderOptions
  extends Omit<ModelFileOptions, 'names' | 'normalize'>,
    Omit<EmbedderOptions, 'batchSize'> {
  /** How images are normalised for an ONNX model: `--normalize` says whether vectors are. */
  readonly onnxNormalize?: 'imagenet' | 'none';
  /** Images that are computed at once. */
  readonly batch?: number;
}

/** Opens a model of any origin to embed images with, and says of which layer the vectors are. */
export async function openFileEmbedder(
  gpu: Gpu,
  file: string,
  { layer, pooling, normalize, batch, onnxNormalize, ...model }: FileEmbedderOptions,
): Promise<Embedder> {
  const bytes = await readFileBytes(file);
  expectModel(bytes, file);
  const embedder = await openEmbedder(gpu, bytes, {
    ...(layer === undefined ? {} : { layer }),
    ...(pooling === undefined ? {} : { pooling }),
    ...(normalize === undefined ? {} : { normalize }),
    ...(batch === undefined ? {} : { batchSize: batch }),
    model: await modelOptions(file, { ...model, ...(onnxNormalize ? { normalize: onnxNormalize } : {}) }),
  });
  const what = pooling === 'none' ? 'all places, each of' : 'vectors of';
  process.stderr.write(
    `${printable(file)}: ${what} ${embedder.dimension} numbers, of ${printable(embedder.layer)}\n`,
  );
  return embedder;
}
