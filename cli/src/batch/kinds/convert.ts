/** convert: workers decode the images of a data set to their last line, and the data set is written where that is known of all. */
import { DataError, UsageError } from 'fovea';
import { FORMAT_NAMES } from 'fovea/data';
import * as v from 'valibot';
import { Conversion, type ConvertOptions } from '../../converting.ts';
import { createCounter } from '../../counter.ts';
import { FaultLog } from '../../faultLog.ts';
import { type VerifiedImage, verifyImage } from '../../images.ts';
import { PlaceError } from '../../place/placeError.ts';
import { openData } from '../../samples.ts';
import { AssembledData } from '../dataPlace.ts';
import { defineKind } from './kind.ts';
import { dataFields, dataIn, imageWithin, LabelledInOrder } from './labelled.ts';

const options = v.object({
  ...dataFields,
  format: v.picklist(FORMAT_NAMES),
  linkImages: v.optional(v.boolean()),
});

/** Only images are left out one by one. Other faults of the data, which have changed since the batch began, end it as they end `fovea convert`. */
async function ofTheWhole<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof DataError) || error instanceof PlaceError) throw error;
    throw new UsageError(error.message, { cause: error });
  }
}

export const convertKind = defineKind<typeof options, VerifiedImage, Pick<VerifiedImage, 'extension'>>({
  options,
  async open(options) {
    return {
      async load({ file, kind }) {
        if (kind !== 'annotation') return verifyImage(file, file);
        const { image, name } = await imageWithin(file, options as ConvertOptions);
        return verifyImage(image, name);
      },
      compute: async ({ extension }) => ({ result: { extension } }),
      close: () => undefined,
    };
  },
  async sink(options, { out, home, folder, note }) {
    const given = options as ConvertOptions & { readonly data: string };
    const { data } = given;
    const own = dataIn(folder, given);
    const faults = new FaultLog();
    const dataset = await openData(own.data, own, faults, { extras: true });
    const assembled = await AssembledData.create(out, home, given.linkImages ? 'link' : 'copy');
    const conversion = await Conversion.create(dataset, assembled, given);
    const labelled = new LabelledInOrder(dataset.images(), data);
    const counter = createCounter('images written');
    return {
      add: ({ extension }, { name }) =>
        ofTheWhole(async () => {
          await conversion.add(await labelled.find(name), extension);
          counter.show(conversion.images);
        }),
      async finish() {
        counter.clear();
        // The batch lists the faults of all.
        if (conversion.images === 0) return assembled.discard();
        await labelled.end();
        await conversion.end(data);
        await assembled.finish();
        process.stderr.write(faults.text);
        for (const fault of faults.faults) note(fault);
        process.stdout.write(conversion.text(data, home));
      },
      async discard() {
        counter.clear();
        await assembled.discard();
      },
    };
  },
});
