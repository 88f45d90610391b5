import type { StepsEvent, TrainingEvent } from './events.ts';

/** Milliseconds between events: as often as a curve is worth drawing. */
const OFTEN = 200;

/** Gathers steps, so that a fast adapter does not flood the page with messages. */
export class StepEvents {
  readonly #tell: (event: TrainingEvent) => void;
  #losses: number[] = [];
  #last: Omit<StepsEvent, 'kind' | 'losses'> | undefined;
  #told = Number.NEGATIVE_INFINITY;

  constructor(tell: (event: TrainingEvent) => void) {
    this.#tell = tell;
  }

  add({ loss, ...last }: Omit<StepsEvent, 'kind' | 'losses'> & { readonly loss: number }): void {
    this.#losses.push(loss);
    this.#last = last;
    if (performance.now() - this.#told >= OFTEN) this.flush();
  }

  /** Tells what has been gathered. */
  flush(): void {
    if (!this.#last || this.#losses.length === 0) return;
    this.#tell({ kind: 'steps', ...this.#last, losses: this.#losses });
    this.#losses = [];
    this.#told = performance.now();
  }
}
