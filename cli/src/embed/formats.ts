/** What vectors can be written as: endings of files. */
export const EMBED_FORMATS = ['npy', 'safetensors', 'parquet', 'csv', 'index'] as const;
type EmbedFormat = (typeof EMBED_FORMATS)[number];

/** The option that names one. */
export interface EmbedFormatOption {
  readonly format?: EmbedFormat;
}

/** The file of the vectors of a batch, in the folder of its results. */
export const embeddingsName = (format: EmbedFormat = 'npy'): string => `embeddings.${format}`;
