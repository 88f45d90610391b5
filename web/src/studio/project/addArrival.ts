import type { DataFault } from 'fovea/data';
import { pictures, project, saving, theStore, withClasses } from '../state.ts';
import { askPersistence, type NewPicture } from '../store/index.ts';
import type { Arrival, Arriving } from './arrival.ts';
import { objectsOfAnnotation } from './convert.ts';
import { Thumbnailer } from './thumbnailer.ts';

/** How many pictures are stored at a time: those of earlier turns stay where a later one fails. */
const TURN = 24;

export interface AddingReport {
  readonly added: number;
  /** Pictures whose file the project has already. */
  readonly known: number;
  /** Those that the browser cannot decode, with why. */
  readonly unreadable: readonly { readonly name: string; readonly why: string }[];
  readonly faults: readonly DataFault[];
  /** Whether the store refused to take more: the rest was left out. */
  readonly stopped: boolean;
}

/**
 * Adds pictures with their labels to the open project: thumbnails are made in workers, and each turn is stored before the next.
 *
 * @param onProgress Called with how many of all are done.
 * @param signal Aborting it ends the adding after the turn; what is stored stays.
 */
export async function addArrival(
  { pictures: arriving, classes, faults }: Arrival,
  onProgress: (done: number, all: number) => void,
  signal: AbortSignal,
): Promise<AddingReport> {
  const store = await theStore();
  const open = project.value!;
  const labelled = withClasses(open, classes);
  if (labelled.classes.length > open.classes.length) {
    const saved = await saving(async () => {
      await store.saveProject(labelled);
      return true;
    });
    if (!saved) return { added: 0, known: 0, unreadable: [], faults, stopped: true };
    project.value = labelled;
  }
  const idOf = new Map(labelled.classes.map(({ id, name }) => [name, id]));
  const thumbnailer = new Thumbnailer();
  const unreadable: { name: string; why: string }[] = [];
  const totals = { added: 0, known: 0 };

  const prepare = async ({ path, file, split, annotation }: Arriving): Promise<NewPicture | undefined> => {
    try {
      const made = await thumbnailer.make(file);
      const labels = annotation && objectsOfAnnotation(annotation, (name) => idOf.get(name)!);
      return { file, name: path, ...made, ...(labels && { labels, done: true }), ...(split && { split }) };
    } catch (error) {
      unreadable.push({ name: path, why: (error as Error).message });
      return undefined;
    }
  };

  try {
    for (let from = 0; from < arriving.length; from += TURN) {
      if (signal.aborted) break;
      const turn = await Promise.all(arriving.slice(from, from + TURN).map(prepare));
      const ready = turn.filter((one) => one !== undefined);
      const result = ready.length === 0 ? undefined : await saving(() => store.addPictures(open.id, ready));
      if (ready.length > 0 && !result) return { ...totals, unreadable, faults, stopped: true };
      totals.added += result?.added.length ?? 0;
      totals.known += result?.known.length ?? 0;
      const first = pictures.value.length === 0;
      if (result) pictures.value = [...pictures.value, ...result.added];
      // Now that there is something to lose; the room of projects shows what came of it.
      if (first && result) void askPersistence().catch(() => undefined);
      onProgress(Math.min(from + TURN, arriving.length), arriving.length);
    }
  } finally {
    thumbnailer.dispose();
  }
  return { ...totals, unreadable, faults, stopped: signal.aborted };
}
