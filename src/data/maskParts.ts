import type { ImageSize } from '../vision/boxes.ts';

/** What `partsOf` finds. */
export interface MaskParts {
  /** The first pixel of each 4-connected component, in their order. */
  readonly firsts: readonly number[];
  /** The number of holes: 8-connected parts of the outside that do not touch the border. */
  readonly holes: number;
}

/**
 * Finds the 4-connected components of a mask, and its holes, with memory for the runs of its rows instead of its pixels.
 *
 * A run of a row that overlaps one of the row above belongs to its component. Components less holes is the Euler number: pixels, less
 * pairs of neighbours, plus squares of four. A row's run has one pixel more than pairs, and an overlap one pair more than squares.
 *
 * @param mask Pixels [height * width], row by row; every value other than 0 is inside.
 * @param size Width and height of the mask.
 */
export function partsOf(mask: Uint8Array, { width, height }: ImageSize): MaskParts {
  // Start and end of each run, and a run of the same component that comes before it.
  let [starts, ends, links] = [new Uint32Array(1024), new Uint32Array(1024), new Uint32Array(1024)];
  const rootOf = (run: number): number => {
    let root = run;
    while (links[root] !== root) {
      links[root] = links[links[root]!]!;
      root = links[root]!;
    }
    return root;
  };
  let count = 0;
  let overlaps = 0;
  let above = 0;
  for (let y = 0; y < height; y++) {
    const last = (y + 1) * width;
    const first = count;
    for (let at = y * width; at < last; ) {
      if (mask[at] === 0) {
        at++;
        continue;
      }
      if (count === starts.length) {
        [starts, ends, links] = [starts, ends, links].map((old) => {
          const larger = new Uint32Array(2 * old.length);
          larger.set(old);
          return larger;
        }) as [Uint32Array<ArrayBuffer>, Uint32Array<ArrayBuffer>, Uint32Array<ArrayBuffer>];
      }
      starts[count] = at;
      while (at < last && mask[at] !== 0) at++;
      ends[count] = at;
      links[count] = count;
      count++;
    }
    for (let run = first, other = above; run < count && other < first; ) {
      if (starts[other]! + width < ends[run]! && starts[run]! < ends[other]! + width) {
        overlaps++;
        const [a, b] = [rootOf(run), rootOf(other)];
        links[Math.max(a, b)] = Math.min(a, b);
      }
      if (ends[other]! + width < ends[run]!) other++;
      else run++;
    }
    above = first;
  }
  const firsts: number[] = [];
  for (let run = 0; run < count; run++) if (links[run] === run) firsts.push(starts[run]!);
  return { firsts, holes: firsts.length - count + overlaps };
}
