/** Mutated ONNX models: loading and recording must give outputs or a FoveaError, in bounded time and memory. */
import { readFileSync } from 'node:fs';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { FoveaError } from '../../src/errors.ts';
import { tensor } from '../../src/graph/tensor.ts';
import { dtypeOf } from '../../src/onnx/dataTypes.ts';
import { loadOnnx } from '../../src/onnx/index.ts';
import {
  type GraphProto,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
} from '../../src/onnx/onnx_pb.ts';
import { operators } from '../../src/onnx/operators/index.ts';
import type { Random } from '../../src/vision/random.ts';
import { type Case, caseBytes } from '../onnx/models.ts';
import { EXTERNAL, graphSeeds } from './onnxGraphs.ts';

/** Small, valid models: one node each, and some with graphs in them. `folder` holds test/fixtures/onnx.json. */
export function onnxSeeds(folder: string): Readonly<Record<string, Uint8Array>> {
  const cases = JSON.parse(readFileSync(`${folder}/onnx.json`, 'utf8')) as readonly Case[];
  const nodes = Object.fromEntries(cases.map((one, i) => [`${one.op} ${i}`, caseBytes(one)]));
  return { ...graphSeeds(), ...nodes };
}

/** Bytes that are large numbers, as protobuf writes them. */
const NUMBERS: readonly (readonly number[])[] = [
  [0xff, 0xff, 0xff, 0xff, 0x07],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
  [0x80, 0x80, 0x80, 0x80, 0x80, 0x20],
  [0],
  [0x7f],
];

const choose = <T>(list: readonly T[], random: Random): T | undefined =>
  list.length > 0 ? list[random.integer(list.length)] : undefined;

/** One to three changes: of bits, bytes and pieces, or of names, numbers and nodes in a file that stays whole. */
export function mutateModel(seed: Uint8Array, random: Random): Uint8Array {
  let bytes = seed;
  for (let n = 1 + random.integer(3); n > 0; n--) {
    bytes = random.integer(2) === 0 ? mutateBytes(bytes, random) : mutateParts(bytes, random);
  }
  return bytes;
}

/** A bit, a byte, a number put in, a piece left out or repeated, the end cut off. */
function mutateBytes(seed: Uint8Array, random: Random): Uint8Array {
  if (seed.length === 0) return Uint8Array.of(random.integer(256));
  const bytes = Array.from(seed);
  const at = random.integer(bytes.length);
  const end = Math.min(at + 1 + random.integer(6), bytes.length);
  switch (random.integer(8)) {
    case 0:
    case 1:
      bytes[at]! ^= 1 << random.integer(8);
      break;
    case 2:
      bytes[at] = random.integer(256);
      break;
    case 3:
    case 4:
      bytes.splice(at, 1, ...choose(NUMBERS, random)!);
      break;
    case 5:
      bytes.splice(at, end - at);
      break;
    case 6:
      bytes.splice(end, 0, ...bytes.slice(at, end));
      break;
    default:
      return seed.slice(0, at);
  }
  return Uint8Array.from(bytes);
}

const SIZES = [
  0n,
  1n,
  2n,
  3n,
  -1n,
  -2n,
  7n,
  9_999n,
  65_536n,
  2n ** 31n - 1n,
  2n ** 40n,
  2n ** 62n,
  -(2n ** 63n),
];
const FLOATS = [0, -1, 0.5, 1e30, Number.NaN, Number.POSITIVE_INFINITY];
const NAMES = Object.keys(operators);

/** A graph of a model, or one in it. */
function graphIn(model: ModelProto, random: Random): GraphProto | undefined {
  const graphs = model.graph ? [model.graph] : [];
  for (const { node } of graphs) {
    for (const { attribute } of node) for (const { g } of attribute) if (g) graphs.push(g);
  }
  return choose(graphs, random);
}

function mutateNode(node: NodeProto, names: readonly string[], random: Random): void {
  const attribute = choose(node.attribute, random);
  const name = () => (random.integer(8) === 0 ? '' : (choose(names, random) ?? ''));
  switch (random.integer(8)) {
    case 0:
      node.opType = choose(NAMES, random)!;
      break;
    case 1:
      node.input[random.integer(node.input.length + 1)] = name();
      break;
    case 2:
      node.output[random.integer(node.output.length + 1)] = name();
      break;
    case 3:
      if (random.integer(2) === 0) node.input.pop();
      else node.input.shift();
      break;
    case 4:
      if (attribute) node.attribute = node.attribute.filter((one) => one !== attribute);
      break;
    default:
      if (!attribute) return;
      attribute.i = choose(SIZES, random)!;
      attribute.f = choose(FLOATS, random)!;
      if (attribute.ints.length > 0) attribute.ints[random.integer(attribute.ints.length + 1)] = attribute.i;
      if (random.integer(6) === 0) attribute.type = random.integer(12);
      if (random.integer(6) === 0) attribute.refAttrName = choose(['', 'alpha', 'axis'], random)!;
  }
}

/** Changes a node, the values or shape of an initializer, an input, or the nodes of a graph or function. */
function mutateParts(bytes: Uint8Array, random: Random): Uint8Array {
  let model: ModelProto;
  try {
    model = fromBinary(ModelProtoSchema, bytes);
  } catch {
    return mutateBytes(bytes, random);
  }
  const graph = graphIn(model, random);
  if (!graph) return mutateBytes(bytes, random);
  const called = choose(model.functions, random);
  const nodes = called && random.integer(2) === 0 ? called.node : graph.node;
  const names = [...nodes.flatMap(({ input, output }) => [...input, ...output]), 'x', 'x0', 'y'];
  const node = choose(nodes, random);
  const held = node?.attribute.flatMap(({ t }) => t ?? []) ?? [];
  const weight = choose([...graph.initializer, ...held], random);
  const port = choose([...graph.input, ...graph.output], random);
  switch (random.integer(11)) {
    case 0:
      if (!weight) break;
      if (weight.int64Data.length > 0) {
        weight.int64Data[random.integer(weight.int64Data.length)] = choose(SIZES, random)!;
      } else if (weight.floatData.length > 0) {
        weight.floatData[random.integer(weight.floatData.length)] = choose(FLOATS, random)!;
      } else {
        for (const entry of weight.externalData) {
          if (random.integer(2) === 0)
            entry.value = choose(['', '-1', '8', '1e9', 'w', '../w', 'x'], random)!;
        }
      }
      break;
    case 1:
      if (!weight) break;
      weight.dims[random.integer(weight.dims.length + 1)] = choose(SIZES, random)!;
      break;
    case 7:
      if (weight && random.integer(2) === 0) weight.dims.pop();
      else if (weight) weight.dataType = random.integer(25);
      break;
    case 2:
      if (port?.type?.value.case !== 'tensorType') break;
      if (random.integer(2) === 0) port.type.value.value.elemType = random.integer(25);
      for (const dim of port.type.value.value.shape?.dim ?? []) {
        if (random.integer(2) === 0) dim.value = { case: 'dimValue', value: choose(SIZES, random)! };
      }
      break;
    case 3:
      if (port) port.name = choose(names, random)!;
      break;
    case 4:
      if (random.integer(2) === 0) nodes.splice(random.integer(nodes.length + 1), 1);
      else nodes.reverse();
      break;
    default:
      if (node) mutateNode(node, names, random);
  }
  return toBinary(ModelProtoSchema, model);
}

/** Loads and records: `read`, or the class of the error. Throws what is no FoveaError. */
export function recordModel(bytes: Uint8Array): string {
  try {
    const model = loadOnnx(bytes, { externalData: EXTERNAL });
    const inputs = Object.fromEntries(
      model.inputs.map(({ name, type, shape }) => {
        const sizes = (shape ?? [2]).map((size) => (typeof size === 'number' ? size : 2));
        const dtype = dtypeOf(type, name);
        const count = sizes.reduce((product, size) => product * size, 1);
        // Of what is too large to make there is nothing to run.
        if (!(count >= 0 && count <= 1e5)) throw new FoveaError('too large');
        const values = dtype === 'f32' ? new Float32Array(count).fill(0.5) : new Int32Array(count).fill(1);
        return [name, tensor(values, sizes)];
      }),
    );
    model.forward(inputs);
    return 'read';
  } catch (error) {
    if (error instanceof FoveaError && !/[\r\n]/.test(error.message)) return error.constructor.name;
    throw error;
  }
}
