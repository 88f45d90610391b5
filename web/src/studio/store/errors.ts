/**
 * Why something could not be stored or read:
 * - `quota`: the browser gives no more storage.
 * - `blocked`: another tab keeps the database, or a newer version of the studio has taken it over.
 * - `missing`: what is asked for is not there, or no longer.
 * - `corrupt`: a file or project is not what it must be.
 * - `other`: what the browser said, in its own words.
 */
export type StoreFault = 'quota' | 'blocked' | 'missing' | 'corrupt' | 'other';

/** Thrown by everything in store/. The message says what was done, what is wrong, and the way out, in one line. */
export class StoreError extends Error {
  readonly kind: StoreFault;

  /**
   * @param kind See StoreFault.
   * @param did What was being done: `adding pictures`.
   * @param why What is wrong, and the way out.
   */
  constructor(kind: StoreFault, did: string, why: string, options?: ErrorOptions) {
    super(`${did}: ${why}`, options);
    this.name = 'StoreError';
    this.kind = kind;
  }
}

/** What the names of the browser's own errors mean here. */
const MEANINGS: Readonly<Record<string, readonly [StoreFault, string]>> = {
  QuotaExceededError: [
    'quota',
    'the storage of this browser is full, and nothing was changed; remove pictures or projects, or free space on the disk, and try again',
  ],
  VersionError: [
    'blocked',
    'a newer version of the studio has been here; reload the page to get it, and close its other tabs',
  ],
  InvalidStateError: [
    'blocked',
    'this tab no longer has the database, as another tab needed it; reload the page',
  ],
  NotFoundError: ['missing', 'it is no longer in the storage of this browser; reload the page'],
  NotReadableError: [
    'missing',
    'a file cannot be read, as it was moved, changed or removed in the meantime; choose it again',
  ],
};

/** The error as a StoreError: one that is one already stays as it is. */
export function asStoreError(error: unknown, did: string): StoreError {
  if (error instanceof StoreError) return error;
  const [name, message] = error instanceof Error ? [error.name, error.message] : ['', String(error)];
  const known = Object.hasOwn(MEANINGS, name) ? MEANINGS[name] : undefined;
  if (known) return new StoreError(known[0], did, known[1], { cause: error });
  const why = message || name || 'the browser gives no reason';
  return new StoreError('other', did, `${why}; try again, and reload the page if that does not help`, {
    cause: error,
  });
}

/** Awaits what `work` does; whatever it throws becomes a StoreError about `did`. */
export async function doing<T>(did: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw asStoreError(error, did);
  }
}
