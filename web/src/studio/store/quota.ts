import { doing } from './errors.ts';

export interface Quota {
  /** Bytes that this origin uses, of all that it stores. Browsers round it. */
  readonly used: number;
  /** Bytes that it may use, `used` included. */
  readonly total: number;
  /** The browser asks before it removes what is stored. Where it is false, it may remove it when the disk is full. */
  readonly persistent: boolean;
}

/** What this origin stores and may store; undefined where the browser does not say. */
export async function quota(): Promise<Quota | undefined> {
  if (typeof navigator.storage?.estimate !== 'function') return undefined;
  return doing('asking for the free storage', async () => {
    const { usage = 0, quota: total = 0 } = await navigator.storage.estimate();
    return { used: usage, total, persistent: (await navigator.storage.persisted?.()) ?? false };
  });
}

/**
 * Asks the browser to keep what is stored until the visitor removes it. Some browsers ask the visitor, others decide by
 * themselves.
 *
 * @returns Whether it does.
 */
export async function askPersistence(): Promise<boolean> {
  if (typeof navigator.storage?.persist !== 'function') return false;
  return doing('asking to keep the projects', async () =>
    (await navigator.storage.persisted()) ? true : navigator.storage.persist(),
  );
}
