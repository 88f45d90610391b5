import type { FusedChain, PartsSum } from '../kernels/elementwise/fused.ts';
import type { Shape } from '../shape.ts';
import type { LoweredOp, Storage } from './storage.ts';

/** An operation whose last dispatch adds up the parts of a product. */
export interface Summed {
  readonly op: LoweredOp;
  readonly output: Storage;
  readonly sum: PartsSum;
  /** What its last dispatch reads, by the names that `readParts` gives them. */
  readonly names: Readonly<Record<string, Storage>>;
}

/** Whether an operation may run later, after those that follow it in the list. */
export const movesBehind = (op: LoweredOp, following: readonly LoweredOp[]): boolean =>
  following.every(
    ({ reads, writes }) =>
      !reads.some((storage) => op.writes.includes(storage)) &&
      !writes.some((storage) => op.writes.includes(storage) || op.reads.includes(storage)),
  );

/** One operation of two: the first without its last dispatch, and the one that does its work. */
export function joined({ op, output }: Pick<Summed, 'op' | 'output'>, second: LoweredOp): LoweredOp {
  const union = (a: readonly Storage[], b: readonly Storage[]) => [...new Set([...a, ...b])];
  return {
    label: `${op.label}+${second.label}`,
    dispatches: [...op.dispatches.slice(0, -1), ...second.dispatches],
    reads: union(op.reads, second.reads).filter((storage) => storage !== output),
    writes: union(op.writes, second.writes),
    scratch: [...op.scratch, ...second.scratch],
    tables: new Map([...op.tables, ...second.tables]),
    nodes: [...op.nodes, ...second.nodes],
    strategy: op.strategy,
  };
}

/** A chain of elementwise operations that has a dispatch of its own. */
export interface Chained {
  readonly op: LoweredOp;
  readonly output: Storage;
  readonly chain: FusedChain;
  readonly shape: Shape;
  /** What it reads, by the names of its bindings. */
  readonly names: Readonly<Record<string, Storage>>;
}

/** The operation that computes the chain itself, which nothing stores any more. */
export const withChain = (chained: Chained, second: LoweredOp): LoweredOp => ({
  ...joined(chained, second),
  writes: second.writes,
  strategy: second.strategy,
});
