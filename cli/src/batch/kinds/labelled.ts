/** Labelled images in batches: workers read the images alone; annotations are read where results come together. */
import path from 'node:path';
import { DataError, UsageError } from 'fovea';
import { FORMAT_NAMES } from 'fovea/data';
import * as v from 'valibot';
import type { DataOptions } from '../../dataOptions.ts';
import { FaultLog } from '../../faultLog.ts';
import { openData } from '../../samples.ts';
import { positiveWhole } from './kind.ts';

const flag = v.optional(v.boolean());
/** Options of a data set. */
export const dataFields = {
  data: v.string(),
  boxesAsMasks: flag,
  from: v.optional(v.picklist(FORMAT_NAMES)),
  split: v.optional(v.string()),
  images: v.optional(v.string()),
  skipBad: flag,
  clip: flag,
  fixSizes: flag,
  encoding: v.optional(v.string()),
  allowOutside: flag,
  maxPixels: v.optional(positiveWhole),
} as const;

/** Options with the paths of a data set, which begin in a folder. */
export const dataIn = <Options extends { readonly data: string; readonly images?: string | undefined }>(
  folder: string,
  options: Options,
): Options => ({
  ...options,
  data: path.resolve(folder, options.data),
  ...(options.images === undefined ? {} : { images: path.resolve(folder, options.images) }),
});

/** The image that an annotation has in itself, and what errors call it. */
export async function imageWithin(
  file: string,
  options: DataOptions,
): Promise<{ readonly image: Uint8Array; readonly name: string }> {
  // Faults of annotations were reported when the batch began.
  const dataset = await openData(file, { ...options, from: 'labelme', skipBad: true }, new FaultLog());
  for await (const { image, source } of dataset.images()) {
    if (typeof image === 'string') break;
    return { image, name: `${source}: imageData` };
  }
  throw new DataError(`${file}: has no image in itself any more; begin the batch again`);
}

/** Finds labelled images in the order of their data set. */
export class LabelledInOrder<T extends { readonly name: string }> {
  readonly #images: AsyncGenerator<T>;
  readonly #data: string;

  /** @param data The data set in messages. */
  constructor(images: AsyncGenerator<T>, data: string) {
    this.#images = images;
    this.#data = data;
  }

  /** The image of a name. Those before it, which failed, are passed over. Throws UsageError where there is none any more. */
  async find(name: string): Promise<T> {
    for (;;) {
      const next = await this.#images.next();
      if (next.done) {
        throw new UsageError(
          `${this.#data}: has no annotation of ${name} any more; begin the batch again (--force)`,
        );
      }
      if (next.value.name === name) return next.value;
    }
  }

  /** Passes over the rest, so that its faults are known, too. */
  async end(): Promise<void> {
    while (!(await this.#images.next()).done);
  }
}
