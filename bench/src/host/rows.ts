import type { Limits } from '../../../src/profile/limits.ts';
import type { Effort } from '../measure.ts';
import type { Ours } from '../ours.ts';
import { beside, type Elsewhere } from '../runBench.ts';
import { runRow } from '../runRow.ts';
import type { Row } from '../workload.ts';

/** A few runs of each row: time is short. */
export const EFFORT: Effort = { rounds: 2, time: 1000, iterations: 3, once: Number.POSITIVE_INFINITY };

/** Input of every step that measures. */
export interface StepInput {
  /** With checks of bounds. */
  readonly ours: Ours;
  readonly limits: Limits;
  /** Whether there is time for another row. */
  readonly goOn: () => boolean;
  /** Writes a result at once. */
  readonly note: (result: object) => void;
}

/** Input of a step that times rows. */
export interface Rows extends StepInput {
  readonly rows: readonly Row[];
  /** PyTorch's times for the same rows. */
  readonly elsewhere?: Elsewhere;
}

/** Milliseconds that the limits allow. */
export const predictedMs = ({ flops, bytes }: { flops: number; bytes: number }, limits: Limits): number =>
  Math.max(flops / limits.gflops, bytes / limits.gbps) / 1e6;

/** Measures rows of the bench, as long as there is time. */
export async function measureRows({
  rows,
  ours,
  limits,
  elsewhere,
  goOn,
  note,
}: Rows): Promise<'done' | 'time'> {
  for (const row of rows) {
    if (!goOn()) return 'time';
    const plain = await runRow({ ours }, row.make(), limits, EFFORT);
    const { name, medianMs, gpuMs, firstMs, gflops, gbps, peers } = elsewhere
      ? beside(plain, elsewhere)
      : plain;
    const predicted = predictedMs(plain, limits);
    const times = Object.entries(peers).flatMap(([peer, result]) =>
      'medianMs' in result ? [[`${peer} ms`, result.medianMs]] : [],
    );
    note({
      name,
      medianMs,
      gpuMs,
      predicted,
      share: predicted / (gpuMs ?? medianMs),
      gflops,
      gbps,
      firstMs,
      ...Object.fromEntries(times),
    });
  }
  return 'done';
}
