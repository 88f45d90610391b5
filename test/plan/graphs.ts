import { expect } from 'vitest';
import { evaluate } from '../../src/graph/evaluate.ts';
import { type Tensor, tensor } from '../../src/graph/tensor.ts';
import type { Gpu } from '../../src/plan/gpu.ts';
import { numel, type Shape } from '../../src/shape.ts';
import { normal, randomOf } from '../../src/verify/cases/case.ts';
import { compare } from '../../src/verify/runKernel.ts';

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
