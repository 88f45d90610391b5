import { BACKGROUND } from '../data/stuff.ts';
import { UsageError } from '../errors.ts';
import { architectureOf, type ModelName } from './architectures.ts';

/**
 * Puts the classes of regions ("stuff") last, and adds the background where it is one of them. `stuff` is undefined for models of objects
 * alone. Throws UsageError for a class that there is not, and where no class of objects is left.
 */
export function classesWithStuff(
  model: ModelName,
  names: readonly string[],
  given: readonly string[] | undefined,
): { readonly names: readonly string[]; readonly stuff: readonly string[] | undefined } {
  if (!architectureOf(model).numStuff) {
    if (given === undefined) return { names, stuff: undefined };
    throw new UsageError(
      `defaultSettings: stuff is for panopticfpn, and ${model} has no regions; leave it out`,
    );
  }
  const stuff = [...new Set(given ?? [BACKGROUND])];
  const unknown = stuff.find((label) => label !== BACKGROUND && !names.includes(label));
  if (unknown !== undefined) {
    throw new UsageError(
      `defaultSettings: stuff has "${unknown}", the classes are ${names.join(', ')}; give some of them, or ${BACKGROUND}`,
    );
  }
  const things = names.filter((label) => !stuff.includes(label));
  if (stuff.length === 0 || things.length === 0) {
    throw new UsageError(
      `defaultSettings: of the classes ${names.join(', ') || '(none)'}, stuff has ${stuff.join(', ') || 'none'}; ${model} needs objects and regions: ${stuff.length === 0 ? 'train a maskrcnn for objects alone' : 'train a segmenter for regions alone'}`,
    );
  }
  return { names: [...things, ...stuff], stuff };
}

/** The classes of objects, and those of regions ("stuff"), of a model. */
export function thingsAndStuff(
  name: ModelName,
  config: unknown,
  classNames: readonly string[],
): { readonly things: readonly string[]; readonly stuff: readonly string[] } {
  const things = classNames.length - (architectureOf(name).numStuff?.(config) ?? 0);
  return { things: classNames.slice(0, things), stuff: classNames.slice(things) };
}
