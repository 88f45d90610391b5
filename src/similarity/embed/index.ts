/** Embeddings of images. */

export { createEmbedder, type Embedder, type EmbedderOptions, type Embeddings } from './embedder.ts';
export type { EmbeddingModel } from './moduleSource.ts';
export { type OpenEmbedderOptions, openEmbedder } from './openEmbedder.ts';
export type { Pooling } from './pooling.ts';
