// In which parts results of a search come: how many hashes each part has is counted before.
import type { DeviceArray } from './deviceArrays.ts';

/** Hashes that a workgroup goes through. */
export const BLOCK = 4096;
/** Words of histograms, results and pairs that are on the device at a time. */
export const MOST_WORDS = 2 ** 22;
/** Tiles in a list: WebGPU has no more than 65,535 workgroups in a row. */
export const MOST_TILES = 65_535;

/** Up to which distance hashes are wanted: all below one, and at it the first ones. */
export interface Limit {
  readonly below: number;
  readonly ties: number;
}

/** How many blocks a segment of hashes has. */
export const blocksOf = ({ spec }: DeviceArray): number => Math.ceil(spec.shape[0]! / BLOCK);

/** What is wanted of each query in one segment: how many hashes of each block. */
interface Wanted {
  readonly limits: readonly Limit[];
  /** Before which hash those at the limit are wanted. */
  readonly tieEnds: Uint32Array;
  /** [queries, blocks] */
  readonly counts: Uint32Array;
  readonly blocks: number;
}

/** What blocks of a segment contribute. `left`: how many ties each query still lacks, which is brought up to date. */
export function wantedOf(
  histogram: Uint32Array,
  limits: readonly Limit[],
  left: number[],
  { blocks, bins }: { readonly blocks: number; readonly bins: number },
): Wanted {
  const tieEnds = new Uint32Array(limits.length);
  const counts = new Uint32Array(limits.length * blocks);
  limits.forEach(({ below }, q) => {
    for (let b = 0; b < blocks; b++) {
      const at = (q * blocks + b) * bins;
      let near = 0;
      for (let d = 0; d < Math.min(below, bins); d++) near += histogram[at + d]!;
      // The last block with ties that are needed gives all of its own.
      if (left[q]! > 0) {
        const ties = histogram[at + below]!;
        left[q]! -= ties;
        near += ties;
        tieEnds[q] = (b + 1) * BLOCK;
      }
      counts[q * blocks + b] = near;
    }
  });
  return { limits, tieEnds, counts, blocks };
}

/** Some blocks whose hashes are collected at once. */
interface Batch {
  readonly first: number;
  readonly blocks: number;
  readonly most: number;
  /** How many hashes each query gets. */
  readonly counts: Uint32Array;
  /** [queries, 4]: limit, end of ties, first place, nothing. */
  readonly table: Uint32Array;
}

/** Blocks in batches that do not have too many hashes. Blocks without any are left out at both ends of a batch. */
export function* batchesOf({ limits, tieEnds, counts, blocks }: Wanted): Generator<Batch> {
  const rows = limits.length;
  const totals = new Uint32Array(blocks);
  counts.forEach((count, i) => {
    totals[i % blocks]! += count;
  });
  for (let first = 0; first < blocks; ) {
    let [end, most] = [first, 0];
    while (end < blocks && (most === 0 || most + totals[end]! <= MOST_WORDS / 2)) most += totals[end++]!;
    if (most > 0) {
      const own = Uint32Array.from({ length: rows }, (_, q) =>
        counts.subarray(q * blocks + first, q * blocks + end).reduce((a, b) => a + b, 0),
      );
      const table = new Uint32Array(4 * rows);
      let place = 0;
      for (let q = 0; q < rows; q++) {
        table.set([limits[q]!.below, tieEnds[q]!, place], 4 * q);
        place += own[q]!;
      }
      yield { first, blocks: end - first, most, counts: own, table };
    }
    first = end;
  }
}

/** Tiles with pairs, in lists that do not have too many: [tiles, (row, column, first place, 0)]. */
export function* tileLists(
  counts: Uint32Array,
  firstRow: number,
  columns: number,
): Generator<{ readonly tiles: Uint32Array; readonly most: number }> {
  let [tiles, most]: [number[], number] = [[], 0];
  for (const [i, count] of counts.entries()) {
    if (count === 0) continue;
    if (tiles.length > 0 && (most + count > MOST_WORDS / 2 || tiles.length === 4 * MOST_TILES)) {
      yield { tiles: Uint32Array.from(tiles), most };
      [tiles, most] = [[], 0];
    }
    tiles.push(firstRow + Math.floor(i / columns), i % columns, most, 0);
    most += count;
  }
  if (most > 0) yield { tiles: Uint32Array.from(tiles), most };
}
