import { expectArguments } from '../../arguments.ts';
import { ShapeError } from '../../errors.ts';
import { expectOneOf, withDefaults } from '../../options.ts';
import { type ClusterLabels, numberedLabels } from './labels.ts';

/** How often each pair of labels occurs: of one list in rows, of the other in columns. */
interface Contingency {
  readonly items: number;
  /** [rows, columns]; only those that occur. */
  readonly cells: readonly { readonly row: number; readonly column: number; readonly count: number }[];
  readonly rows: Float64Array;
  readonly columns: Float64Array;
}

function contingency(call: string, labelsTrue: ClusterLabels, labelsPred: ClusterLabels): Contingency {
  expectArguments(call, { labelsTrue, labelsPred }, { labelsTrue: 'object', labelsPred: 'object' });
  const items = labelsTrue.length;
  if (labelsPred.length !== items) {
    throw new ShapeError(`${call}: ${items} true labels and ${labelsPred.length} others; give as many`);
  }
  const [a, b] = [numberedLabels(call, labelsTrue, items), numberedLabels(call, labelsPred, items)];
  const [rows, columns] = [new Float64Array(a.clusters), new Float64Array(b.clusters)];
  const cells = new Map<number, number>();
  for (let i = 0; i < items; i++) {
    const [row, column] = [a.numbers[i]!, b.numbers[i]!];
    rows[row]!++;
    columns[column]!++;
    const cell = row * b.clusters + column;
    cells.set(cell, (cells.get(cell) ?? 0) + 1);
  }
  return {
    items,
    cells: [...cells].map(([cell, count]) => ({
      row: Math.floor(cell / b.clusters),
      column: cell % b.clusters,
      count,
    })),
    rows,
    columns,
  };
}

/**
 * The adjusted Rand index of two labellings of the same items: the share of pairs of items on which they agree, adjusted so that
 * labels by chance get 0 on average. 1: the same clusters, whatever their names. Hubert and Arabie 1985; scikit-learn's
 * `adjusted_rand_score`. 1 where there are no items.
 *
 * @throws ShapeError for lists of different lengths.
 */
export function adjustedRandScore(labelsTrue: ClusterLabels, labelsPred: ClusterLabels): number {
  const { items, cells, rows, columns } = contingency('adjustedRandScore', labelsTrue, labelsPred);
  const squares = (values: Iterable<number>): number => {
    let sum = 0;
    for (const value of values) sum += value * value;
    return sum;
  };
  // Ordered pairs of items that are together in both, in one only, and in none.
  const together = squares(cells.map(({ count }) => count));
  const both = together - items;
  const onlyTrue = squares(rows) - together;
  const onlyPred = squares(columns) - together;
  if (onlyTrue === 0 && onlyPred === 0) return 1;
  const neither = items * items - onlyTrue - onlyPred - together;
  return (
    (2 * (both * neither - onlyTrue * onlyPred)) /
    ((both + onlyTrue) * (onlyTrue + neither) + (both + onlyPred) * (onlyPred + neither))
  );
}

/** Options of `normalizedMutualInfoScore`. */
export interface NormalizedMutualInfoOptions {
  /** What the mutual information is divided by: a mean of the two entropies, or one of them. Default `'arithmetic'`. */
  readonly averageMethod?: 'arithmetic' | 'geometric' | 'min' | 'max';
}

/**
 * The mutual information of two labellings of the same items, divided by a mean of their entropies: 1 for the same clusters,
 * whatever their names, 0 for independent ones. Not adjusted for chance. scikit-learn's `normalized_mutual_info_score`. 1 where
 * both have a single cluster, or there are no items.
 *
 * @throws UsageError for unknown options; ShapeError for lists of different lengths.
 */
export function normalizedMutualInfoScore(
  labelsTrue: ClusterLabels,
  labelsPred: ClusterLabels,
  options: NormalizedMutualInfoOptions = {},
): number {
  const call = 'normalizedMutualInfoScore';
  const { averageMethod } = withDefaults(call, options, {
    averageMethod: 'arithmetic' as NonNullable<NormalizedMutualInfoOptions['averageMethod']>,
  });
  expectOneOf(call, 'averageMethod', averageMethod, ['arithmetic', 'geometric', 'min', 'max']);
  const { items, cells, rows, columns } = contingency(call, labelsTrue, labelsPred);
  if (rows.length <= 1 && columns.length <= 1) return 1;
  const entropy = (counts: Float64Array): number =>
    counts.reduce((sum, count) => sum - (count / items) * Math.log(count / items), 0);
  let information = 0;
  for (const { row, column, count } of cells) {
    information += (count / items) * Math.log((count * items) / (rows[row]! * columns[column]!));
  }
  // Rounding leaves a little where there is none.
  if (information <= Number.EPSILON) return 0;
  const [a, b] = [entropy(rows), entropy(columns)];
  const average = {
    arithmetic: (a + b) / 2,
    geometric: Math.sqrt(a * b),
    min: Math.min(a, b),
    max: Math.max(a, b),
  }[averageMethod];
  return information / average;
}
