import { setTimeout as sleep } from 'node:timers/promises';
import { DownloadError } from './failure.ts';

/** How failures that may pass are tried again. */
export interface AttemptOptions {
  /** Tries after the first. */
  readonly retries: number;
  /** Milliseconds before the second try; each further one waits twice as long. */
  readonly retryDelay: number;
  /** Most milliseconds that are waited; a server that asks for more has failed. */
  readonly maxWait: number;
}

/**
 * Milliseconds before the next try: what the server asks for, or else an exponential back-off, of which up to a quarter is left out by
 * chance, so that many tries that failed together do not come back together.
 */
function waitBefore(attempt: number, error: DownloadError, options: AttemptOptions): number {
  const backOff = options.retryDelay * 2 ** attempt * (1 - Math.random() / 4);
  return Math.max((error.retryAfter ?? 0) * 1000, Math.min(backOff, options.maxWait));
}

/**
 * Does work, again while it fails with a DownloadError that may pass.
 *
 * @param work What is done.
 * @param options How often, and after what time.
 * @param signal Ends the waiting.
 */
export async function withAttempts<T>(
  work: () => Promise<T>,
  options: AttemptOptions,
  signal: AbortSignal,
): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof DownloadError) || !error.retriable || attempt >= options.retries) throw error;
      const wait = waitBefore(attempt, error, options);
      if (wait > options.maxWait) {
        throw new DownloadError(`${error.message} (asks to wait ${error.retryAfter} s; --max-wait)`, {
          retriable: false,
          cause: error,
        });
      }
      await sleep(wait, undefined, { signal });
    }
  }
}
