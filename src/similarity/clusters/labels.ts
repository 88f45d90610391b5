import { expectArguments, shownValue } from '../../arguments.ts';
import { ShapeError, UsageError } from '../../errors.ts';

/** Labels of items: numbers or texts, one for each. */
export type ClusterLabels = ArrayLike<number> | readonly string[];

/** Labels as numbers from 0, in the order in which they first occur. Throws UsageError for NaN, and what is neither number nor text. */
export function numberedLabels(
  call: string,
  labels: ClusterLabels,
  items: number,
): { readonly numbers: Int32Array; readonly clusters: number } {
  expectArguments(call, { labels }, { labels: 'object' });
  if (labels.length !== items) {
    throw new ShapeError(`${call}: ${labels.length} labels of ${items} items; give one for each`);
  }
  const known = new Map<unknown, number>();
  const numbers = Int32Array.from({ length: items }, (_, i) => {
    const label: unknown = labels[i];
    if (typeof label !== 'string' && (typeof label !== 'number' || Number.isNaN(label)))
      throw new UsageError(`${call}: labels[${i}] is ${shownValue(label)}; give a number or a text`);
    if (!known.has(label)) known.set(label, known.size);
    return known.get(label)!;
  });
  return { numbers, clusters: known.size };
}
