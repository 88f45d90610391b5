import { UsageError } from '../errors.ts';
import type { State } from '../graph/state.ts';
import { type Computer, defaults, type Tensor } from '../graph/tensor.ts';
import type { HostArray } from '../shape.ts';

/** A Gpu, which knows the states whose values are there alone. */
interface Holder extends Computer {
  holds(state: State): boolean;
  download(state: State): Promise<HostArray>;
}

const open: Holder[] = [];

/** Makes a Gpu the one that `Tensor.data` uses by default, until it is closed. */
export function opened(gpu: Holder): void {
  open.push(gpu);
  defaults.computerFor = computerFor;
}

/** Takes a Gpu back; the one opened before it is the default again. */
export function closed(gpu: Holder): void {
  const at = open.indexOf(gpu);
  if (at >= 0) open.splice(at, 1);
}

/** The Gpu that holds a state that the tensor depends on, else the one that was opened last. */
function computerFor(value: Tensor): Computer | undefined {
  if (open.length < 2) return open[0];
  const states = statesUnder(value);
  const holders = open.filter((gpu) => states.some((state) => gpu.holds(state)));
  if (holders.length > 1) {
    throw new UsageError(
      `data: ${value} depends on states that were changed on ${holders.length} Gpus; say which one computes it: data(gpu)`,
    );
  }
  return holders[0] ?? open.at(-1);
}

/**
 * The value of a state where it is: on the `Gpu` where a program has changed it, else on the host. Throws UsageError where it was
 * changed on several.
 */
export async function currentValue(state: State): Promise<HostArray> {
  const holders = open.filter((gpu) => gpu.holds(state));
  if (holders.length > 1) {
    throw new UsageError(
      `${state.label}: it was changed on ${holders.length} Gpus; say which one has the value: download: (state) => gpu.download(state)`,
    );
  }
  return holders[0]?.download(state) ?? state.initial;
}

/** The states that a tensor is computed from. */
function statesUnder(value: Tensor): State[] {
  const [seen, stack] = [new Set<Tensor>(), [value]];
  const states: State[] = [];
  while (stack.length > 0) {
    const top = stack.pop()!;
    if (seen.has(top)) continue;
    seen.add(top);
    const { origin } = top;
    if (origin.kind === 'state') states.push(origin.state);
    else if (origin.kind === 'view') stack.push(origin.base);
    else if (origin.kind === 'op') stack.push(...Object.values(origin.node.inputs));
  }
  return states;
}
