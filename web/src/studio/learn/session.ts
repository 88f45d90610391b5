/** The training of this tab: it goes on while the visitor is in other rooms. */
import { signal } from '@preact/signals';
import { proxy } from 'comlink';
import { notify, notifyError } from '../notices.tsx';
import type { EpochRecord, SavedModel, Training } from '../project/model.ts';
import { hrefOf, route } from '../router.ts';
import { activity, leaving, project, theStore } from '../state.ts';
import { changes } from '../store/index.ts';
import { strings } from '../strings.ts';
import type { PhaseEvent, RunEnd, TrainingEvent } from './events.ts';
import { followModels, refreshModels } from './projectModels.ts';
import { theTrainer } from './trainer.ts';

const texts = strings.train;

/** A training that runs in this tab. */
export interface Running {
  readonly training: Training;
  readonly phase: PhaseEvent;
  readonly losses: readonly number[];
  readonly epochs: readonly EpochRecord[];
  readonly lr?: number;
  readonly imagesPerSecond?: number;
  /** The address of the last pictures that show what is found. */
  readonly pictures?: string;
  /** The step and the time from which the time that is left is computed: when the steps began. */
  readonly since?: { readonly step: number; readonly time: number };
  /** It was asked to pause, and the step that runs is awaited. */
  readonly stopping: boolean;
}

export const running = signal<Running | undefined>(undefined);
/** The trainings of the open project, the newest first. */
export const trainings = signal<readonly Training[]>([]);
/** The model that was trained last in this visit. */
export const made = signal<SavedModel | undefined>(undefined);
/** The file of a model that the browser could not store. */
export const unsaved = signal<NonNullable<RunEnd['unsaved']> | undefined>(undefined);

async function readTrainings(): Promise<void> {
  const id = project.value?.id;
  if (id === undefined) return;
  const found = await (await theStore()).models.trainings(id);
  if (project.value?.id === id) trainings.value = found;
}

/** Reads what is listed of the open project: its trainings and models. */
export const readLists = async (): Promise<void> => {
  await Promise.all([readTrainings(), refreshModels()]);
};

// The worker, and other tabs.
changes(undefined, ({ project: id, what }) => {
  if (what === 'trainings' && id === project.value?.id) void readTrainings().catch(notifyError);
});
followModels();

let ended: Promise<void> = Promise.resolve();

/** Changes what is shown of the training that runs. */
function change(changed: Partial<Running>): void {
  const now = running.value;
  if (!now) return;
  const next = { ...now, ...changed };
  running.value = next;
  const { steps } = next.training.settings;
  activity.value = { text: texts.activity(next.training.name, next.losses.length / steps), room: 'train' };
}

function hear(event: TrainingEvent): void {
  const now = running.value;
  if (!now) return;
  if (event.kind === 'phase') change({ phase: event });
  else if (event.kind === 'steps') {
    const { step, losses, lr, imagesPerSecond } = event;
    const before = now.losses.slice(0, step - losses.length);
    const since = now.since ?? { step, time: performance.now() };
    change({
      ...{ losses: [...before, ...losses], lr, imagesPerSecond, since },
      phase: { kind: 'phase', phase: 'training' },
    });
  } else if (event.kind === 'epoch') change({ epochs: [...now.epochs, event.epoch] });
  else if (event.kind === 'pictures') {
    if (now.pictures !== undefined) URL.revokeObjectURL(now.pictures);
    change({ pictures: URL.createObjectURL(event.image) });
  } else if (event.kind === 'lost') {
    const { step, why } = event;
    notify('info', texts.lost(why, step));
    const { since: _, ...rest } = now;
    running.value = {
      ...rest,
      losses: now.losses.slice(0, step),
      epochs: now.epochs.filter((epoch) => epoch.step <= step),
    };
  } else notify('error', event.text);
}

/** Begins a training, or goes on with it. One runs at a time. */
export async function run(training: Training): Promise<void> {
  if (running.value) return;
  made.value = undefined;
  const { losses, epochs } = training;
  running.value = { training, losses, epochs, phase: { kind: 'phase', phase: 'opening' }, stopping: false };
  const release = await keepScreenOn();
  let finish = () => {};
  ended = new Promise((resolve) => {
    finish = resolve;
  });
  try {
    told(await theTrainer().run(training.id, proxy(hear)));
  } catch (error) {
    notifyError(error);
  } finally {
    release();
    if (running.value?.pictures !== undefined) URL.revokeObjectURL(running.value.pictures);
    running.value = undefined;
    activity.value = undefined;
    finish();
    await readLists().catch(notifyError);
  }
}

/** Tells how a training ended. */
function told({ model, unsaved: file }: RunEnd): void {
  if (model) {
    made.value = model;
    // The room of training says it by itself.
    const link = { href: hrefOf('try', model.id), text: texts.tryIt };
    if (route.value.room !== 'train') notify('info', texts.made(model.name), link);
  }
  if (file) {
    unsaved.value = file;
    notify('error', file.why);
  }
}

/** Pauses the training that runs, and waits until its checkpoint is stored. */
export async function pause(): Promise<void> {
  if (!running.value) return;
  change({ stopping: true });
  await theTrainer().pause();
  await ended;
}

/** Ends a training with the best weights so far. */
export async function keep(training: Training): Promise<void> {
  try {
    await pause();
    told(await theTrainer().keep(training.id));
  } catch (error) {
    notifyError(error);
  }
  await readLists().catch(notifyError);
}

/** Removes a training with its checkpoint. */
export async function discard(training: Training): Promise<void> {
  try {
    if (running.value?.training.id === training.id) await pause();
    await (await theStore()).models.removeTraining(training);
  } catch (error) {
    notifyError(error);
  }
  await readLists().catch(notifyError);
}

/** Keeps the machine awake as long as the page is seen; browsers may refuse. Returns what ends it. */
async function keepScreenOn(): Promise<() => void> {
  let lock: WakeLockSentinel | undefined;
  const ask = async () => {
    if (document.visibilityState !== 'visible') return;
    lock = await navigator.wakeLock?.request('screen').catch(() => undefined);
  };
  await ask();
  // It ends when the page is hidden.
  document.addEventListener('visibilitychange', ask);
  return () => {
    document.removeEventListener('visibilitychange', ask);
    void lock?.release();
  };
}

// Another tab takes the project over, or another project is opened.
leaving.add(pause);
