import { create, toBinary } from '@bufbuild/protobuf';
import type { DType, HostArray, Shape } from '../../shape.ts';
import { DATA_TYPES, type OnnxType } from '../dataTypes.ts';
import {
  type AttributeProto,
  AttributeProtoSchema,
  GraphProtoSchema,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  StringStringEntryProtoSchema,
  type TensorProto,
  TensorProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from '../onnx_pb.ts';
import { isFixed, type Sizes } from './sizes.ts';

/** An attribute of a node: numbers are integers, unless they are marked. */
export type Attr = number | readonly number[] | string | { readonly float: number } | TensorProto;

/** A number as a float attribute. */
export const float = (value: number): Attr => ({ float: value });

/** Values of a tensor; integers of 64 bits as bigints. */
export type Values = HostArray | BigInt64Array | Uint8Array;

/** ONNX's type for a dtype. */
export const TYPES: Readonly<Record<DType, OnnxType>> = {
  f32: 'float',
  f16: 'float16',
  i32: 'int32',
  u32: 'uint32',
};

/** A tensor of the file. */
export const tensorProto = (name: string, type: OnnxType, shape: Shape, values: Values): TensorProto =>
  create(TensorProtoSchema, {
    name,
    dims: shape.map(BigInt),
    dataType: DATA_TYPES[type],
    rawData: new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
  });

const text = new TextEncoder();

function attributeProto(name: string, value: Attr): AttributeProto {
  if (typeof value === 'string')
    return create(AttributeProtoSchema, { name, type: 3, s: text.encode(value) });
  if (typeof value === 'number') return create(AttributeProtoSchema, { name, type: 2, i: BigInt(value) });
  if ('float' in value) return create(AttributeProtoSchema, { name, type: 1, f: value.float });
  if ('dims' in value) return create(AttributeProtoSchema, { name, type: 4, t: value });
  return create(AttributeProtoSchema, { name, type: 7, ints: value.map(BigInt) });
}

/** A node of the file. */
export const nodeProto = (
  name: string,
  opType: string,
  input: readonly string[],
  output: readonly string[],
  attrs: Readonly<Record<string, Attr | undefined>>,
): NodeProto =>
  create(NodeProtoSchema, {
    name,
    opType,
    input: [...input],
    output: [...output],
    attribute: Object.entries(attrs).flatMap(([key, value]) =>
      value === undefined ? [] : [attributeProto(key, value)],
    ),
  });

/** An input or output of the model. The number of images is called `N`, a multiple of it `N*2`. */
export const portProto = (name: string, dtype: DType, sizes: Sizes): ValueInfoProto =>
  create(ValueInfoProtoSchema, {
    name,
    type: {
      value: {
        case: 'tensorType',
        value: {
          elemType: DATA_TYPES[TYPES[dtype]],
          shape: {
            dim: sizes.map((size) => ({
              value: isFixed(size)
                ? { case: 'dimValue' as const, value: BigInt(size) }
                : { case: 'dimParam' as const, value: size.perImage === 1 ? 'N' : `N*${size.perImage}` },
            })),
          },
        },
      },
    },
  });

/** What a file holds. */
export interface FileContent {
  readonly opset: number;
  readonly name: string;
  readonly nodes: readonly NodeProto[];
  readonly initializers: readonly TensorProto[];
  readonly inputs: readonly ValueInfoProto[];
  readonly outputs: readonly ValueInfoProto[];
  readonly metadata: Readonly<Record<string, string>>;
}

/** The version of the file format that came with an opset. */
const irVersion = (opset: number): bigint => (opset < 15 ? 7n : opset < 19 ? 8n : opset < 21 ? 9n : 10n);

/** The bytes of a file. */
export const encodeFile = (content: FileContent): Uint8Array<ArrayBuffer> =>
  toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion: irVersion(content.opset),
      producerName: 'fovea',
      opsetImport: [create(OperatorSetIdProtoSchema, { domain: '', version: BigInt(content.opset) })],
      metadataProps: Object.entries(content.metadata).map(([key, value]) =>
        create(StringStringEntryProtoSchema, { key, value }),
      ),
      graph: create(GraphProtoSchema, {
        name: content.name,
        node: [...content.nodes],
        initializer: [...content.initializers],
        input: [...content.inputs],
        output: [...content.outputs],
      }),
    }),
  );
