import type { AdapterClass } from './adapterClasses.ts';
import type { Work } from './work.ts';

/** What takes most of a dispatch's predicted time. */
export type Bound = 'launch' | 'memory' | 'compute';

/** A dispatch's predicted time. */
export interface Prediction {
  readonly seconds: number;
  readonly bound: Bound;
}

/**
 * The roofline of one dispatch (Williams, Waterman and Patterson 2009): launch + max(bytes / bandwidth, FLOPs / peak), where both rates
 * are those that are usually reached, and of an adapter that has fewer workgroups than units only that share.
 */
export function predict(
  { bytesRead, bytesWritten, flopsInBlocks }: Work,
  workgroups: number,
  { gflops, gbps, units, launchMicroseconds, efficiency }: AdapterClass,
): Prediction {
  const filled = Math.min(1, Math.max(1, workgroups) / units);
  const memory = (bytesRead + bytesWritten) / (gbps * 1e9 * efficiency.memory * filled);
  const compute = flopsInBlocks / (gflops * 1e9 * efficiency.compute * filled);
  const launch = launchMicroseconds * 1e-6;
  const work = Math.max(memory, compute);
  const bound = launch >= work ? 'launch' : memory >= compute ? 'memory' : 'compute';
  return { seconds: launch + work, bound };
}
