import { afterAll, beforeAll, expect, it } from 'vitest';
import { Ours } from '../../bench/src/ours.ts';
import { renderReport } from '../../bench/src/report.ts';
import type { Results } from '../../bench/src/results.ts';
import { runBench } from '../../bench/src/runBench.ts';
import { bytesOf, inHalves, rowsOf, type Workload } from '../../bench/src/workload.ts';
import { matmul } from '../../src/graph/functions/reduce.ts';

const shape = [32, 32];
const gemm: Workload = {
  name: 'gemm 32',
  inputs: [{ shape }, { shape }],
  flops: 2 * 32 ** 3,
  bytes: bytesOf(shape, shape, shape),
  ours: (a, b) => ({ y: matmul(a!, b!) }),
  tfjs: 'absent',
  ort: 'absent',
  jax: 'absent',
};

let ours: Ours;
let results: Results;
const lines: string[] = [];
beforeAll(async () => {
  ours = await Ours.open(undefined);
  const theirs = { runs: 9, medianMs: 1e6, spreadMs: 1, firstMs: 2e6 };
  results = await runBench({
    libraries: { ours },
    rows: rowsOf(gemm, inHalves(gemm)),
    quick: true,
    versions: { fovea: '0' },
    machine: 'test',
    limits: { gflops: 1, gbps: 1 },
    print: (line) => lines.push(line),
    elsewhere: { versions: { torch: '2.0' }, rows: { 'gemm 32': { torch: theirs } } },
  });
});
afterAll(() => ours?.dispose());

it('puts what another process has timed beside the row of that name, and in no other', () => {
  const [plain, ...others] = results.rows;
  expect(plain!.peers.torch).toMatchObject({ medianMs: 1e6 });
  expect(plain!.ratio.torch).toBeCloseTo(1e6 / plain!.medianMs, 0);
  expect(others.every(({ ratio }) => ratio.torch === undefined)).toBe(true);
  expect(results.versions.torch).toBe('2.0');
  expect(lines[1]).toMatch(/torch ms +torch$/);
  expect(renderReport(results)).toContain('PyTorch, f32 ms');
});

it('has rows in halves where the device computes in them', () => {
  const halves = results.rows.filter(({ name }) => name === 'gemm 32, f16');
  expect(halves.length).toBe(ours.gpu.device.caps.f16 ? 1 : 0);
  for (const { bytes, medianMs } of halves) {
    expect(bytes).toBe(gemm.bytes / 2);
    expect(medianMs).toBeGreaterThan(0);
  }
});
