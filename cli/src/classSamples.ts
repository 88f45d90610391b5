import { UsageError } from 'fovea';
import {
  type ClassDataset,
  type ClassSample,
  type FloatImage,
  type LabelledFile,
  openClassDataset,
} from 'fovea/data';
import { diskFiles } from './dataFiles.ts';
import type { DataOptions } from './dataOptions.ts';
import { dataPath, pixelsOf } from './dataParts.ts';
import { defined } from './defined.ts';
import type { FaultLog } from './faultLog.ts';
import { type DecodeOptions, loadImage } from './images.ts';

/** Options of data sets that are for places in images, and not for classes of images. */
const NOT_FOR_CLASSES = { from: '--from', fixSizes: '--fix-sizes' } as const;

/**
 * Opens a data set of images with one class each: a folder per class, or a CSV file. Throws UsageError for options that are for annotations, and
 * DataError where there is no such data set.
 */
export function openClassData(
  path: string,
  options: DataOptions,
  faults: FaultLog,
  classes?: readonly string[],
): Promise<ClassDataset> {
  for (const [name, option] of Object.entries(NOT_FOR_CLASSES)) {
    if (!options[name as keyof typeof NOT_FOR_CLASSES]) continue;
    throw new UsageError(`${option} is for annotations of objects, not for classes of images; leave it out`);
  }
  const { split, images, skipBad, reportBad, encoding, allowOutside } = options;
  return openClassDataset(diskFiles, dataPath(path), {
    ...defined({
      split: split === 'all' ? undefined : split,
      imageFolder: images,
      ...{ encoding, allowOutside, classes },
    }),
    skipBad: skipBad === true || reportBad !== undefined,
    onFault: faults.add,
  });
}

/**
 * Reads images one after another. Those that cannot be decoded are faults.
 *
 * @param change What is kept of an image, such as a smaller one.
 */
export async function* readClassSamples(
  files: readonly LabelledFile[],
  options: DataOptions & DecodeOptions,
  faults: FaultLog,
  change: (image: FloatImage) => FloatImage = (image) => image,
): AsyncGenerator<ClassSample, void> {
  const { maxSide, maxPixels } = options;
  const decode = defined({ maxSide, maxPixels });
  for (const { name, image: file, label } of files) {
    const loaded = await faults.attempt(options, () => loadImage(file, decode));
    if (!loaded) continue;
    yield { name, image: change(pixelsOf(loaded, name, faults)), label };
  }
}
