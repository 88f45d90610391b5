/** The models of the open project, for the rooms that run them. */
import { computed, effect, signal } from '@preact/signals';
import { notifyError } from '../notices.tsx';
import type { SavedModel } from '../project/model.ts';
import { project, theStore } from '../state.ts';
import { changes } from '../store/index.ts';

/** Those that were trained here first, the newest of them first; undefined until they are read. */
export const projectModels = signal<readonly SavedModel[] | undefined>(undefined);

const order = ({ training }: SavedModel): number => (training === undefined ? 1 : 0);

/** Reads the models again: after one was added, renamed or removed. */
export async function refreshModels(): Promise<void> {
  const id = project.peek()?.id;
  if (id === undefined) return;
  const { models } = await theStore();
  const all = await models.models(id);
  // What was read of a project that is no longer open is of no use.
  if (project.peek()?.id === id) projectModels.value = all.toSorted((a, b) => order(a) - order(b));
}

const openId = computed(() => project.value?.id);
let following = false;

/** Keeps `projectModels` up to date from now on, also with what other tabs and workers store. */
export function followModels(): void {
  if (following) return;
  following = true;
  effect(() => {
    projectModels.value = undefined;
    if (openId.value !== undefined) refreshModels().catch(notifyError);
  });
  changes(undefined, ({ project: id, what }) => {
    if (what === 'models' && id === openId.peek()) refreshModels().catch(notifyError);
  });
}
