/**
 * What is alike: perceptual hashes, embeddings, exact search, clusters, and cut-outs, on the GPU where it pays.
 *
 * @module
 */

export {};
