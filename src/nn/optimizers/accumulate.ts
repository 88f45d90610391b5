import { UsageError } from '../../errors.ts';
import { add, maximum, where } from '../../graph/functions/elementwise.ts';
import { assign, assignedTo, onRun } from '../../graph/recorder.ts';
import type { State } from '../../graph/state.ts';
import { full, stateTensor, type Tensor, tensor } from '../../graph/tensor.ts';
import { type Accumulated, BLOCK, type Flat, flatState, type Gradients, takeGradients } from './flat.ts';
import { Optimizer } from './optimizer.ts';

/** The sums of a flat buffer's gradients. */
interface Sum {
  readonly grad: State;
  /** [blocks], 1 where one of the gradients was. */
  readonly active: State;
  /** [1], whether a run goes on with them: 1, or 0 to begin anew. */
  readonly goesOn: State;
  /** Whether there is something in them since the last step. */
  filled: boolean;
}

/** Sums of gradients, kept from run to run on the device. */
class Sums implements Accumulated {
  readonly #sums = new Map<Flat, Sum>();
  readonly #share = flatState('share', 1);
  #parts = 0;

  get size(): number {
    return this.#sums.size;
  }

  /** Records that a run's gradients are added. */
  take(gradients: readonly Gradients[]): void {
    for (const { flat, grad, active } of gradients) {
      const blocks = flat.size / BLOCK;
      const sum = this.#sums.get(flat) ?? {
        grad: flatState('sum', flat.size),
        active: flatState('active', blocks),
        goesOn: flatState('goes on', 1),
        filled: false,
      };
      this.#sums.set(flat, sum);
      // A second time in one recording it goes on with what the first has left.
      const first = !assignedTo(sum.grad);
      const together = this.sum(flat, { flat, grad, active: active ?? ones(blocks) });
      assign(sum.grad, together.grad);
      assign(sum.active, together.active!);
      onRun(() => {
        if (first) sum.goesOn.set(Float32Array.of(sum.filled ? 1 : 0));
        sum.filled = true;
      });
    }
    onRun(() => {
      this.#parts++;
    });
  }

  sum(flat: Flat, own: Gradients): Gradients;
  sum(flat: Flat, own: Gradients | undefined): Gradients | undefined;
  sum(flat: Flat, own: Gradients | undefined): Gradients | undefined {
    const sum = this.#sums.get(flat);
    if (!sum) return own;
    // Chosen, and not multiplied by 0, so that infinities and NaN are forgotten too.
    const from = (state: State, mine: Tensor | undefined, join: (a: Tensor, b: Tensor) => Tensor) => {
      const recorded = assignedTo(state);
      const before = recorded ?? stateTensor(state);
      if (recorded) return mine ? join(recorded, mine) : recorded;
      return where(stateTensor(sum.goesOn), mine ? join(before, mine) : before, mine ?? full([], 0));
    };
    const active = own && (own.active ?? ones(flat.size / BLOCK));
    return { flat, grad: from(sum.grad, own?.grad, add), active: from(sum.active, active, maximum) };
  }

  finish(own: boolean, parts: number | undefined): Tensor {
    const sums = [...this.#sums.values()].map((sum) => ({ sum, first: !assignedTo(sum.grad) }));
    onRun(() => {
      this.#share.set(Float32Array.of(1 / (parts ?? Math.max(1, this.#parts + (own ? 1 : 0)))));
      this.#parts = 0;
      for (const { sum, first } of sums) {
        if (first) sum.goesOn.set(Float32Array.of(sum.filled ? 1 : 0));
        sum.filled = false;
      }
    });
    return stateTensor(this.#share);
  }
}

const ones = (length: number): Tensor => tensor(new Float32Array(length).fill(1));

/**
 * Records that the gradients which `backward` left are added to those of earlier runs, and clears them: for a batch that is too large
 * to be computed at once. The optimizer's next `step` uses the mean of all that was accumulated since its last one and, where
 * `backward` has left some, of its own run; then sums begin anew. With mean losses of parts of one size that equals the step
 * of the whole batch. The sums take as much memory on the device as the weights, from the first use on; state dicts do not have them.
 * Only inside `gpu.capture` or `gpu.run`.
 *
 * @param optimizer Whose parameters' gradients are added.
 * @throws UsageError for what is no optimizer, and after its `step` in the same recording: that step has used up the sums.
 */
export function accumulate(optimizer: Optimizer): void {
  if (!(optimizer instanceof Optimizer)) {
    throw new UsageError(
      `accumulate: ${String(optimizer)} is no optimizer; give the one that takes the steps`,
    );
  }
  if (optimizer.flats.some(({ weights }) => assignedTo(weights))) {
    throw new UsageError(
      'accumulate: comes after step of the same optimizer in one recording; call it before step, or in a captured function of its own',
    );
  }
  const sums = (optimizer.accumulated as Sums | undefined) ?? new Sums();
  sums.take(optimizer.flats.flatMap((flat) => takeGradients(flat) ?? []));
  optimizer.accumulated = sums;
}
