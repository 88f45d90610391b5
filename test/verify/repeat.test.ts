import { expect, it } from 'vitest';
import { openGpu } from '../../src/plan/gpu.ts';
import { verifyAll } from '../../src/verify/verify.ts';

// `npm run verify:repeat` runs each twenty times.
it('every operation and every gradient gives the same bits in every run, whatever new memory holds', async () => {
  using gpu = await openGpu();
  const rows = await verifyAll(gpu, { repeat: 3 });
  expect(rows.flatMap(({ ok, op, name, message }) => (ok ? [] : [`${op}: ${name}: ${message}`]))).toEqual([]);
  expect(rows.length).toBeGreaterThan(900);
});
