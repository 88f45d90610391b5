/// <reference lib="esnext.disposable" preserve="true" />
import { expectArguments, GPU } from '../../arguments.ts';
import { DeviceLimitError, LifetimeError, ShapeError } from '../../errors.ts';
import { withDefaults } from '../../options.ts';
import type { Gpu } from '../../plan/gpu.ts';
import { type DeviceArray, DeviceArrays } from './deviceArrays.ts';
import {
  hammingCollect,
  hammingHistogram,
  hammingPairCounts,
  hammingPairList,
  pairTileRows,
} from './hammingKernels.ts';
import {
  BLOCK,
  batchesOf,
  blocksOf,
  type Limit,
  MOST_TILES,
  MOST_WORDS,
  tileLists,
  wantedOf,
} from './hammingParts.ts';
import {
  type HashNeighbors,
  type HashPairs,
  neighborKeys,
  neighborsOf,
  pairsOf,
  sortedKeys,
} from './hammingResults.ts';
import { ImageHash } from './imageHash.ts';
import { type Hashes, packed, wordsOf } from './packedHashes.ts';

/** Queries at a time: WebGPU has no more than 65,535 rows of workgroups. */
const MOST_QUERIES = 4096;
/** Pairs of hashes that one submission compares: more than a second of it is taken for a hang by some systems. */
const MOST_COMPARED = 2 ** 30;

/** A part of the hashes that one binding holds. */
interface Segment {
  readonly start: number;
  readonly hashes: DeviceArray;
}

/** Throws ShapeError for what is no whole number of at least `least`. */
export function expectWhole(call: string, name: string, value: number, least: number): void {
  if (Number.isSafeInteger(value) && value >= least) return;
  throw new ShapeError(`${call}: ${name} is ${value}; give a whole number of at least ${least}`);
}

/**
 * Exact search among many hashes on the GPU, by Hamming distance: every hash is compared, none is left out, and ties are in the order of their
 * numbers. Ten million hashes of 64 bits take 80 MB of the device. `dispose` frees them.
 *
 * Nothing overflows: how many hashes each block of them contributes is counted first, and results come in parts that fit.
 *
 * Throws ShapeError for hashes and queries of other lengths; errors of the device.
 */
export class HammingIndex {
  /** Bits of a hash. */
  readonly bits: number;
  /** How many hashes there are. */
  readonly size: number;
  readonly #gpu: Gpu;
  readonly #words: Uint32Array;
  readonly #arrays: DeviceArrays;
  readonly #segments: readonly Segment[];
  #disposed = false;

  /** Uploads the hashes. `hashes.words` must stay as they are. */
  constructor(gpu: Gpu, hashes: Hashes) {
    const call = 'HammingIndex';
    expectArguments(call, { gpu, hashes }, { gpu: GPU, hashes: 'object' });
    const { bits, words, count } = packed(call, 'hashes', hashes);
    const width = wordsOf(bits);
    this.bits = bits;
    this.size = count;
    this.#gpu = gpu;
    this.#words = words;
    this.#arrays = new DeviceArrays(gpu.device);
    const most = Math.floor(gpu.device.caps.maxBindingSize / (4 * width));
    this.#segments = Array.from({ length: Math.ceil(count / most) }, (_, i) => {
      const start = i * most;
      const rows = Math.min(most, count - start);
      const own = words.subarray(start * width, (start + rows) * width);
      return { start, hashes: this.#arrays.upload(call, own, [rows, width]) };
    });
  }

  /** The k hashes nearest to each query, or all where there are fewer. Throws ShapeError for a k that is no whole number of at least 1. */
  async search(queries: ImageHash | Hashes, options: { readonly k: number }): Promise<HashNeighbors[]> {
    const { k } = withDefaults('HammingIndex.search', options, { k: 1 });
    expectWhole('HammingIndex.search', 'k', k, 1);
    const found = await this.#near('HammingIndex.search', queries, (histogram) => {
      let [below, left] = [0, Math.min(k, this.size)];
      while (below <= this.bits && histogram[below]! <= left) left -= histogram[below++]!;
      return { below, ties: left };
    });
    return found.map((keys) => neighborsOf(keys.subarray(0, k)));
  }

  /**
   * All hashes whose distance from a query is at most `distance`.
   *
   * @throws ShapeError for a distance that is no whole number of at least 0.
   */
  async rangeSearch(
    queries: ImageHash | Hashes,
    options: { readonly distance: number },
  ): Promise<HashNeighbors[]> {
    const { distance } = withDefaults('HammingIndex.rangeSearch', options, { distance: 0 });
    expectWhole('HammingIndex.rangeSearch', 'distance', distance, 0);
    const below = Math.min(distance, this.bits) + 1;
    const found = await this.#near('HammingIndex.rangeSearch', queries, () => ({ below, ties: 0 }));
    return found.map(neighborsOf);
  }

  /** For each query the keys of the hashes within its limit, sorted; more ties than were asked for at the end. */
  async #near(
    call: string,
    queries: ImageHash | Hashes,
    limitOf: (histogram: Float64Array) => Limit,
  ): Promise<Float64Array[]> {
    this.#check(call);
    const given = queries instanceof ImageHash ? [queries] : queries;
    expectArguments(call, { queries: given }, { queries: 'object' });
    if (Array.isArray(given) && given.length === 0) return [];
    const { bits, words, count } = packed(call, 'queries', given);
    if (bits !== this.bits) {
      throw new ShapeError(
        `${call}: queries have ${bits} bits, the hashes ${this.bits}; compare hashes of one kind and size`,
      );
    }
    const width = wordsOf(bits);
    const blocks = this.#segments.reduce((sum, { hashes }) => sum + blocksOf(hashes), 0);
    const size = Math.max(1, Math.min(MOST_QUERIES, Math.floor(MOST_WORDS / (blocks * (bits + 1)))));
    const found: Float64Array[] = [];
    for (let start = 0; start < count; start += size) {
      const rows = Math.min(size, count - start);
      found.push(
        ...(await this.#nearChunk(call, words.slice(start * width, (start + rows) * width), limitOf)),
      );
    }
    return found;
  }

  async #nearChunk(
    call: string,
    words: Uint32Array,
    limitOf: (histogram: Float64Array) => Limit,
  ): Promise<Float64Array[]> {
    const [width, bins] = [wordsOf(this.bits), this.bits + 1];
    const rows = words.length / width;
    using arrays = new DeviceArrays(this.#gpu.device);
    const queries = arrays.upload(call, words, [rows, width]);
    const histograms: Uint32Array[] = [];
    for (const { hashes } of this.#segments) {
      using own = new DeviceArrays(this.#gpu.device);
      const { histogram } = await own.run(
        hammingHistogram,
        { hashes, queries },
        { block: BLOCK, bits: this.bits },
      );
      histograms.push(await own.read(histogram!, call));
    }
    const limits = Array.from({ length: rows }, (_, q) => {
      const total = new Float64Array(bins);
      for (const histogram of histograms) {
        const own = histogram.length / rows;
        for (let i = q * own; i < (q + 1) * own; i++) total[i % bins]! += histogram[i]!;
      }
      return limitOf(total);
    });
    const left = limits.map(({ ties }) => ties);
    const parts: Float64Array[][] = limits.map(() => []);
    for (const [s, { start, hashes }] of this.#segments.entries()) {
      const wanted = wantedOf(histograms[s]!, limits, left, { blocks: blocksOf(hashes), bins });
      for (const batch of batchesOf(wanted)) {
        using own = new DeviceArrays(this.#gpu.device);
        const table = own.upload(call, batch.table, [rows, 4]);
        const attributes = { block: BLOCK, first: batch.first, blocks: batch.blocks, most: batch.most };
        const { found } = await own.run(hammingCollect, { hashes, queries, wanted: table }, attributes);
        const pairs = await own.read(found!, call);
        batch.counts.forEach((many, q) => {
          const place = batch.table[4 * q + 2]!;
          parts[q]!.push(neighborKeys(pairs.subarray(2 * place, 2 * (place + many)), start));
        });
      }
    }
    return parts.map(sortedKeys);
  }

  /**
   * All pairs of hashes whose distance is at most `distance`, in parts of at most two million, so that they need not all be in memory. A
   * part has the pairs of some rows of tiles of the N x N comparisons; within it they are in order.
   *
   * @throws ShapeError for a distance that is no whole number of at least 0; DeviceLimitError for hashes that no one binding holds.
   */
  async *pairs(distance: number): AsyncGenerator<HashPairs, void> {
    const call = 'HammingIndex.pairs';
    this.#check(call);
    expectWhole(call, 'distance', distance, 0);
    const [segment, more] = this.#segments;
    if (!segment) return;
    if (more) {
      throw new DeviceLimitError(
        `${call}: ${this.size} hashes take ${this.#words.byteLength} bytes, the device binds at most ${this.#gpu.device.caps.maxBindingSize}; take fewer, or nearPairs`,
      );
    }
    const { hashes } = segment;
    const limit = { distance: Math.min(distance, this.bits) };
    const height = pairTileRows(wordsOf(this.bits));
    const all = Math.ceil(this.size / height);
    const slice = Math.max(1, Math.min(MOST_TILES, Math.floor(MOST_COMPARED / (this.size * height))));
    for (let firstRow = 0; firstRow < all; firstRow += slice) {
      const rows = Math.min(slice, all - firstRow);
      using own = new DeviceArrays(this.#gpu.device);
      const { counts } = await own.run(hammingPairCounts, { hashes }, { ...limit, firstRow, rows });
      const columns = counts!.spec.shape[1]!;
      for (const { tiles, most } of tileLists(await own.read(counts!, call), firstRow, columns)) {
        using list = new DeviceArrays(this.#gpu.device);
        const table = list.upload(call, tiles, [tiles.length / 4, 4]);
        const { pairs } = await list.run(hammingPairList, { hashes, tiles: table }, { ...limit, most });
        yield pairsOf(await list.read(pairs!, call), this.#words, wordsOf(this.bits));
      }
    }
  }

  #check(call: string): void {
    if (this.#disposed) throw new LifetimeError(`${call}: called after dispose(); make another index`);
  }

  /** Frees the hashes on the device. */
  dispose(): void {
    this.#disposed = true;
    this.#arrays[Symbol.dispose]();
  }

  /** Calls `dispose`, for `using`. */
  [Symbol.dispose](): void {
    this.dispose();
  }
}
