/** A worker that trains: learn/trainer.ts starts it. */
import { expose } from 'comlink';
import { DataError, type TrainSettings } from 'fovea';
import type { ClassSample, Sample } from 'fovea/data';
import type { RunEnd, TrainingEvent } from '../learn/events.ts';
import { keepBest } from '../learn/keep.ts';
import { wrongNumber } from '../learn/numbers.ts';
import { previewOf } from '../learn/pictures.ts';
import { type Choice, settingsOf, taught } from '../learn/recipes.ts';
import { type Parts, partsOf, readClassSample, readLabels, readSample } from '../learn/samples.ts';
import { addWeights, startOf } from '../learn/start.ts';
import { TrainingRun } from '../learn/training.ts';
import type { Picture, ProjectTask, SavedModel, Training } from '../project/model.ts';
import { train as texts } from '../strings/train.ts';
import { ownStore } from './ownStore.ts';

/** What a choice comes to. */
export interface Plan {
  readonly settings: TrainSettings;
  readonly train: number;
  readonly valid: number;
  readonly judged: Parts['judged'];
  /** Pictures without labels that are in neither part. */
  readonly unlabelled: number;
  /** For classifiers: labelled pictures that have objects of several classes, and are left out. */
  readonly unclear: number;
}

const idsOf = (pictures: readonly { readonly picture: Picture }[]): string[] =>
  pictures.map(({ picture }) => picture.id);

/** Reads the labels that a choice is about. */
async function labelled(projectId: string, choice: Choice) {
  const wrong = wrongNumber(choice, texts);
  if (wrong !== undefined) throw new DataError(wrong);
  const store = await ownStore();
  const [project, pictures] = await Promise.all([store.project(projectId), store.pictures(projectId)]);
  const parts = partsOf(pictures);
  const { classes } = project;
  const read = (part: readonly Picture[]) => readLabels(store, part, { task: choice.task, classes });
  const [train, valid] = [await read(parts.train), await read(parts.valid)];
  const weights =
    choice.preset === 'weights' && choice.start !== undefined
      ? await startOf(store, choice.start)
      : undefined;
  const settings = settingsOf(
    choice,
    train,
    classes.map(({ name }) => name),
    weights,
  );
  return { store, parts, pictures, train, valid, settings };
}

let running: TrainingRun | undefined;

/** What the page calls. */
const trainer = {
  /** The settings of a choice, and what it would learn from. */
  async plan(project: string, choice: Choice): Promise<Plan> {
    const { parts, pictures, train, valid, settings } = await labelled(project, choice);
    const same = parts.judged === 'same';
    const used = parts.train.length + (same ? 0 : parts.valid.length);
    const tests = pictures.filter(({ split }) => split === 'test').length;
    return {
      ...{ settings, train: train.length, valid: valid.length, judged: parts.judged },
      unlabelled: Math.max(0, pictures.length - used - tests),
      unclear: used - train.length - (same ? 0 : valid.length),
    };
  },

  /** Some crops as the training gets them, as a PNG. */
  async preview(project: string, choice: Choice): Promise<Blob> {
    const { store, train, settings } = await labelled(project, choice);
    const samples: (Sample | ClassSample)[] = [];
    const { maxSide, model } = settings;
    // Those with something to see first.
    const shown = [...train].sort((a, b) => Number(b.picture.objects > 0) - Number(a.picture.objects > 0));
    for (const one of shown.slice(0, 8)) {
      samples.push(
        choice.task === 'classify'
          ? await readClassSample(store, one, { maxSide })
          : await readSample(store, { ...one, annotation: taught(one, model) }, { maxSide }),
      );
    }
    return previewOf(samples as readonly Sample[] | readonly ClassSample[], settings);
  },

  /** Stores a new training, which `run` begins. */
  async begin(project: string, choice: Choice): Promise<Training> {
    const { store, train, valid, settings } = await labelled(project, choice);
    return store.models.addTraining({
      ...{ project, name: choice.name, task: choice.task, settings },
      ...{ train: idsOf(train), valid: idsOf(valid) },
      ...(choice.preset === 'weights' && choice.start !== undefined ? { start: choice.start } : {}),
    });
  },

  /** Begins a training, or goes on with it. One at a time. */
  async run(id: string, tell: (event: TrainingEvent) => void): Promise<RunEnd> {
    const store = await ownStore();
    const run = new TrainingRun(store, await store.models.training(id), tell);
    running = run;
    try {
      return await whileAwake(id, () => run.run());
    } finally {
      running = undefined;
    }
  },

  /** Ends the training that runs after its step, with a checkpoint. */
  pause(): void {
    running?.pause();
  },

  /** Makes a model of the best weights of a training that does not run. */
  async keep(id: string): Promise<RunEnd> {
    const store = await ownStore();
    return keepBest(store, await store.models.training(id));
  },

  /** Stores a file of weights as a model of the project. */
  async addWeights(project: string, task: ProjectTask, file: File): Promise<SavedModel> {
    return addWeights(await ownStore(), project, task, file);
  },
};

/** Browsers do not put tabs to sleep that hold a lock. */
const whileAwake = <T>(id: string, work: () => Promise<T>): Promise<T> =>
  typeof navigator.locks === 'undefined'
    ? work()
    : (navigator.locks.request(`fovea-studio-training-${id}`, work) as Promise<T>);

export type TrainerWorker = typeof trainer;
expose(trainer);
