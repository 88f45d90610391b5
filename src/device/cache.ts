import { cacheFolder } from '../cacheFolder.ts';
import { builtin } from './installed.ts';

/** Texts that stay on this machine, by name: files in Node, IndexedDB in a browser. */
export interface Cache {
  /** Where, for people. */
  readonly place: string;
  /** Undefined where there is none, or it cannot be had. */
  read(name: string): Promise<string | undefined>;
  /** Whole or not at all. Rejects where nothing can be written. */
  write(name: string, text: string): Promise<void>;
}

/** In Node the files of `cacheFolder`, else IndexedDB. Undefined where neither are there. */
export function openCache(): Cache | undefined {
  if (typeof process !== 'undefined' && process.versions?.node !== undefined) return fileCache(cacheFolder());
  return globalThis.indexedDB ? databaseCache(globalThis.indexedDB) : undefined;
}

function fileCache(folder: string): Cache {
  const path = builtin<typeof import('node:path')>('node:path');
  const fs = builtin<typeof import('node:fs')>('node:fs').promises;
  return {
    place: folder,
    read: (name) => fs.readFile(path.join(folder, name), 'utf8').catch(() => undefined),
    async write(name, text) {
      await fs.mkdir(folder, { recursive: true, mode: 0o700 });
      const file = path.join(folder, name);
      const partial = `${file}.${process.pid}.partial`;
      try {
        await fs.writeFile(partial, text);
        await fs.rename(partial, file);
      } catch (error) {
        await fs.rm(partial, { force: true });
        throw error;
      }
    },
  };
}

const STORE = 'texts';

const settled = <T>(request: IDBRequest<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

function databaseCache(databases: IDBFactory): Cache {
  const open = async (): Promise<IDBDatabase> => {
    const request = databases.open('fovea', 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    return settled(request);
  };
  const use = async <T>(mode: IDBTransactionMode, act: (store: IDBObjectStore) => IDBRequest<T>) => {
    const database = await open();
    try {
      return await settled(act(database.transaction(STORE, mode).objectStore(STORE)));
    } finally {
      database.close();
    }
  };
  return {
    place: 'IndexedDB of this site',
    // In private windows there may be none.
    read: (name) => use<string | undefined>('readonly', (store) => store.get(name)).catch(() => undefined),
    write: async (name, text) => void (await use('readwrite', (store) => store.put(text, name))),
  };
}
