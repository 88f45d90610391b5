import { afterAll, describe, expect, it } from 'vitest';
import { operations } from '../../src/graph/operations/index.ts';
import { alternativeKernels, alternatives, type WayName } from '../../src/kernels/alternatives.ts';
import { openGpu } from '../../src/plan/gpu.ts';
import { cases } from '../../src/verify/cases/index.ts';
import { attributesOf } from '../../src/verify/runKernel.ts';
import { subjectOf } from '../../src/verify/subject.ts';
import { verifyCase } from '../../src/verify/verify.ts';

const gpu = await openGpu();
const { caps } = gpu.device;
afterAll(() => gpu.dispose());

/** The operations that have several ways, and those whose gradients are computed by them. */
const rows = cases.filter(({ op }) => /^conv|matmul|linear/.test(op) || op in alternatives);

function waysHere(): WayName[] {
  const names = new Set<WayName>(['own']);
  for (const row of rows) {
    const { kernel } = subjectOf(operations[row.op]);
    const attrs = attributesOf(kernel, row.attrs);
    for (const training of [true, false]) {
      const others = alternativeKernels(kernel, caps, row.inputs, attrs, { training });
      for (const name of others.keys()) names.add(name);
    }
  }
  return [...names].sort();
}

describe('operations and gradients with every way forced in turn', () => {
  const names = waysHere();

  it('the table of cases has rows for more than one', () => {
    expect(names.length).toBeGreaterThan(1);
  });

  it.each(names)('%s', async (way) => {
    const failed: string[] = [];
    for (const row of rows) {
      // Twice, in memory that holds something else: every way gives the same bits again.
      for (const { ok, op, name, direction, message } of await verifyCase(gpu, row, { way, repeat: 2 })) {
        if (!ok) failed.push(`${op} ${name} ${direction}: ${message}`);
      }
    }
    expect(failed).toEqual([]);
  });
});
