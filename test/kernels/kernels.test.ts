import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Device, openDevice } from '../../src/device/device.ts';
import { cases } from '../../src/verify/cases/index.ts';
import { compare, runKernel, runReference, tolerances } from '../../src/verify/runKernel.ts';

// CASES=roi_align npx vitest run test/kernels runs the rows of one operation.
const only = process.env.CASES;
let gpu: Device;
beforeAll(async () => {
  gpu = await openDevice();
});
afterAll(() => gpu.dispose());

describe('every kernel agrees with its float64 reference', () => {
  const rows = cases.filter((row) => !only || row.op.startsWith(only));
  it.each(rows.map((row) => [`${row.op}: ${row.name}`, row] as const))('%s', async (_title, row) => {
    const want = runReference(row);
    const got = await runKernel(gpu, row);
    for (const name of Object.keys(want)) {
      const result = compare(got[name]!, want[name]!, ...tolerances(row));
      expect(result.message, name).toBe('');
    }
  });
});
