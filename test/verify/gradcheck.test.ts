import { describe, expect, it } from 'vitest';
import { operations } from '../../src/graph/operations/index.ts';
import type { ElementwiseKernel } from '../../src/kernels/elementwise/elementwise.ts';
import { elementwiseKernels } from '../../src/kernels/ops.ts';
import { cases } from '../../src/verify/cases/index.ts';
import { gradientCheck } from '../../src/verify/gradcheck.ts';
import { isAsked } from './onlyCases.ts';

const rows = cases.filter((row) => row.grad?.length && isAsked(row.op));

describe('finite differences of the float64 reference agree with the gradient rule', () => {
  it.each(rows.map((row) => [`${row.op}: ${row.name}`, row] as const))('%s', (_title, row) => {
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
    const checked = new Set(cases.filter((row) => row.grad?.length).map((row) => row.op));
    // Rounding and comparisons have rules that give no gradient to any argument.
    const flat = Object.entries<ElementwiseKernel>(elementwiseKernels).flatMap(([name, { backward }]) =>
      Object.keys(backward).length === 0 ? [name] : [],
    );
    const ruled = Object.values(operations).flatMap(({ name, gradient }) => (gradient ? [name] : []));
    const missing = ruled.filter((op) => !checked.has(op as never) && !flat.includes(op));
    expect(missing.map((op) => `src/verify/cases has no row of ${op} with grad`)).toEqual([]);
  });
});
