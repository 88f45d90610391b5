/** hash: perceptual hashes, as JSON and CSV. */
import path from 'node:path';
import type { ByteImage } from 'fovea/similarity';
import * as v from 'valibot';
import { COLUMNS } from '../../hashColumns.ts';
import { type HashChoice, type Hashed, HashRows, hasher } from '../../hashRows.ts';
import { loadPixels } from '../../pixelBytes.ts';
import { defineKind } from './kind.ts';

const options = v.object({
  hashes: v.optional(v.array(v.picklist(COLUMNS))),
  hashSize: v.optional(v.pipe(v.number(), v.integer(), v.minValue(2), v.maxValue(256))),
  orient: v.optional(v.boolean()),
});

export const hashKind = defineKind<typeof options, ByteImage, Hashed>({
  options,
  async open(options) {
    const hashesOf = hasher(options as HashChoice);
    const { orient = false } = options;
    return {
      load: ({ file }) => loadPixels(file, { orient }),
      compute: async (image) => ({ result: hashesOf(image) }),
      close: () => undefined,
    };
  },
  async sink(options, { out }) {
    const rows = new HashRows(options as HashChoice);
    return {
      add: async (found, { file }) => rows.add(file, found),
      finish: () => rows.write({ json: path.join(out, 'hashes.json'), csv: path.join(out, 'hashes.csv') }),
      discard: async () => undefined,
    };
  },
});
