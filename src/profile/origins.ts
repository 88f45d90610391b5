import { gradientsWatched } from '../graph/backward.ts';
import { firstOf } from '../graph/repetition.ts';
import { type Node, Tensor } from '../graph/tensor.ts';
import { aroundForwards } from '../nn/aroundForwards.ts';
import type { Module } from '../nn/module.ts';
import { type Recorded, type Results, recordFunction } from '../plan/step.ts';

/** A part of a training step. What is not for training is all `forward`. */
export type Phase = 'forward' | 'backward' | 'update';

/** Where an operation was recorded. */
export interface Place {
  readonly phase: Phase;
  /** The name of the innermost module, as in the state dict; empty outside of all. */
  readonly layer: string;
}

/** A recording, and where each of its operations comes from. */
export interface Traced {
  readonly recorded: Recorded;
  placeOf(node: Node): Place;
}

interface Call {
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

/** Nodes and tensors are numbered as they are made: what is recorded now has this number or a higher one. */
const now = (): number => new Tensor({ shape: [], dtype: 'f32' }, { kind: 'input', name: 'mark' }).id;

/** Records fn, and watches which modules it calls and which gradients it asks for. */
export function traceOrigins(
  fn: (...inputs: Tensor[]) => Results,
  inputs: readonly Tensor[],
  module: Module | undefined,
): Traced {
  const calls: Call[] = [];
  // From each number on: the operation whose gradient is recorded; none after the last.
  const gradients: { readonly from: number; readonly node: Node | undefined }[] = [];
  const names = new Map<object, string>(
    [...(module?.namedModules() ?? [])].map(([name, part]) => [part, name]),
  );
  const around = (part: object, _inputs: readonly unknown[], run: () => unknown) => {
    const from = now();
    const result = run();
    calls.push({ name: names.get(part)!, from, to: now() });
    return result;
  };
  const told = (node?: Node) => void gradients.push({ from: now(), node });
  const recorded = aroundForwards(names.keys(), around, () =>
    gradientsWatched.run(told, () => recordFunction(fn, inputs, 'trace')),
  );

  // Calls end before those around them do.
  const layerAt = (id: number): string | undefined =>
    calls.find(({ from, to }) => from <= id && id < to)?.name;
  const last = gradients.at(-1)?.from ?? Number.POSITIVE_INFINITY;
  const placeOf = (node: Node): Place => {
    const { id } = node;
    const gradient = gradients.findLast(({ from }) => from <= id)?.node;
    if (gradient) return { phase: 'backward', layer: layerAt(firstOf(gradient).id) ?? '' };
    const layer = layerAt(id);
    return { phase: id > last && layer === undefined ? 'update' : 'forward', layer: layer ?? '' };
  };
  return { recorded, placeOf };
}
