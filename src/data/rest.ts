/** Lets the event loop go on, if the thread has been kept for a while. */
export type Rest = () => Promise<void>;

/** The longest that reading and writing keep the thread where they can rest, in milliseconds. */
const SLICE = 30;

/** Makes a function that lets signals and other promises go on, and throws the signal's reason once it is aborted. */
export function resting(signal?: AbortSignal): Rest {
  let began = Date.now();
  return async () => {
    if (Date.now() - began > SLICE) {
      await new Promise((resolve) => setTimeout(resolve));
      began = Date.now();
    }
    signal?.throwIfAborted();
  };
}
