import { splitAugment } from '../data/augment/mixing.ts';
import type { Augment } from '../data/augment/parameters.ts';
import { type AugmentPreset, augmentOf, withResize } from '../data/augment/presets.ts';
import { UsageError } from '../errors.ts';

/** The whole image, in the middle of the crop. */
export const WHOLE: Augment = [
  { name: 'resize', fit: 'contain' },
  { name: 'crop', position: 'center' },
];

/**
 * The list of transforms of a task that shows whole images, `call`: what does not resize begins with the whole image. `labels`: what the images
 * have. Throws UsageError for transforms that need other samples.
 */
export function wholeAugment(call: string, given: Augment | AugmentPreset, labels: string): Augment {
  if (given === 'none') return WHOLE;
  const list = augmentOf(given, `${call}: augment`);
  const [other] = splitAugment(list).mixing;
  if (other) throw new UsageError(`${call}: augment has ${other.name}, which mixes ${labels}; leave it out`);
  return withResize(list, 'contain');
}
