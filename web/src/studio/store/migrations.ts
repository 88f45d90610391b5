import type { DBSchema, IDBPDatabase, IDBPTransaction, StoreNames } from 'idb';
import {
  type Picture,
  type PictureLabels,
  PROJECT_VERSION,
  type Project,
  type SavedModel,
  type Training,
} from '../project/model.ts';
import { StoreError } from './errors.ts';

/** The database at the newest version. */
export interface StudioSchema extends DBSchema {
  projects: { key: string; value: Project };
  /** `digest`: [project, digest], unique. */
  pictures: { key: string; value: Picture; indexes: { project: string; digest: [string, string] } };
  labels: { key: string; value: PictureLabels };
  trainings: { key: string; value: Training; indexes: { project: string } };
  models: { key: string; value: SavedModel; indexes: { project: string } };
  /** Files where there is no OPFS, by [project, folder, name]. */
  blobs: { key: [string, string, string]; value: Blob };
}

type Upgraded = IDBPTransaction<StudioSchema, StoreNames<StudioSchema>[], 'versionchange'>;

/** One step from the version before to `version`. Steps that are out are never changed: a mistake is mended by the next. */
export interface Migration {
  readonly version: number;
  /** Changes the database, in the transaction of its opening: await nothing but requests of that transaction. */
  database(db: IDBPDatabase<StudioSchema>, transaction: Upgraded): void | Promise<void>;
  /** Makes what project.json of the version before holds into that of this one. It is not checked yet: expect any JSON. */
  file(project: unknown): unknown;
}

/** In order, without gaps, up to PROJECT_VERSION. */
export const MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    database(db) {
      db.createObjectStore('projects', { keyPath: 'id' });
      const pictures = db.createObjectStore('pictures', { keyPath: 'id' });
      pictures.createIndex('project', 'project');
      pictures.createIndex('digest', ['project', 'digest'], { unique: true });
      db.createObjectStore('labels', { keyPath: 'picture' });
      db.createObjectStore('blobs');
    },
    file: (project) => project,
  },
  {
    version: 2,
    async database(db, transaction) {
      for (const name of ['trainings', 'models'] as const) {
        db.createObjectStore(name, { keyPath: 'id' }).createIndex('project', 'project');
      }
      const projects = transaction.objectStore('projects');
      for (const project of await projects.getAll()) await projects.put({ ...project, version: 2 });
    },
    file: (project) => project,
  },
];

/** Brings the database from a version (0 for a new one) up to the newest. */
export async function migrateDatabase(
  db: IDBPDatabase<StudioSchema>,
  from: number,
  transaction: Upgraded,
): Promise<void> {
  for (const { version, database } of MIGRATIONS) if (version > from) await database(db, transaction);
}

/**
 * Brings what a project.json holds up to the newest version.
 *
 * @throws StoreError ('corrupt') for a version that is no whole number of at least 1, or newer than this studio.
 */
export function migrateFile(project: unknown, from: unknown, did: string): unknown {
  if (!Number.isSafeInteger(from) || Number(from) < 1 || Number(from) > PROJECT_VERSION) {
    const version = JSON.stringify(from)?.slice(0, 40) ?? 'missing';
    throw new StoreError(
      'corrupt',
      did,
      `the version of project.json is ${version}, and this studio knows 1 to ${PROJECT_VERSION}; reload the page to get a newer studio, or export the project again`,
    );
  }
  return MIGRATIONS.reduce(
    (value, { version, file }) => (version > Number(from) ? file(value) : value),
    project,
  );
}
