import { FoveaError } from '../errors.ts';
import { repeat } from './repetition.ts';
import { baseOf, type Node, recordSegment, type Segment, Tensor } from './tensor.ts';
import { expectFunction, expectSync } from './tracking.ts';

/** The result of a checkpointed function: a tensor, or several in a list or by name. */
export type CheckpointOutputs = Tensor | readonly Tensor[] | Readonly<Record<string, Tensor>>;

/**
 * fn(...inputs), whose activations are not kept for the backward pass but computed again there, as PyTorch's
 * torch.utils.checkpoint (Chen et al. 2016, Training deep nets with sublinear memory cost).
 *
 * Memory: of n checkpointed blocks with activations of A bytes each and inputs and outputs of B bytes, a training step
 * keeps n B + A in place of n (A + B), the A being those of the one block that is differentiated at the time. Time: each
 * block runs forward twice, so that a step takes at most one more forward pass, as a rule 1.3 to 1.5 times as long. In
 * evaluation it changes nothing. See docs/memory.md for figures.
 *
 * What is computed again has the same attributes and inputs and is fused alike: losses, gradients and running
 * statistics, which move on once, have the bits that they have without checkpoint. One exception: a value of dtype f16 that
 * an elementwise operation before fn hands to one at its beginning is rounded between the two, where they fused.
 *
 * fn may use other tensors than its inputs (parameters), may be called in another checkpoint, and returns a tensor or
 * several, in an array or by name. Throws FoveaError where it returns anything else or is async, and where it records an
 * optimizer's step, which would be taken twice.
 */
export function checkpoint<const I extends readonly Tensor[], R extends CheckpointOutputs>(
  fn: (...inputs: I) => R,
  ...inputs: I
): R {
  expectFunction('checkpoint', fn);
  const { result, segment } = recordSegment(() => expectSync('checkpoint', fn(...inputs)));
  if (!isOutputs(result)) {
    throw new FoveaError(`checkpoint: the function returned ${result}; return a tensor, or several by name`);
  }
  const step = segment.nodes.find(({ operation }) => operation.kernel.inPlace);
  if (step) {
    throw new FoveaError(
      `checkpoint: ${step.op} overwrites its input and would run twice; call the optimizer outside of the function`,
    );
  }
  return result;
}

function isOutputs(result: unknown): result is CheckpointOutputs {
  if (result instanceof Tensor) return true;
  return (
    typeof result === 'object' &&
    result !== null &&
    Object.values(result).every((value) => value instanceof Tensor)
  );
}

/**
 * The values of checkpointed operations as one backward pass computes them again: a whole checkpoint is recorded anew
 * when the gradient of its last operation is asked for, and so runs there.
 */
export class Recomputation {
  readonly #values = new Map<Segment, Map<Tensor, Tensor>>();
  readonly #casts = new Map<Node, Node>();

  /** A node's inputs and outputs as its gradient is to see them. */
  seenBy({ inputs, outputs, segment }: Node): Pick<Node, 'inputs' | 'outputs'> {
    const seen = this.#all(inputs, segment);
    for (const [name, value] of Object.entries(seen)) seen[name] = this.#cast(value);
    return { inputs: seen, outputs: this.#all(outputs, segment) };
  }

  /** A weight in another dtype is cast again, once, rather than kept from the forward pass on. */
  #cast(value: Tensor): Tensor {
    const { origin } = value;
    if (origin.kind !== 'op' || origin.node.op !== 'cast') return value;
    const { node } = origin;
    if (baseOf(node.inputs.x!).origin.kind !== 'state') return value;
    const again = this.#casts.get(node) ?? repeat(node, node.inputs);
    this.#casts.set(node, again);
    return again.outputs.y!;
  }

  #all(tensors: Readonly<Record<string, Tensor>>, segment: Segment | undefined): Record<string, Tensor> {
    const again = Object.entries(tensors).map(([name, value]) => [name, this.#again(value, segment)]);
    return Object.fromEntries(again);
  }

  /**
   * A tensor that something in the segment reads: computed there, in the one around it, or outside of all. What asks for
   * gradients inside of a checkpoint itself has the values at hand.
   */
  #again(value: Tensor, segment: Segment | undefined): Tensor {
    if (!segment || segment.open) return value;
    const { origin } = value;
    if (origin.kind === 'op') return this.#valuesIn(segment).get(value) ?? this.#again(value, segment.parent);
    if (origin.kind !== 'view') return value;
    const base = this.#again(origin.base, segment);
    return base === origin.base ? value : new Tensor(value, { ...origin, base }, value.requiresGrad);
  }

  #valuesIn(segment: Segment): Map<Tensor, Tensor> {
    const known = this.#values.get(segment);
    if (known) return known;
    const values = new Map<Tensor, Tensor>();
    this.#values.set(segment, values);
    for (const node of segment.nodes) {
      const again = repeat(node, this.#all(node.inputs, segment));
      for (const [name, value] of Object.entries(node.outputs)) values.set(value, again.outputs[name]!);
    }
    return values;
  }
}
