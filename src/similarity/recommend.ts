import { expectArguments } from '../arguments.ts';
import type { HostTensor } from '../data/batch.ts';
import { ShapeError, UsageError } from '../errors.ts';
import { withDefaults } from '../options.ts';
import { expectVectors, type Vectors } from './vectors.ts';

/** Options of `maximalMarginalRelevance`. */
export interface MmrOptions {
  /** How many items are chosen; all where there are fewer. Default 10. */
  readonly k?: number;
  /** From 1, relevance alone, to 0, diversity alone after the first item. Default 0.5. */
  readonly lambda?: number;
  /** How many items are chosen from: the most relevant ones. Default: all. */
  readonly fetchK?: number;
}

/** What a person likes: numbers of rows. */
export interface Preferences {
  /** Items that the person likes. Default: none. */
  readonly likes?: readonly number[];
  /** Items that the person does not. Default: none. */
  readonly dislikes?: readonly number[];
}

/** Options of `recommend`. */
export interface RecommendOptions extends MmrOptions {
  /** The weight of the likes. Default 0.75. */
  readonly beta?: number;
  /** The weight of the dislikes. Default 0.25. */
  readonly gamma?: number;
}

/** An item that may please. */
export interface Recommendation {
  /** Its row. */
  readonly index: number;
  /** The cosine between it and the person's taste, -1 to 1. */
  readonly score: number;
}

/**
 * Chooses items that fit a query and differ from each other (Carbonell and Goldstein 1998, The use of MMR): after the most
 * relevant one, again and again the item i that is left with the largest
 *
 *     lambda cos(i, query) - (1 - lambda) max over the chosen j of cos(i, j)
 *
 * Computed in float64. Of equal items the one with the lower number comes first. The cosine with a row of zeros is 0.
 *
 * @param items Rows [n, d].
 * @param query [d].
 * @param options How many, and the balance.
 * @returns The numbers of the rows, in the order in which they were chosen.
 * @throws UsageError for options that cannot be and values that are not finite, ShapeError for a query of another width.
 */
export function maximalMarginalRelevance(
  items: HostTensor,
  query: ArrayLike<number>,
  options: MmrOptions = {},
): number[] {
  const call = 'maximalMarginalRelevance';
  const vectors = expectVectors(call, 'items', items);
  const mmr = withDefaults(call, options, MMR);
  expectBalance(call, mmr);
  expectArguments(call, { query }, { query: 'values' });
  if (query.length !== vectors.width) {
    throw new ShapeError(
      `${call}: query has ${query.length} values, a row of items ${vectors.width}; give one of the same model`,
    );
  }
  for (let i = 0; i < query.length; i++) {
    if (!Number.isFinite(query[i])) {
      throw new UsageError(`${call}: query is ${query[i]} at ${i}; give finite numbers`);
    }
  }
  const norms = normsOf(vectors);
  return choose(vectors, norms, cosinesWith(vectors, norms, query), mmr);
}

/**
 * Recommends items to a person of whom a few likes are known, which is enough to start from ("cold start"): by their embeddings
 * alone, without other people's choices. The taste is (Rocchio 1971; the weights of Salton and Buckley 1990)
 *
 *     beta mean of x / |x| over the likes - gamma mean of x / |x| over the dislikes
 *
 * and without any choice the mean of all items. Items are ranked by the cosine with it, and made to differ
 * by `maximalMarginalRelevance`. What was liked or disliked is not recommended.
 *
 * @param items Rows [n, d]: embeddings.
 * @param preferences Numbers of rows.
 * @param options How many, and the balance.
 * @throws UsageError for numbers that are no rows, for an item that is liked and disliked, for options that cannot be and values
 * that are not finite.
 */
export function recommend(
  items: HostTensor,
  preferences: Preferences,
  options: RecommendOptions = {},
): Recommendation[] {
  const call = 'recommend';
  const vectors = expectVectors(call, 'items', items);
  const { likes, dislikes } = withDefaults(call, preferences, { likes: [], dislikes: [] });
  expectArguments(call, { likes, dislikes }, { likes: ['number'], dislikes: ['number'] });
  const { beta, gamma, ...mmr } = withDefaults(call, options, { beta: 0.75, gamma: 0.25, ...MMR });
  expectBalance(call, mmr);
  for (const [name, weight] of Object.entries({ beta, gamma })) {
    if (weight >= 0 && weight < Number.POSITIVE_INFINITY) continue;
    throw new UsageError(`${call}: ${name} is ${weight}; give a number of at least 0`);
  }
  const known = new Set<number>();
  for (const [name, list] of Object.entries({ likes, dislikes })) {
    for (const row of new Set(list)) {
      if (!Number.isInteger(row) || row < 0 || row >= vectors.rows) {
        throw new UsageError(`${call}: ${name} has ${row}; give rows, 0 to ${vectors.rows - 1}`);
      }
      if (known.has(row)) throw new UsageError(`${call}: item ${row} is liked and disliked; choose one`);
      known.add(row);
    }
  }
  const norms = normsOf(vectors);
  const taste = new Float64Array(vectors.width);
  const addMean = (rows: readonly number[], weight: number) => {
    for (const row of rows) addRow(taste, vectors, row, weight / (rows.length * (norms[row] || 1)));
  };
  if (known.size === 0) addMean([...norms.keys()], 1);
  addMean([...new Set(likes)], beta);
  addMean([...new Set(dislikes)], -gamma);
  const scores = cosinesWith(vectors, norms, taste);
  return choose(vectors, norms, scores, mmr, known).map((index) => ({ index, score: scores[index]! }));
}

const MMR = { k: 10, lambda: 0.5, fetchK: undefined } as const;

interface Balance {
  readonly k: number;
  readonly lambda: number;
  readonly fetchK?: number | undefined;
}

function expectBalance(call: string, { k, lambda, fetchK = 1 }: Balance): void {
  for (const [name, count] of Object.entries({ k, fetchK })) {
    if (Number.isInteger(count) && count >= 1) continue;
    throw new UsageError(`${call}: ${name} is ${count}; give a whole number of at least 1`);
  }
  if (lambda >= 0 && lambda <= 1) return;
  throw new UsageError(`${call}: lambda is ${lambda}; give a number from 0, diversity, to 1, relevance`);
}

/** The lengths of the rows. */
const normsOf = (vectors: Vectors): Float64Array =>
  Float64Array.from({ length: vectors.rows }, (_, row) =>
    Math.sqrt(product(vectors, row, rowOf(vectors, row))),
  );

const rowOf = ({ data, width }: Vectors, row: number): Float32Array =>
  data.subarray(row * width, (row + 1) * width);

/** The scalar product of a row and a vector. */
function product({ data, width }: Vectors, row: number, vector: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0, at = row * width; i < width; i++, at++) sum += data[at]! * vector[i]!;
  return sum;
}

function addRow(to: Float64Array, { data, width }: Vectors, row: number, weight: number): void {
  for (let i = 0; i < width; i++) to[i]! += weight * data[row * width + i]!;
}

/** The cosine of each row with a vector. */
function cosinesWith(vectors: Vectors, norms: Float64Array, vector: ArrayLike<number>): Float64Array {
  let squares = 0;
  for (let i = 0; i < vector.length; i++) squares += vector[i]! ** 2;
  const length = Math.sqrt(squares);
  return norms.map((norm, row) => product(vectors, row, vector) / (norm * length || 1));
}

/** Chooses rows by maximal marginal relevance, none of those left out. */
function choose(
  vectors: Vectors,
  norms: Float64Array,
  relevance: Float64Array,
  { k, lambda, fetchK }: Balance,
  leftOut: ReadonlySet<number> = new Set(),
): number[] {
  // The most relevant first; equal ones by their numbers, as sorting is stable.
  const left = [...relevance.keys()]
    .filter((row) => !leftOut.has(row))
    .sort((a, b) => relevance[b]! - relevance[a]!)
    .slice(0, fetchK);
  // From now on by number, so that the first of equal ones is the lower.
  const [first] = left;
  left.sort((a, b) => a - b);
  const nearest = new Float64Array(vectors.rows).fill(Number.NEGATIVE_INFINITY);
  const rows: number[] = [];
  let next: number | undefined = first;
  while (next !== undefined && rows.length < k) {
    rows.push(next);
    left.splice(left.indexOf(next), 1);
    const added = rowOf(vectors, next);
    let best = Number.NEGATIVE_INFINITY;
    const norm = norms[next]!;
    next = undefined;
    for (const row of left) {
      const cosine = product(vectors, row, added) / (norms[row]! * norm || 1);
      nearest[row] = Math.max(nearest[row]!, cosine);
      const marginal = lambda * relevance[row]! - (1 - lambda) * nearest[row]!;
      if (!(marginal > best)) continue;
      best = marginal;
      next = row;
    }
  }
  return rows;
}
