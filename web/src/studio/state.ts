/** What the rooms share: the project that is open, and its pictures. Everything is stored as it changes. */
import { computed, signal } from '@preact/signals';
import { notify, notifyError } from './notices.tsx';
import type { LabelClass, LabelObject, Picture, Project } from './project/model.ts';
import { type Elsewhere, type Held, holdProject, openStore, type Store } from './store/index.ts';
import { strings } from './strings.ts';

let opened: Promise<Store> | undefined;

/** The store of this browser, opened once. */
export function theStore(): Promise<Store> {
  opened ??= openStore({ onClosed: () => notify('error', strings.closedByOther) });
  return opened;
}

/** Undefined until a project is open. */
export const project = signal<Project | undefined>(undefined);
/** In the order in which they were added. */
export const pictures = signal<readonly Picture[]>([]);
/** Whether another tab edits the project: this one shows it, and changes nothing. */
export const readOnly = signal(false);
/** How many writes are on their way. */
const writing = signal(0);
export const isSaving = computed(() => writing.value > 0);

let held: Held | undefined;
let elsewhere: Elsewhere | undefined;

/** Does something that writes: what fails is shown. Undefined where it failed. */
export async function saving<T>(work: () => Promise<T>): Promise<T | undefined> {
  writing.value += 1;
  try {
    return await work();
  } catch (error) {
    notifyError(error);
    return undefined;
  } finally {
    writing.value -= 1;
  }
}

/** Opens a project: in this tab alone, unless another has it. */
export async function openProject(wanted: Project): Promise<void> {
  const store = await theStore();
  held?.release();
  held = undefined;
  const hold = await holdProject(wanted.id, () => {
    readOnly.value = true;
  });
  held = hold.state === 'held' ? hold : undefined;
  elsewhere = hold.state === 'elsewhere' ? hold : undefined;
  readOnly.value = elsewhere !== undefined;
  pictures.value = await store.pictures(wanted.id);
  project.value = wanted;
}

/** Edits the open project in this tab: the one that did so far saves, and only shows it from then on. */
export async function takeOver(): Promise<void> {
  const open = project.value;
  if (!open || !readOnly.value) return;
  try {
    if (!elsewhere) await openProject(open);
    if (!elsewhere) return;
    held = await elsewhere.takeOver();
    elsewhere = undefined;
    pictures.value = await (await theStore()).pictures(open.id);
    readOnly.value = false;
  } catch (error) {
    notifyError(error);
  }
}

/** The project of the last visit, else a new one. */
export async function openLastProject(): Promise<void> {
  const store = await theStore();
  const all = await store.projects();
  const last = all.find(({ id }) => id === localStorage.getItem('project')) ?? all.at(-1);
  const chosen = last ?? (await store.createProject({ name: strings.newProject }));
  localStorage.setItem('project', chosen.id);
  await openProject(chosen);
}

/** Replaces pictures in the list by their new versions. */
export function updated(changed: readonly Picture[]): void {
  const byId = new Map(changed.map((picture) => [picture.id, picture]));
  pictures.value = pictures.value.map((picture) => byId.get(picture.id) ?? picture);
}

/** Colours that are told apart on pictures and by most people (Okabe and Ito 2008), then turns of the colour circle. */
const COLORS = ['#e69f00', '#56b4e9', '#009e73', '#f0e442', '#0072b2', '#d55e00', '#cc79a7'];
const colorOf = (i: number): string => {
  if (i < COLORS.length) return COLORS[i]!;
  const hue = (i * 137.508) % 360;
  const part = (n: number): string => {
    const k = (n + hue / 30) % 12;
    return Math.round(255 * (0.55 - 0.4 * Math.max(-1, Math.min(k - 3, 9 - k, 1))))
      .toString(16)
      .padStart(2, '0');
  };
  return `#${part(0)}${part(8)}${part(4)}`;
};

/** The project with classes of these names too, in their order after those that it has. */
export function withClasses(given: Project, names: readonly string[]): Project {
  const known = new Set(given.classes.map(({ name }) => name));
  const classes: LabelClass[] = [...given.classes];
  for (const name of names) {
    if (known.has(name)) continue;
    known.add(name);
    const key = classes.length < 9 ? String(classes.length + 1) : '';
    classes.push({ id: crypto.randomUUID(), name, color: colorOf(classes.length), key });
  }
  return { ...given, classes };
}

/** Stores the labels of a picture, and what lists show of them. */
export async function saveLabels(picture: string, objects: readonly LabelObject[]): Promise<void> {
  const store = await theStore();
  const changed = await saving(() => store.saveLabels({ picture, objects }));
  if (changed) updated([changed]);
}
