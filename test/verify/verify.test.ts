import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { operations } from '../../src/graph/operations/index.ts';
import type { Tensor } from '../../src/graph/tensor.ts';
import { kernels } from '../../src/kernels/ops.ts';
import type { Gpu } from '../../src/plan/gpu.ts';
import type { Shape } from '../../src/shape.ts';
import type { Case } from '../../src/verify/cases/case.ts';
import { cases } from '../../src/verify/cases/index.ts';
import { gradientGraph } from '../../src/verify/gradientGraph.ts';
import { verifyCase } from '../../src/verify/verify.ts';
import { sharedGpu } from '../sharedGpu.ts';
import { isAsked } from './onlyCases.ts';

const rows = cases.filter((row) => isAsked(row.op));

describe('every kernel and every gradient agrees with the float64 reference, and gives the same bits again', () => {
  let gpu: Gpu;
  beforeAll(async () => {
    gpu = await sharedGpu({ limits: 'guaranteed' });
  });
  afterAll(() => gpu?.dispose());

  it.each(rows.map((row) => [`${row.op}: ${row.name}`, row] as const))('%s', async (_title, row) => {
    // Each time in memory that holds something else. `npm run verify:repeat` runs each twenty times.
    const results = await verifyCase(gpu, row, { repeat: 3 });
    expect(results.map(({ direction, message }) => `${direction}: ${message}`)).toEqual(
      results.map(({ direction }) => `${direction}: `),
    );
    expect(results.every(({ ok }) => ok)).toBe(true);
  });
});

/** The operations that compute a row's gradients. */
function recordedBy(row: Case): Set<string> {
  const ops = new Set<string>();
  const seen = new Set<Tensor>();
  const stack = gradientGraph(operations[row.op], row).grads.map(([, gradient]) => gradient);
  while (stack.length > 0) {
    const value = stack.pop()!;
    if (seen.has(value)) continue;
    seen.add(value);
    const { origin } = value;
    if (origin.kind === 'view') stack.push(origin.base);
    if (origin.kind !== 'op') continue;
    ops.add(origin.node.op);
    stack.push(...Object.values(origin.node.inputs));
  }
  return ops;
}

describe('the table', () => {
  it('has a row for every operation', () => {
    // A gradient of an elementwise operation may be run by the forward operation's rows: by what they record.
    const covered = new Set<string>(cases.map((row) => row.op));
    for (const row of cases) if (row.grad?.length) for (const op of recordedBy(row)) covered.add(op);
    const missing = Object.keys(kernels).filter((op) => !covered.has(op));
    expect(missing.map((op) => `src/verify/cases has no row of ${op}`)).toEqual([]);
  });

  it('has a row without elements for every operation', () => {
    // An operation that makes a tensor says its shape.
    const shapesOf = ({ inputs, attrs }: (typeof cases)[number]) => [
      ...Object.values(inputs).map(({ shape }) => shape),
      (attrs as { shape?: Shape } | undefined)?.shape ?? [],
    ];
    const empty = cases.filter((row) => shapesOf(row).some((shape) => shape.includes(0)));
    const covered = new Set<string>(empty.map((row) => row.op));
    for (const row of empty) if (row.grad?.length) for (const op of recordedBy(row)) covered.add(op);
    // In graphs the gradient of a sum's or a difference's first term is what arrives.
    const identities = ['add', 'fmod', 'remainder', 'sub'].map((op) => `${op}_backward_a`);
    identities.push('add_backward_b');
    const missing = Object.keys(kernels).filter((op) => !covered.has(op) && !identities.includes(op));
    expect(
      missing.map((op) => `src/verify/cases has no row of ${op} with a tensor without elements`),
    ).toEqual([]);
  });

  it('names every row once', () => {
    const names = cases.map((row) => `${row.op}: ${row.name}`);
    expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
  });
});
