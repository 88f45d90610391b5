import { type ChildProcess, spawn } from 'node:child_process';
import path from 'node:path';
import { ensureBuilt } from '../../scripts/built.mjs';

const root = path.join(import.meta.dirname, '../..');
const bin = path.join(root, 'cli/bin/fovea.mjs');

/** Bundles the command line and the library that it imports, from the sources as they are. */
export const buildCli = (): Promise<void> => ensureBuilt(['library', 'cli']);

export interface Ended {
  /** Null where a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts `fovea …` as a user would, with further variables of the environment. */
export function startFovea(
  args: readonly string[],
  variables: Readonly<Record<string, string>> = {},
): { child: ChildProcess; ended: Promise<Ended> } {
  const { FOVEA_DEBUG: _, ...environment } = process.env;
  const child = spawn(process.execPath, [bin, ...args], {
    env: { ...environment, NO_COLOR: '1', ...variables },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk) => (stdout += chunk));
  child.stderr.on('data', (chunk) => (stderr += chunk));
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
  return { child, ended };
}

export const fovea = (...args: string[]): Promise<Ended> => startFovea(args).ended;

/** What of stderr is neither the adapter's line nor Dawn's own warnings. */
export const messages = (stderr: string): string[] =>
  stderr
    .split('\n')
    .filter((line) => line !== '' && !/^(adapter: |SOFTWARE ADAPTER|Warning: maxDynamic)/.test(line));
