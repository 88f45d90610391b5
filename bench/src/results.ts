import type { Limits } from '../../src/profile/limits.ts';
import type { Figures } from './measure.ts';

/** A peer's part of a row: its figures, or in words why there are none. */
export type PeerResult =
  | (Figures & {
      readonly firstMs: number;
      readonly peakBytes?: number;
      readonly note?: string;
      readonly onCpu?: boolean;
    })
  | { readonly cannot: string }
  | { readonly failed: string };

/**
 * Peers of the same process on WebGPU; onnxruntime's CPU kernels; and PyTorch's eager mode, which is timed before: f32 without TF32,
 * and mixed precision.
 */
export type PeerName = 'tfjs' | 'ort' | 'jax' | 'ortCpu' | 'torch' | 'torchAmp';

/** One row of the results. Times in milliseconds, medians of wall time unless they say GPU. */
export interface ResultRow {
  readonly name: string;
  readonly medianMs: number;
  readonly spreadMs: number;
  readonly gpuMs?: number;
  readonly gpuSpreadMs?: number;
  readonly jsMs?: number;
  readonly runs: number;
  readonly firstMs: number;
  readonly peakBytes?: number;
  readonly flops: number;
  readonly bytes: number;
  readonly gflops: number;
  readonly gbps: number;
  /** The time that the adapter's limits allow (the longer one of arithmetic and memory) over the measured one. */
  readonly shareOfLimit: number;
  /** The peer's median over ours: above 1 Fovea is ahead. */
  readonly ratio: Readonly<Partial<Record<PeerName, number>>>;
  readonly peers: Readonly<Partial<Record<PeerName, PeerResult>>>;
}

export interface Results {
  readonly adapter: string;
  readonly software: boolean;
  readonly date: string;
  readonly quick: boolean;
  readonly versions: Readonly<Record<string, string>>;
  readonly limits: Limits;
  readonly rows: ResultRow[];
}

/** What a row's own figures come to, under the adapter's limits. */
export function rates(
  { flops, bytes }: { flops: number; bytes: number },
  ms: number,
  limits: Limits,
): Pick<ResultRow, 'gflops' | 'gbps' | 'shareOfLimit'> {
  const floorMs = 1000 * Math.max(flops / (limits.gflops * 1e9), bytes / (limits.gbps * 1e9));
  return { gflops: flops / ms / 1e6, gbps: bytes / ms / 1e6, shareOfLimit: floorMs / ms };
}

/** Five digits are more than any of these figures deserves. */
export function rounded<T>(value: T): T {
  if (typeof value === 'number') {
    return (Number.isInteger(value) ? value : Number(value.toPrecision(5))) as T;
  }
  if (Array.isArray(value)) return value.map(rounded) as T;
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, rounded(item)])) as T;
}

/** `lavapipe-2026-09-05`: of the adapter's name what a file name may hold. */
export function resultsName({ adapter, date }: Pick<Results, 'adapter' | 'date'>): string {
  const name = adapter
    .replace(/\(.*\)/, '')
    .trim()
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
  return `${name}-${date.slice(0, 10)}`;
}
