/** If results are read back this soon after a batch was made, in milliseconds, it is unknown when the device had finished them. */
const AT_ONCE = 2;

/**
 * How long a training has waited for batches while the device had nothing to compute. Where a batch was made in this thread, which hears
 * of the device only afterwards, and the device was done by then, all of that time counts: it is a bound from above.
 */
export class Waiting {
  #waited = 0;
  #total = 0;
  #last: number | undefined;

  /** The share of the time of the steps, 0 to 1: of those since the first, with which compilation ends. */
  get share(): number {
    return this.#total > 0 ? Math.min(1, this.#waited / this.#total) : 0;
  }

  /**
   * Takes the next batch.
   *
   * @param batches What makes them.
   * @param running The results of the step that the device computes meanwhile; none at the begin of an epoch.
   */
  async next<Result>(
    batches: AsyncGenerator<Result, void>,
    running: readonly Promise<unknown>[] = [],
  ): Promise<IteratorResult<Result, void>> {
    const begun = this.#last;
    const start = performance.now();
    let [done, end]: [done?: number, end?: number] = running.length === 0 ? [start] : [];
    Promise.all(running).then(
      () => {
        done ??= performance.now();
        // Later than the batch, but at the first opportunity.
        const isLate = end !== undefined && done - end < AT_ONCE;
        if (isLate && begun !== undefined) this.#waited += end! - start;
      },
      // Whoever takes the results gets the error.
      () => undefined,
    );
    const next = await batches.next();
    end = performance.now();
    if (begun !== undefined) {
      if (done !== undefined) this.#waited += end - done;
      // What is between epochs, such as validation, is no time of steps.
      this.#total += end - (running.length === 0 ? start : begun);
    }
    if (begun !== undefined || running.length > 0) this.#last = end;
    return next;
  }
}
