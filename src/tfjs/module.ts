import { ShapeError } from '../errors.ts';
import { Tensor } from '../graph/tensor.ts';
import { type Buffer, Module, type Parameter } from '../nn/module.ts';
import { formatShape } from '../shape.ts';

/** An input of a model. */
export interface TfjsPort {
  readonly name: string;
  /** i32 for integers and bool. */
  readonly dtype: 'f32' | 'i32';
  /** Sizes, null for one that may vary. Undefined where not even the rank is known. */
  readonly shape: readonly (number | null)[] | undefined;
}

/** A model that was read, ready to be recorded. */
export interface Network {
  readonly inputs: readonly TfjsPort[];
  /** Names. */
  readonly outputs: readonly string[];
  readonly members: ReadonlyMap<string, Parameter | Buffer | Module>;
  /** Records the model for these inputs, in order, and gives its outputs, in order. */
  run(inputs: readonly Tensor[], training: boolean): readonly Tensor[];
}

/**
 * A model of TensorFlow.js: see `loadTfjs`. Its weights are parameters and buffers under TensorFlow's names, so that it is
 * trained, frozen, summarised and saved as any module. It is in evaluation when it is loaded: call `train()` before training, so
 * that batch norms use the statistics of the batch, and dropout leaves values out.
 */
export class TfjsModule extends Module {
  // A member without a name of its own adds nothing to the names of what it holds: those are TensorFlow's.
  readonly '': ReadonlyMap<string, Parameter | Buffer | Module>;
  /** A model of Keras' layers, or a graph of TensorFlow's operations. */
  readonly format: 'layers-model' | 'graph-model';
  /** What `forward` takes: names, dtypes and shapes, in order. */
  readonly inputs: readonly TfjsPort[];
  /** The names of what `forward` gives. */
  readonly outputs: readonly string[];
  readonly #network: Network;

  /** @hidden */
  constructor(format: 'layers-model' | 'graph-model', network: Network) {
    super();
    this[''] = network.members;
    this.format = format;
    this.inputs = network.inputs;
    this.outputs = network.outputs;
    this.#network = network;
    this.eval();
  }

  /**
   * Runs the model.
   *
   * @param inputs A tensor for each of `inputs` by name, images as [N,H,W,C]; a model of one input also takes its tensor alone.
   * @returns A tensor for each of `outputs` by name.
   * @throws ShapeError where an input is missing, unknown, or of another shape or dtype, and where a layer cannot take what it gets.
   */
  forward(inputs: Tensor | Readonly<Record<string, Tensor>>): Record<string, Tensor> {
    const names = this.inputs.map(({ name }) => name);
    const given =
      inputs instanceof Tensor && names.length === 1 ? { [names[0]!]: inputs } : { ...(inputs as object) };
    const byName = new Map<string, unknown>(Object.entries(given));
    const tensors = this.inputs.map((port) => expectInput(port, byName.get(port.name), names, byName));
    if (byName.size !== names.length) throw otherNames(names, byName);
    const outputs = this.#network.run(tensors, this.training);
    return Object.fromEntries(this.outputs.map((name, i) => [name, outputs[i]!]));
  }
}

const otherNames = (names: readonly string[], given: ReadonlyMap<string, unknown>): ShapeError =>
  new ShapeError(
    `forward: takes tensors named ${JSON.stringify(names)}, got ${JSON.stringify([...given.keys()])}`,
  );

function expectInput(
  { name, dtype, shape }: TfjsPort,
  tensor: unknown,
  names: readonly string[],
  given: ReadonlyMap<string, unknown>,
): Tensor {
  if (!(tensor instanceof Tensor)) throw otherNames(names, given);
  const fits = tensor.dtype === dtype || (tensor.dtype === 'f16' && dtype === 'f32');
  const isSized =
    shape === undefined ||
    (shape.length === tensor.shape.length &&
      shape.every((size, i) => size === null || size === tensor.shape[i]));
  if (fits && isSized) return tensor;
  throw new ShapeError(
    `forward: ${name} is ${formatShape(tensor.shape)} ${tensor.dtype}; the model takes [${(shape ?? ['…']).map((size) => size ?? '?')}] ${dtype}`,
  );
}
