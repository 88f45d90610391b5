import { defineKernel } from '../../kernels/kernel.ts';
import collectShader from '../../wgsl/matrix/hamming_collect.wgsl';
import histogramShader from '../../wgsl/matrix/hamming_histogram.wgsl';
import pairsShader from '../../wgsl/matrix/hamming_pairs.wgsl';
import pairCollect from '../../wgsl/matrix/lib/pair_collect.wgsl';
import pairCount from '../../wgsl/matrix/lib/pair_count.wgsl';

/** Queries for which a hash is loaded once. */
const TILE = 16;

/** How many hashes of each block are at each distance from each query. hashes: u32 [N, W], queries: u32 [Q, W] -> u32 [Q, blocks, bits + 1]. */
export const hammingHistogram = defineKernel({
  name: 'hamming_histogram',
  inputs: ['hashes', 'queries'],
  outputs: ['histogram'],
  attributes: ['block', 'bits'],
  infer({ hashes, queries }, { block, bits }: { readonly block: number; readonly bits: number }) {
    const shape = [queries.shape[0]!, Math.ceil(hashes.shape[0]! / block), bits + 1];
    return { histogram: { shape, dtype: 'u32' } };
  },
  dispatches(_caps, { hashes, queries }, { histogram }, { block }) {
    const [count, words] = hashes.shape as [number, number];
    const [rows, blocks, bins] = histogram.shape as [number, number, number];
    return {
      dispatches: [
        {
          shader: histogramShader,
          constants: { WORDS: words, TILE },
          params: { hashes: count, queries: queries.shape[0]!, block, blocks, bins },
          grid: [blocks, Math.ceil(rows / TILE), 1],
        },
      ],
    };
  },
});

/** Attributes of `hammingCollect`. */
interface Collected {
  /** Hashes per block. */
  readonly block: number;
  /** Of which blocks: the first, and how many. */
  readonly first: number;
  readonly blocks: number;
  /** How many hashes are found. */
  readonly most: number;
}

/** Numbers and distances of the hashes that are near queries. wanted: u32 [Q, 4], see the shader -> found: u32 [most, 2]. */
export const hammingCollect = defineKernel({
  name: 'hamming_collect',
  inputs: ['hashes', 'queries', 'wanted'],
  outputs: ['filled', 'found'],
  attributes: ['block', 'first', 'blocks', 'most'],
  infer({ queries }, { most }: Collected) {
    return {
      filled: { shape: [queries.shape[0]!], dtype: 'u32' },
      found: { shape: [most, 2], dtype: 'u32' },
    };
  },
  dispatches(_caps, { hashes, queries }, _outputs, { block, first, blocks }) {
    const [count, words] = hashes.shape as [number, number];
    return {
      dispatches: [
        {
          shader: collectShader,
          constants: { WORDS: words },
          params: { hashes: count, block, first },
          grid: [blocks, queries.shape[0]!, 1],
        },
      ],
    };
  },
});

/** Columns of a tile of pairs. */
const COLUMNS = 1024;
/** Words of rows that an invocation keeps in registers: the more rows, the fewer loads of columns. */
const REGISTERS = 32;

/** Rows of a tile that an invocation owns, a bit for each in a word. */
const rowsOf = (words: number): number => Math.max(1, Math.floor(REGISTERS / Math.max(2, words)));

/** Rows of a tile of pairs of hashes of so many words. */
export const pairTileRows = (words: number): number => 64 * rowsOf(words);

/** How many pairs of each tile are at most at a distance: of `rows` rows of tiles from `firstRow` on -> u32 [rows, columns]. */
export const hammingPairCounts = defineKernel({
  name: 'hamming_pair_counts',
  inputs: ['hashes'],
  outputs: ['counts'],
  attributes: ['distance', 'firstRow', 'rows'],
  infer(
    { hashes },
    { rows }: { readonly distance: number; readonly firstRow: number; readonly rows: number },
  ) {
    return { counts: { shape: [rows, Math.ceil(hashes.shape[0]! / COLUMNS)], dtype: 'u32' } };
  },
  dispatches(_caps, { hashes }, { counts }, { distance, firstRow }) {
    const [count, words] = hashes.shape as [number, number];
    const [rows, columns] = counts.shape as [number, number];
    return {
      dispatches: [
        {
          shader: pairsShader,
          snippets: [pairCount],
          constants: { WORDS: words, ROWS: rowsOf(words), COLUMNS },
          params: { hashes: count, distance, first_row: firstRow },
          grid: [columns, rows, 1],
        },
      ],
    };
  },
});

/** The pairs of the tiles in a list, u32 [T, 4], see the shader -> pairs: u32 [most, 2]. */
export const hammingPairList = defineKernel({
  name: 'hamming_pair_list',
  inputs: ['hashes', 'tiles'],
  outputs: ['filled', 'pairs'],
  attributes: ['distance', 'most'],
  infer({ tiles }, { most }: { readonly distance: number; readonly most: number }) {
    return {
      filled: { shape: [tiles.shape[0]!], dtype: 'u32' },
      pairs: { shape: [most, 2], dtype: 'u32' },
    };
  },
  dispatches(_caps, { hashes, tiles }, _outputs, { distance }) {
    const [count, words] = hashes.shape as [number, number];
    return {
      dispatches: [
        {
          shader: pairsShader,
          snippets: [pairCollect],
          constants: { WORDS: words, ROWS: rowsOf(words), COLUMNS },
          params: { hashes: count, distance, first_row: 0 },
          grid: [tiles.shape[0]!, 1, 1],
        },
      ],
    };
  },
});
