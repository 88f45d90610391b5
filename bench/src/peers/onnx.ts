import type { Shape } from '../../../src/shape.ts';

/** An attribute: whole numbers, `float` for the others, text. */
export type Attribute = number | readonly number[] | { readonly float: number } | string;

/** The parts of onnx-proto that are used here. */
export interface OnnxProto {
  readonly ModelProto: { create(fields: object): object; encode(model: object): { finish(): Uint8Array } };
}

const FLOAT = 1;
const INT64 = 7;
const OPSET = 17;

const attributeOf = (name: string, value: Attribute): object => {
  if (typeof value === 'number') return { name, type: 2, i: value };
  if (typeof value === 'string') return { name, type: 3, s: new TextEncoder().encode(value) };
  if ('float' in value) return { name, type: 1, f: value.float };
  return { name, type: 7, ints: value };
};

const valueInfo = (name: string, dims: readonly (number | string)[], elemType: number): object => ({
  name,
  type: {
    tensorType: {
      elemType,
      shape: { dim: dims.map((d) => (typeof d === 'number' ? { dimValue: d } : { dimParam: d })) },
    },
  },
});

/** Writes a small ONNX model, node by node. */
export class OnnxGraph {
  readonly #nodes: { readonly opType: string }[] = [];
  readonly #inputs: object[] = [];
  readonly #initializers: object[] = [];
  #names = 0;

  /** Whether a node is of a kind. */
  has(kind: RegExp): boolean {
    return this.#nodes.some(({ opType }) => kind.test(opType));
  }

  /** An f32 input; a dimension may be a name. */
  input(name: string, dims: readonly (number | string)[]): string {
    this.#inputs.push(valueInfo(name, dims, FLOAT));
    return name;
  }

  /** A tensor that is part of the model: f32, or i64 from whole numbers. */
  constant(values: Float32Array | readonly number[], dims: Shape = [values.length]): string {
    const name = `constant${this.#names++}`;
    const float = values instanceof Float32Array;
    const data = float ? values : BigInt64Array.from(values, BigInt);
    this.#initializers.push({
      name,
      dims,
      dataType: float ? FLOAT : INT64,
      rawData: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
    });
    return name;
  }

  /** One number, f32. */
  scalar(value: number): string {
    return this.constant(Float32Array.of(value), []);
  }

  /** Adds a node; returns its first output, or all of them. */
  node(op: string, inputs: readonly string[], attributes?: Readonly<Record<string, Attribute>>): string;
  node(
    op: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>>,
    outputs: number,
  ): string[];
  node(
    op: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>> = {},
    outputs?: number,
  ): string | string[] {
    const output = Array.from({ length: outputs ?? 1 }, () => `${op}${this.#names++}`);
    const attribute = Object.entries(attributes).map(([name, value]) => attributeOf(name, value));
    const fields = { opType: op, name: output[0], input: inputs, output, attribute };
    this.#nodes.push(fields);
    return outputs === undefined ? output[0]! : output;
  }

  /** The model's bytes. Types and shapes of the outputs are left to onnxruntime. */
  build({ ModelProto }: OnnxProto, outputs: readonly string[]): Uint8Array {
    const model = ModelProto.create({
      irVersion: 8,
      opsetImport: [{ domain: '', version: OPSET }],
      graph: {
        name: 'workload',
        input: this.#inputs,
        output: outputs.map((name) => ({ name })),
        node: this.#nodes,
        initializer: this.#initializers,
      },
    });
    return ModelProto.encode(model).finish();
  }
}
