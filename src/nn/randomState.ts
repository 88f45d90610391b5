import { add } from '../graph/functions/elementwise.ts';
import { assign, assignedTo, isRecording } from '../graph/recorder.ts';
import { State } from '../graph/state.ts';
import { full, stateTensor, type Tensor } from '../graph/tensor.ts';

/**
 * The seed of a module's random draws, such as a dropout mask: a number that goes up by one at every draw of every run, so that
 * a captured step draws anew each time it runs, and the same seed gives the same draws. As a field of a module it is not part
 * of the state dict; `Module.randomState` reads it.
 */
export class RandomState {
  readonly state: State;
  /** Draws outside of captures. */
  #drawn = 0;

  /** @param seed i32: the seed of the first draw. */
  constructor(seed: number) {
    this.state = new State('random state', { shape: [], dtype: 'i32' }, Int32Array.of(seed));
  }

  /**
   * The seed of the next draw, for `rand`: i32 []. Outside of `gpu.capture` and `gpu.run`, where a state cannot change, it is one
   * of another sequence, which `Module.randomState` does not read.
   */
  next(): Tensor {
    // Halfway round from those that the state counts through.
    if (!isRecording()) return full([], (this.state.initial[0]! + 2 ** 31 + this.#drawn++) | 0, 'i32');
    const current = assignedTo(this.state) ?? stateTensor(this.state);
    assign(this.state, add(current, 1));
    return current;
  }
}
