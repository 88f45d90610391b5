import { type IDBPDatabase, type IDBPTransaction, openDB, type StoreNames } from 'idb';
import { PROJECT_VERSION } from '../project/model.ts';
import { asStoreError, StoreError } from './errors.ts';
import { migrateDatabase, type StudioSchema } from './migrations.ts';

export type StudioDb = IDBPDatabase<StudioSchema>;

/** Why this tab lost the database: a newer studio in another tab changes it, or the browser took it away. */
export type ClosedReason = 'newer' | 'lost';

export interface OpenDbOptions {
  readonly name?: string;
  /** Called when the database is closed from outside. Whatever is stored afterwards fails: ask for a reload. */
  readonly onClosed?: (reason: ClosedReason) => void;
}

const DID = 'opening the projects';

/** How long a tab of an older studio has to finish what it is storing, in milliseconds. */
const PATIENCE = 5000;

/**
 * Opens the database and brings it up to the newest version.
 *
 * @throws StoreError 'blocked' where a tab of an older studio does not let go, and where a newer studio was here;
 * 'other' where the browser offers no IndexedDB.
 */
export function openDb({ name = 'fovea-studio', onClosed }: OpenDbOptions = {}): Promise<StudioDb> {
  if (typeof indexedDB === 'undefined') {
    const why =
      'this browser stores nothing for this page (no IndexedDB); open it outside of a private window';
    return Promise.reject(new StoreError('other', DID, why));
  }
  return new Promise((resolve, reject) => {
    let given = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const fail = (error: StoreError) => {
      given = true;
      clearTimeout(timer);
      reject(error);
    };
    openDB<StudioSchema>(name, PROJECT_VERSION, {
      upgrade: (db, from, _to, transaction) => migrateDatabase(db, from, transaction),
      blocked() {
        // The other tab closes when it has finished what it is at, which may take a moment.
        const why =
          'another tab keeps it from being brought up to date; close all other tabs of the studio and reload';
        timer = setTimeout(() => fail(new StoreError('blocked', DID, why)), PATIENCE);
      },
      blocking(_current, _blocked, event) {
        (event.target as IDBDatabase).close();
        onClosed?.('newer');
      },
      terminated: () => onClosed?.('lost'),
    }).then(
      (db) => {
        clearTimeout(timer);
        if (given) db.close();
        else resolve(db);
      },
      (error) => fail(asStoreError(error, DID)),
    );
  });
}

/**
 * Runs `work` in one transaction, which is undone as a whole if `work` throws or the browser refuses any of it. As in any
 * transaction of IndexedDB, `work` may await nothing but its requests.
 */
export async function transact<Names extends StoreNames<StudioSchema>[], T>(
  db: StudioDb,
  names: Names,
  work: (transaction: IDBPTransaction<StudioSchema, Names, 'readwrite'>) => Promise<T>,
): Promise<T> {
  const transaction = db.transaction(names, 'readwrite');
  const done = transaction.done;
  done.catch(() => {});
  try {
    const result = await work(transaction);
    await done;
    return result;
  } catch (error) {
    // A request that is undone says no more than that; the transaction knows why.
    const why = transaction.error;
    try {
      transaction.abort();
    } catch {
      // It is over already.
    }
    await done.catch(() => {});
    throw why ?? error;
  }
}
