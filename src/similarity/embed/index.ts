/** Embeddings of images, and of the frames of videos. */

export { createEmbedder, type Embedder, type EmbedderOptions, type Embeddings } from './embedder.ts';
export { type FrameAt, type FramePooling, framesAt, type PoolFramesOptions, poolFrames } from './frames.ts';
export type { EmbeddingModel } from './moduleSource.ts';
export { type OpenEmbedderOptions, openEmbedder } from './openEmbedder.ts';
export type { Pooling } from './pooling.ts';
