/** embed: vectors of images, videos and sounds, together in one file. */
import { rm } from 'node:fs/promises';
import path from 'node:path';
import * as v from 'valibot';
import { below } from '../../address.ts';
import { EMBED_FORMATS, embeddingsName } from '../../embed/formats.ts';
import type { MediaKind } from '../../embed/media.ts';
import { expectVectors } from '../../embed/output.ts';
import { type EmbedChoice, EmbeddedRows, embedMedia, type FileRows } from '../../embed/rows.ts';
import { type FileEmbedderOptions, openFileEmbedder } from '../../fileEmbedder.ts';
import type { BatchInput } from '../work.ts';
import { adapterOf, defineKind, modelFields, openDevice, positive, positiveWhole } from './kind.ts';

const { arch, fit } = modelFields;
const options = v.object({
  /** The model and its weights as the user named them, for the files that say what made their vectors. */
  model: v.string(),
  weights: v.optional(v.string()),
  ...{ arch, fit },
  onnxNormalize: modelFields.normalize,
  layer: v.optional(v.string()),
  pooling: v.optional(v.picklist(['mean', 'max', 'cls', 'none'])),
  normalize: v.optional(v.boolean()),
  batch: v.optional(positiveWhole),
  fps: v.optional(positive),
  folderFps: v.optional(positive),
  frames: v.optional(v.picklist(['mean', 'max', 'concat', 'all'])),
  sampleRate: v.optional(positiveWhole),
  format: v.optional(v.picklist(EMBED_FORMATS)),
});

const mediaKind = ({ kind }: BatchInput): MediaKind =>
  kind === 'video' || kind === 'sound' ? kind : 'image';

/** The result of a file: its vectors, and the layer that they come from. */
interface EmbeddedFile extends FileRows {
  readonly layer: string;
  readonly dimension: number;
}

export const embedKind = defineKind<typeof options, never, EmbeddedFile>({
  options,
  async open(options, files, adapter) {
    const gpu = await openDevice(adapter);
    const { batch = 1, format } = options;
    const embedder = await openFileEmbedder(gpu, files.model!, {
      ...options,
      ...files,
    } as FileEmbedderOptions);
    const { layer, dimension } = embedder;
    return {
      adapter: adapterOf(gpu),
      async *computeAll(inputs, onPart) {
        const media = inputs.map((input) => ({ ...input, input, kind: mediaKind(input), times: [] }));
        const choice = { ...options, batch } as EmbedChoice & { readonly batch: number };
        for await (const found of embedMedia(gpu, embedder, media, choice, ({ input }) => onPart(input))) {
          const { input } = found.input;
          if ('error' in found) {
            yield { input, error: found.error };
            continue;
          }
          const { rows, shape } = found;
          expectVectors(embeddingsName(format), shape);
          yield { input, result: { rows, shape, layer, dimension } };
        }
      },
      close() {
        embedder.dispose();
        gpu.dispose();
      },
    };
  },
  async sink(options, { out, home, folder }) {
    const { format, model, weights } = options;
    const file = path.join(out, embeddingsName(format));
    const rows = new EmbeddedRows();
    let by: Pick<EmbeddedFile, 'layer' | 'dimension'> | undefined;
    return {
      async add({ layer, dimension, ...found }, input) {
        by ??= { layer, dimension };
        rows.add(input.file, found);
      },
      async finish() {
        if (!by) return;
        // An index that is there is of the same batch: of before images were tried again.
        if (format === 'index') await rm(file, { force: true });
        const own = { ...options, ...by, model, place: path.resolve(folder, model) };
        const made = {
          ...(own as Omit<typeof own, 'weights'> & FileEmbedderOptions),
          ...(weights === undefined ? {} : { weights: path.resolve(folder, weights) }),
        };
        await rows.write(file, made, below(home, embeddingsName(format)));
      },
      discard: async () => undefined,
    };
  },
});
