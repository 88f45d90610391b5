import { expectArguments } from '../arguments.ts';
import type { FileTensor } from '../io/fileTensor.ts';
import type { LoadedWeights } from '../io/loadedWeights.ts';
import { withDefaults } from '../options.ts';
import { type ExternalData, fileTensor } from './hostTensor.ts';
import { inFile } from './inFile.ts';
import type { TensorProto } from './onnx_pb.ts';
import { OWN_CONSTANT, OWN_WEIGHTS, restoreWeights } from './ownWeights.ts';
import { decodeProto } from './parseModel.ts';
import { UnsupportedError } from './unsupported.ts';

/** Options of `readOnnxWeights`. */
export interface OnnxWeightsOptions {
  /** The file's name. Default: `model`. */
  readonly name?: string;
  /** Reads the files beside the model that hold its values. */
  readonly externalData?: ExternalData;
}

/**
 * Reads the weights of an ONNX model without the model: initializers and the values of Constant nodes, in the types and shapes of
 * the file and under its names. Operations that `loadOnnx` does not have do not matter. Tensors of types that are not read
 * (float8, int4, texts) are left out, and `notes` name them. Of a file of `exportOnnx` these are the state dict: its constants are left out. `other` has the operation sets, the producer and the metadata.
 *
 * @param bytes The file.
 * @throws DataError where the bytes are no ONNX model, or a damaged one.
 */
export function readOnnxWeights(bytes: Uint8Array, options: OnnxWeightsOptions = {}): LoadedWeights {
  const { name, externalData } = withDefaults('readOnnxWeights', options, {
    name: 'model',
    externalData: undefined,
  });
  expectArguments('readOnnxWeights', { bytes }, { bytes: 'bytes' });
  return inFile(name, () => weightsIn(bytes, name, externalData));
}

function weightsIn(bytes: Uint8Array, source: string, externalData: ExternalData | undefined): LoadedWeights {
  const { proto, graph } = decodeProto(bytes);
  const tensors = new Map<string, FileTensor>();
  const notes: string[] = [];
  const add = (key: string, tensor: TensorProto): void => {
    try {
      tensors.set(key, fileTensor(tensor, externalData));
    } catch (error) {
      if (!(error instanceof UnsupportedError)) throw error;
      notes.push(`left out: ${error.message}`);
    }
  };
  for (const tensor of graph.initializer) {
    if (!tensor.name.startsWith(OWN_CONSTANT)) add(tensor.name, tensor);
  }
  for (const { opType, output, attribute } of graph.node) {
    const value = attribute.find((one) => one.name === 'value')?.t;
    if (opType === 'Constant' && output[0] !== undefined && value) add(output[0], value);
  }
  restoreWeights(tensors, proto.metadataProps.find(({ key }) => key === OWN_WEIGHTS)?.value);
  const { producerName, producerVersion, opsetImport, metadataProps } = proto;
  const other = new Map<string, string | number>(
    opsetImport.map(({ domain, version }) => [`opset${domain ? ` of ${domain}` : ''}`, Number(version)]),
  );
  const producer = [producerName, producerVersion].filter(Boolean).join(' ');
  if (producer) other.set('producer', producer);
  for (const { key, value } of metadataProps) if (key !== OWN_WEIGHTS) other.set(key, value);
  return { format: 'onnx', source, layout: 'pytorch', tensors, other, notes };
}
