import { countsOf } from '../project/counts.ts';
import type { Picture, PictureLabels, Project } from '../project/model.ts';
import { type AddedPictures, addRows, type NewPicture, removeFiles, removeProjectRows } from './adding.ts';
import { type Change, tell } from './channel.ts';
import { Check } from './check.ts';
import { type OpenDbOptions, openDb, type StudioDb, transact } from './db.ts';
import { doing, StoreError } from './errors.ts';
import { type Files, openFiles } from './files.ts';
import { typeOfName } from './fileTypes.ts';
import { checkLabels } from './labelCheck.ts';
import { unlessAdding, whileAdding } from './locks.ts';
import { packLabels, unpackLabels } from './maskRuns.ts';
import { ModelStore } from './models.ts';
import { checkedProject, makeProject, type NewProject } from './projects.ts';
import { tidy } from './tidy.ts';

export type { AddedPictures, NewPicture } from './adding.ts';
export type { ClosedReason } from './db.ts';
export { StoreError, type StoreFault } from './errors.ts';
export type { NewProject } from './projects.ts';

/** What of a picture can be changed; its labels and their number are changed by `saveLabels`. */
export type PictureChange = Pick<Picture, 'id'> & Partial<Pick<Picture, 'name' | 'split' | 'done' | 'hash'>>;

const byTime = new Intl.Collator('en', { numeric: true });

/**
 * All that the studio keeps: rows in IndexedDB, files in OPFS. Each method stores all that it is given or nothing, tells other
 * tabs what it has changed (`changes` of locks.ts), and throws a StoreError. What it returns is not to be changed in place.
 */
export class Store {
  readonly #db: StudioDb;
  readonly #files: Files;
  /** The trainings and models of projects. */
  readonly models: ModelStore;
  /** Ends with the number of files that a tab before this one has left without a row, and that were removed. */
  readonly tidied: Promise<number>;

  /** Use `openStore`. */
  constructor(db: StudioDb, files: Files) {
    this.#db = db;
    this.#files = files;
    this.models = new ModelStore(db, files);
    this.tidied = doing('removing files that nothing needs', async () => {
      return (await unlessAdding(() => tidy(db, files))) ?? 0;
    });
    // Whoever awaits it learns of an error; what is left lies there until the next opening.
    this.tidied.catch(() => {});
  }

  /** Where files are: `indexeddb` in browsers without OPFS. */
  get filesIn(): Files['where'] {
    return this.#files.where;
  }

  /** All projects, the newest first. */
  async projects(): Promise<Project[]> {
    const all = await doing('listing the projects', () => this.#db.getAll('projects'));
    return all.sort((a, b) => b.created - a.created || byTime.compare(a.name, b.name));
  }

  /** @throws StoreError 'missing' for one that is not there. */
  project(id: string): Promise<Project> {
    const did = 'opening the project';
    return doing(did, async () => (await this.#db.get('projects', id)) ?? lost(did, 'project'));
  }

  createProject(project: NewProject): Promise<Project> {
    const did = 'creating the project';
    return doing(did, async () => {
      const made = checkedProject(new Check(did), makeProject(project));
      await transact(this.#db, ['projects'], (tx) => tx.objectStore('projects').add(made));
      tellOf(made.id, 'project');
      return made;
    });
  }

  /**
   * Makes a project that comes with its pictures, whole or not at all: its row is written after those of all pictures, and
   * where anything fails, or the tab is killed, nothing stays.
   *
   * @param fill Adds the pictures; `add` takes a few at a time, which have to fit into memory with their labels. The id of the
   * project is for its models (`ModelStore.bringModel`).
   */
  createFilledProject(
    project: NewProject,
    fill: (add: (pictures: readonly NewPicture[]) => Promise<AddedPictures>, id: string) => Promise<void>,
  ): Promise<Project> {
    const did = 'creating the project';
    return doing(did, async () => {
      const check = new Check(did);
      const made = checkedProject(check, makeProject(project));
      await whileAdding(async () => {
        try {
          await fill(
            (pictures) => addRows({ db: this.#db, files: this.#files, check }, made.id, pictures, false),
            made.id,
          );
          await transact(this.#db, ['projects'], (tx) => tx.objectStore('projects').add(made));
        } catch (error) {
          await this.#dropProject(made.id).catch(() => {});
          throw error;
        }
      });
      tellOf(made.id, 'project');
      return made;
    });
  }

  /** Changes the name or the task of a project. @throws StoreError 'missing' for one that another tab has removed. */
  changeProject(id: string, { name, task }: Partial<Pick<Project, 'name' | 'task'>>): Promise<Project> {
    return this.#changeProject('changing the project', id, (project) => ({
      ...project,
      name: name ?? project.name,
      task: task ?? project.task,
    }));
  }

  /** Stores name, task and classes of a project. @throws StoreError 'missing' for one that another tab has removed. */
  async saveProject(project: Project): Promise<void> {
    await this.#changeProject('saving the project', project.id, () => project);
  }

  #changeProject(did: string, id: string, change: (project: Project) => Project): Promise<Project> {
    return doing(did, async () => {
      const changed = await transact(this.#db, ['projects'], async (tx) => {
        const projects = tx.objectStore('projects');
        const project = checkedProject(
          new Check(did),
          change((await projects.get(id)) ?? lost(did, 'project')),
        );
        await projects.put(project);
        return project;
      });
      tellOf(id, 'project');
      return changed;
    });
  }

  /** Removes a project with all that it has; one that is not there is no error. */
  removeProject(id: string): Promise<void> {
    return doing('removing the project', async () => {
      await this.#dropProject(id);
      tellOf(id, 'removed');
    });
  }

  /** Rows first: files without rows are removed at the next opening, if this tab cannot do it. */
  async #dropProject(id: string): Promise<void> {
    await removeProjectRows(this.#db, id);
    await this.#files.removeProject(id);
  }

  /** The pictures of a project as they were added, those that were added together by their names. */
  async pictures(project: string): Promise<Picture[]> {
    const all = await doing('listing the pictures', () =>
      this.#db.getAllFromIndex('pictures', 'project', project),
    );
    return all.sort((a, b) => a.added - b.added || byTime.compare(a.name, b.name));
  }

  countPictures(project: string): Promise<number> {
    return doing('counting the pictures', () => this.#db.countFromIndex('pictures', 'project', project));
  }

  /** @throws StoreError 'missing' for one that is not there. */
  picture(id: string): Promise<Picture> {
    const did = 'opening the picture';
    return doing(did, async () => (await this.#db.get('pictures', id)) ?? lost(did, 'picture'));
  }

  /**
   * Adds pictures with their labels: all, or none where it throws. For many, call it with a few at a time: those of earlier
   * calls stay. Files that the project has already are not added again, and reported as known.
   *
   * @throws StoreError 'quota' where they do not fit, 'missing' for a project that is gone or a file that cannot be read,
   * 'corrupt' for labels that are not as in model.ts.
   */
  addPictures(project: string, pictures: readonly NewPicture[]): Promise<AddedPictures> {
    const did = 'adding pictures';
    return doing(did, async () => {
      const place = { db: this.#db, files: this.#files, check: new Check(did) };
      const result = await whileAdding(() => addRows(place, project, pictures, true));
      if (result.added.length > 0) tellOf(project, 'pictures', result.added);
      return result;
    });
  }

  /**
   * Changes fields of pictures; the others stay as they are stored.
   *
   * @returns The pictures as they are now, in the same order.
   * @throws StoreError 'missing' where one is no longer there; none is changed then.
   */
  updatePictures(changes: readonly PictureChange[]): Promise<Picture[]> {
    const did = 'saving the pictures';
    return doing(did, async () => {
      const changed = await transact(this.#db, ['pictures'], async (tx) => {
        const store = tx.objectStore('pictures');
        const rows: Picture[] = [];
        for (const { id, ...change } of changes) {
          const before = (await store.get(id)) ?? lost(did, 'picture');
          const row: Picture = { ...before, ...onlyChangeable(change) };
          await store.put(row);
          rows.push(row);
        }
        return rows;
      });
      tellOfAll(changed);
      return changed;
    });
  }

  /** Removes pictures, their labels and files; those that are not there are no error. */
  removePictures(ids: readonly string[]): Promise<void> {
    return doing('removing pictures', async () => {
      const removed = await transact(this.#db, ['pictures', 'labels'], async (tx) => {
        const rows: Picture[] = [];
        for (const id of ids) {
          const row = await tx.objectStore('pictures').get(id);
          if (!row) continue;
          await tx.objectStore('labels').delete(id);
          await tx.objectStore('pictures').delete(id);
          rows.push(row);
        }
        return rows;
      });
      tellOfAll(removed);
      await removeFiles(this.#files, removed);
    });
  }

  /**
   * The file of a picture, byte for byte as it was added, with its name. Its type is that of its extension, and never one in
   * which a browser runs scripts.
   *
   * @throws StoreError 'missing' where the browser no longer has it, 'corrupt' where it has another size than before.
   */
  fileOf(picture: Picture): Promise<File> {
    const { project, id, name, size, added } = picture;
    const did = `reading ${name}`;
    return doing(did, async () => {
      const content = await this.#files.read({ project, kind: 'pictures', id });
      if (!content)
        throw new StoreError(
          'missing',
          did,
          'the browser no longer has its file; remove the picture and add it again',
        );
      if (content.size !== size) {
        const why = `its file has ${content.size} bytes instead of ${size}; remove the picture and add it again`;
        throw new StoreError('corrupt', did, why);
      }
      return new File([content], name, { type: typeOfName(name), lastModified: added });
    });
  }

  /** The small picture for lists; undefined where there is none yet. */
  thumbnailOf({ project, id, name }: Picture): Promise<Blob | undefined> {
    return doing(`reading the thumbnail of ${name}`, () =>
      this.#files.read({ project, kind: 'thumbnails', id }),
    );
  }

  saveThumbnail({ project, id, name }: Picture, thumbnail: Blob): Promise<void> {
    const did = `saving the thumbnail of ${name}`;
    return doing(did, () =>
      whileAdding(() => this.#files.write({ project, kind: 'thumbnails', id }, thumbnail)),
    );
  }

  /** The labels of a picture; no objects where nothing is labelled. */
  labelsOf(picture: string): Promise<PictureLabels> {
    return doing('reading the labels', async () =>
      unpackLabels((await this.#db.get('labels', picture)) ?? { picture, objects: [] }),
    );
  }

  /**
   * Stores the labels of a picture and how many objects it has, in one transaction.
   *
   * @returns The picture as it is now.
   * @throws StoreError 'missing' for a picture that is gone, 'corrupt' for labels that are not as in model.ts.
   */
  saveLabels({ picture, objects }: PictureLabels): Promise<Picture> {
    const did = 'saving the labels';
    return doing(did, async () => {
      const checked = checkLabels(new Check(did), objects);
      const packed = packLabels({ picture, objects: checked });
      const row = await transact(this.#db, ['pictures', 'labels'], async (tx) => {
        const row = (await tx.objectStore('pictures').get(picture)) ?? lost(did, 'picture');
        const { classes: _, ...before } = row;
        const after: Picture = { ...before, ...countsOf(checked) };
        await tx.objectStore('labels').put(packed);
        await tx.objectStore('pictures').put(after);
        return after;
      });
      tellOf(row.project, 'labels', [row]);
      return row;
    });
  }

  /** Counts the labels of a picture anew, as they are stored: older studios did not count classes. */
  recount(picture: string): Promise<Picture> {
    const did = 'counting the labels';
    return doing(did, async () => {
      const row = await transact(this.#db, ['pictures', 'labels'], async (tx) => {
        const { classes: _, ...before } =
          (await tx.objectStore('pictures').get(picture)) ?? lost(did, 'picture');
        const labels = await tx.objectStore('labels').get(picture);
        const after: Picture = { ...before, ...countsOf(labels?.objects ?? []) };
        await tx.objectStore('pictures').put(after);
        return after;
      });
      tellOf(row.project, 'pictures', [row]);
      return row;
    });
  }

  /** Closes the database; everything fails afterwards. */
  close(): void {
    this.#db.close();
  }
}

/**
 * Opens what the studio has stored in this browser, and brings it up to the newest version.
 *
 * @throws StoreError 'blocked' where other tabs of an older or newer studio are in the way, 'other' where the browser stores
 * nothing.
 */
export async function openStore(options: OpenDbOptions = {}): Promise<Store> {
  const db = await openDb(options);
  return new Store(db, await doing('opening the files', () => openFiles(db)));
}

function lost(did: string, what: 'project' | 'picture'): never {
  throw new StoreError('missing', did, `the ${what} is not there; it may have been removed in another tab`);
}

/** Fields that come from elsewhere, such as the number of objects, cannot slip in. */
function onlyChangeable({ name, split, done, hash }: Omit<PictureChange, 'id'>): Omit<PictureChange, 'id'> {
  return Object.fromEntries(
    Object.entries({ name, split, done, hash }).filter(([, value]) => value !== undefined),
  );
}

const tellOf = (project: string, what: Change['what'], pictures?: readonly Picture[]): void =>
  tell({ type: 'changed', project, what, pictures: pictures?.map(({ id }) => id) });

function tellOfAll(pictures: readonly Picture[]): void {
  for (const project of new Set(pictures.map((picture) => picture.project))) {
    tellOf(
      project,
      'pictures',
      pictures.filter((picture) => picture.project === project),
    );
  }
}
