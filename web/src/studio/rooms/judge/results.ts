/** What models were judged to be: kept while the page is open, wherever the visitor goes. */
import { signal } from '@preact/signals';
import type { Evaluation } from '../../learn/judged.ts';
import { theRunner } from '../../learn/models.ts';
import { isLabelled } from '../../learn/samples.ts';
import { notify, notifyError } from '../../notices.tsx';
import type { LabelClass, Picture, SavedModel, Training } from '../../project/model.ts';
import { pictures, project, theStore } from '../../state.ts';
import { crc32 } from '../../store/crc32.ts';
import type { Store } from '../../store/index.ts';
import { labelToJson } from '../../store/labelCheck.ts';
import { strings } from '../../strings.ts';

const texts = strings.judge;

export const WHICH = ['valid', 'test', 'train', 'all'] as const;
export type Which = (typeof WHICH)[number];

/** What a picture was like when it was judged: its row, and a checksum of its labels. */
interface Mark {
  readonly row: Picture;
  readonly labels: number;
}

export interface Kept {
  readonly evaluation: Evaluation;
  readonly marks: ReadonlyMap<string, Mark>;
  /** The names of the classes by their ids, which the checksums contain. */
  readonly classes: string;
}

/** By `keyOf`. */
export const kept = signal<ReadonlyMap<string, Kept>>(new Map());
export const keyOf = (model: string, which: Which): string => `${model} ${which}`;

/** What is being judged. */
export const running = signal<
  { readonly key: string; readonly done: number; readonly all: number } | undefined
>(undefined);
let abort: AbortController | undefined;

/** What is shown, and where of it, so that the way back leads there. */
export const view = {
  model: signal<string | undefined>(undefined),
  which: signal<Which | undefined>(undefined),
  /** Undefined for the best one. */
  threshold: signal<number | undefined>(undefined),
  shown: signal(12),
  scroll: 0,
  /** The picture that was opened last. */
  opened: '',
};

/** Shows the results of another model or part from their beginning. */
export function choose(change: { readonly model?: string; readonly which?: Which }): void {
  if (change.model !== undefined) view.model.value = change.model;
  if (change.which !== undefined) view.which.value = change.which;
  view.threshold.value = undefined;
  view.shown.value = 12;
  view.opened = '';
}

/**
 * The pictures to judge by. Where none is of the part `valid`, it is those by which the model's training was judged.
 *
 * @param training That of the model.
 */
export function candidates(which: Which, all: readonly Picture[], training?: Training): Picture[] {
  const labelled = all.filter(isLabelled);
  if (which === 'all') return labelled;
  const part = labelled.filter(({ split }) => split === which);
  if (which !== 'valid' || part.length > 0 || !training) return part;
  const held = new Set(training.valid);
  const learned = new Set(training.train);
  return labelled.filter(({ id }) => held.has(id) && !learned.has(id));
}

/** The pictures from which a model has learned, and those that the models it started from have learned from. */
export function learnedBy(
  model: SavedModel,
  models: readonly SavedModel[],
  trainings: readonly Training[],
): Set<string> {
  const learned = new Set<string>();
  const seen = new Set<string>();
  let at: SavedModel | undefined = model;
  while (at && !seen.has(at.id)) {
    seen.add(at.id);
    const made: string | undefined = at.training;
    const training: Training | undefined = trainings.find(({ id }) => id === made);
    for (const id of training?.train ?? []) learned.add(id);
    at = models.find(({ id }) => id === training?.start);
  }
  return learned;
}

const namesOf = (classes: readonly LabelClass[]): string =>
  JSON.stringify(classes.map(({ id, name }) => [id, name]));

/** A checksum of all that a picture is judged by. */
async function labelMark(store: Store, id: string, classes: readonly LabelClass[]): Promise<number> {
  const { objects } = await store.labelsOf(id);
  const names = new Map(classes.map((one) => [one.id, one.name]));
  const texts = objects
    .filter(({ score }) => score === undefined)
    .map((object) => `${names.get(object.classId) ?? ''}\n${JSON.stringify(labelToJson(object))}`);
  return crc32([new TextEncoder().encode(texts.join('\n'))]);
}

/** How many pictures have other labels than when they were judged, or are gone. */
export async function changedSince({ marks, classes: before }: Kept): Promise<number> {
  const store = await theStore();
  const classes = project.value?.classes ?? [];
  const same = namesOf(classes) === before;
  const rows = new Map(pictures.value.map((picture) => [picture.id, picture]));
  let changed = 0;
  for (const [id, { row, labels }] of marks) {
    const now = rows.get(id);
    if (same && now === row) continue;
    if (!now || (await labelMark(store, id, classes)) !== labels) changed += 1;
  }
  return changed;
}

/** Judges a model: one at a time. What is being judged goes on in other rooms. */
export async function judge(model: SavedModel, which: Which, chosen: readonly Picture[]): Promise<void> {
  if (running.value || !project.value) return;
  const key = keyOf(model.id, which);
  const { classes } = project.value;
  abort = new AbortController();
  const { signal: stopping } = abort;
  running.value = { key, done: 0, all: chosen.length };
  // Progress comes by another way than the result, and may come after it.
  const onProgress = (done: number, all: number) => {
    if (running.value) running.value = { key, done, all };
  };
  try {
    const store = await theStore();
    const marks = new Map<string, Mark>();
    for (const row of chosen) {
      stopping.throwIfAborted();
      marks.set(row.id, { row, labels: await labelMark(store, row.id, classes) });
    }
    const ids = chosen.map(({ id }) => id);
    const evaluation = await theRunner().evaluate(model.id, ids, { onProgress, signal: stopping });
    kept.value = new Map(kept.value).set(key, { evaluation, marks, classes: namesOf(classes) });
  } catch (error) {
    if (stopping.aborted) notify('info', texts.stopped);
    else notifyError(error);
  } finally {
    running.value = undefined;
  }
}

export const stop = (): void => abort?.abort();
