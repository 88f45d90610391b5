import { describe, expect, it } from 'vitest';
import { operations } from '../../src/graph/operations/index.ts';
import type { ElementwiseKernel } from '../../src/kernels/elementwise/elementwise.ts';
import { expressionOf } from '../../src/kernels/elementwise/row.ts';
import { elementwiseKernels } from '../../src/kernels/ops.ts';
import { type Case, distinct, uniform } from '../../src/verify/cases/case.ts';
import { cases } from '../../src/verify/cases/index.ts';
import { gradientCheck } from '../../src/verify/gradcheck.ts';
import { isAsked } from './onlyCases.ts';

const rows = cases.filter((row) => row.grad?.length && isAsked(row.op));

describe('finite differences of the float64 reference agree with the gradient rule', () => {
  it.each(rows.map((row) => [`${row.op}: ${row.name}`, row] as const))('%s', (_title, row) => {
    for (const { message } of gradientCheck(operations[row.op], row)) expect(message).toBe('');
  });
});

/** By what the gradients of elementwise operations are differentiated, beside what arrives; `flat`: by everything, to 0. */
const SECOND: Readonly<Record<string, 'flat' | readonly string[]>> = {
  ...Object.fromEntries(
    ['relu', 'leaky_relu', 'hardsigmoid', 'hardtanh', 'abs', 'clamp', 'l1_loss'].map((op) => [op, 'flat']),
  ),
  ...Object.fromEntries(['fmod', 'remainder', 'maximum', 'minimum', 'where'].map((op) => [op, 'flat'])),
  ...Object.fromEntries(
    ['sigmoid', 'tanh', 'softplus', 'sin', 'cos', 'tan', 'atan', 'expm1', 'log', 'log1p', 'erf'].map((op) => [
      op,
      ['x'],
    ]),
  ),
  exp: ['y'],
  sqrt: ['y'],
  // Not rsqrt, whose reference takes y for 1 / sqrt(x): test/graph/grad.test.ts differentiates it twice.
  mul: ['a', 'b'],
  div: ['a', 'b'],
  pow: ['a'],
  mse_loss: ['x', 'target'],
};

/** A row for the gradient of each elementwise operation by each argument, of values between which there is no kink. */
const secondRows: Case[] = Object.entries<ElementwiseKernel>(elementwiseKernels).flatMap(([name, kernel]) => {
  const { row } = kernel.elementwise;
  return Object.keys(kernel.backward).map((arg): Case => {
    const { uses } = expressionOf({ row, backwardTo: arg });
    const smooth = SECOND[name] ?? [];
    // pow by its exponent has no second derivative.
    const also = uses.filter(
      (use) => use !== 'dy' && (smooth === 'flat' || (smooth.includes(use) && `${name} ${arg}` !== 'pow b')),
    );
    const fill = (use: string) => (use === 'a' ? distinct([6], 2.1, 2.9) : uniform([6], 0.4, 0.9));
    const inputs = Object.fromEntries(uses.map((use) => [use, fill(use)]));
    return {
      op: `${name}_backward_${arg}` as Case['op'],
      name: 'second derivative',
      inputs,
      grad: ['dy', ...also],
    };
  });
});
const filterRows = cases.flatMap((row): Case[] =>
  row.op === 'conv2d_backward_weight' ? [{ ...row, grad: ['x', 'dy'] }] : [],
);

describe('finite differences agree with second derivatives', () => {
  it.each(
    [...secondRows, ...filterRows].map((row) => [`${row.op}: ${row.name}`, row] as const),
  )('%s', (_title, row) => {
    for (const { message } of gradientCheck(operations[row.op], row)) expect(message).toBe('');
  });
});

describe('the table', () => {
  it('asks for no gradient where an operation has no rule', () => {
    const wrong = cases.filter((row) => row.grad && !operations[row.op].gradient);
    expect(
      wrong.map(
        ({ op, name }) => `src/graph/operations has no gradient of ${op}, which the case "${name}" asks for`,
      ),
    ).toEqual([]);
  });
  it('checks every gradient rule', () => {
    const checked = new Set(
      [...secondRows, ...filterRows, ...cases].filter((row) => row.grad?.length).map((row) => row.op),
    );
    // Rounding and comparisons have rules that give no gradient to any argument.
    const flat = Object.entries<ElementwiseKernel>(elementwiseKernels).flatMap(([name, { backward }]) =>
      Object.keys(backward).length === 0 ? [name] : [],
    );
    const ruled = Object.values(operations).flatMap(({ name, gradient }) => (gradient ? [name] : []));
    const missing = ruled.filter((op) => !checked.has(op as never) && !flat.includes(op));
    expect(missing.map((op) => `src/verify/cases has no row of ${op} with grad`)).toEqual([]);
  });
});
