import type { ClassSample } from '../data/classify/sample.ts';
import type { Sample } from '../data/dataset.ts';
import { objectsOf } from '../data/objects.ts';
import { shrunkSize } from '../data/resize.ts';
import type { FineTuned } from './architecture.ts';
import { architectureOf, type ModelName } from './architectures.ts';
import { haveClasses } from './samples.ts';

/** The side of the images of a network that takes one size: an SSD, a vision transformer. */
export function fixedSide(config: unknown): number | undefined {
  const { imageSize } = (config ?? {}) as { imageSize?: number | readonly number[] };
  return typeof imageSize === 'object' ? Math.max(...imageSize) : imageSize;
}

/** The side that nine out of ten do not exceed; 0 without any. */
const sideOfMost = (sides: readonly number[]): number =>
  sides.toSorted((a, b) => a - b)[Math.floor(0.9 * (sides.length - 1))] ?? 0;

/** The longer side of nine out of ten images, once they are shrunk, as a multiple of 32. */
const imageSide = (samples: readonly Sample[], maxSide: number): number =>
  Math.ceil(sideOfMost(samples.map(({ image }) => Math.max(...shrunkSize(image, maxSide)))) / 32) * 32;

/** The longer side of nine out of ten objects, in images shrunk to a side. */
function objectSide(samples: readonly Sample[], maxSide: number, stuff: readonly string[]): number {
  const sides = samples.flatMap(({ image, annotation }) => {
    const scale = Math.min(1, maxSide / Math.max(image.width, image.height));
    const objects = objectsOf(annotation.shapes).filter(({ label }) => !stuff.includes(label));
    return objects.map(({ box }) => Math.max(box[2] - box[0], box[3] - box[1]) * scale);
  });
  return sideOfMost(sides);
}

/** The side of the images that a classifier is trained on from scratch, in pixels. */
const SMALL_IMAGE = 128;
/** The default side of crops: for classifiers that of the images that the weights are for. */
export function usualCropSize(
  model: ModelName,
  samples: readonly Sample[] | readonly Pick<ClassSample, 'label'>[],
  maxSide: number,
  {
    told,
    own,
    tuned,
    stuff = [],
  }: {
    readonly told: unknown;
    readonly own: number | undefined;
    readonly tuned: FineTuned | undefined;
    /** Classes of regions, whose size does not count. */
    readonly stuff?: readonly string[] | undefined;
  },
): number {
  const { task, imageSize } = architectureOf(model);
  if (haveClasses(samples)) return own ?? (told ? (imageSize?.(told) ?? SMALL_IMAGE) : SMALL_IMAGE);
  const room = task === 'detect' ? 2 : 1.5;
  const wanted = Math.ceil(Math.max(96, room * objectSide(samples, maxSide, stuff)) / 32) * 32;
  // What others have trained has seen whole images.
  const seen = tuned ? Math.min(tuned.cropSize, imageSide(samples, maxSide)) : 0;
  return Math.min(Math.max(wanted, seen), Math.max(32, Math.floor(maxSide / 32) * 32));
}
