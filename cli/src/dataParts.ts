// What data sets of objects and of classes have in common on the command line.
import { sep } from 'node:path';
import { UsageError } from 'fovea';
import type { DataOptions } from './dataOptions.ts';
import type { FaultLog } from './faultLog.ts';
import type { LoadedImage } from './images.ts';

/** The path of a data set as its readers take it: with slashes, and none at the end. */
export const dataPath = (path: string): string =>
  path
    .split(sep)
    .join('/')
    .replace(/(?<=.)\/+$/, '');

/** Throws UsageError for a data set of several parts of which none was chosen. */
export function expectChosenPart(path: string, splits: readonly string[], { split }: DataOptions): void {
  if (splits.length < 2 || split !== undefined) return;
  throw new UsageError(
    `${path}: has the parts ${splits.join(', ')}; choose one with --split, or use --split all`,
  );
}

/** The pixels of an image, without what else is known of its file. An image of 12 bits is noted. */
export function pixelsOf(
  { width, height, channels, data, stretched }: LoadedImage,
  name: string,
  faults: FaultLog,
): Pick<LoadedImage, 'width' | 'height' | 'channels' | 'data'> {
  if (stretched) noteStretched(name, faults);
  return { width, height, channels, data };
}

/** Notes that an image has 12 bits. */
export const noteStretched = (name: string, faults: FaultLog): void =>
  faults.note('12-bit pixels', `${name}: 12-bit values were stretched to the whole range`);
