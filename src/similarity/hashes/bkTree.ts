import { expectArguments } from '../../arguments.ts';
import { ShapeError } from '../../errors.ts';
import { withDefaults } from '../../options.ts';
import { expectWhole } from './hammingIndex.ts';
import { type HashNeighbors, KEY, neighborsOf, sortedKeys } from './hammingResults.ts';
import { countOneBits, ImageHash } from './imageHash.ts';

/** No node. */
const NONE = -1;

/**
 * Hashes in a tree by their Hamming distances (W. Burkhard and R. Keller 1973), for single queries on the CPU: a query is compared with few of them
 * where it asks for near ones. With one that asks for hashes farther than about a tenth of the bits, most are compared, and `HammingIndex` is
 * the faster. Hashes can be added at any time.
 */
export class BkTree {
  /** Bits of a hash. */
  readonly bits: number;
  readonly #words: number[] = [];
  readonly #width: number;
  /** Of each node its first child, the next child of its parent, and how far it is from that. */
  readonly #child: number[] = [];
  readonly #sibling: number[] = [];
  readonly #edge: number[] = [];
  /** Hashes that are equal to a node's, one after the other; they are no nodes. */
  readonly #same: number[] = [];
  #size = 0;

  /** Makes an empty tree for hashes of this number of bits. Throws ShapeError for a number that is no whole one of at least 1. */
  constructor(bits: number) {
    expectWhole('BkTree', 'bits', bits, 1);
    this.bits = bits;
    this.#width = Math.ceil(bits / 32);
  }

  /** How many hashes there are. */
  get size(): number {
    return this.#size;
  }

  /** Adds a hash. Returns its number: 0 for the first, and so on. Throws ShapeError for one of another length. */
  add(hash: ImageHash): number {
    const words = this.#wordsOf('BkTree.add', hash);
    const own = this.#size++;
    this.#words.push(...words);
    this.#child.push(NONE);
    this.#sibling.push(NONE);
    this.#edge.push(0);
    this.#same.push(NONE);
    for (let node = 0; own > 0; ) {
      const distance = this.#distance(words, node);
      if (distance === 0) {
        this.#same[own] = this.#same[node]!;
        this.#same[node] = own;
        break;
      }
      let child = this.#child[node]!;
      while (child !== NONE && this.#edge[child] !== distance) child = this.#sibling[child]!;
      if (child === NONE) {
        this.#edge[own] = distance;
        this.#sibling[own] = this.#child[node]!;
        this.#child[node] = own;
        break;
      }
      node = child;
    }
    return own;
  }

  /** All hashes whose distance from the query is at most `distance`; see `HammingIndex.rangeSearch`. */
  rangeSearch(query: ImageHash, options: { readonly distance: number }): HashNeighbors {
    const { distance } = withDefaults('BkTree.rangeSearch', options, { distance: 0 });
    expectWhole('BkTree.rangeSearch', 'distance', distance, 0);
    const keys: number[] = [];
    this.#visit(this.#wordsOf('BkTree.rangeSearch', query), (node, own) => {
      if (own <= distance) keys.push(own * KEY + node);
      return distance;
    });
    return neighborsOf(sortedKeys([Float64Array.from(keys)]));
  }

  /** The k hashes nearest to the query, ties by their numbers; see `HammingIndex.search`. */
  search(query: ImageHash, options: { readonly k: number }): HashNeighbors {
    const { k } = withDefaults('BkTree.search', options, { k: 1 });
    expectWhole('BkTree.search', 'k', k, 1);
    const counts = new Uint32Array(this.bits + 1);
    const keys: number[] = [];
    // What is farther than `bound` is not among the k nearest; there are `within` found up to it.
    let [bound, within] = [this.bits, 0];
    this.#visit(this.#wordsOf('BkTree.search', query), (node, distance) => {
      if (distance <= bound) {
        keys.push(distance * KEY + node);
        counts[distance]!++;
        within++;
        while (within - counts[bound]! >= k) within -= counts[bound--]!;
      }
      return bound;
    });
    return neighborsOf(sortedKeys([Float64Array.from(keys)]).subarray(0, k));
  }

  #wordsOf(call: string, hash: ImageHash): Uint32Array {
    expectArguments(call, { hash }, { hash: 'object' });
    if (hash instanceof ImageHash && hash.bits === this.bits) return hash.words;
    throw new ShapeError(
      `${call}: the hash ${hash instanceof ImageHash ? `has ${hash.bits} bits` : 'is no ImageHash'}, the tree is of ${this.bits}; give hashes of one kind and size`,
    );
  }

  #distance(words: Uint32Array, node: number): number {
    let bits = 0;
    for (let w = 0; w < this.#width; w++)
      bits += countOneBits(words[w]! ^ this.#words[node * this.#width + w]!);
    return bits;
  }

  /**
   * Visits the nodes that may be near: `visit` gets each with its distance, and says how far hashes may be that still count. By the triangle
   * inequality a child whose distance from its parent differs by more from the query's has none in its branch.
   */
  #visit(words: Uint32Array, visit: (node: number, distance: number) => number): void {
    const waiting = this.#size > 0 ? [0] : [];
    for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
      const distance = this.#distance(words, node);
      let most = visit(node, distance);
      for (let same = this.#same[node]!; same !== NONE; same = this.#same[same]!)
        most = visit(same, distance);
      for (let child = this.#child[node]!; child !== NONE; child = this.#sibling[child]!) {
        if (Math.abs(this.#edge[child]! - distance) <= most) waiting.push(child);
      }
    }
  }
}
