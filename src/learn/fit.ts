import type { Batch, LoadedBatch } from '../data/loader.ts';
import { type NumericError, UsageError } from '../errors.ts';
import type { Module } from '../nn/module.ts';
import { Best, type BestEpoch } from './best.ts';
import type { Callback, LearnerCheckpoint } from './callback.ts';
import { divergence, problemOf, type Told } from './divergence.ts';
import { EpochMeans } from './epochMeans.ts';
import { fitCheckpoint, restoreFit } from './fitCheckpoint.ts';
import type { FitPlan, Phase, StepRates } from './fitPlan.ts';
import { FitState } from './fitState.ts';
import { trainMode } from './groups.ts';
import type { History, Logs, StepLogs } from './history.ts';
import { keepModes } from './keepModes.ts';
import { Steps } from './steps.ts';
import type { Trained } from './trained.ts';
import { TrainingProgram, type Values } from './trainingProgram.ts';
import type { Update } from './update.ts';
import type { Validation } from './validation.ts';
import { Waiting } from './waiting.ts';

/** What a training came to. */
export interface FitResult {
  /** What it has logged. */
  readonly history: History;
  /** Steps done, those before a resumed checkpoint included. */
  readonly step: number;
  /** Epochs that the Learner has done or begun, those of earlier trainings included. */
  readonly epochs: number;
  /** Whether all epochs were done. */
  readonly finished: boolean;
  /** Why it was stopped early, where a callback has said so. */
  readonly reason?: string;
  /** The epoch whose weights the model has now: the best one. Undefined where none was chosen. */
  readonly best?: BestEpoch;
}

/** What a Learner hands to a training. */
export interface FitParts<Item, M extends Module, B extends Batch> {
  readonly update: Update;
  readonly callbacks: readonly Callback[];
  readonly best: string | false | undefined;
  readonly validation: Validation<Item, M, B>;
  /** Epochs that the Learner has done before. */
  readonly firstEpoch: number;
  /** What messages advise when a step has left numbers that are not finite. */
  readonly advice: ((step: number, items: string) => string) | undefined;
}

/** A step that is on its way. */
interface Pending extends Told {
  readonly count: number;
  readonly values: readonly Values[];
}

/** A batch of a step, and its items. */
type Taken<Item, B extends Batch> = Pick<LoadedBatch<Item, B>, 'batch' | 'items'>;
type Batches<Item, B extends Batch> = AsyncGenerator<LoadedBatch<Item, B>, void>;

/** A loss scale below this is no overflow any more: fairseq's limit, 30 halvings from the first one. */
const MIN_SCALE = 1e-4;

/** One training: the loop over epochs and steps. */
export class Fit<Item, M extends Module, B extends Batch> {
  readonly #learner: Trained<Item, M, B>;
  readonly #plan: FitPlan;
  readonly #parts: FitParts<Item, M, B>;
  readonly #steps: Steps;
  readonly #state: FitState;
  readonly #means = new EpochMeans();
  readonly #waiting = new Waiting();
  readonly #best: Best;
  #firstEpoch: number;
  #phase: Phase | undefined;
  #compiled = false;
  /** Whether the weights are not finite any more. */
  #broken = false;
  /** The scale of the last step, with mixed precision. */
  #scale: number | undefined;
  #pending: Pending | undefined;
  #last: Told | undefined;
  #held: { readonly step: number; readonly checkpoint: LearnerCheckpoint } | undefined;

  constructor(learner: Trained<Item, M, B>, plan: FitPlan, parts: FitParts<Item, M, B>) {
    this.#learner = learner;
    this.#plan = plan;
    this.#parts = parts;
    const { length } = learner.train;
    if (!(Number.isSafeInteger(length) && length >= 1)) {
      throw new UsageError(
        `Learner: the length of the loader of train is ${length}; give its number of batches per epoch`,
      );
    }
    this.#steps = new Steps(plan.phases, learner.train.length, parts.update.accumulate);
    this.#firstEpoch = parts.firstEpoch;
    this.#best = new Best(parts.best);
    this.#state = new FitState(learner, this.#steps, this.#best, {
      weights: () => parts.update.weights(),
      checkpoint: () => this.#checkpoint(),
    });
  }

  get history(): History {
    return this.#state.history;
  }

  /** The share of the time of the steps in which the device waited for a batch. */
  get waiting(): number {
    return this.#waiting.share;
  }

  async run(): Promise<FitResult> {
    const { model, task, gpu } = this.#learner;
    const { update } = this.#parts;
    const { resume, signal } = this.#plan.controls;
    const state = this.#state;
    const steps = this.#steps;
    update.begin();
    if (resume) this.#restore(resume);
    const restoreModes = keepModes(model);
    const program = new TrainingProgram(gpu, task, model, update, {
      accumulates: steps.accumulates,
      averages: true,
    });
    try {
      await this.#hooks((callback) => callback.onTrainBegin?.(state));
      while (state.step < steps.count && !state.stopped) {
        if (signal?.aborted) break;
        this.#enterPhase();
        const batch = steps.batchOf(state.step);
        if (batch === 0) {
          this.#means.clear();
          await this.#hooks((callback) => callback.onEpochBegin?.(state));
        }
        trainMode(model);
        const epoch = steps.epochOf(state.step);
        const before = state.step;
        await this.#train(this.#learner.train.batches(this.#firstEpoch + epoch, batch), program);
        // A training that is stopped before its first step, or at once after a resume, has not ended an epoch.
        if (state.step > before && steps.endsEpoch(state.step) && !this.#broken)
          await this.#endEpoch(epoch, program.modes);
      }
      const finished = state.step === steps.count;
      if (this.#plan.controls.onCheckpoint && !this.#broken) await this.#handOver(await this.#checkpoint());
      const { epoch: best, weights } = this.#best;
      if (weights) model.loadStateDict(weights);
      else if (update.ema && !this.#broken) model.loadStateDict(await update.weights());
      await this.#hooks((callback) => callback.onTrainEnd?.(state));
      const { reason } = state;
      return {
        history: state.history,
        step: state.step,
        epochs: this.#firstEpoch + Math.ceil(steps.batchesBefore(state.step) / this.#learner.train.length),
        finished,
        ...(reason === undefined ? {} : { reason }),
        ...(best ? { best } : {}),
      };
    } finally {
      restoreModes();
      program.dispose();
    }
  }

  /** Runs the steps of an epoch that are left, until it or a phase ends, or the training is stopped. */
  async #train(batches: Batches<Item, B>, program: TrainingProgram<Item, M, B>): Promise<void> {
    const { optimizer } = this.#learner;
    const { checkpointEvery, onCheckpoint, signal } = this.#plan.controls;
    const state = this.#state;
    const begin = state.step;
    let next = await this.#waiting.next(batches);
    while (!next.done) {
      const isStopped = state.stopped || signal?.aborted;
      // A training, or a phase of it, may end within an epoch. Where the whole epoch is done, there must be no more.
      const isOver = state.step > begin && this.#steps.batchOf(state.step) === 0;
      if (isStopped || isOver || state.step === state.steps || this.#endsPhase) {
        await batches.return();
        if (isOver && !isStopped) throw this.#miscounted('more');
        break;
      }
      if (!this.#compiled) await program.prepare(next.value.batch, this.#plan.controls.onCompile);
      this.#compiled = true;
      let skip = false;
      for (const callback of this.#parts.callbacks) {
        if ((await callback.onBatchBegin?.(state)) === 'skip') skip = true;
      }
      if (state.stopped) {
        await batches.return();
        break;
      }
      const rates = this.#rates(state.step);
      const parts = this.#steps.batchesOf(state.step);
      state.step++;
      optimizer.lr = rates.lr;
      if (rates.momentum !== undefined) optimizer.momentum = rates.momentum;
      if (!skip) state.atRest = false;
      const values: Values[] = [];
      const taken: Taken<Item, B>[] = [];
      for (let part = 1; part <= parts; part++) {
        if (next.done) throw this.#miscounted('fewer');
        const { batch, items } = next.value;
        if (!skip) values.push(...(await program.run(batch, part === parts)));
        taken.push({ batch, items });
        // While the device computes, the next batch is made.
        next = await this.#waiting.next(batches, values);
      }
      if (skip) continue;
      const count = taken.reduce((sum, { items }) => sum + items.length, 0);
      const pending = { rates, step: state.step, count, batches: taken, values };
      this.#last = pending;
      // While the device computes this step, the losses of the step before are read.
      await this.#settle(program);
      this.#pending = pending;
      const isDue = checkpointEvery !== undefined && state.step % checkpointEvery === 0;
      if (onCheckpoint && isDue && !this.#steps.endsEpoch(state.step)) {
        await this.#settle(program);
        this.#held = { step: state.step, checkpoint: await this.#checkpoint() };
      }
    }
    await this.#settle(program);
    state.atRest = true;
    const isDone = state.step > begin && (this.#steps.endsEpoch(state.step) || this.#endsPhase);
    const isEarly = !state.stopped && !signal?.aborted && !isDone;
    if (isEarly) throw this.#miscounted('fewer');
  }

  #miscounted(than: 'fewer' | 'more'): UsageError {
    const { length } = this.#learner.train;
    return new UsageError(
      `Learner: the loader of train has given ${than} than its ${length} batches per epoch; batches(epoch, from) must give length - from of them`,
    );
  }

  /** Takes the losses of the step that was running. */
  async #settle(program: TrainingProgram<Item, M, B>): Promise<void> {
    const pending = this.#pending;
    if (!pending) return;
    this.#pending = undefined;
    const { losses: minimised, others, gradNorm, scale, skipped } = await program.read(pending.values);
    const losses = { ...minimised, ...others };
    const isOverflow = skipped && scale! >= MIN_SCALE;
    const problem = isOverflow ? undefined : problemOf(minimised, gradNorm);
    if (problem) {
      this.#held = undefined;
      const error = this.#divergence(problem, pending);
      if (!this.#parts.callbacks.some((one) => one.onNaN?.(this.#state, error.message) === 'stop'))
        throw error;
      this.#broken = true;
      this.#state.stop(error.message);
      return;
    }
    if (this.#held && this.#held.step < pending.step) await this.#handOverHeld();
    if (Number.isFinite(minimised.loss)) this.#means.add(losses, pending.count);
    this.#scale = scale;
    const logs: StepLogs = {
      step: pending.step,
      epoch: this.#steps.epochOf(pending.step - 1),
      ...pending.rates,
      ...(scale === undefined ? {} : { scale }),
      ...(skipped ? { skipped } : {}),
      losses,
    };
    this.history.steps.push(logs);
    await this.#hooks((callback) => callback.onBatchEnd?.(this.#state, logs));
  }

  /** Validates, compares with the best epoch, and logs. */
  async #endEpoch(epoch: number, modes: FitState['modes']): Promise<void> {
    const { valid } = this.#learner;
    const { update, validation } = this.#parts;
    const state = this.#state;
    const { lr } = this.#rates(state.step - 1);
    const judged = valid && (await update.judging(() => validation.run(valid)));
    const scale: Logs = this.#scale === undefined ? {} : { scale: this.#scale };
    const logs: Logs = { ...this.#means.means, ...judged?.logs, lr, ...scale };
    this.history.epochs.push(logs);
    state.modes = { ...modes, ...judged?.modes };
    const usual = judged && (judged.first ?? 'val_loss');
    await this.#best.compare(epoch, logs, { modes: state.modes, usual }, () => update.weights());
    await this.#hooks((callback) => callback.onEpochEnd?.(state, logs));
    const { checkpointEvery, onCheckpoint } = this.#plan.controls;
    const isDue = checkpointEvery === undefined || state.step % checkpointEvery === 0;
    if (onCheckpoint && isDue && state.step < state.steps) {
      await this.#handOverHeld();
      this.#held = { step: state.step, checkpoint: await this.#checkpoint() };
    }
  }

  /** Sets the layer groups and their rates where the next step begins a phase. */
  #enterPhase(): void {
    const { phase } = this.#steps.placeOf(this.#state.step);
    if (phase === this.#phase) return;
    this.#phase = phase;
    if (phase.freezeTo !== undefined) this.#learner.freezeTo(phase.freezeTo);
    for (const [i, group] of this.#learner.optimizer.groups.entries()) group.lrMult = phase.lrMults[i]!;
  }

  /** Whether the next step begins another phase. */
  get #endsPhase(): boolean {
    return this.#steps.placeOf(this.#state.step).phase !== this.#phase;
  }

  #rates(step: number): StepRates {
    const { phase, index, steps } = this.#steps.placeOf(step);
    const { lr, momentum } = phase.rates(index, steps);
    return { lr: lr * this.#state.lrScale, ...(momentum === undefined ? {} : { momentum }) };
  }

  async #hooks(call: (callback: Callback) => void | Promise<void>): Promise<void> {
    for (const callback of this.#parts.callbacks) await call(callback);
  }

  /** What a checkpoint of this training has, and must have. */
  get #kept() {
    const { update, callbacks } = this.#parts;
    const { gpu, model, groups, train } = this.#learner;
    const trained = groups.map(({ name, parameters }) => [
      name,
      parameters.filter(({ requiresGrad }) => requiresGrad).length,
    ]);
    const freezes = this.#plan.phases[0]!.freezeTo !== undefined;
    return {
      gpu,
      model,
      update,
      callbacks,
      state: this.#state,
      steps: this.#steps,
      means: this.#means,
      best: this.#best,
      // A checkpoint of anything else cannot be continued.
      asked: { ...this.#plan.asked, ...update.asked, ...(freezes ? {} : { trained }) },
      perEpoch: train.length,
    };
  }

  async #checkpoint(): Promise<LearnerCheckpoint> {
    return fitCheckpoint(this.#kept, {
      firstEpoch: this.#firstEpoch,
      keepSteps: this.#plan.controls.keepSteps !== false,
      refuse: (problem) => this.#divergence(problem),
    });
  }

  #restore(checkpoint: LearnerCheckpoint): void {
    const { resumeFile = 'resume' } = this.#plan.controls;
    this.#firstEpoch = restoreFit(this.#kept, checkpoint, resumeFile);
  }

  async #handOver(checkpoint: LearnerCheckpoint): Promise<void> {
    this.#held = undefined;
    await this.#plan.controls.onCheckpoint?.(checkpoint);
  }

  async #handOverHeld(): Promise<void> {
    if (this.#held) await this.#handOver(this.#held.checkpoint);
  }

  /** The error of a step that left numbers that are not finite. Default: the last one. */
  #divergence(problem: string, step: Told = this.#last!): NumericError {
    const nameOf = (item: unknown, i: number) => this.#learner.task.nameOf?.(item as Item) ?? `item ${i}`;
    return divergence(problem, step, nameOf, this.#parts.advice);
  }
}
