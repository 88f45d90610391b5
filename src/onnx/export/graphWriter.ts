import { numel, type Shape } from '../../shape.ts';
import type { OnnxType } from '../dataTypes.ts';
import type { NodeProto, TensorProto } from '../onnx_pb.ts';
import { OWN_CONSTANT } from '../ownWeights.ts';
import { type Attr, nodeProto, tensorProto, type Values } from './protos.ts';

/** Values longer than this are not compared with others. */
const COMPARED = 4096;

/** Puts nodes and initializers together, each under a name of its own. */
export class GraphWriter {
  /** The version of ONNX's operation set. */
  readonly opset: number;
  readonly nodes: NodeProto[] = [];
  readonly initializers: TensorProto[] = [];
  readonly #names = new Set<string>();
  readonly #counts = new Map<string, number>();
  readonly #known = new Map<string, string>();

  constructor(opset: number, reserved: Iterable<string>) {
    this.opset = opset;
    for (const name of reserved) this.#names.add(name);
  }

  /** A name that nothing has yet: the wanted one, or with a number after it. */
  name(wanted: string): string {
    let count = this.#counts.get(wanted) ?? 0;
    let name = wanted;
    while (this.#names.has(name)) name = `${wanted}_${++count}`;
    this.#counts.set(wanted, count);
    this.#names.add(name);
    return name;
  }

  /** Adds a node with several outputs; returns their names. `label`: what they are called after. */
  many(
    op: string,
    inputs: readonly string[],
    attrs: Readonly<Record<string, Attr | undefined>>,
    outputs: number,
    label = op,
  ): string[] {
    const names = Array.from({ length: outputs }, () => this.name(label));
    this.nodes.push(nodeProto(names[0]!, op, inputs, names, attrs));
    return names;
  }

  /** Adds a node; returns the name of its output. */
  node(
    op: string,
    inputs: readonly string[],
    attrs: Readonly<Record<string, Attr | undefined>> = {},
    label?: string,
  ): string {
    return this.many(op, inputs, attrs, 1, label)[0]!;
  }

  /** Adds an initializer under this name. */
  initializer(name: string, type: OnnxType, shape: Shape, values: Values): string {
    const own = this.name(name);
    this.initializers.push(tensorProto(own, type, shape, values));
    return own;
  }

  /** Adds an initializer under the very name of a state, which is reserved for it. */
  weight(name: string, type: OnnxType, shape: Shape, values: Values): string {
    this.initializers.push(tensorProto(name, type, shape, values));
    return name;
  }

  /** An initializer of these values: one for all that are alike. */
  constant(type: OnnxType, shape: Shape, values: Values): string {
    const kind = numel(shape) === 1 ? 'scalar' : 'constant';
    const make = () => this.initializer(OWN_CONSTANT + kind, type, shape, values);
    if (values.length > COMPARED) return make();
    const key = `${type} ${shape} ${new Uint8Array(values.buffer, values.byteOffset, values.byteLength)}`;
    const known = this.#known.get(key) ?? make();
    this.#known.set(key, known);
    return known;
  }

  /** A list of int64. */
  ints(values: readonly number[]): string {
    return this.constant('int64', [values.length], BigInt64Array.from(values, BigInt));
  }

  /** Makes outputs available under names of their own: what computes them gets that name, where nothing else has it. */
  rename(outputs: ReadonlyMap<string, string>): void {
    const computed = new Set(this.nodes.flatMap((node) => node.output));
    const names = new Map<string, string>();
    for (const [output, value] of outputs) {
      if (computed.has(value) && !names.has(value)) names.set(value, output);
      else this.nodes.push(nodeProto(output, 'Identity', [value], [output], {}));
    }
    const renamed = (list: string[]) => list.map((name) => names.get(name) ?? name);
    for (const node of this.nodes) {
      node.input = renamed(node.input);
      node.output = renamed(node.output);
    }
  }

  /** The nodes that these outputs need, and the initializers that those need. */
  needed(outputs: Iterable<string>): { nodes: NodeProto[]; initializers: TensorProto[] } {
    const used = new Set(outputs);
    const nodes = this.nodes.toReversed().filter((node) => {
      if (!node.output.some((name) => used.has(name))) return false;
      for (const name of node.input) used.add(name);
      return true;
    });
    return { nodes: nodes.reverse(), initializers: this.initializers.filter(({ name }) => used.has(name)) };
  }

  /** Reshapes to sizes that are known; one may be -1, and 0 takes the input's. */
  reshape(x: string, shape: readonly number[]): string {
    return this.node('Reshape', [x, this.ints(shape)]);
  }
}
