import { listen, tell } from './channel.ts';
import { doing } from './errors.ts';

export { type Change, changes } from './channel.ts';

/** This tab edits the project. */
export interface Held {
  readonly state: 'held';
  /** Lets other tabs edit it; more than once does nothing. */
  release(): void;
}

/** Another tab edits the project: show it, and change nothing. */
export interface Elsewhere {
  readonly state: 'elsewhere';
  /** Asks the other tab to save and let go. One that does not answer, as it sleeps or hangs, loses the project after two seconds. */
  takeOver(): Promise<Held>;
}

/** How long another tab has to save what it is at, in milliseconds. */
const PATIENCE = 2000;

/** Locks that this tab lets go, until they are free: to ask for one at once would find it taken. */
const releasing = new Set<Promise<void>>();

const lockOf = (project: string): string => `fovea-studio-project-${project}`;

/** Held by all who write files that have no row yet; by one who removes files without rows, alone. */
const FILES = 'fovea-studio-files';

/**
 * Makes this tab the only one that edits a project, if no other does. The lock ends with the tab, also where it crashes.
 * Browsers without Web Locks always answer 'held'.
 *
 * @param project The id of the project.
 * @param onLost Called once when another tab takes the project over. It may return a promise, to save what is not saved
 * yet: the other tab waits for it up to two seconds. After that this tab must change nothing of the project.
 */
export function holdProject(project: string, onLost: () => void | Promise<void>): Promise<Held | Elsewhere> {
  return doing('opening the project for editing', async () => {
    await Promise.all(releasing);
    const held = await request(project, onLost, { ifAvailable: true });
    return held ?? { state: 'elsewhere', takeOver: () => takeOver(project, onLost) };
  });
}

function takeOver(project: string, onLost: () => void | Promise<void>): Promise<Held> {
  return doing('taking the project over', async () => {
    tell({ type: 'takeOver', project });
    const signal = AbortSignal.timeout(PATIENCE);
    const held = await request(project, onLost, { signal }).catch((error) => {
      if (signal.aborted) return undefined;
      throw error;
    });
    return held ?? (await request(project, onLost, { steal: true }))!;
  });
}

/** Asks for the lock of a project. Undefined where it is not to be had now. */
function request(
  project: string,
  onLost: () => void | Promise<void>,
  options: LockOptions,
): Promise<Held | undefined> {
  if (typeof navigator.locks === 'undefined') return Promise.resolve({ state: 'held', release() {} });
  return new Promise((resolve, reject) => {
    let granted = false;
    let ended = false;
    let stop = () => {};
    let free = () => {};
    const release = () => {
      ended = true;
      stop();
      free();
      const released = whole.then(() => {
        releasing.delete(released);
      });
      releasing.add(released);
    };
    /** Once, and not after the release. */
    const lose = async () => {
      if (ended) return;
      ended = true;
      try {
        await onLost();
      } finally {
        release();
      }
    };
    const hold = (lock: Lock | null) => {
      if (!lock) return resolve(undefined);
      granted = true;
      stop = listen((message) => {
        if (message.type === 'takeOver' && message.project === project) void lose();
      });
      resolve({ state: 'held', release });
      return new Promise<void>((end) => {
        free = end;
      });
    };
    // Rejects where the lock is not given, and, long after that, where it is stolen.
    const whole = navigator.locks.request(lockOf(project), options, hold).catch((error) => {
      if (granted) void lose();
      else reject(error);
    });
  });
}

/** Runs what writes files before their rows: nobody removes files without rows meanwhile. */
export const whileAdding = <T>(work: () => Promise<T>): Promise<T> =>
  typeof navigator.locks === 'undefined'
    ? work()
    : (navigator.locks.request(FILES, { mode: 'shared' }, work) as Promise<T>);

/** Runs what removes files without rows, unless somebody is adding files, here or in another tab: undefined then. */
export const unlessAdding = async <T>(work: () => Promise<T>): Promise<T | undefined> =>
  typeof navigator.locks === 'undefined'
    ? undefined
    : ((await navigator.locks.request(FILES, { ifAvailable: true }, (lock) => (lock ? work() : undefined))) as
        | T
        | undefined);
