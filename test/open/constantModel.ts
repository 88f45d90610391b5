import { create, toBinary } from '@bufbuild/protobuf';
import type { OnnxType } from '../../src/onnx/dataTypes.ts';
import { GraphProtoSchema, ModelProtoSchema } from '../../src/onnx/onnx_pb.ts';
import { initializer, node, port } from '../onnx/models.ts';

/** An output that is always the same. */
interface Constant {
  readonly type?: OnnxType;
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

/** An ONNX model that gives these values whatever the image is. */
export function constantModel(
  outputs: Readonly<Record<string, Constant>>,
  {
    input = [1, 3, 64, 64],
    metadata = {},
    weights = {},
  }: {
    input?: readonly number[];
    metadata?: Record<string, string>;
    /** The number of zeros in further weights. */
    weights?: Readonly<Record<string, number>>;
  } = {},
): Uint8Array {
  const zero = initializer('zero', { type: 'float', shape: [], data: [0] });
  const entries = Object.entries(outputs);
  const graph = create(GraphProtoSchema, {
    name: 'constant',
    node: [
      node('ReduceMean', ['images'], ['mean'], { keepdims: 0 }),
      node('Mul', ['mean', 'zero'], ['nothing']),
      ...entries.flatMap(([name, { type = 'float' }]) =>
        type === 'float'
          ? [node('Add', [`${name} value`, 'nothing'], [name])]
          : [node('Identity', [`${name} value`], [name])],
      ),
    ],
    initializer: [
      zero,
      ...entries.map(([name, { type = 'float', shape, data }]) =>
        initializer(`${name} value`, { type, shape, data }),
      ),
      ...Object.entries(weights).map(([name, size]) =>
        initializer(name, { type: 'float', shape: [size], data: new Array<number>(size).fill(0) }),
      ),
    ],
    input: [port('images', 'float', input)],
    output: entries.map(([name, { type = 'float', shape }]) => port(name, type, shape)),
  });
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion: 8n,
      producerName: 'test',
      graph,
      opsetImport: [{ domain: '', version: 13n }],
      metadataProps: Object.entries(metadata).map(([key, value]) => ({ key, value })),
    }),
  );
}
