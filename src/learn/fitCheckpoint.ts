import { DataError } from '../errors.ts';
import type { State } from '../graph/state.ts';
import type { Module } from '../nn/module.ts';
import type { Gpu } from '../plan/gpu.ts';
import type { Best } from './best.ts';
import type { Callback, LearnerCheckpoint } from './callback.ts';
import type { EpochMeans } from './epochMeans.ts';
import { type FitProgress, joinStates, readFitProgress, splitStates } from './fitProgress.ts';
import type { FitState } from './fitState.ts';
import type { Steps } from './steps.ts';
import type { Update } from './update.ts';

/** What a checkpoint is made of. */
interface Kept {
  readonly gpu: Gpu;
  readonly model: Module;
  readonly update: Update;
  readonly callbacks: readonly Callback[];
  readonly state: FitState;
  readonly steps: Steps;
  readonly means: EpochMeans;
  readonly best: Best;
  readonly asked: Readonly<Record<string, unknown>>;
  /** Batches per epoch. */
  readonly perEpoch: number;
}

/** Makes a checkpoint. Throws what `refuse` makes of a weight that is not finite. */
export async function fitCheckpoint(
  { gpu, model, update, callbacks, state, steps, means, best, asked, perEpoch }: Kept,
  {
    firstEpoch,
    keepSteps,
    refuse,
  }: {
    readonly firstEpoch: number;
    readonly keepSteps: boolean;
    readonly refuse: (problem: string) => Error;
  },
): Promise<LearnerCheckpoint> {
  const download = (one: State) => gpu.download(one);
  const weights = await model.stateDict(download);
  for (const [name, { data }] of weights) {
    if (!data.every(Number.isFinite)) throw refuse(`the weight ${name} is no longer finite`);
  }
  const progress: FitProgress = {
    learner: { asked, perEpoch },
    step: state.step,
    batches: steps.batchesBefore(state.step),
    firstEpoch,
    ...means.state,
    lrScale: state.lrScale,
    history: { steps: keepSteps ? state.history.steps : [], epochs: state.history.epochs },
    random: await model.randomState(download),
    callbacks: callbacks.map((callback) => callback.state?.() ?? null),
    ...(best.epoch ? { best: best.epoch } : {}),
  };
  const { optimizer, ...others } = await update.states();
  const states = joinStates(optimizer, { ...others, ...(best.weights ? { best: best.weights } : {}) });
  return { weights, optimizer: states, progress: JSON.parse(JSON.stringify(progress)) };
}

/**
 * Continues from a checkpoint.
 *
 * @returns How many epochs the Learner had done before that training.
 * @throws DataError for one of another training; StateDictError for weights that do not fit.
 */
export function restoreFit(
  { model, update, callbacks, state, steps, means, best, asked, perEpoch }: Kept,
  { weights, optimizer, progress }: LearnerCheckpoint,
  file: string,
): number {
  const now = { asked: JSON.parse(JSON.stringify(asked)), perEpoch, callbacks: callbacks.length };
  const saved = readFitProgress(progress, now, file);
  if (saved.step <= steps.count && steps.batchesBefore(saved.step) !== saved.batches) {
    throw new DataError(
      `${file}: the checkpoint has taken ${saved.batches} batches in ${saved.step} steps, this training ${steps.batchesBefore(saved.step)}; where the number of batches per step changes, continue with the same number of epochs`,
    );
  }
  const { best: kept, ...states } = splitStates(optimizer);
  model.loadStateDict(weights, { source: file });
  update.load(states);
  model.loadRandomState(saved.random);
  state.step = saved.step;
  state.lrScale = saved.lrScale;
  means.restore(saved);
  state.history.restore(saved.history);
  if (saved.best && kept) best.restore(saved.best, kept);
  callbacks.forEach((callback, i) => {
    callback.loadState?.(saved.callbacks[i]);
  });
  return saved.firstEpoch;
}
