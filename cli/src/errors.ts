import { FoveaError } from 'fovea';
import { fileProblem } from './files.ts';
import { printable, printableLines } from './printable.ts';
import { endAllProgress } from './progress.ts';

/** Exit codes: 0 done; 2 the user can fix it; 70 a fault of Fovea (sysexits' EX_SOFTWARE). A signal gives 128 and its number. */
export const EXIT = { ok: 0, user: 2, fault: 70 } as const;

/** The signals that stop a command, and the exit code of each. SIGPIPE stands for a reader of the output that is gone. */
const SIGNALS = { SIGHUP: 129, SIGINT: 130, SIGPIPE: 141, SIGTERM: 143 } as const;
type Stop = keyof typeof SIGNALS;
const HANDLED = ['SIGHUP', 'SIGINT', 'SIGTERM'] as const satisfies readonly Stop[];

const callbacks = new Set<() => void>();
let received: Stop | undefined;

/** True once the user has asked to stop. */
export const interrupted = (): boolean => received !== undefined;

/**
 * Ends the process as the signal that was received would have: a shell sees 128 and its number. The signal itself ends it,
 * because process.exit() takes down a software adapter's memory under its threads, which crashes where work is in flight.
 */
export function endBySignal(): never {
  endAllProgress();
  if (received && received !== 'SIGPIPE' && process.platform !== 'win32') {
    for (const signal of HANDLED) process.off(signal, onSignal);
    // As process.exit() does: a lock is released, a folder half unpacked removed.
    process.emit('exit', SIGNALS[received]);
    process.kill(process.pid, received);
  }
  // Node ignores SIGPIPE, and Windows has no signals.
  process.exit(received ? SIGNALS[received] : EXIT.ok);
}

function onSignal(signal: Stop): void {
  if (received !== undefined || callbacks.size === 0) {
    received ??= signal;
    endBySignal();
  }
  received = signal;
  for (const callback of [...callbacks]) callback();
}

/**
 * Calls back on the first Ctrl-C, SIGTERM or SIGHUP, so that a run can finish its step and save; the process goes on. The second
 * one ends it at once. Without a callback signals end the process themselves. Returns the function that takes the callback off
 * again.
 */
export function onInterrupt(callback: () => void): () => void {
  if (callbacks.size === 0) for (const signal of HANDLED) process.on(signal, onSignal);
  callbacks.add(callback);
  return () => {
    if (!callbacks.delete(callback) || callbacks.size > 0) return;
    for (const signal of HANDLED) process.off(signal, onSignal);
  };
}

/** Line breaks with what surrounds them become blanks; what else must not be printed is escaped. */
const oneLine = (text: string): string => printable(text.replace(/\s*[\r\n]+\s*/g, ' ').trim());

const wantsDebug = (): boolean => {
  const value = process.env.FOVEA_DEBUG;
  return value !== undefined && value !== '' && value !== '0';
};

/** What to print for an error, and the exit code that belongs to it. */
export function describeError(error: unknown): { text: string; code: number } {
  // commander has printed its own message (or the help) before it throws.
  if (
    error instanceof Error &&
    'exitCode' in error &&
    'code' in error &&
    `${error.code}`.startsWith('commander.')
  ) {
    return { text: '', code: error.exitCode === 0 ? EXIT.ok : EXIT.user };
  }
  const stack = (e: Error): string => {
    const own = printableLines(e.stack ?? String(e));
    return e.cause instanceof Error ? `${own}\ncaused by ${stack(e.cause)}` : own;
  };
  if (error instanceof FoveaError) {
    const line = `fovea: ${oneLine(error.message)}`;
    return { text: wantsDebug() ? `${line}\n${stack(error)}` : line, code: EXIT.user };
  }
  if (wantsDebug() && error instanceof Error) {
    return { text: `fovea: unexpected error\n${stack(error)}`, code: EXIT.fault };
  }
  const what = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return {
    text: `fovea: unexpected error: ${oneLine(what)} (set FOVEA_DEBUG=1 for the stack)`,
    code: EXIT.fault,
  };
}

export interface RunMainOptions {
  stderr?: { write(text: string): unknown };
  /** Ends the process. A test gives its own. */
  exit?: (code: number) => void;
}

/** What was written and is still on its way is written before a process ends; a write that fails emits `error` first. */
const flushed = (stream: NodeJS.WriteStream): Promise<void> =>
  new Promise((resolve) => {
    if (stream.writableLength === 0) setImmediate(resolve);
    else stream.write('', () => setImmediate(resolve));
  });

/**
 * Takes care of output that cannot be written, for the life of the process. A reader that is gone (`fovea … | head`) ends it
 * quietly; a run that can save what it has does that first. Anything else, a full disk above all, is one line and exit code 2.
 */
function watchOutput(exit: (code: number) => void): () => void {
  const onError = (name: string) => (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') {
      if (callbacks.size === 0) exit(EXIT.ok);
      else if (received === undefined) onSignal('SIGPIPE');
      return;
    }
    endAllProgress();
    // Where stderr itself is full there is nowhere to say it.
    if (name === 'stdout') {
      process.stderr.write(
        `fovea: standard output: cannot be written (${fileProblem(error)}); give it another place\n`,
      );
    }
    exit(EXIT.user);
  };
  const [out, err] = [onError('stdout'), onError('stderr')];
  process.stdout.on('error', out);
  process.stderr.on('error', err);
  return () => {
    process.stdout.off('error', out);
    process.stderr.off('error', err);
  };
}

/**
 * Runs a program to its end: a FoveaError is one line on stderr and exit code 2, anything else one line (a
 * stack under FOVEA_DEBUG) and 70. After a signal that the program handled the code is that of the signal.
 */
export async function runMain(
  main: () => unknown,
  { stderr = process.stderr, exit = (code) => process.exit(code) }: RunMainOptions = {},
): Promise<void> {
  const unwatch = watchOutput(exit);
  try {
    await main();
    endAllProgress();
    if (received) process.exitCode ??= SIGNALS[received];
    await Promise.all([flushed(process.stdout), flushed(process.stderr)]);
  } catch (error) {
    endAllProgress();
    const { text, code } = describeError(error);
    if (text !== '') stderr.write(`${text}\n`);
    await Promise.all([flushed(process.stdout), flushed(process.stderr)]);
    exit(code);
  }
  // What is written later, as the process ends, may fail too; a test that gives its own exit has an end of its own.
  if (stderr !== process.stderr) unwatch();
}
