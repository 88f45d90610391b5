import type { SavedModel, Training } from '../project/model.ts';
import { tell } from './channel.ts';
import { type StudioDb, transact } from './db.ts';
import { doing, StoreError } from './errors.ts';
import type { Files } from './files.ts';
import { whileAdding } from './locks.ts';

/** A model to store: its id and the time are made. */
export type NewModel = Omit<SavedModel, 'id' | 'created' | 'size'> & Partial<Pick<SavedModel, 'created'>>;

/** A training to begin. */
export type NewTraining = Pick<
  Training,
  'project' | 'name' | 'task' | 'settings' | 'train' | 'valid' | 'start'
>;

/** What of a training changes while it runs. */
export type TrainingChange = Partial<
  Pick<Training, 'name' | 'state' | 'settings' | 'step' | 'losses' | 'epochs' | 'spent' | 'model' | 'reason'>
>;

/** The trainings and models of projects: `store.models`. It keeps what it is given as `Store` does, and throws a StoreError. */
export class ModelStore {
  readonly #db: StudioDb;
  readonly #files: Files;

  constructor(db: StudioDb, files: Files) {
    this.#db = db;
    this.#files = files;
  }

  /** The models of a project, the newest first. */
  models(project: string): Promise<SavedModel[]> {
    return doing('listing the models', async () =>
      newestFirst(await this.#db.getAllFromIndex('models', 'project', project)),
    );
  }

  /** @throws StoreError 'missing' for one that is not there. */
  model(id: string): Promise<SavedModel> {
    const did = 'opening the model';
    return doing(did, async () => (await this.#db.get('models', id)) ?? lost(did, 'model'));
  }

  /** Stores a model with its file, which is copied. */
  addModel(given: NewModel, file: Blob): Promise<SavedModel> {
    const did = 'saving the model';
    return doing(did, () =>
      whileAdding(async () => {
        const model: SavedModel = {
          created: Date.now(),
          ...given,
          id: crypto.randomUUID(),
          size: file.size,
        };
        const place = { project: model.project, kind: 'models', id: model.id } as const;
        await this.#files.write(place, file);
        try {
          await this.#putIn(did, 'models', model);
        } catch (error) {
          // What cannot be removed now is removed at the next opening.
          await this.#files.remove(place).catch(() => {});
          throw error;
        }
        tell({ type: 'changed', project: model.project, what: 'models' });
        return model;
      }),
    );
  }

  /** Stores a model of a project that is being made, whose row comes last (`Store.createFilledProject`). */
  bringModel(model: SavedModel, file: Blob): Promise<void> {
    return doing('saving the model', async () => {
      await this.#files.write({ project: model.project, kind: 'models', id: model.id }, file);
      await this.#db.put('models', model);
    });
  }

  /** As `bringModel`, for a training that is finished. */
  async bringTraining(training: Training): Promise<void> {
    await doing('saving the training', () => this.#db.put('trainings', training));
  }

  /** The file of a model, with its name. @throws StoreError 'missing' where the browser no longer has it. */
  fileOf({ project, id, file, size, created }: SavedModel): Promise<File> {
    const did = `reading ${file}`;
    return doing(did, async () => {
      const content = await this.#files.read({ project, kind: 'models', id });
      if (content?.size !== size) {
        const why =
          'the browser no longer has its file as it was saved; remove the model, and train or add it again';
        throw new StoreError(content ? 'corrupt' : 'missing', did, why);
      }
      return new File([content], file, { type: 'application/octet-stream', lastModified: created });
    });
  }

  renameModel(id: string, name: string): Promise<SavedModel> {
    return this.#change<SavedModel>('renaming the model', 'models', id, { name });
  }

  /** Removes a model with its file; one that is not there is no error. */
  removeModel(model: SavedModel): Promise<void> {
    return this.#remove('removing the model', 'models', model);
  }

  /** The trainings of a project, the newest first. */
  trainings(project: string): Promise<Training[]> {
    return doing('listing the trainings', async () =>
      newestFirst(await this.#db.getAllFromIndex('trainings', 'project', project)),
    );
  }

  /** @throws StoreError 'missing' for one that is not there. */
  training(id: string): Promise<Training> {
    const did = 'opening the training';
    return doing(did, async () => (await this.#db.get('trainings', id)) ?? lost(did, 'training'));
  }

  /** Stores a training that is about to begin. */
  addTraining(given: NewTraining): Promise<Training> {
    const did = 'saving the training';
    return doing(did, async () => {
      const training: Training = {
        ...given,
        id: crypto.randomUUID(),
        created: Date.now(),
        state: 'paused',
        step: 0,
        losses: [],
        epochs: [],
        spent: 0,
      };
      await this.#putIn(did, 'trainings', training);
      tell({ type: 'changed', project: training.project, what: 'trainings' });
      return training;
    });
  }

  /** Changes fields of a training. @throws StoreError 'missing' for one that was removed meanwhile. */
  updateTraining(id: string, change: TrainingChange): Promise<Training> {
    return this.#change<Training>('saving the training', 'trainings', id, change);
  }

  /** Removes a training with its checkpoint; the model that it has made stays. */
  removeTraining(training: Training): Promise<void> {
    return this.#remove('removing the training', 'trainings', training);
  }

  /** Replaces the checkpoint of a training: as long as it is not whole, the one before stays. */
  saveCheckpoint({ project, id }: Training, content: Blob): Promise<void> {
    return doing('saving the checkpoint', () =>
      whileAdding(() => this.#files.write({ project, kind: 'checkpoints', id }, content)),
    );
  }

  /** The checkpoint of a training; undefined where it has none yet. */
  checkpointOf({ project, id }: Training): Promise<Blob | undefined> {
    return doing('reading the checkpoint', () => this.#files.read({ project, kind: 'checkpoints', id }));
  }

  /** Removes the checkpoint of a training that needs it no more. */
  removeCheckpoint({ project, id }: Training): Promise<void> {
    return doing('removing the checkpoint', () => this.#files.remove({ project, kind: 'checkpoints', id }));
  }

  /** Adds a row of a project, which must be there. */
  #putIn(did: string, name: 'models' | 'trainings', row: SavedModel | Training): Promise<void> {
    return transact(this.#db, ['projects', name], async (tx) => {
      if ((await tx.objectStore('projects').getKey(row.project)) === undefined) {
        throw new StoreError('missing', did, 'the project was removed in another tab; choose another one');
      }
      await tx.objectStore(name).put(row as SavedModel & Training);
    });
  }

  #change<Row extends SavedModel | Training>(
    did: string,
    name: 'models' | 'trainings',
    id: string,
    change: Partial<Row>,
  ): Promise<Row> {
    return doing(did, async () => {
      const changed = await transact(this.#db, [name], async (tx) => {
        const rows = tx.objectStore(name);
        const before = (await rows.get(id)) ?? lost(did, name === 'models' ? 'model' : 'training');
        const after = { ...before, ...change } as Row;
        await rows.put(after as SavedModel & Training);
        return after;
      });
      tell({ type: 'changed', project: changed.project, what: name });
      return changed;
    });
  }

  #remove(did: string, name: 'models' | 'trainings', { id, project }: SavedModel | Training): Promise<void> {
    return doing(did, async () => {
      await transact(this.#db, [name], (tx) => tx.objectStore(name).delete(id));
      tell({ type: 'changed', project, what: name });
      await this.#files.remove({ project, kind: name === 'models' ? 'models' : 'checkpoints', id });
    });
  }
}

const newestFirst = <Row extends SavedModel | Training>(rows: Row[]): Row[] =>
  rows.sort((a, b) => b.created - a.created || (a.name < b.name ? -1 : 1));

function lost(did: string, what: 'model' | 'training'): never {
  throw new StoreError('missing', did, `the ${what} is not there; it may have been removed in another tab`);
}
