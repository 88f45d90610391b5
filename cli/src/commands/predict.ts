import { type Gpu, UsageError } from 'fovea';
import type { OpenedModel } from 'fovea/open';
import type { AugmentationOptions } from '../augmentation.ts';
import { FaultLog } from '../faultLog.ts';
import { withGpu } from '../gpu.ts';
import { imageInputs } from '../imageInputs.ts';
import { runImages } from '../imageRun.ts';
import { type LoadedImage, loadImage } from '../images.ts';
import { type ModelFileOptions, readModel, sayModel } from '../modelFiles.ts';
import {
  detectPredictor,
  expectDetectable,
  foundOf,
  type Predictor,
  segmentPredictor,
  stuffClasses,
} from '../predictor.ts';
import { expectOtherFolder } from '../resultFolder.ts';
import { expectResultOptions, type Found, type ResultOptions, Results } from '../results.ts';

/** Why a segmenter writes no segments of objects. */
export const NO_PANOPTIC = '--format panoptic is for fovea detect with a panopticfpn; choose another format';

export interface PredictOptions extends ModelFileOptions, ResultOptions {
  /** Whether to look into the folders below a folder too. */
  readonly recursive?: boolean;
  /** The file for all images that could not be used, as JSON. */
  readonly reportBad?: string;
  readonly threshold?: number;
  readonly adapter?: string;
}

/** Predicts every image, and writes what was found. Goes on after an image that cannot be used. */
async function predictAll(
  paths: readonly string[],
  options: PredictOptions,
  { task, classNames }: OpenedModel,
  start: (gpu: Gpu) => Predictor,
): Promise<void> {
  expectResultOptions(options);
  const inputs = await imageInputs(paths, { ...options, stored: true });
  await FaultLog.check(options);
  await expectOtherFolder(inputs, options.out);
  await withGpu(options.adapter, async (gpu) => {
    const predict = start(gpu);
    const results = await Results.create(inputs, classNames, task === 'detect', options);
    await runImages<Found, LoadedImage>(inputs, options, {
      load: loadImage,
      async predict(image, input) {
        const found = foundOf(await predict(image), image, { classNames, format: options.format });
        results.check(input, found);
        return found;
      },
      async write(found, image, input) {
        await results.add(input, image, found);
        return found.summary;
      },
      finish: () => results.finish(),
      discard: () => results.discard(),
    });
  });
}

/** fovea detect: boxes, and masks, drawn on each image, and in the format that was asked for. */
export async function detectCommand(
  model: string,
  images: readonly string[],
  options: PredictOptions & AugmentationOptions,
): Promise<void> {
  const opened = await readModel(model, options);
  sayModel(model, opened);
  expectDetectable(model, opened, options);
  const stuff = stuffClasses(opened);
  await predictAll(images, { ...options, stuff }, opened, (gpu) =>
    detectPredictor(gpu, model, opened, options),
  );
}

/** fovea segment: masks drawn on each image, and regions in the format that was asked for. */
export async function segmentCommand(
  model: string,
  images: readonly string[],
  options: PredictOptions,
): Promise<void> {
  if (options.format === 'panoptic') throw new UsageError(NO_PANOPTIC);
  const opened = await readModel(model, options);
  sayModel(model, opened);
  await predictAll(images, options, opened, (gpu) => segmentPredictor(gpu, model, opened));
}
