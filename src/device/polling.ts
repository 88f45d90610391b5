import { waiting } from './waiting.ts';

type Immediate = typeof setImmediate;
type Poll = () => void;

/**
 * For so many milliseconds after work was submitted, polls follow each other at once; then they are a millisecond apart.
 * Less makes short kernels slower: Linux lets a thread that has slept keep its core from those that compute.
 */
const EAGER_MS = 10;

/** Whether a callback is one of Dawn's: made by native code, without a name and parameters. */
const isDawns = (callback: unknown, args: readonly unknown[]): callback is Poll =>
  typeof callback === 'function' &&
  args.length === 0 &&
  callback.name === '' &&
  callback.length === 0 &&
  /^function \(\) \{\s*\[native code\]\s*\}$/.test(Function.prototype.toString.call(callback));

/** A clock, and a way to run a function in about a millisecond, which returns how to take that back. */
interface Clock {
  now(): number;
  later(poll: Poll): () => void;
}

const CLOCK: Clock = {
  now: () => performance.now(),
  later(poll) {
    const timer = setTimeout(poll, 1);
    return () => clearTimeout(timer);
  },
};

/**
 * `setImmediate` for a process that waits for Dawn. Dawn's binding for Node learns that work has ended by polling: while
 * any promise of WebGPU's is pending, every poll asks for the next one with the global `setImmediate`. That keeps a core
 * busy, and on a software adapter it is a core that shaders would run on. Here the polls are a millisecond apart once
 * Fovea's last submission is EAGER_MS old. Callbacks of everyone else go to `immediate` untouched.
 *
 * Returns the function, and what to call when work is submitted (`waiting.begin`).
 *
 * @param immediate the global function that this one replaces
 */
export function patientImmediate(
  immediate: Immediate,
  { now, later }: Clock = CLOCK,
): { patient: Immediate; begin: () => void } {
  let since = now();
  /** Polls now instead of in a millisecond. */
  let hurry: (() => void) | undefined;
  const patient = (callback: Poll, ...args: unknown[]) => {
    if (!isDawns(callback, args)) return immediate(callback, ...args);
    if (now() - since < EAGER_MS) return immediate(callback);
    const cancel = later(() => {
      hurry = undefined;
      callback();
    });
    hurry = () => {
      cancel();
      immediate(callback);
    };
    return undefined;
  };
  const begin = () => {
    since = now();
    // Dawn asks for one poll at a time: the next work would wait for the one that is due.
    hurry?.();
    hurry = undefined;
  };
  // util.promisify looks for its own version under a symbol.
  Object.defineProperties(patient, Object.getOwnPropertyDescriptors(immediate));
  return { patient: patient as unknown as Immediate, begin };
}

let installed = false;

/** Makes Dawn wait patiently in this process, for a device that computes on its cores. Once is enough. */
export function waitPatiently(): void {
  if (installed) return;
  installed = true;
  const { patient, begin } = patientImmediate(globalThis.setImmediate);
  globalThis.setImmediate = patient;
  waiting.begin = begin;
}
