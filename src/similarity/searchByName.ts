import type { HostTensor } from '../data/batch.ts';
import { UsageError } from '../errors.ts';
import { withDefaults } from '../options.ts';
import type { Id, IdFilter, Names } from './names.ts';
import type { Neighbors, RowSource, Searcher } from './search.ts';
import { expectVectors } from './vectors.ts';

/** Options of a search. */
export interface SearchOptions {
  /** Only these items are found. Default: all. An id that the index does not have is no error. */
  readonly filter?: IdFilter;
}

/** What a search in an index has found. */
export interface SearchResult extends Neighbors {
  /** The ids, as [queries, k]; undefined where there are fewer than k. */
  readonly ids: readonly (Id | undefined)[];
}

/** Throws UsageError for a number of neighbours that is no whole number of 1 or more, or too large for any list. */
export function expectCount(call: string, name: string, k: number): void {
  if (Number.isInteger(k) && k >= 1 && k < 2 ** 31) return;
  throw new UsageError(`${call}: ${name} is ${String(k)}; give a whole number of 1 or more`);
}

/** Results that fit into memory, and their ids into a list. */
const MOST_RESULTS = 2 ** 28;

/** Throws UsageError where all queries together ask for more than fits into memory. */
export function expectResults(call: string, queries: number, k: number): void {
  if (queries * k <= MOST_RESULTS) return;
  throw new UsageError(
    `${call}: k is ${k} for ${queries} queries, more than ${MOST_RESULTS} results; ask for fewer at a time`,
  );
}

/** Searches the rows that a filter lets through, and names what is found. */
export async function searchByName(
  call: string,
  searcher: Searcher,
  names: Names,
  sourceOf: (numbers?: Int32Array) => RowSource,
  queries: HostTensor,
  k: number,
  options: SearchOptions,
): Promise<SearchResult> {
  const { filter } = withDefaults(call, options, { filter: undefined });
  expectCount(call, 'k', k);
  const source = sourceOf(filter === undefined ? undefined : names.rows(call, 'filter', filter));
  // Rows may be named anew by the time that the search ends.
  const { list } = names;
  const asked = expectVectors(call, 'queries', queries, source.width);
  expectResults(call, asked.rows, k);
  const found = await searcher.search(source, asked, k);
  return { ...found, ids: Array.from(found.indices, (row) => (row < 0 ? undefined : list[row])) };
}
