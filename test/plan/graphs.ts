import { expect } from 'vitest';
import { evaluate } from '../../src/graph/evaluate.ts';
import { conv2d, groupNorm } from '../../src/graph/functions/conv.ts';
import * as e from '../../src/graph/functions/elementwise.ts';
import { loadStrategies } from '../../src/graph/operation.ts';
import { operations } from '../../src/graph/operations/index.ts';
import { type Tensor, tensor } from '../../src/graph/tensor.ts';
import { Gpu } from '../../src/plan/gpu.ts';
import { lower } from '../../src/plan/lower.ts';
import { numel, type Shape } from '../../src/shape.ts';
import { normal, randomOf } from '../../src/verify/cases/case.ts';
import { compare } from '../../src/verify/runKernel.ts';

await loadStrategies(Object.values(operations));

/** Seeded normal values: the same name gives the same ones. */
export const values = (name: string, shape: Shape, scale = 1): Float32Array =>
  Float32Array.from(normal(shape, scale).fill(randomOf(name), numel(shape)));

export const random = (name: string, shape: Shape, scale = 1): Tensor =>
  tensor(values(name, shape, scale), shape);

/** The GPU's values of tensors agree with the references' of the same graph. */
export async function expectReference(gpu: Gpu, ...tensors: Tensor[]): Promise<void> {
  const want = evaluate(tensors);
  const got = await gpu.read(...tensors);
  expect(got.length).toBe(tensors.length);
  tensors.forEach((_, i) => {
    const { message } = compare(`tensor ${i}`, got[i]!, want[i]!, 1e-4, 2e-5);
    expect(message).toBe('');
  });
}

/** Fused or not, a graph has the values of its references. Returns the number of operations of each. */
export async function expectBoth(gpu: Gpu, ...tensors: Tensor[]): Promise<[fused: number, plain: number]> {
  await expectReference(gpu, ...tensors);
  await expectReference(new Gpu(gpu.device, { fusion: false, validate: false }), ...tensors);
  const count = (fusion: boolean) => lower(gpu.device.caps, tensors, [], { fusion }).ops.length;
  return [count(true), count(false)];
}

export const leaf = (name: string, shape: Shape, scale = 1): Tensor =>
  tensor(values(name, shape, scale), shape, { requiresGrad: true });

/** conv, bias, relu, residual, norm, relu. */
export function block(channels: number) {
  const x = leaf('x', [2, 6, 7, channels]);
  const weight = leaf('w', [3, 3, channels, channels], 0.2);
  const bias = leaf('b', [channels]);
  const [scale, shift] = [leaf('s', [channels]), leaf('t', [channels])];
  const y = e.add(e.relu(conv2d(x, weight, bias, { padding: 1 })), x);
  const z = e.relu(e.mul(groupNorm(y, 1, { weight: scale, bias: shift }), 0.5));
  return { z, leaves: [x, weight, bias, scale, shift] };
}
