import { create } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { evaluate } from '../../src/graph/evaluate.ts';
import { type Tensor, tensor } from '../../src/graph/tensor.ts';
import { loadOnnx } from '../../src/onnx/index.ts';
import { AttributeProtoSchema } from '../../src/onnx/onnx_pb.ts';
import { initializer, modelBytes, node, port } from './models.ts';

// What programs write that export models, and what they mean by it.

const values = (value: Tensor | undefined): number[] => Array.from(evaluate([value!])[0]!);

describe('weights that an exporter merged or made up', () => {
  // As PyTorch's exporter writes a fresh batch norm: its statistics equal its weights, and are not stored twice.
  const bytes = modelBytes({
    nodes: [
      node('Identity', ['weight'], ['running_var']),
      node('Identity', ['bias'], ['running_mean']),
      node('BatchNormalization', ['x', 'weight', 'bias', 'running_mean', 'running_var'], ['y']),
    ],
    inputs: [port('x', 'float', [2, 2])],
    outputs: [port('y', 'float', [2, 2])],
    initializers: [
      initializer('weight', { type: 'float', shape: [2], data: [1, 1] }),
      initializer('bias', { type: 'float', shape: [2], data: [0, 0] }),
    ],
  });

  it('are parameters and statistics of their own', () => {
    const model = loadOnnx(bytes);
    expect(model.parameters()).toHaveLength(2);
    expect(model.notes).toEqual(['2 weights that share their values with others are trained by themselves']);
    const [weight, bias] = model.parameters();
    weight!.state.set(Float32Array.of(3, 3));
    bias!.state.set(Float32Array.of(1, 1));
    const y = values(
      model.forward({
        x: tensor([
          [1, -2],
          [0, 2],
        ]),
      }).y,
    );
    expect(y.map((value) => Math.round(value * 100) / 100)).toEqual([4, -5, 1, 7]);
  });

  it('stay constants where they are ones and zeros of Constant nodes', () => {
    const filled = (name: string, value: number) => {
      const made = node('Constant', [], [name]);
      const t = initializer('', { type: 'float', shape: [2], data: [value, value] });
      made.attribute.push(create(AttributeProtoSchema, { name: 'value', type: 4, t }));
      return made;
    };
    const model = loadOnnx(
      modelBytes({
        nodes: [
          filled('one', 1),
          filled('zero', 0),
          node('InstanceNormalization', ['x', 'one', 'zero'], ['y']),
        ],
        inputs: [port('x', 'float', [1, 2, 4])],
        outputs: [port('y', 'float', [1, 2, 4])],
      }),
    );
    expect(model.parameters()).toEqual([]);
  });
});

describe('align_corners with a scale whose size is not whole', () => {
  // 3 elements by 1.5 are 4: from corner to corner in steps of 2 / 3 in PyTorch (and onnxruntime), of 2 / 3.5 in ONNX's text.
  it.each([
    ['pytorch', [0, 2 / 3, 4 / 3, 2]],
    ['', [0, 2 / 3.5, 4 / 3.5, 6 / 3.5]],
  ])('is that of the program that wrote the file (%s)', (producer, expected) => {
    const model = loadOnnx(
      modelBytes({
        nodes: [
          node('Resize', ['x', '', 'scales'], ['y'], {
            mode: 'linear',
            coordinate_transformation_mode: 'align_corners',
          }),
        ],
        inputs: [port('x', 'float', [1, 1, 3])],
        outputs: [port('y', 'float')],
        initializers: [initializer('scales', { type: 'float', shape: [3], data: [1, 1, 1.5] })],
        producer,
      }),
    );
    const y = values(model.forward({ x: tensor([[[0, 1, 2]]]) }).y);
    for (const [i, value] of expected.entries()) expect(y[i]).toBeCloseTo(value, 5);
  });
});
