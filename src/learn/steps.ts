import { UsageError } from '../errors.ts';
import type { Phase } from './fitPlan.ts';

/** Where a step is in a training. */
interface Place {
  readonly phase: Phase;
  /** The place in the phase's schedule, from 0. Whole, but where the number of batches per step changes. */
  readonly index: number;
  /** Steps of the phase. */
  readonly steps: number;
}

/**
 * The steps of a training, and which batches each of them takes. A step takes as many as are accumulated, but never batches of two
 * epochs or two phases: the last step of an epoch may take fewer.
 */
export class Steps {
  /** Steps of all phases. */
  readonly count: number;
  /** Whether a step may take several batches. */
  readonly accumulates: boolean;
  readonly #phases: readonly Phase[];
  readonly #perEpoch: number;
  /** The first batch of each step, of all epochs, and at the end how many batches there are. */
  readonly #starts: readonly number[];
  /** The first step of each phase, and at the end how many steps there are. */
  readonly #firsts: readonly number[];

  /**
   * @param phases What the training does.
   * @param perEpoch Batches per epoch.
   * @param accumulate Batches per step, in phases that say nothing else.
   */
  constructor(phases: readonly Phase[], perEpoch: number, accumulate: number) {
    this.#phases = phases;
    this.#perEpoch = perEpoch;
    this.accumulates = accumulate > 1 || phases.some(({ accumulate: own }) => own !== undefined);
    const starts = [0];
    const firsts = [0];
    let begin = 0;
    for (const { epochs, accumulate: own } of phases) {
      const batches = Math.max(1, Math.round(epochs * perEpoch));
      for (let at = 0; at < batches; ) {
        const wanted = own ? own(at, batches) : accumulate;
        const left = Math.min(batches - at, perEpoch - ((begin + at) % perEpoch));
        at += Math.min(wanted, left);
        starts.push(begin + at);
      }
      begin += batches;
      firsts.push(starts.length - 1);
    }
    this.#starts = starts;
    this.#firsts = firsts;
    this.count = starts.length - 1;
  }

  /** Epochs of all phases: a part of one counts. */
  get epochs(): number {
    return Math.ceil(this.#starts.at(-1)! / this.#perEpoch);
  }

  /** How many batches were taken before a step, from 0. */
  batchesBefore(step: number): number {
    return this.#starts[step]!;
  }

  /** How many batches a step takes. */
  batchesOf(step: number): number {
    return this.#starts[step + 1]! - this.#starts[step]!;
  }

  /** The epoch of a step, from 0. */
  epochOf(step: number): number {
    return Math.floor(this.#starts[step]! / this.#perEpoch);
  }

  /** The number of a step's first batch in its epoch, from 0. An epoch begins where it is 0. */
  batchOf(step: number): number {
    return this.#starts[step]! % this.#perEpoch;
  }

  /** Whether an epoch, or the training, ends after this number of steps. */
  endsEpoch(steps: number): boolean {
    return this.batchOf(steps) === 0 || steps === this.count;
  }

  placeOf(step: number): Place {
    const next = this.#firsts.findIndex((first) => first > step);
    const i = next < 0 ? this.#phases.length - 1 : next - 1;
    const [first, end] = [this.#firsts[i]!, this.#firsts[i + 1]!];
    const phase = this.#phases[i]!;
    const steps = end - first;
    if (!phase.accumulate || steps === 1) return { phase, index: step - first, steps };
    // By the share of the batches, so that the schedule peaks where the number of batches per step is lowest.
    const [begin, last] = [this.#starts[first]!, this.#starts[end - 1]!];
    return { phase, index: ((this.#starts[step]! - begin) / (last - begin)) * (steps - 1), steps };
  }
}

/** Throws UsageError unless this is a number of batches per step. */
export function expectAccumulate(call: string, name: string, value: unknown): void {
  if (Number.isSafeInteger(value) && (value as number) >= 1) return;
  throw new UsageError(`${call}: ${name} is ${String(value)}; give a whole number of at least 1`);
}
