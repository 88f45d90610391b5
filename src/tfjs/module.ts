import { ShapeError } from '../errors.ts';
import { Tensor } from '../graph/tensor.ts';
import { type Buffer, Module, type Parameter } from '../nn/module.ts';
import { portText, tensorsFor } from '../onnx/inputs.ts';
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
   * @throws ShapeError where an input is missing, unknown, no tensor, or of another shape or dtype, and where a layer cannot take what it gets.
   */
  forward(inputs: Tensor | Readonly<Record<string, Tensor>>): Record<string, Tensor> {
    const [first, ...others] = this.inputs;
    const isAlone = inputs instanceof Tensor && first !== undefined && others.length === 0;
    const tensors = tensorsFor('forward', this.inputs, isAlone ? { [first.name]: inputs } : inputs);
    for (const [i, port] of this.inputs.entries()) expectFit(port, tensors[i]!);
    const outputs = this.#network.run(tensors, this.training);
    return Object.fromEntries(this.outputs.map((name, i) => [name, outputs[i]!]));
  }
}

function expectFit(port: TfjsPort, tensor: Tensor): void {
  const { name, dtype, shape } = port;
  const fits = tensor.dtype === dtype || (tensor.dtype === 'f16' && dtype === 'f32');
  const isSized =
    shape === undefined ||
    (shape.length === tensor.shape.length &&
      shape.every((size, i) => size === null || size === tensor.shape[i]));
  if (fits && isSized) return;
  throw new ShapeError(
    `forward: ${name} is ${formatShape(tensor.shape)} ${tensor.dtype}; the model takes ${portText(port)}`,
  );
}
