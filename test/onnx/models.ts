import { create, toBinary } from '@bufbuild/protobuf';
import { type Tensor, tensor } from '../../src/graph/tensor.ts';
import { DATA_TYPES, isFloatType, type OnnxType } from '../../src/onnx/dataTypes.ts';
import {
  type AttributeProto,
  AttributeProtoSchema,
  type FunctionProto,
  GraphProtoSchema,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
  TensorProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from '../../src/onnx/onnx_pb.ts';

/** Values of a test. Numbers that JSON has none of are texts. */
export interface Values {
  readonly type: OnnxType;
  readonly shape: readonly number[];
  readonly data: readonly (number | string)[];
  /** Whether it is an initializer of the model. */
  readonly known?: boolean;
}

/** The value of an attribute. Numbers of a list with a fraction, and names in `FLOATS`, are floats. */
export type AttributeValue = number | string | readonly number[];

// Attributes that are floats also where their value is whole.
const FLOATS = ['alpha', 'beta', 'bias', 'lambd', 'scales', 'min', 'max', 'spatial_scale', 'value_floats'];

export function attribute(name: string, value: AttributeValue): AttributeProto {
  if (typeof value === 'string') {
    return create(AttributeProtoSchema, { name, type: 3, s: new TextEncoder().encode(value) });
  }
  const float = FLOATS.includes(name);
  if (typeof value === 'number') {
    return float
      ? create(AttributeProtoSchema, { name, type: 1, f: value })
      : create(AttributeProtoSchema, { name, type: 2, i: BigInt(value) });
  }
  return float
    ? create(AttributeProtoSchema, { name, type: 6, floats: [...value] })
    : create(AttributeProtoSchema, { name, type: 7, ints: value.map(BigInt) });
}

export const node = (
  opType: string,
  input: readonly string[],
  output: readonly string[],
  attributes: Readonly<Record<string, AttributeValue>> = {},
): NodeProto =>
  create(NodeProtoSchema, {
    opType,
    input: [...input],
    output: [...output],
    attribute: Object.entries(attributes).map(([name, value]) => attribute(name, value)),
  });

export function initializer(name: string, { type, shape, data }: Values): TensorProto {
  const numbers = data.map(Number);
  const dims = shape.map(BigInt);
  const common = { name, dims, dataType: DATA_TYPES[type] };
  if (type === 'float') return create(TensorProtoSchema, { ...common, floatData: numbers });
  if (type === 'int64') return create(TensorProtoSchema, { ...common, int64Data: numbers.map(BigInt) });
  return create(TensorProtoSchema, { ...common, int32Data: numbers });
}

export const port = (name: string, type: OnnxType, shape?: readonly (number | string)[]): ValueInfoProto =>
  create(ValueInfoProtoSchema, {
    name,
    type: {
      value: {
        case: 'tensorType',
        value: {
          elemType: DATA_TYPES[type],
          ...(shape
            ? {
                shape: {
                  dim: shape.map((size) => ({
                    value:
                      typeof size === 'number'
                        ? { case: 'dimValue' as const, value: BigInt(size) }
                        : { case: 'dimParam' as const, value: size },
                  })),
                },
              }
            : {}),
        },
      },
    },
  });

/** A model's file. */
export function modelBytes(parts: {
  readonly nodes: readonly NodeProto[];
  readonly inputs: readonly ValueInfoProto[];
  readonly outputs: readonly ValueInfoProto[];
  readonly initializers?: readonly TensorProto[];
  readonly opset?: number;
  readonly functions?: readonly FunctionProto[];
  readonly producer?: string;
}): Uint8Array {
  const model = create(ModelProtoSchema, {
    irVersion: 8n,
    opsetImport: [{ domain: '', version: BigInt(parts.opset ?? 17) }],
    functions: [...(parts.functions ?? [])],
    producerName: parts.producer ?? '',
    graph: create(GraphProtoSchema, {
      name: 'test',
      node: [...parts.nodes],
      input: [...parts.inputs],
      output: [...parts.outputs],
      initializer: [...(parts.initializers ?? [])],
    }),
  });
  return toBinary(ModelProtoSchema, model);
}

/** A test of test/fixtures/onnx.json. */
export interface Case {
  readonly op: string;
  readonly note: string;
  readonly opset: number;
  readonly inputs: readonly (Values | null)[];
  readonly attributes: Readonly<Record<string, AttributeValue>>;
  readonly outputs: readonly Values[];
}

/** The model of a case: one node. */
export function caseBytes({ op, opset, inputs, attributes, outputs }: Case): Uint8Array {
  const given = inputs.map((values, i) => ({ name: values ? `x${i}` : '', values }));
  const results = outputs.map((values, i) => ({ name: `y${i}`, values }));
  return modelBytes({
    opset,
    nodes: [
      node(
        op,
        given.map(({ name }) => name),
        results.map(({ name }) => name),
        attributes,
      ),
    ],
    inputs: given.flatMap(({ name, values }) =>
      values && !values.known ? [port(name, values.type, values.shape)] : [],
    ),
    outputs: results.map(({ name, values }) => port(name, values.type, values.shape)),
    initializers: given.flatMap(({ name, values }) => (values?.known ? [initializer(name, values)] : [])),
  });
}

export const valuesTensor = ({ type, shape, data }: Values): Tensor =>
  isFloatType(type)
    ? tensor(Float32Array.from(data, Number), shape)
    : tensor(Int32Array.from(data, Number), shape);

/** The inputs of a case's model. */
export const caseInputs = ({ inputs }: Case): Record<string, Tensor> =>
  Object.fromEntries(
    inputs.flatMap((values, i) => (values && !values.known ? [[`x${i}`, valuesTensor(values)]] : [])),
  );
