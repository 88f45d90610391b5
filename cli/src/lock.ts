import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import path from 'node:path';
import { DataError, UsageError } from 'fovea';
import { fileProblem, makeFolder, temporaryFor } from './files.ts';

/** The process that holds a lock, as the lock file says it. */
export interface Holder {
  readonly pid: number;
  /** When it was started, in the words of the system: another process may get its number later. '' where it is not known. */
  readonly start: string;
  readonly host: string;
}

/** The lock of the trainings that write `model.safetensors`: `model.lock`. */
export const lockPath = (out: string): string => {
  const { dir, name } = path.parse(out);
  return path.join(dir, `${name}.lock`);
};

/** When a process was started: clock ticks since the system's start on Linux, a date elsewhere; '' where neither is to be had. */
function startOf(pid: number): string {
  try {
    if (process.platform === 'linux') {
      // The name, in parentheses, may hold anything. Field 22 is the 20th behind it.
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
    }
    if (process.platform === 'win32') return '';
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim();
  } catch {
    return '';
  }
}

/** Who holds the locks of this process. */
export const thisProcess = (): Holder => ({
  pid: process.pid,
  start: startOf(process.pid),
  host: hostname(),
});

/** What a lock says; undefined for what is none. */
export function parseHolder(text: string): Holder | undefined {
  try {
    const { pid, start, host } = JSON.parse(text) as Partial<Holder>;
    const whole =
      Number.isSafeInteger(pid) && pid! > 0 && typeof start === 'string' && typeof host === 'string';
    return whole ? { pid: pid!, start, host } : undefined;
  } catch {
    return undefined;
  }
}

/** Whether the holder may still be running. On another machine nobody can tell. */
export function isRunning({ pid, start, host }: Holder): boolean {
  if (host !== hostname()) return true;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  const now = startOf(pid);
  return start === '' || now === '' || start === now;
}

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

/** Makes the lock file, whole from its first moment. False where there is one. */
function place(lock: string, content: string, temporary: string): boolean {
  try {
    linkSync(temporary, lock);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
  }
  // A file system without hard links.
  try {
    writeFileSync(lock, content, { flag: 'wx' });
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

const read = (file: string): string | undefined => {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
};

function acquire(out: string, lock: string, content: string, what: string): void {
  const temporary = temporaryFor(lock);
  try {
    writeFileSync(temporary, content, { flag: 'wx' });
    while (!place(lock, content, temporary)) {
      const found = read(lock);
      if (found === undefined) continue;
      const holder = parseHolder(found);
      if (holder && isRunning(holder)) {
        const elsewhere = holder.host === hostname() ? '' : ` on ${holder.host}`;
        const ended = elsewhere ? `remove ${lock} if it has ended` : 'stop it, or wait for it';
        throw new UsageError(
          `${lock}: another ${what} (process ${holder.pid}${elsewhere}) writes ${out}; ${ended}, or choose another --out`,
        );
      }
      // Left by a killed process. Only one of those who see this can move it away.
      const aside = temporaryFor(lock);
      try {
        renameSync(lock, aside);
      } catch (error) {
        if (codeOf(error) === 'ENOENT') continue;
        throw error;
      }
      // Another process may have been faster, and this be its lock: that goes back.
      if (read(aside) !== found) place(lock, read(aside) ?? '', aside);
      rmSync(aside, { force: true });
    }
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new DataError(`${lock}: cannot be written (${fileProblem(error)}); choose another --out`, {
      cause: error,
    });
  } finally {
    rmSync(temporary, { force: true });
  }
}

/**
 * Runs a training, or what `what` names, that writes `out`, while a lock file next to it keeps other processes from the same. The lock of a
 * process that was killed is taken over. Throws UsageError where another one runs, which it names.
 */
export async function withLock<T>(out: string, fn: () => Promise<T>, what = 'training'): Promise<T> {
  await makeFolder(path.dirname(out));
  const lock = lockPath(out);
  // The id tells this lock from others of the same process.
  const content = JSON.stringify({ ...thisProcess(), id: randomUUID() });
  acquire(out, lock, content, what);
  const release = (): void => {
    if (read(lock) === content) rmSync(lock, { force: true });
  };
  process.once('exit', release);
  try {
    return await fn();
  } finally {
    process.off('exit', release);
    release();
  }
}
