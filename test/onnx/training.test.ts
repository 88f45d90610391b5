import { describe, expect, it } from 'vitest';
import { backward } from '../../src/graph/backward.ts';
import { mseLoss } from '../../src/graph/functions/losses.ts';
import { baseOf, type Tensor, tensor } from '../../src/graph/tensor.ts';
import { SGD } from '../../src/nn/index.ts';
import { loadOnnx } from '../../src/onnx/index.ts';
import { randomOf } from '../../src/verify/cases/case.ts';
import { sharedGpu } from '../sharedGpu.ts';
import { initializer, modelBytes, node, port } from './models.ts';

const weight = (name: string, ...shape: number[]) => {
  const random = randomOf(name);
  const count = shape.reduce((product, size) => product * size, 1);
  return initializer(name, {
    type: 'float',
    shape,
    data: Array.from({ length: count }, () => random() - 0.5),
  });
};
const ones = (name: string) => initializer(name, { type: 'float', shape: [4], data: [1, 1, 1, 1] });

/** A small convolution network with a branch, a concatenation, and a classifier. */
const network = () =>
  loadOnnx(
    modelBytes({
      nodes: [
        node('Conv', ['x', 'w1', 'b1'], ['a'], { pads: [1, 1, 1, 1] }),
        node('BatchNormalization', ['a', 'scale', 'b1', 'mean', 'var'], ['b']),
        node('Relu', ['b'], ['c']),
        node('MaxPool', ['c'], ['d'], { kernel_shape: [2, 2], strides: [2, 2] }),
        node('Conv', ['d', 'w2'], ['e'], { pads: [1, 1, 1, 1] }),
        node('Add', ['d', 'e'], ['f']),
        node('Sigmoid', ['f'], ['g']),
        node('Mul', ['f', 'g'], ['h']),
        node('Concat', ['h', 'd'], ['i'], { axis: 1 }),
        node('GlobalAveragePool', ['i'], ['j']),
        node('Flatten', ['j'], ['k']),
        node('Gemm', ['k', 'w3'], ['y'], { transB: 1 }),
      ],
      inputs: [port('x', 'float', ['N', 3, 8, 8])],
      outputs: [port('y', 'float', ['N', 2])],
      initializers: [
        weight('w1', 4, 3, 3, 3),
        weight('b1', 4),
        ones('scale'),
        weight('mean', 4),
        ones('var'),
        weight('w2', 4, 4, 3, 3),
        weight('w3', 2, 8),
      ],
    }),
  );

/** How often an operation is recorded below a tensor. */
function countOf(value: Tensor, op: string): number {
  const seen = new Set<Tensor>();
  const stack = [baseOf(value)];
  let count = 0;
  for (let top = stack.pop(); top; top = stack.pop()) {
    if (seen.has(top)) continue;
    seen.add(top);
    if (top.origin.kind !== 'op') continue;
    if (top.origin.node.op === op) count++;
    stack.push(...Object.values(top.origin.node.inputs).map(baseOf));
  }
  return count;
}

function image(): Tensor {
  const random = randomOf('image');
  return tensor(
    Float32Array.from({ length: 2 * 3 * 64 }, () => random()),
    [2, 3, 8, 8],
  );
}

describe('a convolution network of ONNX', () => {
  it('turns its images once, where they come in', () => {
    expect(countOf(network().forward({ x: image() }).y!, 'permute')).toBe(1);
  });

  it('trains: the loss falls, statistics stay', async () => {
    const gpu = await sharedGpu();
    const model = network();
    expect(Array.from(model.namedParameters(), ([name]) => name)).toEqual(['w1', 'b1', 'scale', 'w2', 'w3']);
    const optimizer = new SGD(model.parameters(), { lr: 0.02 });
    const step = gpu.capture((x: Tensor, target: Tensor) => {
      const loss = mseLoss(model.forward({ x }).y!, target);
      backward(loss);
      optimizer.step();
      return { loss };
    });
    const [x, target] = [image(), tensor([1, -1, 0.5, 2], [2, 2])];
    const losses: number[] = [];
    for (let i = 0; i < 30; i++) losses.push(await (await step(x, target)).loss.item());
    losses.slice(1).forEach((loss, i) => {
      expect(loss).toBeLessThan(losses[i]!);
    });
    expect(losses.at(-1)!).toBeLessThan(0.85 * losses[0]!);
  });
});
