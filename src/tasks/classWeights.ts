import { expectArguments } from '../arguments.ts';
import { IGNORE_INDEX } from '../data/cropTargets.ts';
import type { Sample } from '../data/dataset.ts';
import { BACKGROUND } from '../data/stuff.ts';
import { UsageError } from '../errors.ts';
import { didYouMean } from '../options.ts';
import { labelMap } from './labelMap.ts';

/**
 * Weights of classes in the cross-entropy: by the names of the classes, where those that are left out have 1; or `auto`, median frequency
 * balancing. The background of segmenters is called `background`.
 */
export type ClassWeights = 'auto' | Readonly<Record<string, number>>;

/**
 * Median frequency balancing (Eigen and Fergus 2015): the median of the counts of those classes that occur, over the count of each. Classes
 * that do not occur have 1.
 */
export function balancedWeights(counts: readonly number[]): number[] {
  const present = counts.filter((count) => count > 0).sort((a, b) => a - b);
  const half = present.length >> 1;
  const median = present.length % 2 === 1 ? present[half]! : (present[half - 1]! + present[half]!) / 2;
  return counts.map((count) => (count > 0 ? median / count : 1));
}

/** Pixels of each class, the background first. */
function pixelCounts(samples: readonly Sample[], classNames: readonly string[]): number[] {
  const counts = new Array<number>(IGNORE_INDEX + 1).fill(0);
  for (const { annotation } of samples)
    for (const label of labelMap(annotation, classNames)) counts[label]!++;
  return counts.slice(0, classNames.length + 1);
}

/**
 * Weights of a segmenter's classes, the background first.
 *
 * @throws UsageError for a class that there is not, and for a weight that is not above 0.
 */
export function pixelWeights(
  call: string,
  samples: readonly Sample[],
  classNames: readonly string[],
  weights: ClassWeights,
): number[] {
  if (weights === 'auto') return balancedWeights(pixelCounts(samples, classNames));
  return namedWeights(call, [BACKGROUND, ...classNames], weights);
}

/** Weights in the order of the names; 1 where none is given. Throws UsageError for unknown names, and weights that are not above 0. */
export function namedWeights(
  call: string,
  names: readonly string[],
  weights: Readonly<Record<string, number>>,
): number[] {
  for (const [name, weight] of Object.entries(Object(weights) as typeof weights)) {
    if (!names.includes(name)) {
      throw new UsageError(
        `${call}: classWeights: there is no class ${name}; there are ${names.join(', ')}${didYouMean(name, names)}`,
      );
    }
    if (typeof weight !== 'number' || !(weight > 0) || weight === Number.POSITIVE_INFINITY) {
      throw new UsageError(
        `${call}: classWeights: ${name} has the weight ${String(weight)}; give a number above 0`,
      );
    }
  }
  return names.map((name) => (Object.hasOwn(weights, name) ? weights[name]! : 1));
}

/** Throws UsageError unless there is one weight per class, each a number of at least 0, and not all of them 0. */
export function checkClassWeights(call: string, names: readonly string[], weights: readonly number[]): void {
  expectArguments(call, { classWeights: weights }, { classWeights: 'values' });
  if (weights.length !== names.length) {
    throw new UsageError(
      `${call}: ${weights.length} classWeights for ${names.length} classes${names[0] === BACKGROUND ? ', the background first' : ''}; give one per class`,
    );
  }
  const bad = weights.findIndex((weight) => !(weight >= 0 && weight < Number.POSITIVE_INFINITY));
  if (bad >= 0) {
    throw new UsageError(`${call}: classWeights[${bad}] is ${weights[bad]}; give a number of at least 0`);
  }
  if (weights.every((weight) => weight === 0)) {
    throw new UsageError(`${call}: all classWeights are 0; give at least one above 0`);
  }
}
