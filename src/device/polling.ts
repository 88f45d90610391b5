type Immediate = typeof setImmediate;
type Poll = () => void;

/** For so many milliseconds the polls of a wait follow each other at once; then each comes a millisecond after the last. */
const EAGER_MS = 4;

/** Whether a callback is one of Dawn's: made by native code, without a name and parameters. */
const isDawns = (callback: unknown, args: readonly unknown[]): callback is Poll =>
  typeof callback === 'function' &&
  args.length === 0 &&
  callback.name === '' &&
  callback.length === 0 &&
  Function.prototype.toString.call(callback).includes('[native code]');

/**
 * `setImmediate` for a process that waits for Dawn. Dawn's binding for Node learns that work has ended by polling: while
 * any promise of WebGPU's is pending, every poll asks for the next one with the global `setImmediate`. That keeps a core
 * busy, and on a software adapter it is a core that shaders would run on. Here the polls of a wait that lasts are a
 * millisecond apart. Callbacks of everyone else go to `immediate` untouched.
 *
 * @param immediate the global function that this one replaces
 * @param later runs a function in about a millisecond
 * @param now the time in milliseconds
 */
export function patientImmediate(
  immediate: Immediate,
  later: (poll: Poll) => unknown = (poll) => setTimeout(poll, 1),
  now: () => number = () => performance.now(),
): Immediate {
  let since: number | undefined;
  let asked = false;
  const patient = (callback: Poll, ...args: unknown[]) => {
    if (!isDawns(callback, args)) return immediate(callback, ...args);
    asked = true;
    since ??= now();
    const poll = () => {
      asked = false;
      callback();
      // Nothing is awaited any more; the next wait may be a short one.
      if (!asked) since = undefined;
    };
    return now() - since < EAGER_MS ? immediate(poll) : later(poll);
  };
  // util.promisify looks for its own version under a symbol.
  return Object.defineProperties(
    patient,
    Object.getOwnPropertyDescriptors(immediate),
  ) as unknown as Immediate;
}

let installed = false;

/** Makes Dawn wait patiently in this process, for a device that computes on its cores. Once is enough. */
export function waitPatiently(): void {
  if (installed) return;
  installed = true;
  globalThis.setImmediate = patientImmediate(globalThis.setImmediate);
}
