/** Runs trainings in a worker: they read the project's store, and keep all that they come to in it. */
import {
  DeviceLostError,
  type Gpu,
  metadataOf,
  openGpu,
  readProgress,
  type TaskModel,
  type TaskSamples,
  type TrainResult,
  train,
} from 'fovea';
import type { ClassSample, Sample } from 'fovea/data';
import { type Checkpoint, encodeCheckpoint, encodeWeights } from 'fovea/io';
import type { Callback } from 'fovea/learn';
import type { EpochRecord, Picture, Training } from '../project/model.ts';
import { type Store, StoreError } from '../store/index.ts';
import { divergedAdvice, expectUnchanged } from './changed.ts';
import type { RunEnd, TrainingEvent } from './events.ts';
import { FloatsOnDemand } from './floatsOnDemand.ts';
import { readCheckpoint, saveTrained } from './keep.ts';
import { Watcher } from './pictures.ts';
import { taught } from './recipes.ts';
import { judgeable, type LabelledPicture, readClassSample, readLabels, readSample } from './samples.ts';
import { startOf } from './start.ts';
import { StepEvents } from './stepEvents.ts';

/** Floats of pictures that a training keeps without making them from bytes again: those of 600 pictures of 512 x 512. */
const FEW_BYTES = 2 ** 31;
/** How often a training may lose its device without a checkpoint between, before it gives up. */
const MOST_LOST = 3;

/** Steps between checkpoints: of a killed tab, at most a fortieth of the training is done again, or ten steps. */
const checkpointEvery = (steps: number): number => Math.max(10, Math.ceil(steps / 40));

/** Steps that a checkpoint has behind it. */
const stepOf = (checkpoint: Checkpoint | undefined): number =>
  checkpoint ? readProgress(checkpoint.progress, 'the checkpoint').step : 0;

/** Ends a training that is paused before its first step. */
class Paused extends Error {}

/** One training in this worker. */
export class TrainingRun {
  readonly #store: Store;
  readonly #tell: (event: TrainingEvent) => void;
  readonly #steps: StepEvents;
  #training: Training;
  #losses: number[];
  #epochs: EpochRecord[];
  #stopped = false;
  /** Milliseconds that it has run before, and when it began now. */
  #before = 0;
  #began = performance.now();

  constructor(store: Store, training: Training, tell: (event: TrainingEvent) => void) {
    this.#store = store;
    this.#training = training;
    this.#tell = tell;
    this.#steps = new StepEvents(tell);
    // What it had come to stays where it cannot go on.
    this.#losses = [...training.losses];
    this.#epochs = [...training.epochs];
    this.#before = training.spent;
  }

  /** Ends it after the step that is running, with a checkpoint. */
  pause(): void {
    this.#stopped = true;
  }

  /** Trains until it has ended, is paused, or fails, which it throws. What it came to is stored in any case. */
  async run(): Promise<RunEnd> {
    const { models } = this.#store;
    const change = (fields: Parameters<typeof models.updateTraining>[1]) =>
      models.updateTraining(this.#training.id, fields);
    this.#training = await change({ state: 'running', reason: '' });
    try {
      const result = await this.#throughLosses();
      if (!result.finished && this.#stopped) {
        return { training: await change({ ...this.#progress, state: 'paused' }) };
      }
      this.#tell({ kind: 'phase', phase: 'saving' });
      const bytes = encodeWeights(result.weights, metadataOf(result.trained));
      this.#training = { ...this.#training, ...this.#progress };
      return await saveTrained(this.#store, this.#training, bytes);
    } catch (error) {
      if (error instanceof Paused) return { training: await change({ ...this.#progress, state: 'paused' }) };
      const reason = error instanceof Error ? error.message : String(error);
      await change({ ...this.#progress, state: 'failed', reason }).catch(() => {});
      throw error;
    }
  }

  get #progress() {
    return {
      step: this.#losses.length,
      losses: this.#losses,
      epochs: this.#epochs,
      spent: this.#before + performance.now() - this.#began,
    };
  }

  /** Goes on with a new device where one was lost. */
  async #throughLosses(): Promise<TrainResult> {
    let checkpoint = await this.#checkpoint();
    const data = await this.#read(checkpoint !== undefined);
    for (let lost = 0, last = -1; ; ) {
      this.#tell({ kind: 'phase', phase: 'opening' });
      const gpu = await openGpu();
      try {
        return await this.#train(gpu, data, checkpoint);
      } catch (error) {
        if (!(error instanceof DeviceLostError)) throw error;
        checkpoint = await this.#checkpoint();
        const step = stepOf(checkpoint);
        lost = step > last ? 1 : lost + 1;
        last = step;
        if (lost > MOST_LOST) throw error;
        this.#tell({ kind: 'lost', why: error.message, step });
      } finally {
        gpu.dispose();
      }
    }
  }

  async #checkpoint(): Promise<Checkpoint | undefined> {
    return (await readCheckpoint(this.#store, this.#training))?.checkpoint;
  }

  /** The pictures of the training with their labels as they are now; once it has `begun`, they must be those with which it did. */
  async #read(begun: boolean): Promise<{ readonly train: TaskSamples; readonly valid: TaskSamples }> {
    const { project: id, settings, task, train, valid } = this.#training;
    const { classes } = await this.#store.project(id);
    const pictures = new Map((await this.#store.pictures(id)).map((picture) => [picture.id, picture]));
    const there = (ids: readonly string[]): Picture[] => ids.flatMap((one) => pictures.get(one) ?? []);
    const [learned, labelled] = await Promise.all(
      [train, valid].map((ids) => readLabels(this.#store, there(ids), { task, classes })),
    );
    expectUnchanged(this.#training, { learned: learned!, judged: labelled!, known: pictures }, begun);
    // A picture that is learned from too, is judged as it is learned.
    const judged = judgeable(labelled!, settings.classNames);
    const all = new Set([...learned!, ...judged].map(({ picture }) => picture.id)).size;
    const floats = all * settings.maxSide ** 2 * 12;
    const onDemand = floats > FEW_BYTES ? new FloatsOnDemand() : undefined;
    const { model, maxSide } = settings;
    let done = 0;
    const known = new Map<string, Sample | ClassSample>();
    const read = async (labelled: LabelledPicture): Promise<Sample | ClassSample> => {
      const before = known.get(labelled.picture.id);
      if (before) return before;
      // Many pictures take a while, and nothing is lost by it.
      if (this.#stopped) throw new Paused();
      this.#tell({ kind: 'phase', phase: 'reading', done: done++, all });
      const options = {
        maxSide,
        ...(onDemand ? { keep: (image: Sample['image']) => onDemand.keep(image) } : {}),
      };
      const sample =
        task === 'classify'
          ? await readClassSample(this.#store, labelled, options)
          : await readSample(this.#store, { ...labelled, annotation: taught(labelled, model) }, options);
      known.set(labelled.picture.id, sample);
      return sample;
    };
    const samplesOf = async (given: readonly LabelledPicture[]) => {
      const samples: (Sample | ClassSample)[] = [];
      for (const labelled of given) samples.push(await read(labelled));
      return samples as unknown as TaskSamples;
    };
    return { train: await samplesOf(learned!), valid: await samplesOf(judged) };
  }

  async #train(
    gpu: Gpu,
    { train: samples, valid }: { readonly train: TaskSamples; readonly valid: TaskSamples },
    checkpoint: Checkpoint | undefined,
  ): Promise<TrainResult> {
    const { settings, start, task } = this.#training;
    const step = stepOf(checkpoint);
    this.#losses = this.#training.losses.slice(0, step);
    this.#epochs = this.#training.epochs.filter((epoch) => epoch.step <= step);
    const watcher = task === 'classify' ? undefined : new Watcher(gpu, settings, valid as readonly Sample[]);
    const weights = start !== undefined && !checkpoint ? await startOf(this.#store, start) : undefined;
    try {
      return await train(gpu, samples, settings, {
        ...(valid.length > 0 ? { valid } : {}),
        ...(checkpoint ? { resume: { checkpoint, file: 'the checkpoint', data: 'this project' } } : {}),
        ...(weights ? { weights } : {}),
        onPhase: () => this.#tell({ kind: 'phase', phase: 'compiling' }),
        onCompile: (done, all, doing) =>
          this.#tell({ kind: 'phase', phase: doing === 'tuning' ? 'tuning' : 'compiling', done, all }),
        onStep: ({ losses, lr, step: number }, imagesPerSecond) => {
          const loss = Object.values(losses).reduce((a, b) => a + b, 0);
          // Skipped steps have no loss of their own.
          while (this.#losses.length < number) this.#losses.push(loss);
          this.#steps.add({ step: number, loss, lr, imagesPerSecond });
        },
        onEpoch: (logs, best) => {
          const epoch = { step: this.#losses.length, logs, best };
          this.#epochs = [...this.#epochs, epoch];
          this.#steps.flush();
          this.#tell({ kind: 'epoch', epoch });
        },
        callbacks: watcher ? [this.#watching(watcher)] : [],
        onCheckpoint: (state) => this.#keep(state),
        checkpointEvery: checkpointEvery(settings.steps),
        shouldStop: () => this.#stopped,
        advice: divergedAdvice(settings.lr),
      });
    } finally {
      this.#steps.flush();
      watcher?.dispose();
    }
  }

  /** Shows what is found after each epoch. */
  #watching(watcher: Watcher): Callback {
    return {
      onEpochEnd: async ({ model, step }) => {
        const image = await watcher.look(model as TaskModel);
        this.#tell({ kind: 'pictures', image, step });
      },
    };
  }

  /** Stores a checkpoint; where the storage is full, the one before stays, and the training goes on. */
  async #keep(state: Checkpoint): Promise<void> {
    const { models } = this.#store;
    try {
      const bytes = await encodeCheckpoint(state, this.#training.name);
      await models.saveCheckpoint(this.#training, new Blob([bytes as Uint8Array<ArrayBuffer>]));
      this.#training = await models.updateTraining(this.#training.id, this.#progress);
    } catch (error) {
      if (!(error instanceof StoreError) || error.kind !== 'quota') throw error;
      this.#tell({ kind: 'note', text: error.message });
    }
  }
}
