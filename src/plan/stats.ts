/** Figures of a program, for reports and tests. */
export interface ProgramStats {
  /** Operations after fusion. */
  readonly operations: number;
  /** Dispatches per run. */
  readonly dispatches: number;
  /** Dispatches that depend on weights alone, and run only when these have changed since the run before. */
  readonly steadyDispatches: number;
  /** Different shaders. */
  readonly pipelines: number;
  /** Bytes that the plan takes for intermediate values. */
  readonly plannedBytes: number;
  /** The fewest bytes that any plan could take for them. */
  readonly lowerBoundBytes: number;
}
