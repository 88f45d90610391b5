import { create } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { DataError, UsageError } from '../../src/errors.ts';
import { Conv2d } from '../../src/nn/index.ts';
import { readOnnxWeights } from '../../src/onnx/index.ts';
import { AttributeProtoSchema, TensorProtoSchema } from '../../src/onnx/onnx_pb.ts';
import { initializer, modelBytes, node, port } from './models.ts';

const constant = node('Constant', [], ['held']);
constant.attribute.push(
  create(AttributeProtoSchema, {
    name: 'value',
    type: 4,
    t: initializer('', { type: 'float', shape: [2], data: [1.5, -2] }),
  }),
);

const tensorOf = (name: string, dataType: number, dims: number[], rest: object) =>
  create(TensorProtoSchema, { name, dataType, dims: dims.map(BigInt), ...rest });

const bytes = modelBytes({
  nodes: [constant, node('NoSuchOperation', ['x', 'w'], ['y'])],
  inputs: [port('x', 'float', [2])],
  outputs: [port('y', 'float', [2])],
  initializers: [
    initializer('w', { type: 'float', shape: [2, 3, 1, 1], data: [1, 2, 3, 4, 5, 6] }),
    tensorOf('half', 10, [2], { int32Data: [0x3c00, 0xc000] }),
    tensorOf('brain', 16, [1], { rawData: Uint8Array.of(0x80, 0x3f) }),
    tensorOf('small', 3, [3], { rawData: Uint8Array.of(1, 255, 128) }),
    tensorOf('large', 7, [], { int64Data: [-(2n ** 60n)] }),
    tensorOf('outside', 6, [1], {
      dataLocation: 1,
      externalData: [
        { key: 'location', value: 'beside.bin' },
        { key: 'offset', value: '4' },
        { key: 'length', value: '4' },
      ],
    }),
    tensorOf('text', 8, [1], { stringData: [Uint8Array.of(65)] }),
  ],
  opset: 13,
});

describe('readOnnxWeights', () => {
  it('has initializers and constants in the types of the file, whatever the operations are', () => {
    const externalData = (name: string) =>
      name === 'beside.bin' ? Uint8Array.of(0, 0, 0, 0, 7, 0, 0, 0) : undefined;
    const { format, source, layout, tensors, other, notes } = readOnnxWeights(bytes, {
      name: 'a.onnx',
      externalData,
    });
    expect({ format, source, layout }).toEqual({ format: 'onnx', source: 'a.onnx', layout: 'pytorch' });
    expect(Object.fromEntries(tensors)).toEqual({
      w: { dtype: 'f32', shape: [2, 3, 1, 1], data: Float32Array.of(1, 2, 3, 4, 5, 6) },
      half: { dtype: 'f16', shape: [2], data: Uint16Array.of(0x3c00, 0xc000) },
      brain: { dtype: 'bf16', shape: [1], data: Uint16Array.of(0x3f80) },
      small: { dtype: 'i8', shape: [3], data: Int8Array.of(1, -1, -128) },
      large: { dtype: 'i64', shape: [], data: BigInt64Array.of(-(2n ** 60n)) },
      outside: { dtype: 'i32', shape: [1], data: Int32Array.of(7) },
      held: { dtype: 'f32', shape: [2], data: Float32Array.of(1.5, -2) },
    });
    expect(other.get('opset')).toBe(13);
    expect(notes).toEqual(['left out: tensor "text": tensors of string are not supported']);
  });

  it('is what loadStateDict takes', async () => {
    const conv = new Conv2d(3, 2, 1, { bias: false });
    const report = conv.loadStateDict(readOnnxWeights(bytes, { externalData: () => new Uint8Array(8) }), {
      strict: false,
      rename: (name) => (name === 'w' ? 'weight' : undefined),
    });
    expect(report.matched).toEqual(['weight']);
    expect([...conv.weight.state.initial]).toEqual([1, 4, 2, 5, 3, 6]);
  });

  it('throws for what is none', () => {
    expect(() => readOnnxWeights(bytes)).toThrow(DataError);
    expect(() => readOnnxWeights(bytes)).toThrow('give that file’s bytes as externalData');
    expect(() => readOnnxWeights(bytes.subarray(0, 40), { name: 'cut.onnx' })).toThrow(
      /^cut\.onnx: no ONNX model, or a damaged one \(.*\); copy or download it again$/,
    );
    expect(() => readOnnxWeights(bytes.subarray(0, 40))).toThrow(DataError);
    expect(() => readOnnxWeights('a.onnx' as never)).toThrow(UsageError);
  });
});
