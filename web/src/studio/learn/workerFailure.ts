/** Rejects where a worker itself fails, as its file cannot be loaded: it answers no call any more. */
export function failureOf(worker: Worker, what: string): Promise<never> {
  const failed = new Promise<never>((_, reject) => {
    worker.addEventListener('error', ({ message }) =>
      reject(
        new Error(`the worker that ${what} failed: ${message || 'it cannot be loaded'}; reload the page`),
      ),
    );
  });
  // Whoever waits for an answer is told.
  failed.catch(() => {});
  return failed;
}
