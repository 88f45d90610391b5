import { expectArguments } from '../arguments.ts';
import { ShapeError } from '../errors.ts';
import type { Computer, Tensor } from '../graph/tensor.ts';
import { type Buffer, Module, type Parameter } from '../nn/module.ts';
import { withDefaults } from '../options.ts';
import { formatShape, type Shape } from '../shape.ts';
import { dtypeOf } from './dataTypes.ts';
import { record, recordInStages } from './drive.ts';
import { extracted } from './extract.ts';
import type { OnnxModel, OnnxPort } from './graph.ts';
import type { ExternalData } from './hostTensor.ts';
import { portText, tensorsFor } from './inputs.ts';
import { expectOperations } from './missing.ts';
import type { Recording } from './operator.ts';
import { makeWeights } from './parameters.ts';
import { parseModel } from './parseModel.ts';
import { newContext, type RunContext, runGraph } from './run.ts';
import { shown, UnsupportedError } from './unsupported.ts';
import { Value } from './value.ts';

/** Options of `loadOnnx`. */
export interface OnnxOptions {
  /** Bytes of the files beside the model that hold its values, by the name that the model gives them, or a function that reads them. */
  readonly externalData?: Readonly<Record<string, Uint8Array>> | ExternalData;
  /** Whether a float initializer is trained; one that is not is a constant. Default: all are, also what was a buffer of PyTorch's (anchors), but the constants of `exportOnnx`. */
  readonly trained?: (name: string, shape: Shape) => boolean;
  /**
   * The names of the values that `forward` gives, any that a node computes: what they do not need is left out, and may hold operations that are
   * missing here. Default: the outputs of the model.
   */
  readonly outputs?: readonly string[];
}

/**
 * A model read from an ONNX file. `forward` takes tensors by the names of its inputs and gives those of its outputs, in ONNX's
 * shapes. Its float weights are parameters under ONNX's names, so that it is trained, frozen, summarised and saved as any
 * module; running statistics of batch norms are buffers, which training leaves as they are, and dropout does nothing.
 */
export class OnnxModule extends Module {
  // A member without a name of its own adds nothing to the names of what it holds: those are ONNX's.
  readonly '': ReadonlyMap<string, Parameter | Buffer>;
  /** What `forward` takes: names, types and shapes, in order. A size that is a name may vary. */
  readonly inputs: readonly OnnxPort[];
  /** What `forward` gives. */
  readonly outputs: readonly OnnxPort[];
  /** The version of ONNX's operation set. */
  readonly opset: number;
  /** What was changed when it was read, such as that weights were dequantised. */
  readonly notes: readonly string[];
  /** Texts in the file by their names, such as class names (`metadata_props`). */
  readonly metadata: ReadonlyMap<string, string>;
  /** The shapes of the values in the file by their names, also of those that are constants here. */
  readonly initializers: ReadonlyMap<string, Shape>;
  readonly #model: OnnxModel;
  readonly #values: ReadonlyMap<string, Value>;

  /** @hidden */
  constructor(model: OnnxModel, trained: (name: string, shape: Shape) => boolean) {
    super();
    const { members, values, graph, notes } = makeWeights(model.graph, trained);
    this[''] = members;
    this.notes = notes;
    this.#values = values;
    this.initializers = new Map([...model.graph.initializers].map(([name, { shape }]) => [name, shape]));
    // Without the values: the parameters have them, in the order that they are computed with.
    this.#model = { ...model, graph: { ...graph, initializers: new Map() } };
    this.inputs = model.graph.inputs;
    this.outputs = model.graph.outputs;
    this.metadata = model.metadata;
    this.opset = model.opsets.get('') ?? 1;
  }

  /**
   * Runs the model.
   *
   * @param inputs A tensor for each of `inputs`, in ONNX's shape and layout: f32 (or f16) for floats of any width, i32 for integers
   * and bool.
   * @returns A tensor for each of `outputs`: f32 for floats of any width, i32 for integers and bool.
   * @throws ShapeError where an input is missing, unknown, no tensor, or of another shape or dtype; UnsupportedError where a node turns
   * out to be of a form that is not supported, and where a shape depends on values that are computed: see `run`.
   */
  forward(inputs: Readonly<Record<string, Tensor>>): Record<string, Tensor> {
    const context = newContext(this.#model);
    return this.#named(record(this.#start('forward', inputs, context)));
  }

  /**
   * Runs a model in which shapes depend on values, such as a detector with its non-maximum suppression, which `forward` refuses:
   * it is computed as far as the next value that must be known, which is read back, and so on. No gradient goes through it.
   *
   * @param computer A `Gpu`.
   * @param inputs As for `forward`.
   * @returns As `forward`; tensors of the sizes that these inputs give.
   * @throws As `forward`.
   */
  async run(computer: Computer, inputs: Readonly<Record<string, Tensor>>): Promise<Record<string, Tensor>> {
    expectArguments('run', { computer }, { computer: { read: 'function' } });
    const context = newContext(this.#model);
    return this.#named(await recordInStages(this.#start('run', inputs, context), context, computer));
  }

  /**
   * The shapes of the values that the nodes compute, by name and in their order, for inputs as of `forward`. Nothing is computed: of a model in
   * which shapes depend on values, those before the first such.
   * @hidden
   */
  shapesFor(inputs: Readonly<Record<string, Tensor>>): ReadonlyMap<string, Shape> {
    const shapes = new Map<string, Shape>();
    const context = newContext(this.#model, (name, { shape }) => shapes.set(name, shape));
    try {
      record(this.#start('shapesFor', inputs, context));
    } catch (error) {
      if (!(error instanceof UnsupportedError)) throw error;
    }
    return shapes;
  }

  #start(caller: string, inputs: Readonly<Record<string, Tensor>>, context: RunContext): Recording<Value[]> {
    // Fresh ones: what is recorded from a parameter belongs to this recording.
    const scope = new Map([...this.#values].map(([name, value]) => [name, value.fresh()]));
    for (const [name, value] of checkedInputs(caller, this.inputs, inputs)) scope.set(name, value);
    return runGraph(this.#model.graph, scope, context);
  }

  #named(outputs: readonly Value[]): Record<string, Tensor> {
    return Object.fromEntries(this.outputs.map(({ name }, i) => [name, outputs[i]!.tensor()]));
  }
}

function checkedInputs(
  caller: string,
  ports: readonly OnnxPort[],
  inputs: Readonly<Record<string, Tensor>>,
): [string, Value][] {
  const typed = ports.map(({ name, type, shape }) => ({ name, shape, type, dtype: dtypeOf(type, name) }));
  const tensors = tensorsFor(caller, typed, inputs);
  const sizes = new Map<string, number>();
  return typed.map((port, at) => {
    const { name, type, dtype, shape } = port;
    const tensor = tensors[at]!;
    const fits = tensor.dtype === dtype || (tensor.dtype === 'f16' && dtype === 'f32');
    const sized =
      shape === undefined ||
      (shape.length === tensor.shape.length &&
        shape.every((size, i) => {
          const own = tensor.shape[i]!;
          if (size === null) return true;
          if (typeof size === 'number') return size === own;
          const known = sizes.get(size) ?? own;
          sizes.set(size, known);
          return known === own;
        }));
    if (!fits || !sized) {
      throw new ShapeError(
        `${caller}: ${shown(name)} is ${formatShape(tensor.shape)} ${tensor.dtype}; the model takes ${portText(port)}`,
      );
    }
    return [name, Value.of(type, tensor)];
  });
}

/**
 * Loads an ONNX model (opsets up to 21) as a module that runs and trains. Floats of any width are computed in f32, integers in
 * 32 bits. Weights that are quantised are dequantised.
 *
 * @param bytes The file.
 * @throws DataError where the bytes are no ONNX model or a damaged one; UnsupportedError that lists every operation that is
 * missing, with the names of its nodes, and for other versions of the operation set; UsageError for an output that no node computes.
 */
export function loadOnnx(bytes: Uint8Array, options: OnnxOptions = {}): OnnxModule {
  expectArguments('loadOnnx', { bytes }, { bytes: 'bytes' });
  const { externalData, trained, outputs } = withDefaults('loadOnnx', options, {
    externalData: undefined,
    trained: () => true,
    outputs: undefined,
  });
  expectArguments('loadOnnx', { trained }, { trained: 'function' });
  if (outputs !== undefined) expectArguments('loadOnnx', { outputs }, { outputs: ['text'] });
  if (externalData !== undefined && typeof externalData !== 'function') {
    expectArguments('loadOnnx', { externalData }, { externalData: 'object' });
  }
  const external =
    typeof externalData === 'function' ? externalData : (location: string) => externalData?.[location];
  const model = parseModel(bytes, external);
  return moduleOf(outputs ? extracted('loadOnnx', model, outputs) : model, trained);
}

/** A module of a model that was read. Throws UnsupportedError as `loadOnnx`. */
export function moduleOf(
  model: OnnxModel,
  trained: (name: string, shape: Shape) => boolean = () => true,
): OnnxModule {
  const opset = model.opsets.get('') ?? 1;
  expectOperations(model.graph, opset);
  if (!(opset >= 1 && opset <= 21)) {
    throw new UnsupportedError(
      `the model uses opset ${opset}; versions up to 21 are supported; convert it with onnx.version_converter`,
    );
  }
  return new OnnxModule(model, trained);
}
