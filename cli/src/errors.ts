import { FoveaError } from 'fovea';
import { endAllProgress } from './progress.ts';

/** Exit codes: 0 done; 2 the user can fix it; 70 a fault of Fovea (sysexits' EX_SOFTWARE); 130 interrupted. */
export const EXIT = { ok: 0, user: 2, fault: 70, interrupted: 130 } as const;

const callbacks = new Set<() => void>();
let signals = 0;

/** True once the user has asked to stop. */
export const interrupted = (): boolean => signals > 0;

function onSignal(signal: NodeJS.Signals): void {
  signals++;
  if (signals > 1 || callbacks.size === 0) {
    endAllProgress();
    process.exit(signal === 'SIGTERM' ? 143 : EXIT.interrupted);
  }
  for (const callback of [...callbacks]) callback();
}

/**
 * Calls back on the first Ctrl-C (or SIGTERM), so that a run can finish its step and save; the process goes
 * on. The second one ends it at once. Returns the function that takes the callback off again.
 */
export function onInterrupt(callback: () => void): () => void {
  if (callbacks.size === 0) {
    process.on('SIGINT', onSignal);
    process.on('SIGTERM', onSignal);
  }
  callbacks.add(callback);
  return () => {
    if (!callbacks.delete(callback) || callbacks.size > 0) return;
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
  };
}

const oneLine = (text: string): string => text.replace(/\s*[\r\n]+\s*/g, ' ').trim();

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
    const own = e.stack ?? String(e);
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

/**
 * Runs a program to its end: a FoveaError is one line on stderr and exit code 2, anything else one line (a
 * stack under FOVEA_DEBUG) and 70. After Ctrl-C that the program handled the code is 130. A reader that
 * closes the pipe (`fovea … | head`) is no error.
 */
export async function runMain(
  main: () => unknown,
  { stderr = process.stderr, exit = (code) => process.exit(code) }: RunMainOptions = {},
): Promise<void> {
  const onPipe = (error: NodeJS.ErrnoException): void => {
    if (error.code === 'EPIPE') exit(EXIT.ok);
    else throw error;
  };
  process.stdout.on('error', onPipe);
  try {
    await main();
    endAllProgress();
    if (interrupted()) process.exitCode ??= EXIT.interrupted;
  } catch (error) {
    endAllProgress();
    const { text, code } = describeError(error);
    if (text !== '') stderr.write(`${text}\n`);
    exit(code);
  } finally {
    process.stdout.off('error', onPipe);
  }
}
