import type { RowRuns } from './rowRuns.ts';

/** What `partsOf` finds. */
export interface MaskParts {
  /** The first run of each 4-connected component, in their order. */
  readonly firsts: readonly number[];
  /** The number of holes: 8-connected parts of the outside that do not touch the border. */
  readonly holes: number;
}

/**
 * Finds the 4-connected components of a mask, and its holes.
 *
 * A run of a row that overlaps one of the row above belongs to its component. Components less holes is the Euler number: pixels, less
 * pairs of neighbours, plus squares of four. A row's run has one pixel more than pairs, and an overlap one pair more than squares.
 */
export function partsOf({ height, rows, starts, ends }: RowRuns): MaskParts {
  const count = starts.length;
  // For each run, one of the same component that comes before it, or itself.
  const links = Uint32Array.from(starts, (_, run) => run);
  const rootOf = (run: number): number => {
    let root = run;
    while (links[root] !== root) {
      links[root] = links[links[root]!]!;
      root = links[root]!;
    }
    return root;
  };
  let overlaps = 0;
  for (let y = 1; y < height; y++) {
    const [above, first, last] = [rows[y - 1]!, rows[y]!, rows[y + 1]!];
    for (let run = first, other = above; run < last && other < first; ) {
      if (starts[other]! < ends[run]! && starts[run]! < ends[other]!) {
        overlaps++;
        const [a, b] = [rootOf(run), rootOf(other)];
        links[Math.max(a, b)] = Math.min(a, b);
      }
      if (ends[other]! < ends[run]!) other++;
      else run++;
    }
  }
  const firsts: number[] = [];
  for (let run = 0; run < count; run++) if (links[run] === run) firsts.push(run);
  return { firsts, holes: firsts.length - count + overlaps };
}
