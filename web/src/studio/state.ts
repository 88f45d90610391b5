/** What the rooms share: the project that is open, and its pictures. Everything is stored as it changes. */
import { computed, signal } from '@preact/signals';
import { notify, notifyError } from './notices.tsx';
import { newClass } from './project/classes.ts';
import type { LabelClass, LabelObject, Picture, Project } from './project/model.ts';
import type { RoomName } from './router.ts';
import {
  type Change,
  changes,
  type Elsewhere,
  type Held,
  holdProject,
  openStore,
  type PictureChange,
  type Store,
} from './store/index.ts';
import { expectLabels, expectProject, replayJournal, storedLabels, storedProject } from './store/journal.ts';
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
/** The writes that are on their way. */
const writes = new Set<Promise<unknown>>();
const writing = signal(0);
export const isSaving = computed(() => writing.value > 0);

/** What goes on in the background, and the room that shows it. */
export const activity = signal<{ readonly text: string; readonly room: RoomName } | undefined>(undefined);
/** Called before this tab stops editing the project: they end what changes it, and are awaited. */
export const leaving = new Set<() => Promise<void>>();
const leave = () => Promise.allSettled([...leaving].map((end) => end()));

let held: Held | undefined;
let elsewhere: Elsewhere | undefined;

/** Does something that writes: what fails is shown. Undefined where it failed. */
export async function saving<T>(work: () => Promise<T>): Promise<T | undefined> {
  const write = work();
  writes.add(write);
  writing.value = writes.size;
  try {
    return await write;
  } catch (error) {
    notifyError(error);
    return undefined;
  } finally {
    writes.delete(write);
    writing.value = writes.size;
  }
}

/** Opens a project as it is stored by now: in this tab alone, unless another has it. Rejects where it was removed. */
export async function openProject({ id }: Pick<Project, 'id'>): Promise<void> {
  const store = await theStore();
  await store.project(id);
  await leave();
  await Promise.allSettled(writes);
  held?.release();
  held = undefined;
  const hold = await holdProject(id, async () => {
    readOnly.value = true;
    await leave();
    await Promise.allSettled(writes);
  });
  held = hold.state === 'held' ? hold : undefined;
  elsewhere = hold.state === 'elsewhere' ? hold : undefined;
  readOnly.value = elsewhere !== undefined;
  const [stored, all] = await Promise.all([store.project(id), store.pictures(id)]);
  pictures.value = all;
  project.value = stored;
  localStorage.setItem('project', id);
}

/** Takes what another tab has stored of the open project. */
async function hear({ project: id, what }: Change): Promise<void> {
  if (project.value?.id !== id) return;
  if (what === 'removed') {
    notify('info', strings.projects.removedElsewhere(project.value.name));
    return openLastProject();
  }
  const store = await theStore();
  // The tab that edits has the newest classes and pictures; name and task can be changed in every tab.
  if (what === 'project') {
    const stored = await store.project(id);
    const { name, task } = stored;
    const open = project.value;
    if (open?.id === id) project.value = readOnly.value ? stored : { ...open, name, task };
  } else if (readOnly.value && (what === 'pictures' || what === 'labels')) {
    const stored = await store.pictures(id);
    if (project.value?.id === id) pictures.value = stored;
  }
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
    const store = await theStore();
    await replayJournal(store);
    // The other tab may have changed both until now.
    const [newest, all] = await Promise.all([store.project(open.id), store.pictures(open.id)]);
    project.value = newest;
    pictures.value = all;
    readOnly.value = false;
  } catch (error) {
    notifyError(error);
  }
}

/** The project of the last visit, else the newest, else a new one. */
export async function openLastProject(): Promise<void> {
  const store = await theStore();
  const all = await store.projects();
  const last = all.find(({ id }) => id === localStorage.getItem('project')) ?? all[0];
  await openProject(last ?? (await store.createProject({ name: strings.newProject })));
}

/** Begins a visit: stores what the last one left, and opens its project. */
export async function begin(): Promise<void> {
  await replayJournal(await theStore());
  changes(undefined, (change) => void hear(change).catch(notifyError));
  await openLastProject();
}

/** Replaces pictures in the list by their new versions. */
export function updated(changed: readonly Picture[]): void {
  const byId = new Map(changed.map((picture) => [picture.id, picture]));
  pictures.value = pictures.value.map((picture) => byId.get(picture.id) ?? picture);
}

/** The project with classes of these names too, in their order after those that it has. */
export function withClasses(given: Project, names: readonly string[]): Project {
  const classes: LabelClass[] = [...given.classes];
  for (const name of names) {
    if (classes.some((one) => one.name === name)) continue;
    classes.push(newClass(classes, name, crypto.randomUUID()));
  }
  return { ...given, classes };
}

/** Stores the labels of a picture, and what lists show of them. */
export async function saveLabels(picture: string, objects: readonly LabelObject[]): Promise<void> {
  expectLabels(picture, objects);
  const store = await theStore();
  const changed = await saving(() => store.saveLabels({ picture, objects }));
  storedLabels(picture, objects);
  if (changed) updated([changed]);
}

/** Stores the classes of the project. */
export async function saveClasses(classes: readonly LabelClass[]): Promise<void> {
  const changed = { ...project.value!, classes };
  project.value = changed;
  expectProject(changed);
  const store = await theStore();
  await saving(() => store.saveProject(changed));
  storedProject(changed);
}

/** Changes the name or the task of a project, which need not be the open one. */
export async function changeProject(
  id: string,
  change: Partial<Pick<Project, 'name' | 'task'>>,
): Promise<void> {
  const store = await theStore();
  const changed = await saving(() => store.changeProject(id, change));
  const open = project.value;
  if (changed && open?.id === id) project.value = { ...open, name: changed.name, task: changed.task };
}

/** Removes a project: in the open one, what changes it ends before, and the last one that is left is opened. */
export async function removeProject(id: string): Promise<void> {
  const isOpen = project.value?.id === id;
  if (isOpen) {
    await leave();
    await Promise.allSettled(writes);
  }
  await (await theStore()).removeProject(id);
  if (isOpen) await openLastProject();
}

/** Changes fields of pictures, shown at once; where they cannot be stored, they are as before. */
export async function changePictures(changes: readonly PictureChange[]): Promise<void> {
  const known = new Map(pictures.value.map((picture) => [picture.id, picture]));
  const there = changes.filter(({ id }) => known.has(id));
  if (there.length === 0) return;
  const before = there.map(({ id }) => known.get(id)!);
  updated(there.map((change, i) => ({ ...before[i]!, ...change })));
  const store = await theStore();
  updated((await saving(() => store.updatePictures(there))) ?? before);
}

/** Removes pictures with their labels; where that fails, all stay. */
export async function removePictures(ids: readonly string[]): Promise<void> {
  const store = await theStore();
  const removed = await saving(async () => {
    await store.removePictures(ids);
    return new Set(ids);
  });
  if (removed) pictures.value = pictures.value.filter(({ id }) => !removed.has(id));
}
