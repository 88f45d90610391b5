import { expect } from 'vitest';
import { grad } from '../../src/graph/backward.ts';
import { mul } from '../../src/graph/functions/elementwise.ts';
import { sum } from '../../src/graph/functions/reduce.ts';
import { type Tensor, tensor } from '../../src/graph/tensor.ts';
import type { Module } from '../../src/nn/module.ts';
import type { Gpu } from '../../src/plan/gpu.ts';
import type { Shape } from '../../src/shape.ts';
import { leaf, values } from '../plan/graphs.ts';

/** A tensor with a gradient, and its values. */
export interface Variable {
  readonly tensor: Tensor;
  readonly data: Float32Array;
}

/** Seeded normal values, and a tensor of them that has a gradient. */
export const variable = (name: string, shape: Shape): Variable => ({
  tensor: leaf(name, shape),
  data: values(name, shape),
});

/** Sets each parameter of a module to seeded values, and gives them by name. */
export function variablesOf(module: Module): Record<string, Variable> {
  const named = [...module.namedParameters()].map(([name, parameter]) => {
    const data = values(name, parameter.state.spec.shape);
    parameter.state.set(data);
    return [name, { tensor: parameter.tensor, data }] as const;
  });
  return Object.fromEntries(named);
}

type Values<Names extends string> = Readonly<Record<Names, ArrayLike<number>>>;

export interface Check<Names extends string> {
  readonly inputs: Readonly<Record<Names, Variable>>;
  readonly forward: () => Tensor;
  readonly shape: Shape;
  /** What forward must give, written out. */
  readonly wanted: (values: Values<Names>) => ArrayLike<number>;
}

/**
 * Checks what a module gives against a plain function, and its gradients to all inputs against that function's central
 * differences in float64.
 */
export async function expectModule<Names extends string>(
  gpu: Gpu,
  { inputs, forward, shape, wanted }: Check<Names>,
): Promise<void> {
  const entries = Object.entries<Variable>(inputs);
  const weights = values('upstream', shape);
  const y = forward();
  expect(y.shape).toEqual(shape);
  const loss = sum(mul(y, tensor(weights, shape)));
  const gradients = grad(
    [loss],
    entries.map(([, input]) => input.tensor),
  );
  const [got, ...gotGradients] = await gpu.read(y, ...gradients.map((value) => value!));
  const center = Object.fromEntries(
    entries.map(([name, { data }]) => [name, Float64Array.from(data)]),
  ) as Record<Names, Float64Array>;
  expectClose('y', got!, wanted(center));
  const weighted = () =>
    Array.from(wanted(center)).reduce((total, value, i) => total + value * weights[i]!, 0);
  for (const [i, [name, { data }]] of entries.entries()) {
    const own = center[name as Names];
    const step = 1e-5;
    const numeric = Float64Array.from(data, (value, at) => {
      own[at] = value + step;
      const above = weighted();
      own[at] = value - step;
      const below = weighted();
      own[at] = value;
      return (above - below) / (2 * step);
    });
    expectClose(`gradient of ${name}`, gotGradients[i]!, numeric);
  }
}

export function expectClose(what: string, got: ArrayLike<number>, want: ArrayLike<number>): void {
  expect(got.length, what).toBe(want.length);
  const largest = Math.max(1, ...Array.from(want, Math.abs));
  for (let i = 0; i < want.length; i++) {
    expect(Math.abs(got[i]! - want[i]!) / largest, `${what} at ${i}: ${got[i]}, not ${want[i]}`).toBeLessThan(
      2e-5,
    );
  }
}

/** The names of a module's state dict. */
export const namesOf = (module: Module): string[] => module.namedStates().map(([name]) => name);
