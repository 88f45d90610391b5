import { fromBinary } from '@bufbuild/protobuf';
import { DataError } from '../errors.ts';
import { isOnnx, isSafetensors, otherFormat } from '../io/otherFormats.ts';
import { typeNamed } from './dataTypes.ts';
import {
  type Attribute,
  inOrder,
  type OnnxGraph,
  type OnnxModel,
  type OnnxNode,
  type OnnxPort,
} from './graph.ts';
import { decodeTensor, type ExternalData, type HostTensor } from './hostTensor.ts';
import { Inliner } from './inline.ts';
import {
  type AttributeProto,
  type GraphProto,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  type ValueInfoProto,
} from './onnx_pb.ts';
import { shown, UnsupportedError } from './unsupported.ts';

const text = new TextDecoder();
/** ONNX's own domain has two names. */
const domainOf = (domain: string): string => (domain === 'ai.onnx' ? '' : domain);

function attributeOf(proto: AttributeProto, external: ExternalData | undefined, inliner: Inliner): Attribute {
  if (proto.refAttrName !== '') return { kind: 'other', value: `reference to ${shown(proto.refAttrName)}` };
  // Files of IR versions before 2 leave the type out.
  const type = proto.type || guessedType(proto);
  switch (type) {
    case 1:
      return { kind: 'float', value: proto.f };
    case 2:
      return { kind: 'int', value: Number(proto.i) };
    case 3:
      return { kind: 'string', value: text.decode(proto.s) };
    case 4:
      if (proto.t) return { kind: 'tensor', value: decodeTensor(proto.t, external) };
      break;
    case 5:
      if (proto.g) return { kind: 'graph', value: graphOf(proto.g, external, inliner, true) };
      break;
    case 6:
      return { kind: 'floats', value: proto.floats };
    case 7:
      return { kind: 'ints', value: proto.ints.map(Number) };
    case 8:
      return { kind: 'strings', value: proto.strings.map((bytes) => text.decode(bytes)) };
  }
  return { kind: 'other', value: `type ${type}` };
}

function guessedType(proto: AttributeProto): number {
  if (proto.t) return 4;
  if (proto.g) return 5;
  if (proto.floats.length > 0) return 6;
  if (proto.ints.length > 0) return 7;
  if (proto.strings.length > 0) return 8;
  if (proto.s.length > 0) return 3;
  return proto.f === 0 ? 2 : 1;
}

function nodeOf(proto: NodeProto, external: ExternalData | undefined, inliner: Inliner): OnnxNode {
  const domain = domainOf(proto.domain);
  const name = proto.name || proto.output.find((output) => output !== '') || '';
  const label = `${shown(`${domain ? `${domain}.` : ''}${proto.opType}`)} "${shown(name)}"`;
  const attributes = new Map<string, Attribute>();
  for (const attribute of proto.attribute) {
    try {
      attributes.set(attribute.name, attributeOf(attribute, external, inliner));
    } catch (error) {
      // What a node does not need (a string, say) must not keep the model from being read.
      if (!(error instanceof UnsupportedError)) throw error;
      attributes.set(attribute.name, { kind: 'other', value: error.message });
    }
  }
  return { label, name, op: proto.opType, domain, inputs: proto.input, outputs: proto.output, attributes };
}

/** An input or output. `inner`: of a graph in a graph, which need not say the type. */
function portOf({ name, type }: ValueInfoProto, inner: boolean): OnnxPort {
  const value = type?.value;
  if (inner && (value?.case === undefined || (value.case === 'tensorType' && value.value.elemType === 0))) {
    return { name, type: 'float', shape: undefined };
  }
  if (value?.case !== 'tensorType') {
    throw new UnsupportedError(
      `${JSON.stringify(name)} is ${value?.case ? `a ${value.case.replace('Type', '')}` : 'of no type'}; only tensors are supported`,
    );
  }
  const { elemType, shape } = value.value;
  const sizes = shape?.dim.map(({ value: size }) => {
    if (size.case === 'dimValue') return Number(size.value);
    return size.case === 'dimParam' && size.value !== '' ? size.value : null;
  });
  return { name, type: typeNamed(elemType, JSON.stringify(name)), shape: sizes };
}

function graphOf(
  proto: GraphProto,
  external: ExternalData | undefined,
  inliner: Inliner,
  inner = false,
): OnnxGraph {
  if (proto.sparseInitializer.length > 0) {
    throw new UnsupportedError('sparse initializers are not supported; store them dense');
  }
  const initializers = new Map<string, HostTensor>();
  for (const tensor of proto.initializer) {
    if (initializers.has(tensor.name)) {
      throw new DataError(
        `two initializers have the name ${JSON.stringify(tensor.name)}; the file is damaged`,
      );
    }
    initializers.set(tensor.name, decodeTensor(tensor, external));
  }
  return {
    name: proto.name,
    nodes: inOrder(inliner.nodes(proto.node).map((node) => nodeOf(node, external, inliner))),
    initializers,
    inputs: proto.input.filter(({ name }) => !initializers.has(name)).map((port) => portOf(port, inner)),
    outputs: proto.output.map((port) => portOf(port, inner)),
  };
}

/** What bytes are that could not be read as a model: a file of another format, or a damaged model. */
function noModel(bytes: Uint8Array, problem: string, cause?: unknown): DataError {
  const other = isSafetensors(bytes)
    ? 'is a safetensors file, weights without a model; load it with loadWeights'
    : isOnnx(bytes)
      ? undefined
      : otherFormat(bytes, 'an .onnx file');
  return new DataError(other === undefined ? problem : `no ONNX model: ${other}`, { cause });
}

/** Decodes an ONNX file. Throws DataError where the bytes are no ONNX model, or a damaged one. */
export function decodeProto(bytes: Uint8Array): { proto: ModelProto; graph: GraphProto } {
  let proto: ModelProto;
  try {
    proto = fromBinary(ModelProtoSchema, bytes, { readUnknownFields: false });
  } catch (error) {
    const problem = `no ONNX model, or a damaged one (${(error as Error).message}); copy or download it again`;
    throw noModel(bytes, problem, error);
  }
  // A model may begin like a file of another format, so that is told only of what cannot be read.
  const { graph } = proto;
  if (!graph) throw noModel(bytes, 'no ONNX model: it has no graph');
  return { proto, graph };
}

/**
 * Reads an ONNX file.
 *
 * @param bytes The file.
 * @param external Reads files beside it that hold values of tensors.
 * @throws DataError where the bytes are no ONNX model, or a damaged one.
 */
export function parseModel(bytes: Uint8Array, external?: ExternalData): OnnxModel {
  const { proto, graph } = decodeProto(bytes);
  const opsets = new Map(
    proto.opsetImport.map(({ domain, version }) => [domainOf(domain), Number(version)] as const),
  );
  try {
    return {
      graph: graphOf(graph, external, new Inliner(proto)),
      opsets,
      producer: proto.producerName,
      metadata: new Map(proto.metadataProps.map(({ key, value }) => [key, value])),
    };
  } catch (error) {
    // Graphs in graphs, deeper than the call stack.
    if (error instanceof RangeError) throw new DataError('graphs are nested too deeply; the file is damaged');
    throw error;
  }
}
