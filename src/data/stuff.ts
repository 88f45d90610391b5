/** Classes of regions ("stuff"), and what of an image belongs to them. */
import { UsageError } from '../errors.ts';
import { IGNORE_INDEX } from './cropTargets.ts';

/** The class of pixels that nothing labelled covers: of segmenters, and of models of regions that have it. */
export const BACKGROUND = 'background';

/** The value of pixels that nothing labelled covers, in maps of regions: that of the background, or ignored. */
export const restOf = (stuff: readonly string[]): number => stuff.indexOf(BACKGROUND) + 1 || IGNORE_INDEX;

/** Throws UsageError unless the classes of regions are the last of the classes, and others are in front. */
export function checkStuff(call: string, classNames: readonly string[], stuff: readonly string[]): void {
  const things = classNames.length - stuff.length;
  if (things > 0 && stuff.length > 0 && stuff.every((label, i) => label === classNames[things + i])) return;
  throw new UsageError(
    `${call}: stuff is ${stuff.join(', ') || 'empty'}, the classes are ${classNames.join(', ')}; give the last of the classes, and have objects in front`,
  );
}
