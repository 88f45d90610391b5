import { firstOf, firstValueOf } from '../graph/repetition.ts';
import { baseOf, type Node, type Tensor } from '../graph/tensor.ts';

/** What reads a value: an operation, or a result or state that keeps it. */
export type Reader = Node | 'kept';

/**
 * Who reads each value (a base), with the readers of all its repetitions: so what a checkpoint computes again is fused
 * as it was the first time, and has the same bits. Values and readers stand under the first of their kind; a reader
 * counts once with its repetitions, unless two of them read the very same tensor.
 */
export class Readers {
  readonly #readers = new Map<Tensor, Set<Reader>>();

  constructor(nodes: readonly Node[], roots: readonly Tensor[]) {
    const seen = new Map<Tensor, Map<Reader, Reader>>();
    const add = (value: Tensor, reader: Reader) => {
      const base = baseOf(value);
      const first = reader === 'kept' ? reader : firstOf(reader);
      const known = seen.get(base) ?? seen.set(base, new Map()).get(base)!;
      const other = known.get(first);
      if (other === undefined) known.set(first, reader);
      const key = other === undefined || other === reader ? first : reader;
      const all = this.#readers.get(firstValueOf(base));
      if (all) all.add(key);
      else this.#readers.set(firstValueOf(base), new Set([key]));
    };
    for (const node of nodes) for (const input of Object.values(node.inputs)) add(input, node);
    for (const root of roots) add(root, 'kept');
  }

  /** Those of a base, all after the node that computes it. */
  of(base: Tensor): ReadonlySet<Reader> {
    return this.#readers.get(firstValueOf(base)) ?? new Set();
  }

  /** Whether nothing but this operation reads a base. */
  only(base: Tensor, reader: Node): boolean {
    const readers = this.of(base);
    return readers.size === 1 && readers.has(firstOf(reader));
  }
}
