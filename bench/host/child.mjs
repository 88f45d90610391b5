// Commands with all that they start: each is a process group of its own, which can be ended as a whole.
import { spawn } from 'node:child_process';

/** A group that was asked to end is killed after this: milliseconds. */
const PATIENCE = 3000;

/**
 * @typedef {object} Ended
 * @property {number | string} exit The exit code, else the signal, or what went wrong.
 * @property {boolean} expired Whether it was ended because its time was up.
 */

/**
 * Runs a command until it ends or its time is up.
 *
 * @param {readonly string[]} words
 * @param {object} options
 * @param {Promise<unknown>} options.expired When its time is up.
 * @param {(text: Uint8Array) => void} options.print Gets what it writes to stdout and stderr.
 * @param {(end: () => void) => void} [options.started] Gets what ends the group at once.
 * @param {string} [options.cwd]
 * @param {NodeJS.ProcessEnv} [options.env]
 * @returns {Promise<Ended>}
 */
export function runChild([command = '', ...args], { expired, print, started, cwd, env }) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    /** @param {NodeJS.Signals} signal */
    const signalGroup = (signal) => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, signal);
      } catch {
        // Nobody is left in it.
      }
    };
    let over = false;
    let late = false;
    /** @type {NodeJS.Timeout | undefined} */
    let timer;
    const end = () => {
      signalGroup('SIGTERM');
      timer = setTimeout(() => signalGroup('SIGKILL'), PATIENCE);
    };
    started?.(end);
    expired.then(() => {
      if (over) return;
      late = true;
      end();
    });
    /** @param {number | string} exit */
    const finish = (exit) => {
      if (over) return;
      over = true;
      clearTimeout(timer);
      resolve({ exit, expired: late });
    };
    child.stdout.on('data', print);
    child.stderr.on('data', print);
    child.on('error', (error) => finish(error.message));
    child.on('exit', () => {
      // What it has started may outlive it, and hold its output open; one that has left the group even then.
      signalGroup('SIGKILL');
      timer = setTimeout(() => child.stdout.destroy() && child.stderr.destroy(), PATIENCE);
    });
    child.on('close', (code, signal) => finish(code ?? signal ?? 'unknown'));
  });
}
