import type { Values } from './workload.ts';

/** What one run took, as far as the library lets us see. */
export interface RunFigures {
  /** The time that the GPU was at work, by its own timestamps. */
  readonly gpuMs?: number;
  /** The time that JavaScript took, until everything was submitted. */
  readonly jsMs?: number;
}

/** A library, ready to run one workload. */
export interface Contestant {
  readonly library: string;
  /** Settings that were chosen, and what else to know. */
  readonly note?: string;
  /** Not the GPU's doing: the library has no kernel for it. */
  readonly onCpu?: boolean;
  /** Time from the empty library to the first result: compilation included. */
  readonly firstMs: number;
  /** The results of the first run. */
  readonly results: readonly Values[];
  /** Before each run, outside of the time. */
  before(): void;
  /** One run, until the GPU has finished. */
  run(): Promise<void>;
  /** After each run, outside of the time. */
  after(): Promise<RunFigures>;
  /** The most GPU memory that was held since the workload was prepared, where the library lets us see it. */
  peakBytes(): number | undefined;
  dispose(): Promise<void>;
}
