import type { Batch, LoadedBatch } from '../data/loader.ts';
import { type NumericError, UsageError } from '../errors.ts';
import type { State } from '../graph/state.ts';
import type { Module, StateEntry } from '../nn/module.ts';
import { Best, type BestEpoch } from './best.ts';
import type { Callback, LearnerCheckpoint, TrainingState } from './callback.ts';
import { divergence, problemOf, type Told } from './divergence.ts';
import type { FitPlan, Phase, StepRates } from './fitPlan.ts';
import { type FitProgress, joinStates, readFitProgress, splitStates } from './fitProgress.ts';
import { trainMode } from './groups.ts';
import { History, type Logs, type StepLogs } from './history.ts';
import { type BatchProgram, type StepLosses, trainingProgram } from './program.ts';
import type { Trained } from './trained.ts';
import type { Validation } from './validation.ts';

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
interface FitParts<Item, M extends Module, B extends Batch> {
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
  readonly values: Promise<Batch>;
}

/** One training: the loop over epochs and steps. */
export class Fit<Item, M extends Module, B extends Batch> {
  readonly history = new History();
  readonly #learner: Trained<Item, M, B>;
  readonly #plan: FitPlan;
  readonly #parts: FitParts<Item, M, B>;
  readonly #perEpoch: number;
  /** Steps of each phase, and of all of them. */
  readonly #phaseSteps: readonly number[];
  readonly #steps: number;
  /** Steps done: those that are running included, and batches that were skipped. */
  #step = 0;
  #firstEpoch: number;
  #phase: Phase | undefined;
  /** Sums over the steps of this epoch, each times its items, and the number of those. */
  #sums = new Map<string, number>();
  #count = 0;
  #lrScale = 1;
  #stopped = false;
  #compiled = false;
  /** Whether the weights are not finite any more. */
  #broken = false;
  /** Whether more is better, by names of the logs. */
  #modes: Readonly<Record<string, 'max' | 'min'>> = {};
  #reason: string | undefined;
  readonly #best: Best;
  #pending: Pending | undefined;
  #last: Told | undefined;
  #held: { readonly step: number; readonly checkpoint: LearnerCheckpoint } | undefined;
  /** Whether hooks may look at the weights: no step is running. */
  #atRest = true;
  readonly #state: TrainingState;

  constructor(learner: Trained<Item, M, B>, plan: FitPlan, parts: FitParts<Item, M, B>) {
    this.#learner = learner;
    this.#plan = plan;
    this.#parts = parts;
    this.#perEpoch = learner.train.length;
    this.#phaseSteps = plan.phases.map(({ epochs }) => Math.max(1, Math.round(epochs * this.#perEpoch)));
    this.#steps = this.#phaseSteps.reduce((a, b) => a + b);
    this.#firstEpoch = parts.firstEpoch;
    this.#best = new Best(parts.best);
    this.#state = this.#makeState();
  }

  async run(): Promise<FitResult> {
    const { model, task, gpu, optimizer, train } = this.#learner;
    const { resume, signal } = this.#plan.controls;
    if (resume) this.#restore(resume);
    const modes = [...model.modules()].map((module) => [module, module.training] as const);
    const { program, read } = trainingProgram(gpu, task, model, optimizer);
    try {
      await this.#hooks((callback) => callback.onTrainBegin?.(this.#state));
      while (this.#step < this.#steps && !this.#stopped) {
        if (signal?.aborted) break;
        this.#enterPhase();
        if (this.#step % this.#perEpoch === 0) {
          this.#sums.clear();
          this.#count = 0;
          await this.#hooks((callback) => callback.onEpochBegin?.(this.#state));
        }
        trainMode(model);
        const epoch = Math.floor(this.#step / this.#perEpoch);
        const batches = train.batches(this.#firstEpoch + epoch, this.#step % this.#perEpoch);
        await this.#train(batches, program, read);
        if (this.#atEpochEnd && !this.#broken) await this.#endEpoch(epoch);
      }
      const finished = this.#step === this.#steps;
      if (this.#plan.controls.onCheckpoint && !this.#broken) await this.#handOver(await this.#checkpoint());
      const { epoch: best, weights } = this.#best;
      if (weights) model.loadStateDict(weights);
      await this.#hooks((callback) => callback.onTrainEnd?.(this.#state));
      return {
        history: this.history,
        step: this.#step,
        epochs: this.#firstEpoch + Math.ceil(this.#step / this.#perEpoch),
        finished,
        ...(this.#reason === undefined ? {} : { reason: this.#reason }),
        ...(best ? { best } : {}),
      };
    } finally {
      for (const [module, training] of modes) module.training = training;
      program.dispose();
    }
  }

  /** Whether an epoch is complete, or the last one, which may be a part of one. */
  get #atEpochEnd(): boolean {
    return this.#step % this.#perEpoch === 0 || this.#step === this.#steps;
  }

  /** Runs the steps of an epoch that are left, until it ends or the training is stopped. */
  async #train(
    batches: AsyncGenerator<LoadedBatch<Item, B>, void>,
    program: BatchProgram<B>,
    read: (results: Batch) => StepLosses,
  ): Promise<void> {
    const { optimizer, task } = this.#learner;
    const { checkpointEvery, onCheckpoint, signal } = this.#plan.controls;
    let next = await batches.next();
    while (!next.done) {
      if (this.#stopped || signal?.aborted || this.#step === this.#steps) {
        await batches.return();
        break;
      }
      const { batch, items } = next.value;
      if (!this.#compiled) await program.prepare(batch, this.#plan.controls.onCompile);
      this.#compiled = true;
      let skip = false;
      for (const callback of this.#parts.callbacks) {
        if ((await callback.onBatchBegin?.(this.#state)) === 'skip') skip = true;
      }
      if (this.#stopped) {
        await batches.return();
        break;
      }
      const rates = this.#rates(this.#step);
      this.#step++;
      if (skip) {
        next = await batches.next();
        continue;
      }
      optimizer.lr = rates.lr;
      if (rates.momentum !== undefined) optimizer.momentum = rates.momentum;
      this.#atRest = false;
      const { results: values } = await program.run(batch);
      const names = items.map((item, i) => task.nameOf?.(item) ?? `item ${i}`);
      const pending = { rates, step: this.#step, count: items.length, names, values };
      this.#last = pending;
      // While the device computes this step, the next batch is made, and the losses of the step before are read.
      next = await batches.next();
      await this.#settle(read);
      this.#pending = pending;
      const isDue = checkpointEvery !== undefined && this.#step % checkpointEvery === 0;
      if (onCheckpoint && isDue && !this.#atEpochEnd) {
        await this.#settle(read);
        this.#held = { step: this.#step, checkpoint: await this.#checkpoint() };
      }
    }
    await this.#settle(read);
    this.#atRest = true;
  }

  /** Takes the losses of the step that was running. */
  async #settle(read: (results: Batch) => StepLosses): Promise<void> {
    const pending = this.#pending;
    if (!pending) return;
    this.#pending = undefined;
    const { losses, gradNorm } = read(await pending.values);
    const problem = problemOf(losses, gradNorm);
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
    for (const [name, value] of Object.entries(losses)) {
      this.#sums.set(name, (this.#sums.get(name) ?? 0) + value * pending.count);
    }
    this.#count += pending.count;
    const logs: StepLogs = {
      step: pending.step,
      epoch: Math.floor((pending.step - 1) / this.#perEpoch),
      ...pending.rates,
      losses,
    };
    this.history.steps.push(logs);
    await this.#hooks((callback) => callback.onBatchEnd?.(this.#state, logs));
  }

  /** Validates, compares with the best epoch, and logs. */
  async #endEpoch(epoch: number): Promise<void> {
    const { valid } = this.#learner;
    const { lr } = this.#rates(this.#step - 1);
    const means = [...this.#sums].map(([name, sum]) => [name, sum / this.#count] as const);
    const judged = valid && (await this.#parts.validation.run(valid));
    const logs: Logs = { ...Object.fromEntries(means), ...judged?.logs, lr };
    this.history.epochs.push(logs);
    this.#modes = judged?.modes ?? {};
    const usual = judged && (judged.first ?? 'val_loss');
    await this.#best.compare(epoch, logs, { modes: this.#modes, usual }, () => this.#weights());
    await this.#hooks((callback) => callback.onEpochEnd?.(this.#state, logs));
    const { checkpointEvery, onCheckpoint } = this.#plan.controls;
    const isDue = checkpointEvery === undefined || this.#step % checkpointEvery === 0;
    if (onCheckpoint && isDue && this.#step < this.#steps) {
      await this.#handOverHeld();
      this.#held = { step: this.#step, checkpoint: await this.#checkpoint() };
    }
  }

  /** The phase of a step, and the number of the step in it, from 0. */
  #placeOf(step: number): { readonly phase: Phase; readonly index: number; readonly steps: number } {
    let index = step;
    let i = 0;
    while (index >= this.#phaseSteps[i]! && i < this.#phaseSteps.length - 1) index -= this.#phaseSteps[i++]!;
    return { phase: this.#plan.phases[i]!, index, steps: this.#phaseSteps[i]! };
  }

  /** Sets the layer groups and their rates where the next step begins a phase. */
  #enterPhase(): void {
    const { phase } = this.#placeOf(this.#step);
    if (phase === this.#phase) return;
    this.#phase = phase;
    if (phase.freezeTo !== undefined) this.#learner.freezeTo(phase.freezeTo);
    for (const [i, group] of this.#learner.optimizer.groups.entries()) group.lrMult = phase.lrMults[i]!;
  }

  #rates(step: number): StepRates {
    const { phase, index, steps } = this.#placeOf(step);
    const { lr, momentum } = phase.rates(index, steps);
    return { lr: lr * this.#lrScale, ...(momentum === undefined ? {} : { momentum }) };
  }

  async #hooks(call: (callback: Callback) => void | Promise<void>): Promise<void> {
    for (const callback of this.#parts.callbacks) await call(callback);
  }

  #weights(): Promise<Map<string, StateEntry>> {
    const { gpu, model } = this.#learner;
    return model.stateDict((state: State) => gpu.download(state));
  }

  async #checkpoint(): Promise<LearnerCheckpoint> {
    const { gpu, model, optimizer } = this.#learner;
    const { keepSteps } = this.#plan.controls;
    const download = (state: State) => gpu.download(state);
    const weights = await this.#weights();
    for (const [name, { data }] of weights) {
      if (!data.every(Number.isFinite)) throw this.#divergence(`the weight ${name} is no longer finite`);
    }
    const progress: FitProgress = {
      learner: { asked: this.#asked(), perEpoch: this.#perEpoch },
      step: this.#step,
      firstEpoch: this.#firstEpoch,
      sums: Object.fromEntries(this.#sums),
      count: this.#count,
      lrScale: this.#lrScale,
      history: { steps: keepSteps === false ? [] : this.history.steps, epochs: this.history.epochs },
      random: await model.randomState(download),
      callbacks: this.#parts.callbacks.map((callback) => callback.state?.() ?? null),
      ...(this.#best.epoch ? { best: this.#best.epoch } : {}),
    };
    const states = joinStates(await optimizer.stateDict(download), this.#best.weights);
    return { weights, optimizer: states, progress: JSON.parse(JSON.stringify(progress)) };
  }

  /** What was asked for, and what is trained: a checkpoint of anything else cannot be continued. */
  #asked(): Readonly<Record<string, unknown>> {
    const { groups } = this.#learner;
    const trained = groups.map(({ name, parameters }) => [
      name,
      parameters.filter(({ requiresGrad }) => requiresGrad).length,
    ]);
    const freezes = this.#plan.phases[0]!.freezeTo !== undefined;
    return { ...this.#plan.asked, ...(freezes ? {} : { trained }) };
  }

  #restore({ weights, optimizer, progress }: LearnerCheckpoint): void {
    const { model, optimizer: own } = this.#learner;
    const now = { asked: JSON.parse(JSON.stringify(this.#asked())), perEpoch: this.#perEpoch };
    const { resumeFile = 'resume' } = this.#plan.controls;
    const saved = readFitProgress(progress, { ...now, callbacks: this.#parts.callbacks.length }, resumeFile);
    const { optimizer: states, best } = splitStates(optimizer);
    model.loadStateDict(weights, { source: resumeFile });
    own.loadStateDict(states);
    this.#firstEpoch = saved.firstEpoch;
    model.loadRandomState(saved.random);
    this.#step = saved.step;
    this.#sums = new Map(Object.entries(saved.sums));
    this.#count = saved.count;
    this.#lrScale = saved.lrScale;
    this.history.restore(saved.history);
    if (saved.best && best) this.#best.restore(saved.best, best);
    this.#parts.callbacks.forEach((callback, i) => {
      callback.loadState?.(saved.callbacks[i]);
    });
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
    return divergence(problem, step, this.#parts.advice);
  }

  #makeState(): TrainingState {
    const fit = this;
    const { model, optimizer } = this.#learner;
    const expectRest = (call: string): void => {
      if (fit.#atRest) return;
      throw new UsageError(
        `${call}: the next step may be running in onBatchEnd; use onEpochEnd, or checkpointEvery`,
      );
    };
    return {
      model,
      optimizer,
      history: this.history,
      epochs: Math.ceil(this.#steps / this.#perEpoch),
      steps: this.#steps,
      get epoch() {
        return Math.floor(Math.min(fit.#step, fit.#steps - 1) / fit.#perEpoch);
      },
      get step() {
        return fit.#step;
      },
      get lrScale() {
        return fit.#lrScale;
      },
      set lrScale(scale: number) {
        if (!(scale >= 0 && scale < Number.POSITIVE_INFINITY)) {
          throw new UsageError(`lrScale: is ${scale}; give a number of at least 0`);
        }
        fit.#lrScale = scale;
      },
      get isBest() {
        return fit.#best.epoch !== undefined && fit.#best.epoch.epoch === fit.history.epochs.length - 1;
      },
      get best() {
        return fit.#best.epoch?.name;
      },
      mode: (name) => fit.#modes[name] ?? 'min',
      stop(reason?: string) {
        fit.#stopped = true;
        fit.#reason ??= reason;
      },
      weights: () => {
        expectRest('weights');
        return fit.#weights();
      },
      loadWeights: (weights) => {
        expectRest('loadWeights');
        model.loadStateDict(weights);
      },
      checkpoint: () => {
        expectRest('checkpoint');
        return fit.#checkpoint();
      },
    };
  }
}
