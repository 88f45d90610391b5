import * as optimizersOps from '../../graph/operations/optimizers.ts';
import { State } from '../../graph/state.ts';
import { apply, type Tensor, tensor } from '../../graph/tensor.ts';
import { numel } from '../../shape.ts';
import type { Parameter } from '../module.ts';
import type { OptimizerGroup } from './groups.ts';

/** Elements of a block: where parameters begin in a flat buffer, as WebGPU binds at multiples of 256 bytes. */
export const BLOCK = 64;

/** Parameters of a group that share a flat buffer. */
export interface Flat {
  readonly group: OptimizerGroup;
  readonly parameters: readonly Parameter[];
  readonly offsets: readonly number[];
  readonly size: number;
  readonly weights: State;
  readonly moments: readonly State[];
  readonly hyper: State;
  readonly decays: boolean;
  /** How many steps each block has taken, where its optimizer counts them. */
  readonly steps: State | undefined;
}

/** The gradients of a flat buffer's parameters in their places. */
export interface Gradients {
  readonly flat: Flat;
  readonly grad: Tensor;
  /** [blocks], 1 where a parameter has a gradient and else 0. Undefined: all have one. */
  readonly active: Tensor | undefined;
}

/** Gradients of earlier runs, as a step takes them: what `accumulate` gives an optimizer. */
export interface Accumulated {
  /** How many flat buffers have some. */
  readonly size: number;
  /** The gradients of a flat buffer together with this run's. */
  sum(flat: Flat, own: Gradients | undefined): Gradients | undefined;
  /**
   * Records that these are used up, and gives what the sums are multiplied by.
   * @param own Whether this run has gradients.
   * @param parts How many parts there are. Default: as many as there were.
   */
  finish(own: boolean, parts: number | undefined): Tensor;
}

/** A state of f32. */
export const flatState = (label: string, length: number) =>
  new State(label, { shape: [length], dtype: 'f32' });

/** Moves a group's parameters into flat buffers: apart are those that decay and, as they cost nothing then, those that are frozen. */
export function flatten(
  group: OptimizerGroup,
  moments: readonly string[],
  hyperSize: number,
  counts: boolean,
): Flat[] {
  return [0, 1, 2, 3].flatMap((kind) => {
    const decays = kind % 2 === 0;
    const parameters = group.parameters.filter(
      ({ state, requiresGrad }) => state.spec.shape.length > 1 === decays && requiresGrad === kind < 2,
    );
    if (!parameters.length) return [];
    let size = 0;
    const offsets = parameters.map(({ state }) => {
      const offset = size;
      size += Math.ceil(numel(state.spec.shape) / BLOCK) * BLOCK;
      return offset;
    });
    const weights = flatState('weights', size);
    parameters.forEach((parameter, i) => {
      parameter.state.moveInto(weights, offsets[i]!);
    });
    const flat: Flat = {
      group,
      parameters,
      offsets,
      size,
      weights,
      moments: moments.map((label) => flatState(label, size)),
      hyper: flatState('hyper', hyperSize),
      decays,
      steps: counts ? flatState('step', size / BLOCK) : undefined,
    };
    return [flat];
  });
}

/** Takes the gradients that `backward` left at a flat buffer's parameters. None where there are none. */
export function takeGradients(flat: Flat): Gradients | undefined {
  const { parameters, offsets: all, size } = flat;
  const present = parameters.flatMap(({ tensor: { grad, requiresGrad } }, i) =>
    grad && requiresGrad ? [{ grad, i }] : [],
  );
  for (const { tensor } of parameters) tensor.grad = undefined;
  if (present.length === 0) return undefined;
  const inputs = Object.fromEntries(present.map(({ grad }, k) => [`x${k}`, grad]));
  const offsets = present.map(({ i }) => all[i]!);
  const grad = apply(optimizersOps.pack, inputs, { offsets, size }).y;
  if (present.length === parameters.length) return { flat, grad, active: undefined };
  const active = new Float32Array(size / BLOCK);
  for (const { i } of present) active.fill(1, all[i]! / BLOCK, (all[i + 1] ?? size) / BLOCK);
  return { flat, grad, active: tensor(active) };
}
