import type { CaptureProgress } from '../plan/step.ts';
import type { Callback, LearnerCheckpoint } from './callback.ts';

/** What happens during a training: options of `fit`, `fitOneCycle`, `fitFlatCos` and `fineTune`. */
export interface FitControls {
  /** Callbacks of this training, after those of the Learner. */
  readonly callbacks?: readonly Callback[];
  /** Ends the training after the current step when it is aborted. */
  readonly signal?: AbortSignal;
  /**
   * Continues from a checkpoint of the same call, with the same data: the weights at the end are those of a training without a break. Epochs and
   * learning rates may be others.
   */
  readonly resume?: LearnerCheckpoint;
  /** What messages call the checkpoint, such as its file. Default `resume`. */
  readonly resumeFile?: string;
  /**
   * Whether checkpoints hold the logs of all steps. `false` for whoever keeps them elsewhere: they would be written again with each
   * checkpoint. Default true.
   */
  readonly keepSteps?: boolean;
  /** Called for each pipeline that is compiled, and each kernel that is timed, before the first step. */
  readonly onCompile?: CaptureProgress;
  /** Steps between calls of `onCheckpoint`. Default: one at the end of each epoch. */
  readonly checkpointEvery?: number;
  /**
   * Called with everything that resuming needs, and at the end. It is handed over only once the next losses are known to be finite, so
   * that a good checkpoint is never replaced by a useless one.
   */
  onCheckpoint?(checkpoint: LearnerCheckpoint): void | Promise<void>;
}

/** The controls and their defaults. */
export const FIT_CONTROLS = {
  callbacks: [] as readonly Callback[],
  signal: undefined,
  resume: undefined,
  resumeFile: undefined,
  keepSteps: undefined,
  onCompile: undefined,
  checkpointEvery: undefined,
  onCheckpoint: undefined,
};
