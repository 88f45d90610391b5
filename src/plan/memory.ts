import type { Lowered } from './lower.ts';
import { type Storage, sizeOf } from './storage.ts';

/** Where temporary storages live: each in a slot, a buffer that others use before and after. */
export interface MemoryPlan {
  readonly slotOf: ReadonlyMap<Storage, number>;
  readonly slotSizes: readonly number[];
  /** The most bytes of temporaries that are alive at one time: no plan can need less. */
  readonly lowerBound: number;
}

/**
 * Assigns slots by liveness. A storage is alive from the operation that writes it first to the last one that
 * touches it; an operation's scratch only while it runs. WebGPU tracks whole buffers, so that a buffer cannot be
 * read and written in one dispatch: a slot holds one storage at a time, and the best fitting free one is taken.
 */
export function planMemory({ ops }: Lowered): MemoryPlan {
  const first = new Map<Storage, number>();
  const last = new Map<Storage, number>();
  const touch = (storage: Storage, i: number) => {
    if (storage.kept || storage.home) return;
    if (!first.has(storage)) first.set(storage, i);
    last.set(storage, i);
  };
  ops.forEach((op, i) => {
    for (const storage of [...op.reads, ...op.writes, ...op.scratch]) touch(storage, i);
  });
  const endingAt = new Map<number, Storage[]>();
  for (const [storage, i] of last) endingAt.set(i, [...(endingAt.get(i) ?? []), storage]);

  const slotOf = new Map<Storage, number>();
  const slotSizes: number[] = [];
  const free = new Set<number>();
  let alive = 0;
  let lowerBound = 0;
  ops.forEach((op, i) => {
    for (const storage of [...op.writes, ...op.scratch, ...op.reads]) {
      if (first.get(storage) !== i || slotOf.has(storage)) continue;
      const slot = bestFit(slotSizes, free, sizeOf(storage));
      free.delete(slot);
      slotSizes[slot] = Math.max(slotSizes[slot] ?? 0, sizeOf(storage));
      slotOf.set(storage, slot);
      alive += sizeOf(storage);
    }
    lowerBound = Math.max(lowerBound, alive);
    for (const storage of endingAt.get(i) ?? []) {
      free.add(slotOf.get(storage)!);
      alive -= sizeOf(storage);
    }
  });
  return { slotOf, slotSizes, lowerBound };
}

/** The smallest free slot that is large enough; else the largest one, to be grown; else a new one. */
function bestFit(sizes: readonly number[], free: ReadonlySet<number>, size: number): number {
  let fitting = -1;
  let largest = -1;
  for (const slot of free) {
    if (sizes[slot]! >= size && (fitting < 0 || sizes[slot]! < sizes[fitting]!)) fitting = slot;
    if (largest < 0 || sizes[slot]! > sizes[largest]!) largest = slot;
  }
  if (fitting >= 0) return fitting;
  return largest >= 0 ? largest : sizes.length;
}
