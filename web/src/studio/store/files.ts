import { type StudioDb, transact } from './db.ts';

/** What is kept as a file: pictures as they came, small ones for lists, weights of models, and checkpoints of trainings. */
export type FileKind = 'pictures' | 'thumbnails' | 'models' | 'checkpoints';

const KINDS: readonly FileKind[] = ['pictures', 'thumbnails', 'models', 'checkpoints'];

/** Where a file is: in a folder of its project, under the id of its picture, model or training. */
export interface FilePlace {
  readonly project: string;
  readonly kind: FileKind;
  readonly id: string;
}

/** A file is written whole or not at all; errors are those of the browser. */
export interface Files {
  readonly where: 'opfs' | 'indexeddb';
  /** Writes or replaces a file. */
  write(place: FilePlace, content: Blob): Promise<void>;
  /** Undefined for a file that is not there. */
  read(place: FilePlace): Promise<Blob | undefined>;
  /** Removes a file; one that is not there is no error. */
  remove(place: FilePlace): Promise<void>;
  removeProject(project: string): Promise<void>;
  /** Removes every file but those of these projects and ids, also what was left half-written. Returns how many. */
  keepOnly(ids: ReadonlyMap<string, ReadonlySet<string>>): Promise<number>;
}

const isMissing = (error: unknown): boolean =>
  error instanceof DOMException && error.name === 'NotFoundError';

/** The same promise, with undefined for what is not there. */
const ifThere = <T>(promise: Promise<T>): Promise<T | undefined> =>
  promise.catch((error) => {
    if (isMissing(error)) return undefined;
    throw error;
  });

/**
 * Files in the origin's private file system: `fovea-studio/<project>/pictures/<id>`. A tab that is killed leaves at most an
 * empty file, or one that ends in `.crswap`, which `keepOnly` removes.
 */
class OpfsFiles implements Files {
  readonly where = 'opfs';
  readonly #root: FileSystemDirectoryHandle;

  constructor(root: FileSystemDirectoryHandle) {
    this.#root = root;
  }

  async write({ project, kind, id }: FilePlace, content: Blob): Promise<void> {
    const folder = await this.#root
      .getDirectoryHandle(project, { create: true })
      .then((parent) => parent.getDirectoryHandle(kind, { create: true }));
    const before = await ifThere(folder.getFileHandle(id));
    const file = before ?? (await folder.getFileHandle(id, { create: true }));
    try {
      await fill(file, content);
    } catch (error) {
      if (!before) await folder.removeEntry(id).catch(() => {});
      throw error;
    }
  }

  async read({ project, kind, id }: FilePlace): Promise<Blob | undefined> {
    const folder = await this.#folder(project, kind);
    const file = folder && (await ifThere(folder.getFileHandle(id)));
    return file && ifThere(file.getFile());
  }

  async remove({ project, kind, id }: FilePlace): Promise<void> {
    const folder = await this.#folder(project, kind);
    if (folder) await ifThere(folder.removeEntry(id));
  }

  async removeProject(project: string): Promise<void> {
    await ifThere(this.#root.removeEntry(project, { recursive: true }));
  }

  async keepOnly(all: ReadonlyMap<string, ReadonlySet<string>>): Promise<number> {
    let removed = 0;
    const drop = async (folder: FileSystemDirectoryHandle, name: string) => {
      await ifThere(folder.removeEntry(name, { recursive: true }));
      removed += 1;
    };
    for (const project of await namesIn(this.#root)) {
      const ids = all.get(project);
      if (!ids) {
        await drop(this.#root, project);
        continue;
      }
      for (const kind of KINDS) {
        const folder = await this.#folder(project, kind);
        for (const name of folder ? await namesIn(folder) : []) {
          if (!ids.has(name)) await drop(folder!, name);
        }
      }
    }
    return removed;
  }

  /** Undefined where it is not there. */
  async #folder(project: string, kind: FileKind): Promise<FileSystemDirectoryHandle | undefined> {
    const parent = await ifThere(this.#root.getDirectoryHandle(project));
    return parent && ifThere(parent.getDirectoryHandle(kind));
  }
}

/** The browser writes into another file, and puts it in place of this one when the stream is closed. */
async function fill(file: FileSystemFileHandle, content: Blob): Promise<void> {
  const stream = await file.createWritable();
  try {
    await stream.write(content);
    await stream.close();
  } catch (error) {
    await stream.abort().catch(() => {});
    throw error;
  }
}

async function namesIn(folder: FileSystemDirectoryHandle): Promise<string[]> {
  const names: string[] = [];
  for await (const name of (folder as unknown as { keys(): AsyncIterable<string> }).keys()) names.push(name);
  return names;
}

/** Files as rows of the database, each in a transaction of its own. */
class BlobFiles implements Files {
  readonly where = 'indexeddb';
  readonly #db: StudioDb;

  constructor(db: StudioDb) {
    this.#db = db;
  }

  async write({ project, kind, id }: FilePlace, content: Blob): Promise<void> {
    // A File may be of the visitor's disk, where it can go away.
    const own = new Blob([await content.arrayBuffer()], { type: content.type });
    await transact(this.#db, ['blobs'], (tx) => tx.objectStore('blobs').put(own, [project, kind, id]));
  }

  read({ project, kind, id }: FilePlace): Promise<Blob | undefined> {
    return this.#db.get('blobs', [project, kind, id]);
  }

  async remove({ project, kind, id }: FilePlace): Promise<void> {
    await transact(this.#db, ['blobs'], (tx) => tx.objectStore('blobs').delete([project, kind, id]));
  }

  async removeProject(project: string): Promise<void> {
    // An array sorts after every string.
    const all = IDBKeyRange.bound([project], [project, []]);
    await transact(this.#db, ['blobs'], (tx) => tx.objectStore('blobs').delete(all));
  }

  keepOnly(all: ReadonlyMap<string, ReadonlySet<string>>): Promise<number> {
    return transact(this.#db, ['blobs'], async (tx) => {
      const store = tx.objectStore('blobs');
      const keys = await store.getAllKeys();
      const others = keys.filter(([project, , id]) => !all.get(project)?.has(id));
      await Promise.all(others.map((key) => store.delete(key)));
      return others.length;
    });
  }
}

/**
 * The files of this origin: in OPFS, or in the database where the browser has no OPFS that a page can write to. Once there
 * are files in the database, they stay there, though a newer browser may have OPFS.
 */
export async function openFiles(db: StudioDb): Promise<Files> {
  const writable = 'FileSystemFileHandle' in globalThis && 'createWritable' in FileSystemFileHandle.prototype;
  if (!writable || typeof navigator.storage?.getDirectory !== 'function' || (await db.count('blobs')) > 0)
    return new BlobFiles(db);
  try {
    const own = await navigator.storage.getDirectory();
    return new OpfsFiles(await own.getDirectoryHandle(db.name, { create: true }));
  } catch {
    // Private windows of some browsers have it, and refuse.
    return new BlobFiles(db);
  }
}
