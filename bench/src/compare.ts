import type { Values } from './workload.ts';

const TOLERANCE = 2e-4;

/** The largest difference of two tensors, in parts of the largest value; infinite where one is not a number. */
export function difference(a: Values, b: Values): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let largest = 0;
  let most = 0;
  for (let i = 0; i < a.length; i++) {
    const apart = Math.abs(a[i]! - b[i]!);
    if (Number.isNaN(apart)) return Number.POSITIVE_INFINITY;
    most = Math.max(most, apart);
    largest = Math.max(largest, Math.abs(a[i]!));
  }
  return most === 0 ? 0 : most / largest;
}

/** What differs, in words; nothing where results agree. */
export function mismatch(
  ours: readonly Values[],
  peer: readonly Values[],
  tolerance = TOLERANCE,
): string | undefined {
  for (const [i, theirs] of peer.entries()) {
    const own = ours[i];
    if (!own) return `result ${i} is not among ours`;
    if (own.length !== theirs.length) return `result ${i} has ${theirs.length} values, ours ${own.length}`;
    const error = difference(own, theirs);
    if (!(error <= tolerance)) {
      return `result ${i} differs by ${error.toExponential(1)} of its largest value, ${tolerance} allowed`;
    }
  }
  return undefined;
}
