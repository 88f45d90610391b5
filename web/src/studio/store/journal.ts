/**
 * What was changed and is not stored yet, for a page that ends: the database drops what is on its way then. Local storage takes it
 * at once, and the next visit stores it.
 */
import type { LabelObject, Project } from '../project/model.ts';
import { Check } from './check.ts';
import { labelsFromJson, labelToJson } from './labelCheck.ts';
import type { Store } from './store.ts';

const KEY = 'fovea-studio-unsaved';

/** Labels by picture, of the project. */
const labels = new Map<string, readonly LabelObject[]>();
let project: Project | undefined;

/** Remembers labels until `stored` is told of them. */
export const expectLabels = (picture: string, objects: readonly LabelObject[]): void => {
  labels.set(picture, objects);
};
export const storedLabels = (picture: string, objects: readonly LabelObject[]): void => {
  if (labels.get(picture) === objects) labels.delete(picture);
};

/** Remembers a project until `storedProject` is told of it. */
export const expectProject = (changed: Project): void => {
  project = changed;
};
export const storedProject = (changed: Project): void => {
  if (project === changed) project = undefined;
};

/** Writes what is not stored; what does not fit into local storage (some MB of masks) is lost. */
function write(): void {
  if (labels.size === 0 && !project) return;
  const rows = [...labels].map(([picture, objects]) => [picture, objects.map(labelToJson)]);
  try {
    localStorage.setItem(KEY, JSON.stringify({ project, labels: rows }));
  } catch {
    // The database may still be in time.
  }
}
addEventListener('pagehide', write);
// A page that comes back from the cache of the browser goes on with what it was storing.
addEventListener('pageshow', ({ persisted }) => {
  if (persisted) localStorage.removeItem(KEY);
});

/**
 * Stores what the last visit left. What cannot be stored is dropped: a picture that is gone since, or text that somebody else wrote.
 *
 * @returns Whether there was something.
 */
export async function replayJournal(store: Store): Promise<boolean> {
  const text = localStorage.getItem(KEY);
  if (text === null) return false;
  localStorage.removeItem(KEY);
  const check = new Check('storing what the last visit left');
  try {
    const fields = check.record(JSON.parse(text), 'journal');
    if (fields.get('project') !== undefined) await store.saveProject(fields.get('project') as Project);
    for (const row of check.list(fields.get('labels'), 'labels', 1e4)) {
      const [id, objects] = row as [string, unknown];
      const picture = await store.picture(id);
      const { classes } = await store.project(picture.project);
      const known = new Set(classes.map((one) => one.id));
      await store.saveLabels({
        picture: id,
        objects: labelsFromJson(check, objects, 'labels', known, 'decoded'),
      });
    }
    return true;
  } catch {
    return false;
  }
}
